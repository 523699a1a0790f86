"""When a run ends: pure rules over what it has found and spent, each with a word of its own."""

import math
from collections.abc import Callable, Sequence
from math import ceil

from langchain_tpo.candidate_pool import Candidate, best_reward, contrast
from langchain_tpo.sampling.usage import Usage, total_tokens, total_usage
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import StepName, StepRecord, StopReason


def stop_reason(
    pool: Sequence[Candidate],
    steps: Sequence[StepRecord],
    *,
    settings: TPOSettings,
    maximum: float | None = None,
    ahead: Callable[[], float] | None = None,
) -> StopReason | None:
    """Say why no further round begins after a scored one, or None when one does.

    Args:
        pool: Every response of the run, at least one of them scored.
        steps: What every step so far has cost, the scoring of this round included.
        settings: The run's settings.
        maximum: The highest reward there can be, where that is known.
        ahead: Counts the tokens that the next round would take to its revisions; as many as the
            last round, where nobody can count them.

    Example:
        >>> alike = [{"text": text, "reward": 1.0, "round": 0} for text in "ab"]
        >>> stop_reason(alike, [], settings=TPOSettings(depth=2))
        'no_contrast'
    """
    done = max((step["round"] for step in steps), default=0)
    best = best_reward(pool, until=done)
    gap = contrast(pool)
    if done >= settings.depth:
        return "depth"
    targets = [goal for goal in (settings.target_reward, maximum) if goal is not None]
    if targets and best >= min(targets):
        return "target_reward"
    if done == 0 and _gate_closed(best, gap, settings):
        return "gate"
    if _is_flat(pool, gap, settings):  # time that ran out may be why nothing differs
        return "time_budget" if out_of_time(steps, settings=settings) else "no_contrast"
    if _has_stalled(pool, done, settings):
        return "plateau"
    return _round_over_budget(pool, steps, settings=settings, ahead=ahead)


def over_budget(
    step: StepName, steps: Sequence[StepRecord], *, settings: TPOSettings
) -> StopReason | None:
    """Say which budget forbids a step, before it calls anything.

    Example:
        >>> slow = {"step": "reward", "round": 0, "usage": total_usage([]), "seconds": 3.0}
        >>> over_budget("textual_loss", [slow], settings=TPOSettings(time_budget=2))
        'time_budget'
    """
    if step == "reward":  # what is drawn is paid for: score it
        return None
    if out_of_time(steps, settings=settings):
        return "time_budget"
    spent = usage_of_steps(steps)
    needed = settings.width if step == "update" else 1
    if settings.call_budget is not None and spent["completions"] + needed > settings.call_budget:
        return "call_budget"
    if settings.token_budget is not None and _tokens(spent) >= settings.token_budget:
        return "token_budget"
    return None


def out_of_time(steps: Sequence[StepRecord], *, settings: TPOSettings) -> bool:
    """Return whether a run has used up its time budget.

    Args:
        steps: What every step so far has cost.
        settings: The run's settings.
    """
    return settings.time_budget is not None and seconds_of(steps) >= settings.time_budget


def seconds_of(steps: Sequence[StepRecord]) -> float:
    """Add up the wall time of steps."""
    return sum(step["seconds"] for step in steps)


def usage_of_steps(steps: Sequence[StepRecord]) -> Usage:
    """Add up the usage of steps."""
    return total_usage(step["usage"] for step in steps)


def _gate_closed(best: float, gap: float, settings: TPOSettings) -> bool:
    good = settings.gate_reward is not None and best >= settings.gate_reward
    alike = settings.gate_contrast is not None and gap <= settings.gate_contrast
    return good or alike


def _is_flat(pool: Sequence[Candidate], contrast: float, settings: TPOSettings) -> bool:
    """Whether the rewards leave nothing to go by: neither a contrast nor, by default, words."""
    if settings.min_contrast is None:
        return False
    if settings.min_contrast == "unexplained":
        return contrast <= 0 and not any(candidate.get("rationale") for candidate in pool)
    return contrast <= settings.min_contrast


def _has_stalled(pool: Sequence[Candidate], done: int, settings: TPOSettings) -> bool:
    if settings.patience is None or done < settings.patience:
        return False
    before = best_reward(pool, until=done - settings.patience)
    return best_reward(pool, until=done) - before <= settings.min_gain


def _round_over_budget(
    pool: Sequence[Candidate],
    steps: Sequence[StepRecord],
    *,
    settings: TPOSettings,
    ahead: Callable[[], float] | None,
) -> StopReason | None:
    """Refuse a round that could not be finished: half a round is money for nothing."""
    done = max((step["round"] for step in steps), default=0)
    last = [step for step in steps if step["round"] == done]
    spent, judged = usage_of_steps(steps), _usage(last, scored=True)
    again = settings.width / _scored_in(pool, done)  # a judge is asked about every new text
    if settings.call_budget is not None:
        asked = settings.strategy.critic_replies(settings.width) + settings.width
        needed = asked + ceil(judged["completions"] * again)
        if spent["completions"] + needed > settings.call_budget:
            return "call_budget"
    if settings.token_budget is not None:
        left = settings.token_budget - _tokens(spent) - _tokens(judged) * again
        if left <= 0 or left <= (ahead() if ahead else _tokens(_usage(last, scored=False))):
            return "token_budget"
    return over_budget("textual_loss", steps, settings=settings)


def _usage(steps: Sequence[StepRecord], *, scored: bool) -> Usage:
    """Add up what scoring has cost, or all else."""
    return usage_of_steps([step for step in steps if (step["step"] == "reward") is scored])


def _scored_in(pool: Sequence[Candidate], number: int) -> int:
    """Count the texts that a round brought, one at least."""
    before = {one["text"] for one in pool if one["round"] < number}
    return max(1, len({one["text"] for one in pool} - before))


def _tokens(usage: Usage) -> float:
    """Count unknown usage as spent."""
    tokens = total_tokens(usage)
    return math.inf if tokens is None else tokens
