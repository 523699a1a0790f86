"""What a reward model can do wrong in a round of a run, and what has to come of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Scores = Callable[[list[float]], Any]
"""From the scores of an honest reward model to what a faulty one returns."""


def raises(error: Exception) -> Scores:
    def scores(_honest: list[float]) -> Any:
        raise error

    return scores


def with_first(score: Any) -> Scores:
    return lambda honest: [score, *honest[1:]]


@dataclass(frozen=True)
class Row:
    """What a run comes to."""

    scores: Scores
    first: str
    """When it strikes in round 0."""
    later: str
    """When it strikes in a later round."""
    not_scored: int = 0
    """How many responses of the round are kept without a score."""


def broken(scores: Scores, error: str = "RewardOutputError") -> Row:
    return Row(scores, f"raises {error}", f"error {error}")


TABLE: dict[str, Row] = {
    "NaN for one": Row(with_first(math.nan), "goes on", "goes on", 1),
    "infinity for one": Row(with_first(math.inf), "goes on", "goes on", 1),
    "None for one": Row(with_first(None), "goes on", "goes on", 1),
    "1e400 for one": Row(with_first(10**400), "goes on", "goes on", 1),
    "NaN for all": Row(lambda h: [math.nan] * len(h), "raises NothingScoredError", "goes on", 5),
    "-inf for all": Row(lambda h: [-math.inf] * len(h), "raises NothingScoredError", "goes on", 5),
    "None for all": Row(lambda h: [None] * len(h), "raises NothingScoredError", "goes on", 5),
    "one score for all": Row(lambda h: [0.0] * len(h), "no_contrast", "goes on"),
    "numpy": Row(lambda h: np.array(h, dtype=np.float32), "goes on", "goes on"),
    "a generator": Row(lambda h: (score for score in h), "goes on", "goes on"),
    "too few": broken(lambda h: h[:-1]),
    "too many": broken(lambda h: [*h, 1.0]),
    "none at all": broken(lambda _: []),
    "endless": broken(lambda h: iter(lambda: 1.0, None)),
    "a number": broken(lambda _: 1.0),
    "None": broken(lambda _: None),
    "a mapping": broken(lambda h: dict(enumerate(h))),
    "a text": broken(lambda h: "1" * len(h)),
    "texts": broken(lambda h: [str(score) for score in h]),
    "a text for one": broken(with_first("7")),
    "a list for one": broken(with_first([7.0])),
    "an array for one": broken(with_first(np.array([1.0, 2.0]))),
    "a complex number for one": broken(with_first(1j)),
    "a mapping without a reward": broken(with_first({"stars": 1.0})),
    "raises": broken(raises(ConnectionError("reward server gone")), "ConnectionError"),
    "times out": broken(raises(TimeoutError("reward server asleep")), "TimeoutError"),
    "has a bug": broken(raises(ZeroDivisionError("division by zero")), "ZeroDivisionError"),
}
"""What a reward model can return for five responses."""
