"""Whether more candidates still help when somebody else judges: the hacking curve of a reward.

The best by a reward that is only a stand-in gets better by that reward with every candidate, and by
anybody else's only up to a point (HedgeTune, arXiv 2506.19248). From recorded pools and a second
reward one sees where that point is. Pure, but for `second_scores`, which asks the second reward.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from statistics import fmean
from typing import Any, TypeAlias

from langchain_core.messages import convert_to_messages

from langchain_tpo.evaluation.records import Record
from langchain_tpo.evaluation.report.statistics import Estimate, mean
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores

Both: TypeAlias = tuple[float, float]
"""A candidate's reward, and what the second one gives it."""


@dataclass(frozen=True, kw_only=True)
class SecondOpinion:
    """How the answer changes with the number of candidates, by two rewards."""

    system: str
    """Whose candidates."""
    first: Sequence[float]
    """Mean reward of the best of the first 1, 2, ... candidates."""
    second: Sequence[Estimate]
    """What the second reward gives those answers."""
    peak: int
    """At how many candidates the second one is highest; the fewest of equals."""
    after: Estimate | None
    """What it gains from there to the last candidate: below 0 where candidates hurt."""

    def sentence(self) -> str:
        """Say up to where the second reward agrees."""
        last = len(self.second)
        if self.peak == last or self.after is None:
            return f"{self.system}: the second reward rises up to all {last} candidates."
        change = f"{self.after.value:+.3g}"
        if self.after.side() < 0:
            return (
                f"{self.system}: the second reward agrees up to {self.peak} candidates and then "
                f"loses ({change} by {last}, an interval clear of 0): draw fewer, stop earlier, "
                "or take a reward that is harder to fool."
            )
        return (
            f"{self.system}: the second reward is highest at {self.peak} candidates; what follows "
            f"({change} by {last}) may be chance."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**asdict(self), "says": self.sentence()}


def second_scores(records: Iterable[Record], reward: RewardModel) -> Mapping[str, list[list[Both]]]:
    """Score recorded pools again, and return them by system, candidates in order of arrival.

    What either reward could not score is left out; only first turns count.

    Args:
        records: Of a run.
        reward: The second one.
    """
    pools: dict[str, list[list[Both]]] = {}
    for record in records:
        if record["runs"]:
            pools.setdefault(record["system"], []).append(_scored(record, reward))
    return pools


def second_opinions(
    pools: Mapping[str, Sequence[Sequence[Both]]], *, seed: int = 0
) -> list[SecondOpinion]:
    """Return a curve for every system that has candidates to choose from.

    It ends where the smallest pool ends, so that each point rests on all examples; the smallest,
    one in ten, are left out for that.

    Args:
        pools: By system; in each, candidates in order of arrival.
        seed: Makes the intervals repeatable.

    Example:
        >>> (curve,) = second_opinions({"tpo": [[(0.1, 5.0), (0.2, 7.0), (0.9, 1.0)]] * 10})
        >>> curve.peak, curve.after.value, [estimate.value for estimate in curve.second]
        (2, -6.0, [5.0, 7.0, 1.0])
    """
    opinions = (_opinion(system, each, seed) for system, each in pools.items())
    return [opinion for opinion in opinions if opinion is not None]


def _opinion(system: str, pools: Sequence[Sequence[Both]], seed: int) -> SecondOpinion | None:
    sizes = sorted(len(pool) for pool in pools)
    last = sizes[len(sizes) // 10] if sizes else 0
    chosen = [list(_best_so_far(pool))[:last] for pool in pools if len(pool) >= last]
    if last < 2:  # noqa: PLR2004 a curve needs two points
        return None
    at = [[answers[number] for answers in chosen] for number in range(last)]
    second = [known for pairs in at if (known := mean([score for _, score in pairs], seed=seed))]
    peak = max(range(last), key=lambda number: second[number].value)
    gained = [answers[-1][1] - answers[peak][1] for answers in chosen]
    return SecondOpinion(
        system=system,
        first=[fmean(reward for reward, _ in pairs) for pairs in at],
        second=second,
        peak=peak + 1,
        after=mean(gained, seed=seed),
    )


def _best_so_far(pool: Sequence[Both]) -> Iterator[Both]:
    """Yield who wins by the first reward among the first 1, 2, ...; the earliest of equals."""
    return accumulate(pool, lambda best, new: new if new[0] > best[0] else best)


def _scored(record: Record, reward: RewardModel) -> list[Both]:
    run = record["runs"][0]
    pool = [candidate for candidate in run["pool"] if candidate["reward"] is not None]
    texts = list(dict.fromkeys(candidate["text"] for candidate in pool))
    asked = ScoreRequest(messages=convert_to_messages(run["messages"]), responses=texts)
    asked["context"] = record["fields"]
    given = checked_scores(reward.invoke(asked), texts) if texts else {}
    both = ((candidate["reward"], given[candidate["text"]]["reward"]) for candidate in pool)
    return [(first, second) for first, second in both if second is not None]
