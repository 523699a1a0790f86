"""What may come back from a reward model: the contract of `interface.py`, held for all alike."""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import SupportsFloat

from langchain_tpo.candidate_pool import KeptScore
from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.interface import ExplainedScore, Score
from langchain_tpo.text.shown import as_text, named, shown
from langchain_tpo.text.well_formed import well_formed

NUMBER_FIELDS = ("reward", "score", "value")
"""How evaluators call the number of a result."""

WORD_FIELDS = ("rationale", "comment", "reason", "reasoning", "explanation", "feedback")
"""How evaluators call what they say of it."""

MOST_COUNTED = 1000
"""Scores too many that are still counted: an endless iterator is one mistake more."""


def checked_scores(scores: object, texts: list[str]) -> dict[str, KeptScore]:
    """Pair scores with their texts; None, NaN and infinity mean "not scored".

    Raises:
        RewardOutputError: When there are too few or too many, or one is no number.

    Example:
        >>> checked_scores([0.5, float("nan")], ["a", "b"])
        {'a': {'reward': 0.5}, 'b': {'reward': None}}
    """
    if not isinstance(scores, Iterable) or isinstance(scores, str | bytes | Mapping | AbstractSet):
        raise RewardOutputError(
            f"The reward model returned {_seen(scores)}, expected a list with one score for each "
            f"of {len(texts)} responses."
        )
    listed = _listed(scores, MOST_COUNTED + len(texts))
    if len(listed) != len(texts):
        raise RewardOutputError(
            f"The reward model returned {len(listed)} scores for {len(texts)} responses: return "
            "one for each, in their order."
        )
    return {text: _read(score) for text, score in zip(texts, listed, strict=True)}


def as_score(value: object) -> Score:
    """Return what scored one response as a plain score, or one with its reason.

    Args:
        value: A number or None; a number with its reason, `(0.5, "Too long.")`; or an evaluator's
            result, a dict or an object with `score` and perhaps `comment`, by whatever name.

    Raises:
        RewardOutputError: When it is none of these.

    Example:
        >>> as_score({"key": "short", "score": True, "comment": "Four words."})
        {'reward': 1.0, 'rationale': 'Four words.'}
    """
    try:
        return _as_score(value)
    except RewardOutputError:
        raise
    except Exception as error:
        raise RewardOutputError(
            f"A score cannot be read ({named(error)}): a {type(value).__name__} came, expected a "
            "number or None."
        ) from error


def _as_score(value: object) -> Score:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):  # noqa: PLR2004 a pair
        return explained(_finite(value[0]), value[1], value[1])
    fields = None if _is_stand_in(value) else _fields(value)
    if fields is None:
        return _finite(value)
    name = next((name for name in NUMBER_FIELDS if name in fields), None)
    if name is None:
        raise RewardOutputError(f"A score lacks the key `reward` (or `score`): got {_seen(value)}.")
    words = next(filter(None, (_words(fields.get(name)) for name in WORD_FIELDS)), "")
    flaws = fields.get("flaws")
    return explained(_finite(fields[name]), words, flaws if isinstance(flaws, str) else words)


def explained(reward: float | None, rationale: str, flaws: str) -> Score:
    """Return a reward with what was said of it, or alone where nothing was; blanks say nothing.

    Args:
        reward: The reward.
        rationale: What earned it.
        flaws: What of that tells what is wrong.

    Example:
        >>> explained(1.0, "", ""), explained(0.5, "Too long.", "Too long.")
        (1.0, {'reward': 0.5, 'rationale': 'Too long.'})
        >>> explained(1.0, "All kept.", "")
        {'reward': 1.0, 'rationale': 'All kept.', 'flaws': ''}
    """
    if not rationale.strip():
        return reward
    score = ExplainedScore(reward=reward, rationale=rationale)
    return score if flaws == rationale else {**score, "flaws": flaws if flaws.strip() else ""}


def _words(value: object) -> str:
    """Return a reason as text, an empty one for none: arrays have no truth value."""
    text = "" if value is None else as_text(value)
    return text if text.strip() else ""


def _fields(value: object) -> Mapping[str, object] | None:
    """Return the fields of an evaluator's result; None for what is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, SupportsFloat | str | bytes | Sequence):
        return None
    names = [name for name in (*NUMBER_FIELDS, *WORD_FIELDS) if hasattr(value, name)]
    return {name: getattr(value, name) for name in names} or None


def _listed(scores: Iterable[object], most: int) -> list[object]:
    try:
        return list(islice(scores, most))
    except Exception as error:
        raise RewardOutputError(
            f"The scores of the reward model cannot be read ({named(error)}): return a list."
        ) from error


def _read(value: object) -> KeptScore:
    score = as_score(value)
    if not isinstance(score, Mapping):
        return KeptScore(reward=_finite(score))
    scored = KeptScore(reward=_finite(score["reward"]))
    if score.get("rationale"):
        scored["rationale"] = well_formed(str(score["rationale"]))
        if "flaws" in score:
            scored["flaws"] = well_formed(score["flaws"])
    return scored


def _is_stand_in(value: object) -> bool:
    """Return whether it is a mock: it has every field, and says 1.0 when asked for a number."""
    return type(value).__module__ == "unittest.mock"


def _finite(value: object) -> float | None:
    if value is None:
        return None
    if _is_stand_in(value):
        raise RewardOutputError(
            f"A score must be a number or None, got {_seen(value)}: give the stand-in a value, "
            "`return_value=0.5`."
        )
    if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
        raise RewardOutputError(f"A score must be a number or None, got {_seen(value)}.")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    except Exception:  # noqa: BLE001 of an array of several numbers, say
        raise RewardOutputError(f"A score must be one number, got {_seen(value)}.") from None
    return number if math.isfinite(number) else None


def _seen(value: object) -> str:
    return f"{type(value).__name__} `{shown(value)}`"
