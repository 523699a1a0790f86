"""Means, paired differences and win rates, with seeded bootstrap intervals.

Pure functions over numbers: the same numbers and seed give the same interval. Examples without a
score never get here. Needs numpy (extra `evaluation`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from langchain_tpo.errors import MissingExtraError

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError:
    raise MissingExtraError("numpy", "evaluation") from None

Numbers: TypeAlias = NDArray[np.float64]
"""One number per example."""

RESAMPLES = 2000
"""Enough for the second digit of a 95% interval."""

LEVEL = 0.95
"""How often an interval should hold the true value."""

_BLOCK = 2_000_000
"""Numbers drawn at once: bounds memory, whatever the size of the data set."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its bootstrap interval."""

    value: float
    """What the examples at hand give."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    count: int
    """How many examples it rests on."""

    def as_dict(self) -> dict[str, float]:
        """Return it as JSON values."""
        return asdict(self)


def mean(values: Sequence[float], *, seed: int = 0) -> Estimate | None:
    """Return the mean; None of nothing.

    Example:
        >>> mean([1.0, 1.0]), mean([])
        (Estimate(value=1.0, low=1.0, high=1.0, count=2), None)
    """
    return bootstrap(np.asarray(values, dtype=float), _row_means, seed=seed)


def paired_difference(
    ours: Mapping[str, float], theirs: Mapping[str, float], *, seed: int = 0
) -> Estimate | None:
    """Return the mean of `ours - theirs` over the examples that both have scored.

    Example:
        >>> paired_difference({"a": 2.0, "b": 5.0}, {"a": 1.0, "c": 9.0}).value
        1.0
    """
    return mean([ours[name] - theirs[name] for name in shared(ours, theirs)], seed=seed)


def win_rate(
    ours: Mapping[str, float], theirs: Mapping[str, float], *, seed: int = 0
) -> Estimate | None:
    """Return how often `ours` is higher over the examples that both have; a tie is half a win.

    Example:
        >>> win_rate({"a": 2.0, "b": 5.0}, {"a": 1.0, "b": 5.0}).value
        0.75
    """
    return mean(wins(ours, theirs), seed=seed)


def wins(ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[float]:
    """Return 1 for a win, 0 for a loss and a half for a tie, ordered by example name."""
    return [
        0.5 if ours[name] == theirs[name] else float(ours[name] > theirs[name])
        for name in shared(ours, theirs)
    ]


def shared(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return the examples that both have, sorted, so that resampling does not depend on order."""
    return sorted(ours.keys() & theirs.keys())


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None where one side does not vary.

    Example:
        >>> round(correlation([1, 2, 3, 4], [10, 20, 40, 30]), 3)
        0.8
    """
    ranks = [_ranks(np.asarray(values, dtype=float)) for values in (first, second)]
    if len(first) < 3 or any(np.ptp(rank) == 0 for rank in ranks):  # noqa: PLR2004 two always agree
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


Statistic: TypeAlias = Callable[[NDArray[np.float64]], Numbers]
"""From rows of resampled examples to one number per row; examples may have several columns."""


def bootstrap(values: NDArray[np.float64], statistic: Statistic, *, seed: int) -> Estimate | None:
    """Return a statistic with its percentile interval, resampling examples with replacement.

    Args:
        values: One row per example; a row may hold several numbers, which stay together.
        statistic: Works on many resamples at once.
        seed: Makes the interval repeatable.
    """
    size = len(values)
    if size == 0:
        return None
    generator = np.random.default_rng(seed)
    blocks = []
    left = RESAMPLES
    while left > 0:
        rows = min(left, max(1, _BLOCK // size))
        blocks.append(statistic(values[generator.integers(0, size, size=(rows, size))]))
        left -= rows
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(blocks), [tail, 1 - tail])
    value = float(statistic(values[np.newaxis])[0])
    return Estimate(value=value, low=float(low), high=float(high), count=size)


def _row_means(rows: NDArray[np.float64]) -> Numbers:
    means: Numbers = rows.mean(axis=1)
    return means


def _ranks(values: Numbers) -> Numbers:
    """Rank from 0; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared_ranks: Numbers = (ends - (counts + 1) / 2)[inverse]
    return shared_ranks
