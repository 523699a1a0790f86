"""What a person may answer, and the rewards that follow.

Rewards of a later round are placed against the best and the worst response so far, so that the
chosen and the rejected response of the whole pool stay those of the person. Pure.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from langchain_tpo.text.shown import shown

Mode: TypeAlias = Literal["pick", "rank", "score"]
"""Name the best, put all in order, or give each a number."""

INSTRUCTIONS: dict[Mode, str] = {
    "pick": "Answer with the number of the best candidate, such as 2.",
    "rank": "Answer with all numbers, the best candidate first, such as [2, 1, 3].",
    "score": "Answer with one score from 0 to {scale} for each candidate that has a number, in "
    "their order, such as [7, 4.5, null]; null leaves a candidate without a score.",
}
"""How to answer, by mode; our own wording."""


class AnswerError(ValueError):
    """An answer that cannot be used; its text tells the person why."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The rewards of the best and the worst response so far."""

    best: float | None = None
    """None in a first round."""
    worst: float | None = None
    """None in a first round, and where nothing was worse than the best."""

    @property
    def shown(self) -> int:
        """How many responses of earlier rounds a ranking holds: none, the best, or both."""
        return (self.best is not None) + (self.worst is not None)


def pick_rewards(answer: object, *, fresh: int, standing: Standing) -> list[float]:
    """Reward the pick: one above the best so far, where everything else is level with the worst.

    Picking number `fresh + 1`, the best so far, leaves it in its place. In a first round the pick
    earns 1 and the others 0.

    Args:
        answer: The number that was picked.
        fresh: How many candidates are new; they have the first numbers.
        standing: What earlier rounds brought.

    Raises:
        AnswerError: When it is no such number.

    Example:
        >>> pick_rewards(2, fresh=2, standing=Standing(best=1.0, worst=0.0))
        [0.0, 2.0]
    """
    best = 0.0 if standing.best is None else standing.best
    pick = _number(_plain(answer), highest=fresh + (standing.best is not None))
    lowest = best - 1 if standing.worst is None else standing.worst
    if standing.best is None:
        lowest = best
    return [best + 1 if number == pick else lowest for number in range(1, fresh + 1)]


def rank_rewards(answer: object, *, fresh: int, standing: Standing) -> list[float]:
    """Reward an order in whole steps around the best and the worst response so far.

    What stands between those two gets equal steps between their rewards. In a first round the
    last earns 0, the one before it 1, and so on.

    Args:
        answer: All numbers, best first; `fresh + 1` is the best so far, `fresh + 2` the worst.
        fresh: How many candidates are new.
        standing: What earlier rounds brought.

    Raises:
        AnswerError: When it is no order of all numbers, or turns an earlier verdict round.

    Example:
        >>> rank_rewards([1, 3, 2, 4], fresh=2, standing=Standing(best=2.0, worst=0.0))
        [3.0, 1.0]
    """
    order = _order(_plain(answer), count=fresh + standing.shown)
    places = {number: place for place, number in enumerate(order)}
    if standing.best is None:
        return [float(fresh - 1 - places[number]) for number in range(1, fresh + 1)]
    best_place = places[fresh + 1]
    worst_place = places.get(fresh + 2)
    if worst_place is not None and worst_place < best_place:
        raise AnswerError(
            f"Candidate {fresh + 1} was better than candidate {fresh + 2} in an earlier round: "
            "keep these two in that order."
        )
    steps = _Steps(best_place, worst_place, standing)
    return [steps.reward(places[number]) for number in range(1, fresh + 1)]


def scores(answer: object, *, fresh: int, scale: float) -> list[float | None]:
    """Read a score for each new candidate; None where the person gave none.

    Args:
        answer: One number or None for each new candidate, in their order.
        fresh: How many candidates are new; those of earlier rounds keep their rewards.
        scale: The best score; the worst is 0.

    Raises:
        AnswerError: When there are too few or too many, or one is off the scale.

    Example:
        >>> scores("7, null", fresh=2, scale=10)
        [7.0, None]
    """
    plain = _plain(answer)
    given = plain if isinstance(plain, list) else [plain]
    if len(given) != fresh:
        raise AnswerError(
            f"Expected {fresh} scores, one for each candidate that has a number, got {len(given)}."
        )
    return [None if one is None else _score(one, scale) for one in given]


@dataclass(frozen=True)
class _Steps:
    """Rewards by place, around one or two places whose rewards are known."""

    best_place: int
    worst_place: int | None
    standing: Standing

    def reward(self, place: int) -> float:
        best, worst = self.standing.best or 0.0, self.standing.worst
        if self.worst_place is None or worst is None or place < self.best_place:
            return best + self.best_place - place
        if place > self.worst_place:
            return worst + self.worst_place - place
        share = (place - self.best_place) / (self.worst_place - self.best_place)
        return best - (best - worst) * share


def _plain(answer: object) -> object:
    """Read text as JSON: a form may send what was typed; brackets can be left out."""
    answer = _unwrapped(answer)
    if not isinstance(answer, str):
        return answer
    for text in (answer, f"[{answer}]"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            continue
    raise AnswerError(f"`{answer[:60]}` is neither a number nor a list of numbers.")


def _unwrapped(answer: object) -> object:
    """Take an answer out of an inbox's wrapping: `[{"type": "response", "args": ...}]`."""
    inner = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if isinstance(inner, dict) and inner.get("type") == "response":
        return inner.get("args")
    return answer


def _number(value: object, *, highest: int) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or not isinstance(value, int | float) or not 1 <= value <= highest:
        raise AnswerError(f"Expected a number from 1 to {highest}, got `{shown(value)}`.")
    return int(value)


def _order(value: object, *, count: int) -> Sequence[int]:
    numbers = value if isinstance(value, list) else [value]
    order = [_number(number, highest=count) for number in numbers]
    if sorted(order) != list(range(1, count + 1)):
        raise AnswerError(
            f"Expected every number from 1 to {count} once, the best first, got {order}."
        )
    return order


def _score(value: object, scale: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= scale:
        return float(value)
    raise AnswerError(f"Expected a score from 0 to {scale:g}, got `{shown(value)}`.")
