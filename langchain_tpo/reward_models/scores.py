"""What may come back from a reward model: the contract of `interface.py`, held for all alike."""

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import SupportsFloat

from langchain_tpo.candidate_pool import Scored
from langchain_tpo.errors import RewardOutputError
from langchain_tpo.text.well_formed import well_formed

MOST_COUNTED = 1000
"""Scores too many that are still counted: an endless iterator is one mistake more."""


def checked(scores: object, texts: list[str]) -> dict[str, Scored]:
    """Pair scores with their texts; None, NaN and infinity mean "not scored".

    Raises:
        RewardOutputError: When there are too few or too many, or one is no number.

    Example:
        >>> checked([0.5, float("nan")], ["a", "b"])
        {'a': {'reward': 0.5}, 'b': {'reward': None}}
    """
    if not isinstance(scores, Iterable) or isinstance(scores, str | bytes | Mapping):
        raise RewardOutputError(
            f"The reward model returned {_seen(scores)}, expected a list with one score for each "
            f"of {len(texts)} responses."
        )
    listed = list(islice(scores, MOST_COUNTED + len(texts)))
    if len(listed) != len(texts):
        raise RewardOutputError(
            f"The reward model returned {len(listed)} scores for {len(texts)} responses: return "
            "one for each, in their order."
        )
    return {text: _read(score) for text, score in zip(texts, listed, strict=True)}


def _read(score: object) -> Scored:
    if isinstance(score, Mapping):
        if "reward" not in score:
            raise RewardOutputError(f"A score lacks the key `reward`: got {_seen(score)}.")
        scored = Scored(reward=_finite(score["reward"]))
        if score.get("rationale"):
            scored["rationale"] = well_formed(str(score["rationale"]))
        return scored
    return Scored(reward=_finite(score))


def _finite(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
        raise RewardOutputError(f"A score must be a number or None, got {_seen(value)}.")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    except (TypeError, ValueError):  # an array of several numbers, say
        raise RewardOutputError(f"A score must be one number, got {_seen(value)}.") from None
    return number if math.isfinite(number) else None


def _seen(value: object) -> str:
    return f"{type(value).__name__} `{str(value)[:60]}`"
