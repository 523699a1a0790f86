"""The pool C of the paper: every response of a run, in order of arrival.

Pure functions over plain values; knows nothing of models or prompts.
"""

from collections.abc import Iterator, Sequence
from typing import NotRequired

from typing_extensions import TypedDict


class Candidate(TypedDict):
    """One response of a run and what it earned."""

    text: str
    """The response, byte for byte as the model wrote it (a revision: between its tags)."""
    reward: float | None
    """R(x, y), finite, higher is better; None when it could not be scored."""
    round: int
    """0 for first samples and drafts, r for the revisions of round r."""
    draft: NotRequired[bool]
    """True for a response that the caller handed in."""
    rationale: NotRequired[str]
    """What the reward model said of it, where it says anything."""


class Scored(TypedDict):
    """The score of one response as the pool keeps it."""

    reward: float | None
    rationale: NotRequired[str]


def with_score(candidate: Candidate, score: Scored | Candidate | None) -> Candidate:
    """Return a candidate what it earned; without a score it stays as it is.

    Example:
        >>> with_score({"text": "a", "reward": None, "round": 0}, {"reward": 1.0})
        {'text': 'a', 'reward': 1.0, 'round': 0}
    """
    if score is None:
        return candidate
    scored: Candidate = {**candidate, "reward": score["reward"]}
    if "rationale" in score:
        scored["rationale"] = score["rationale"]
    return scored


def chosen(pool: Sequence[Candidate]) -> int | None:
    """Return the index of the highest reward, the earliest of equals; None when none is scored.

    Example:
        >>> chosen([{"text": "a", "reward": 1.0, "round": 0}])
        0
    """
    return max(_scored(pool), key=lambda pair: (pair[1], -pair[0]), default=(None,))[0]


def rejected(pool: Sequence[Candidate]) -> int | None:
    """Return the index of the lowest reward, the earliest of equals; None when none is scored.

    Example:
        >>> rejected([{"text": "a", "reward": None, "round": 0}]) is None
        True
    """
    return min(_scored(pool), key=lambda pair: (pair[1], pair[0]), default=(None,))[0]


def best_reward(pool: Sequence[Candidate], *, until: int) -> float:
    """Return the best reward of rounds 0 to `until`; -inf when none of them is scored.

    Example:
        >>> best_reward([{"text": "a", "reward": 1.0, "round": 0}], until=0)
        1.0
    """
    rounds = [candidate for candidate in pool if candidate["round"] <= until]
    return max((reward for _, reward in _scored(rounds)), default=float("-inf"))


def worst_reward(pool: Sequence[Candidate]) -> float:
    """Return the worst reward of the pool; inf when none is scored."""
    return min((reward for _, reward in _scored(pool)), default=float("inf"))


def known_reward(pool: Sequence[Candidate], text: str) -> Candidate | None:
    """Return the earliest scored candidate with this very text, so that it is not scored twice."""
    same = (one for one in pool if one["text"] == text and one["reward"] is not None)
    return next(same, None)


def _scored(pool: Sequence[Candidate]) -> Iterator[tuple[int, float]]:
    for index, candidate in enumerate(pool):
        if candidate["reward"] is not None:
            yield index, candidate["reward"]
