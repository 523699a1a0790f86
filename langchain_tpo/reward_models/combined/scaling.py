"""Puts the rewards of different reward models on one scale, the same in every round.

Location and scale are fixed: taken from the rewards of the round at hand they would differ from
round to round, and a pool could not be ordered by them. Pure; knows numbers only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Annotated

from pydantic import BeforeValidator

from langchain_tpo.constructors import typed_fields
from langchain_tpo.errors import RewardOutputError, SettingsError


@typed_fields
@dataclass(frozen=True)
class Scaling:
    """Takes off a location, then divides by a scale.

    Raises:
        SettingsError: When one is not finite, or the scale is not above 0.

    Example:
        >>> Scaling(location=3.0, scale=0.5)(4.0)
        2.0
    """

    location: float = 0.0
    """The reward that becomes 0."""
    scale: float = 1.0
    """The distance that becomes 1."""

    def __post_init__(self) -> None:
        """Refuse what would turn rewards into nonsense."""
        both = (self.location, self.scale)
        numbers = all(isinstance(one, int | float) and math.isfinite(one) for one in both)
        if not numbers or self.scale <= 0:
            raise SettingsError(
                f"A scaling needs a finite location and a scale above 0, got `{both}`."
            )

    def __call__(self, reward: float) -> float:
        """Scale one reward."""
        return (reward - self.location) / self.scale


def as_scaling(value: object) -> object:
    """Return a scaling for a pair of location and scale; anything else stays as it is.

    Example:
        >>> as_scaling((3.0, 0.5))
        Scaling(location=3.0, scale=0.5)
    """
    return Scaling(*value) if isinstance(value, tuple) and len(value) == 2 else value  # noqa: PLR2004 a pair


ScalingField = Annotated[Scaling, BeforeValidator(as_scaling)]
"""A scaling as a field of a pydantic model, given as such or as a pair."""


def fitted(rewards: Sequence[float], *, member: str) -> Scaling:
    """Return the scaling that turns these rewards into a mean of 0 and a deviation of 1.

    Args:
        rewards: What one reward model gave to a sample of responses.
        member: How to call it, should that be impossible.

    Raises:
        RewardOutputError: When fewer than two differ.

    Example:
        >>> fitted([1.0, 3.0], member="helpful")
        Scaling(location=2.0, scale=1.0)
    """
    if len(set(rewards)) < 2:  # noqa: PLR2004 one value has no spread
        raise RewardOutputError(
            f"`{member}` cannot be calibrated: {len(rewards)} rewards, {len(set(rewards))} "
            "different. Give responses of different quality."
        )
    return Scaling(location=fmean(rewards), scale=pstdev(rewards))
