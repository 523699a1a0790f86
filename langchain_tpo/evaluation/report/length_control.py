"""Win rate at equal length: how often the answer would win if it were no longer than the other.

Length-controlled AlpacaEval (arXiv 2404.04475), fitted on the run's own pairs: a logistic model of
winning from the difference in length, and from the difficulty of each instruction where that is
known. AlpacaEval fits difficulties on many systems, so a single run can only be given them. Needs
numpy (extra `evaluation`).
"""

import math
from collections.abc import Sequence

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.report.statistics import FEWEST, QUANTILE, Estimate, Numbers

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError:
    raise MissingExtraError("numpy", "evaluation") from None

Matrix = NDArray[np.float64]

STEPS = 25
"""Newton steps; half a dozen are enough unless one side always wins."""

RIDGE = 0.1
"""Holds the weights of length and difficulty back where a few pairs would separate perfectly."""

PRIOR_WINS = 0.5
"""Wins, and as many losses, that the interval is told beside the pairs (Gart 1966): without them 20
wins out of 20 would be certainty."""

_FLOOR = 1e-6
"""Keeps the fit finite where one side always wins."""

_SETTLED = 1e-6
"""A step that moves no digit that anybody reads."""

_FURTHEST = 12.0
"""Log-odds that are as good as certain."""


def length_controlled_win_rate(
    wins: Sequence[float],
    length_differences: Sequence[float],
    difficulties: Sequence[float] | None = None,
) -> Estimate | None:
    """Return the win rate that the fitted model predicts at equal length; None of nothing.

    Args:
        wins: 1, 0 or anything between, one per pair.
        length_differences: Our length less theirs, one per pair, in any unit.
        difficulties: Of each pair's instruction; the model goes without where it is not known.

    Example:
        >>> wins = [1.0, 1.0, 0.0, 0.0]
        >>> longer = [100, 80, -80, -100]
        >>> round(length_controlled_win_rate(wins, longer).value, 2)
        0.5
    """
    if not wins:
        return None
    won, features = np.asarray(wins, dtype=float), _features(length_differences, difficulties)
    value, _ = _at_equal_length(won, features)
    if len(won) < FEWEST:
        return Estimate(value=value, low=None, high=None, count=len(won))
    rate, error = _at_equal_length(won, features, prior=PRIOR_WINS)
    odds = math.log(rate / (1 - rate))
    reach = QUANTILE * error / (rate * (1 - rate))
    low, high = _sigmoid(np.array([odds - reach, odds + reach]))
    return Estimate(
        value=value, low=min(value, float(low)), high=max(value, float(high)), count=len(won)
    )


def _features(differences: Sequence[float], difficulties: Sequence[float] | None) -> Matrix:
    """One row per pair: 1, its scaled difference in length, and its difficulty if known."""
    longer = np.asarray(differences, dtype=float)
    spread = float(longer.std())
    scaled = np.tanh(longer / spread) if spread > 0 else np.zeros_like(longer)
    columns = [np.ones_like(longer), scaled]
    if difficulties is not None:
        columns.append(np.asarray(difficulties, dtype=float))
    return np.column_stack(columns)


def _at_equal_length(won: Numbers, features: Matrix, *, prior: float = 0.0) -> tuple[float, float]:
    """Fit the model; return the mean chance to win at length 0, and its standard error."""
    middle = features.mean(axis=0) * [1.0, 0.0, 1.0][: features.shape[1]]
    rows = np.vstack([features, middle, middle])
    won, weights = np.append(won, [1.0, 0.0]), np.append(np.ones(len(won)), [prior, prior])
    coefficients, covariance = _fitted(won, rows, weights)
    equal = features.copy()
    equal[:, 1] = 0.0
    chances = _sigmoid(equal @ coefficients)
    slope = (chances * (1 - chances)) @ equal / len(equal)
    return float(chances.mean()), math.sqrt(float(slope @ covariance @ slope))


def _fitted(won: Numbers, rows: Matrix, weights: Numbers) -> tuple[Numbers, Matrix]:
    """Return coefficients and covariance of a logistic regression, by Newton's method."""
    ridge = np.diag([_FLOOR, *[RIDGE] * (rows.shape[1] - 1)])
    coefficients: Numbers = np.zeros(rows.shape[1])
    bend: Matrix = np.eye(rows.shape[1])
    for _ in range(STEPS):
        chances = _sigmoid(rows @ coefficients)
        slope = rows.T @ (weights * (won - chances)) - ridge @ coefficients
        bend = rows.T @ (rows * (weights * chances * (1 - chances))[:, None]) + ridge
        step = np.clip(np.linalg.solve(bend, slope), -2.0, 2.0)  # keeps it from overshooting
        coefficients = coefficients + step
        coefficients[0] = min(max(coefficients[0], -_FURTHEST), _FURTHEST)
        if np.abs(step).max() < _SETTLED:
            break
    covariance = np.linalg.inv(bend).astype(np.float64)
    return coefficients, covariance


def _sigmoid(log_odds: Numbers) -> Numbers:
    chances: Numbers = 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))
    return chances
