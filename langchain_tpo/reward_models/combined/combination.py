"""How the scores of several reward models for one response become one score. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from langchain_tpo.candidate_pool import KeptScore, flaws_of
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.combined.scaling import Scaling
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.reward_models.scores import explained

How: TypeAlias = Literal["mean", "worst", "mean_minus_std"]
"""How rewards become one: the weighted mean, the least of them, or the mean less k deviations."""


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Combines what the members of an ensemble gave to one response.

    Example:
        >>> least = Combination(how="worst")
        >>> least.of({"kind": {"reward": 2.0, "rationale": "Warm."}, "short": {"reward": -1.0}})
        {'reward': -1.0, 'rationale': 'kind: Warm.'}
    """

    how: How
    """How rewards become one."""
    k: float = 1.0
    """Standard deviations that `mean_minus_std` takes off."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By member; one that is not named counts 1."""
    scalings: Mapping[str, Scaling] = field(default_factory=dict)
    """By member; the rewards of one that is not named stay as they are."""
    skip_missing: bool = False
    """Whether the others decide where a member has no score."""

    def of(self, scored: Mapping[str, KeptScore]) -> Score:
        """Return one score for what each member gave; None when it cannot be said."""
        rewards = {
            name: self.scalings.get(name, Scaling())(one["reward"])
            for name, one in scored.items()
            if one["reward"] is not None
        }
        counted = [(reward, self.weights.get(name, 1.0)) for name, reward in rewards.items()]
        missing = len(rewards) < len(scored) and not self.skip_missing
        if missing or not any(weight for _, weight in counted):
            return None
        try:
            reward = combine(counted, how=self.how, k=self.k)
        except OverflowError:  # beyond all floats: infinite, so not scored
            return None
        said = {name: one["rationale"] for name, one in scored.items() if "rationale" in one}
        wrong = {name: flaws_of(scored[name]) for name in said}
        return explained(reward, _under_names(said), _under_names(wrong))


def _under_names(said: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {words}" for name, words in said.items() if words)


def combine(weighted: Sequence[tuple[float, float]], *, how: How, k: float = 1.0) -> float:
    """Make one number of several rewards.

    Args:
        weighted: Rewards, each with its weight.
        how: How they become one.
        k: Standard deviations that `mean_minus_std` takes off.

    Example:
        >>> combine([(1.0, 1.0), (3.0, 1.0)], how="mean_minus_std", k=0.5)
        1.5
    """
    if how == "worst":
        return min(reward for reward, _ in weighted)
    total = math.fsum(weight for _, weight in weighted)
    mean = math.fsum(reward * weight for reward, weight in weighted) / total
    if how == "mean":
        return mean
    variance = math.fsum(weight * (reward - mean) ** 2 for reward, weight in weighted) / total
    return mean - k * math.sqrt(variance)


def check_weights(weights: Mapping[str, float] | None, how: How) -> None:
    """Refuse weights that cannot work.

    Raises:
        SettingsError: When one is below 0 or not finite, all are 0, or the worst case is asked
            for, which knows no weights.

    Example:
        >>> check_weights({"helpful": 3, "short": 1}, how="mean")
    """
    if weights is None:
        return
    if how == "worst":
        raise SettingsError('`weights` mean nothing to `how="worst"`: leave one of the two out.')
    finite = all(math.isfinite(weight) and weight >= 0 for weight in weights.values())
    if not finite or not any(weights.values()):
        raise SettingsError(
            f"`weights` of Ensemble must be 0 or more and not all 0, got `{weights}`."
        )
