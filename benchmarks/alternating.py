"""Takes times of several ways to do one thing, in turn, so that a busy machine slows all alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Sides: TypeAlias = Mapping[str, Callable[[], float]]
"""What is compared, by name; each does its work once and gives the seconds it took."""


def in_turn(sides: Sides, rounds: int) -> dict[str, list[float]]:
    """Run every side once a round, forwards and backwards in turn (A B, B A, ...)."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            seconds[name].append(sides[name]())
    return seconds


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median ratio of what was measured side by side."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
