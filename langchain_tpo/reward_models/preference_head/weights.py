"""The weights of a preference head: one number per feature, read from JSON.

Knows the names of the features; knows nothing of training.
"""

import math
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, ValidationError, field_validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.preference_head.features import FEATURE_NAMES

PACKAGED = resources.files(__package__) / "weights.json"
"""The weights that come with the package; `docs/preference_head_card.md` tells where from."""


class HeadWeights(OneTypedLine):
    """A linear head: `bias` plus the sum of `weight * feature`.

    Example:
        >>> weights = HeadWeights.packaged()
        >>> weights.by_feature["repeated_sentences"] < 0
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    by_feature: dict[str, float]
    """The weight of each feature, for all features and no others."""
    bias: float
    """Makes the average human-written pair score zero."""

    @field_validator("by_feature")
    @classmethod
    def _one_per_feature(cls, weights: dict[str, float]) -> dict[str, float]:
        differing = sorted(set(weights) ^ set(FEATURE_NAMES))
        if differing:
            raise ValueError(
                f"expected one weight for each of {len(FEATURE_NAMES)} features, "
                f"missing or unknown: `{', '.join(differing[:5])}`"
            )
        return weights

    @classmethod
    def packaged(cls) -> Self:
        """Return the weights that come with the package."""
        return cls.model_validate_json(PACKAGED.read_text(encoding="utf-8"))

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Return the weights in a file that `tools/train_preference_head.py` wrote.

        Raises:
            SettingsError: In one line, when the file holds anything else.
        """
        try:
            return cls.model_validate_json(Path(path).read_text(encoding="utf-8"))
        except (SettingsError, ValidationError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise SettingsError(
                f"`{path}` holds no weights of a preference head: {reason.rstrip('.')}. Train it "
                "again with `tools/train_preference_head.py`."
            ) from None

    def reward(self, seen: dict[str, float]) -> float:
        """Return the reward for the features of one response."""
        return self.bias + math.fsum(self.by_feature[name] * seen[name] for name in FEATURE_NAMES)
