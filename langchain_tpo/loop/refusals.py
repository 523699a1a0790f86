"""What a run does with first responses that a model's provider marks as refusals.

Pure. A refusal that is only worded as one is a response like any other, for the reward to judge.
"""

from collections.abc import Sequence

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.settings import OnRefusal
from langchain_tpo.state import Drop, DropReason


def settled(
    candidates: Sequence[Candidate], on_refusal: OnRefusal
) -> tuple[list[Candidate], list[Drop]]:
    """Return the first responses that stay, and a drop for each that does not.

    Where all refuse, all stay: their refusal is the answer. A refusal without a word cannot be
    scored beside responses that have some.

    Args:
        candidates: First responses and drafts, in order of arrival.
        on_refusal: What happens where some refuse and others do not.

    Example:
        >>> answers = [
        ...     {"text": "Oil it.", "reward": None, "round": 0},
        ...     {"text": "No.", "reward": None, "round": 0, "finish": "refusal"},
        ... ]
        >>> [answer["text"] for answer in settled(answers, "end")[0]]
        ['No.']
    """
    refusals = [is_refusal(candidate) for candidate in candidates]
    if all(refusals) or not any(refusals):
        return list(candidates), []
    kept = [candidate for candidate in candidates if _stays(candidate, on_refusal)]
    gone = [candidate for candidate in candidates if not _stays(candidate, on_refusal)]
    return kept, [_drop(candidate) for candidate in gone]


def is_refusal(candidate: Candidate) -> bool:
    """Return whether the model's provider marked this response as a refusal."""
    return candidate.get("finish") == "refusal"


def all_refuse(candidates: Sequence[Candidate]) -> bool:
    """Return whether there is nothing but refusals."""
    return bool(candidates) and all(is_refusal(candidate) for candidate in candidates)


def _stays(candidate: Candidate, on_refusal: OnRefusal) -> bool:
    """Return whether a response stays where some refuse and others do not."""
    if not is_refusal(candidate):
        return on_refusal != "end"
    return on_refusal == "end" or (on_refusal == "keep" and bool(candidate["text"].strip()))


def _drop(candidate: Candidate) -> Drop:
    reason: DropReason = "refused" if is_refusal(candidate) else "after_refusal"
    drop = Drop(step="sample", round=0, reason=reason, detail="")
    if candidate.get("draft"):
        drop["draft"] = True
    return drop
