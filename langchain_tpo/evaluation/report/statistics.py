"""Means, paired differences and win rates, with intervals that hold what they promise.

Pure functions over numbers: the same numbers and seed give the same interval. Examples without a
score never get here. Needs numpy (extra `evaluation`).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean
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

FEWEST = 10
"""Examples that an interval needs: of fewer, any method's holds the truth too seldom."""

_TAIL = 0.02
"""On either side of a studentized interval. A little less than 2.5%, since differences of systems
that share their draws are often exactly 0, and 20 such values hold the truth in 95% only so."""

QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""Of the normal distribution: 1.96."""

_NOTHING = 1e-12
"""Of the largest value: a spread that is rounding alone."""

_BLOCK = 2_000_000
"""Numbers drawn at once: bounds memory, whatever the size of the data set."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its interval."""

    value: float
    """What the examples at hand give."""
    low: float | None
    """Lower end of the 95% interval; None where the examples are too few for one, or all alike."""
    high: float | None
    """Upper end of the interval."""
    count: int
    """How many examples it rests on."""

    def as_dict(self) -> dict[str, float | None]:
        """Return it as JSON values."""
        return asdict(self)

    def turned(self) -> "Estimate":
        """Return the same seen from the other side."""
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        return Estimate(value=-self.value, low=low, high=high, count=self.count)

    def side(self, of: float = 0.0) -> int:
        """Return 1 where the whole interval lies above a value, -1 where below, else 0.

        Examples that are all alike are on one side, each of them.

        Example:
            >>> Estimate(value=0.3, low=0.1, high=0.5, count=40).side()
            1
        """
        if self.low is None or self.high is None:
            alike = self.count >= FEWEST
            return int(alike and self.value > of) - int(alike and self.value < of)
        return int(self.low > of) - int(self.high < of)


def mean(values: Sequence[float], *, seed: int = 0) -> Estimate | None:
    """Return the mean with a studentized bootstrap interval; None of nothing.

    Each resample is measured in its own standard errors, so that lopsided values get a lopsided
    interval (Efron and Tibshirani 1993, section 12.5). Where at least half of the values are 0, as
    differences of verdicts are, the few others would decide everything: the interval is then that
    of two more values, one as large as those on either side, which for differences of 1 and -1
    is the adjustment of Bonett and Price (2012). Values that are all the same have none: they
    do not show how far others may lie, only how rare those are (`rarest`).

    Args:
        values: One per example.
        seed: Makes the interval repeatable.

    Example:
        >>> mean([1.0] * 10), mean([])
        (Estimate(value=1.0, low=None, high=None, count=10), None)
        >>> mean([1.0] * 2 + [0.0] * 58).side()  # two ahead of sixty is no proof
        0
    """
    sample = np.asarray(values, dtype=float)
    if sample.size == 0:
        return None
    value, low, high = float(sample.mean()), None, None
    if sample.size >= FEWEST and np.ptp(sample) > _NOTHING * float(np.abs(sample).max()):
        ends = _ends(_with_both_sides(sample), seed)
        low, high = min(value, ends[0]), max(value, ends[1])
    return _estimate(value, low, high, sample.size)


def rarest(count: int) -> float:
    """Return the share of examples that may be otherwise where none of so many was, at 95%.

    The exact binomial bound, Clopper and Pearson's with no success; about 3 / n.

    Example:
        >>> round(rarest(20), 3)
        0.139
    """
    return float(1 - (1 - LEVEL) ** (1 / count))


def share(values: Sequence[float]) -> Estimate | None:
    """Return the mean of values between 0 and 1 with Wilson's interval; None of nothing.

    Never of no width, as resampling 20 wins out of 20 would have it. Halves, as ties are, vary
    less than wins and losses: there the interval is a little wider than it must be.

    Example:
        >>> [round(end, 3) for end in (share([1.0] * 20).low, share([1.0] * 20).high)]
        [0.839, 1.0]
    """
    size = len(values)
    if size == 0:
        return None
    value = fmean(values)
    if size < FEWEST:
        return _estimate(value, None, None, size)
    return _estimate(value, *_wilson(value, size), size)


