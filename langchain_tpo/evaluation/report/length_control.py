"""Win rate at equal length: how often the answer would win if it were no longer than the other.

The idea of length-controlled AlpacaEval, fitted on the run's own pairs: a logistic model of winning
from the difference in length alone. Its term for the difficulty of each instruction needs many
systems and is left out. Needs numpy (extra `evaluation`).
"""

from collections.abc import Sequence

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.report.statistics import Estimate, Numbers, bootstrap

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError:
    raise MissingExtraError("numpy", "evaluation") from None

STEPS = 25
"""Newton steps; half a dozen are enough unless one side always wins."""

RIDGE = 0.1
"""Holds the weight of length back where a few pairs would separate perfectly."""

_FLOOR = 1e-6
"""Keeps the fit finite where one side always wins."""

_SETTLED = 1e-6
"""A step that moves no digit that anybody reads."""

_FURTHEST = 12.0
"""Log-odds that are as good as certain."""


def length_controlled_win_rate(
    wins: Sequence[float], length_differences: Sequence[float], *, seed: int = 0
) -> Estimate | None:
    """Return the win rate that the fitted model predicts at equal length.

    Args:
        wins: 1, 0 or anything between, one per pair.
        length_differences: Our length less theirs, one per pair, in any unit.
        seed: Makes the interval repeatable.

    Example:
        >>> wins = [1.0, 1.0, 0.0, 0.0]
        >>> longer = [100, 80, -80, -100]
        >>> round(length_controlled_win_rate(wins, longer).value, 2)
        0.5
    """
    if not wins:
        return None
    differences = np.asarray(length_differences, dtype=float)
    spread = float(differences.std())
    scaled = np.tanh(differences / spread) if spread > 0 else np.zeros_like(differences)
    pairs = np.column_stack([np.asarray(wins, dtype=float), scaled])
    return bootstrap(pairs, _at_equal_length, seed=seed)


def _at_equal_length(samples: NDArray[np.float64]) -> Numbers:
    """Fit `log-odds = skill + weight * length` for each sample, and give P(win) at length 0."""
    won, length = samples[..., 0], samples[..., 1]
    skill = np.zeros(len(samples))
    weight = np.zeros(len(samples))
    for _ in range(STEPS):
        predicted = _sigmoid(skill[:, None] + weight[:, None] * length)
        error, certain = won - predicted, predicted * (1 - predicted)
        slope = np.stack([error.sum(1) - _FLOOR * skill, (error * length).sum(1) - RIDGE * weight])
        bend_skill = certain.sum(1) + _FLOOR
        bend_both = (certain * length).sum(1)
        bend_weight = (certain * length**2).sum(1) + RIDGE
        scale = bend_skill * bend_weight - bend_both**2
        step = _short((bend_weight * slope[0] - bend_both * slope[1]) / scale)
        skill = np.clip(skill + step, -_FURTHEST, _FURTHEST)
        weight = weight + _short((bend_skill * slope[1] - bend_both * slope[0]) / scale)
        if np.abs(step).max() < _SETTLED:
            break
    return _sigmoid(skill)


def _short(step: Numbers) -> Numbers:
    """Keep a step of Newton's from overshooting."""
    return np.clip(step, -2.0, 2.0)


def _sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
