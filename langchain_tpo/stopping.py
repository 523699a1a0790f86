"""When a run ends: pure rules over the pool, each with a word of its own."""

from collections.abc import Sequence

from langchain_tpo.candidate_pool import Candidate, chosen, rejected
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import StopReason


def stop_reason(
    pool: Sequence[Candidate], *, rounds_done: int, settings: TPOSettings
) -> StopReason | None:
    """Say why no further round begins, or None when one does.

    Args:
        pool: Every response of the run, this round's included.
        rounds_done: How many rounds of loss, gradient and update lie behind.
        settings: The run's settings.

    Example:
        >>> alike = [{"text": text, "reward": 1.0, "round": 0} for text in "ab"]
        >>> stop_reason(alike, rounds_done=0, settings=TPOSettings(depth=2))
        'no_contrast'
    """
    if rounds_done >= settings.depth:
        return "depth"
    if chosen(pool) == rejected(pool):
        return "no_contrast"
    return None
