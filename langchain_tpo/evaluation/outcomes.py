"""What statistics need of a record: numbers, no texts.

An example with several turns counts once: rewards and lengths are means over its turns, costs are
sums. Pure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeAlias

from langchain_tpo.costs import ModelRole, usage_by_model
from langchain_tpo.evaluation.records import Record, why_failed
from langchain_tpo.sampling.usage import Usage, total_tokens, total_usage

MetricValues: TypeAlias = Callable[
    [Mapping[str, Any], Sequence[str], Sequence[str]], Mapping[str, float | None]
]
"""From a row's fields, questions and answers to metrics by name."""

CATEGORY_FIELDS = (
    *("category", "categories", "cluster", "dataset", "subject", "type", "source", "level"),
    "label",
)
"""Fields of a data set that sort its examples, the most telling first."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One example answered by one system."""

    example: str
    """The example's name."""
    system: str
    """The system's name."""
    reward: float
    """Of the answer."""
    curve: tuple[float | None, ...]
    """The best reward after round 0, 1, ...; a run that stopped early keeps its best."""
    tokens_by_round: tuple[int | None, ...]
    """All tokens until the end of round 0, 1, ..."""
    first_rewards: tuple[float, ...]
    """Rewards of the first samples of the first turn."""
    length: float
    """Characters of the answer."""
    usage: Usage
    """Tokens and requests, as if it had drawn its first samples itself."""
    paid: Usage
    """Of them what no other system of the run had paid already."""
    taken: int
    """First samples that another system had drawn."""
    usage_by_model: Mapping[ModelRole, Usage]
    """The same of the policy, the critic and a judge apart."""
    seconds: float | None
    """Wall time of the run; None for answers that existed already."""
    width: int
    """Responses of the first round: for a matched system the width that it came to."""
    stop_reasons: tuple[str, ...]
    """Why the runs ended."""
    dropped: Mapping[str, int]
    """Draws that could not be used, by reason."""
    shortened: int
    """Prompts that had to leave something out to fit the model's window."""
    metrics: Mapping[str, float | None]
    """What does not trust the reward; None where it could not be checked."""
    categories: Mapping[str, str]
    """What kind of example it is, by each field of the data set that says so."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """One example without an answer."""

    example: str
    """The example's name."""
    system: str
    """The system's name."""
    reason: str
    """What went wrong."""


def outcome_of(record: Record, measure: MetricValues) -> Outcome | Failed:
    """Read a record.

    Args:
        record: One line of a run.
        measure: Gives the metrics of its answers.
    """
    runs = record["runs"]
    if record["status"] == "failed" or not runs:
        return Failed(example=record["example"], system=record["system"], reason=why_failed(record))
    if any(run["reward"] is None for run in runs):
        reason = "the answer has no score"
        return Failed(example=record["example"], system=record["system"], reason=reason)
    questions = [question(run) for run in runs]
    first = [one["reward"] for one in runs[0]["pool"] if one["round"] == 0]
    return Outcome(
        example=record["example"],
        system=record["system"],
        reward=fmean(run["reward"] for run in runs),
        curve=_joined([_curve(run) for run in runs], fmean),
        tokens_by_round=_joined([_tokens_by_round(run) for run in runs], sum),
        first_rewards=tuple(reward for reward in first if reward is not None),
        length=fmean(len(run["answer"]) for run in runs),
        usage=total_usage(run["usage"] for run in runs),
        paid=total_usage(usages_paid(runs)),
        taken=sum(run.get("first_samples", {"taken": 0})["taken"] for run in runs),
        usage_by_model=usage_by_model(step for run in runs for step in run["steps"]),
        seconds=None if is_given(runs) else sum(run["seconds"] for run in runs),
        width=len(first),
        stop_reasons=tuple(run["stop_reason"] for run in runs),
        dropped=Counter(drop["reason"] for run in runs for drop in run["drops"]),
        shortened=sum("left_out" in step for run in runs for step in run["steps"]),
        metrics=_metrics(record, questions, measure),
        categories=categories_of(record["fields"]),
    )


def usages_paid(runs: Iterable[Mapping[str, Any]]) -> list[Usage]:
    """Return what each step of recorded runs took, without the draws that another system paid for.

    Example:
        >>> usages_paid([{"steps": [{"usage": "of another", "shared": True}, {"usage": "own"}]}])
        ['own']
    """
    return [step["usage"] for run in runs for step in run["steps"] if not step.get("shared")]


def is_given(runs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether recorded runs only scored answers that existed already.

    Example:
        >>> is_given([{"answer": "Paris", "given": {"generator": "gpt-4"}}]), is_given([])
        (True, False)
    """
    return any("given" in run for run in runs)


def _metrics(
    record: Record, questions: Sequence[str], measure: MetricValues
) -> Mapping[str, float | None]:
    """Take what was measured at the time, or else what the row plainly calls for."""
    if "metrics" in record:
        return record["metrics"]
    return measure(record["fields"], questions, [run["answer"] for run in record["runs"]])


def categories_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return those fields of a row that sort it into a kind.

    Example:
        >>> categories_of({"category": "maths", "level": 5, "answer": "7"})
        {'category': 'maths', 'level': '5'}
    """
    found = {name: fields[name] for name in CATEGORY_FIELDS if name in fields}
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in found.items()
    }


def known_mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of what is known; None where nothing is.

    Example:
        >>> known_mean([1.0, None, 3.0]), known_mean([None])
        (2.0, None)
    """
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def best_of(rewards: Sequence[float], draws: int) -> float:
    """Return the reward to expect from the best of `draws` out of these, drawn without replacement.

    Example:
        >>> best_of([1.0, 2.0, 3.0], 1), best_of([1.0, 2.0, 3.0], 3)
        (2.0, 3.0)
    """
    size = len(rewards)
    expected, reached = 0.0, 0.0
    for place, reward in enumerate(sorted(rewards), start=1):
        until = 1.0
        for step in range(draws):
            until *= max(0, place - step) / (size - step)
        expected += (until - reached) * reward
        reached = until
    return expected


def question(run: Mapping[str, Any]) -> str:
    """Return the last user message of a recorded run as text."""
    for message in reversed(run["messages"]):
        if message["role"] == "user":
            return message_text(message["content"])
    return ""


def _curve(run: Mapping[str, Any]) -> list[float | None]:
    best: list[float | None] = []
    for number in range(_rounds(run) + 1):
        seen = [one["reward"] for one in run["pool"] if one["round"] <= number]
        best.append(max((reward for reward in seen if reward is not None), default=None))
    return best


def _tokens_by_round(run: Mapping[str, Any]) -> list[int | None]:
    usages = [
        total_usage(step["usage"] for step in run["steps"] if step["round"] <= number)
        for number in range(_rounds(run) + 1)
    ]
    return [total_tokens(usage) for usage in usages]


def _rounds(run: Mapping[str, Any]) -> int:
    return max((one["round"] for one in run["pool"]), default=0)


def _joined(turns: Sequence[Sequence[Any]], join: Callable[[list[Any]], Any]) -> tuple[Any, ...]:
    """Join the curves of several turns; a shorter one stays where it ended."""
    longest = max(len(turn) for turn in turns)
    stretched = [[*turn, *[turn[-1]] * (longest - len(turn))] for turn in turns]
    return tuple(
        None if None in at_round else join(list(at_round))
        for at_round in zip(*stretched, strict=True)
    )


def message_text(content: object) -> str:
    """Return the text of a recorded message's content, whatever blocks it consists of."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(block.get("text", "") for block in blocks if isinstance(block, Mapping))