def paired_difference(
    ours: Mapping[str, float], theirs: Mapping[str, float], *, seed: int = 0
) -> Estimate | None:
    """Return the mean of `ours - theirs` over the examples that both have scored.

    Example:
        >>> paired_difference({"a": 2.0, "b": 5.0}, {"a": 1.0, "c": 9.0}).value
        1.0
    """
    return mean([ours[name] - theirs[name] for name in shared(ours, theirs)], seed=seed)


def win_rate(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Estimate | None:
    """Return how often `ours` is higher over the examples that both have; a tie is half a win.

    Example:
        >>> win_rate({"a": 2.0, "b": 5.0}, {"a": 1.0, "b": 5.0}).value
        0.75
    """
    return share(wins(ours, theirs))


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
    blocks = [
        statistic(values[generator.integers(0, size, size=(rows, size))]) for rows in _blocks(size)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(blocks), [tail, 1 - tail])
    return _estimate(float(statistic(values[np.newaxis])[0]), low, high, size)


def _estimate(value: float, low: float | None, high: float | None, count: int) -> Estimate:
    ends = [None if end is None else float(end) for end in (low, high)]
    return Estimate(value=value, low=ends[0], high=ends[1], count=count)


def _blocks(size: int) -> Iterator[int]:
    """Divide the resamples into blocks that memory can hold."""
    most = max(1, _BLOCK // size)
    for done in range(0, RESAMPLES, most):
        yield min(most, RESAMPLES - done)


def _with_both_sides(sample: Numbers) -> Numbers:
    """Return values most of which are 0 with one more on either side; others as they are."""
    others = sample[sample != 0]
    if 2 * others.size > sample.size:
        return sample
    size = math.sqrt(float((others**2).mean()))
    return np.append(sample, [size, -size])


def _ends(sample: Numbers, seed: int) -> tuple[float, float]:
    """Return both ends of a studentized interval.

    Where resamples of zeros alone leave one open, as many values as may lie on that side (Wilson)
    are taken to be as far out as the farthest.
    """
    value, error = float(sample.mean()), float(_standard_errors(sample[np.newaxis])[0])
    left, right = np.quantile(_studentized(sample, seed), [_TAIL, 1 - _TAIL], method="nearest")
    low = value - float(right) * error if np.isfinite(right) else -_farthest(-sample)
    high = value - float(left) * error if np.isfinite(left) else _farthest(sample)
    return low, high


def _farthest(sample: Numbers) -> float:
    most = float(sample.max())
    return most * _wilson(float((sample > 0).mean()), sample.size)[1] if most > 0 else most


def _wilson(value: float, size: int) -> tuple[float, float]:
    wide = QUANTILE**2 / size
    middle = (value + wide / 2) / (1 + wide)
    reach = QUANTILE * math.sqrt((value * (1 - value) + wide / 4) / size) / (1 + wide)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _standard_errors(rows: NDArray[np.float64]) -> Numbers:
    errors: Numbers = rows.std(axis=1, ddof=1) / math.sqrt(rows.shape[1])
    return errors


def _studentized(sample: Numbers, seed: int) -> Numbers:
    """Resample, and give each resample's distance from the mean in its own standard errors."""
    generator = np.random.default_rng(seed)
    distances, tiny = [], _NOTHING * float(np.abs(sample).max())
    for rows in _blocks(sample.size):
        drawn = sample[generator.integers(0, sample.size, size=(rows, sample.size))]
        away, errors = drawn.mean(axis=1) - sample.mean(), _standard_errors(drawn)
        flat, middle = errors <= tiny, np.abs(away) <= tiny
        endless = np.where(middle, 0.0, np.copysign(np.inf, away))  # all its values are the same
        distances.append(np.where(flat, endless, away / np.where(flat, 1.0, errors)))
    return np.concatenate(distances)


def _ranks(values: Numbers) -> Numbers:
    """Rank from 0; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared_ranks: Numbers = (ends - (counts + 1) / 2)[inverse]
    return shared_ranks
