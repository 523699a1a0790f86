"""What a caller has to know of a run that ended, one line each: what cost and brought nothing."""

from langchain_tpo.result import TPOResult


def notices(result: TPOResult) -> list[str]:
    """Return a line for each thing that silently made a run less than it could have been.

    They name counts and causes, never a text of the run.

    Args:
        result: The run.
    """
    return [line for line in (_ended(result), _cut(result), _refused(result)) if line]


def _ended(result: TPOResult) -> str | None:
    """Say that optimization was paid for and ended before its time."""
    if result.stop_reason == "no_usable_update":
        reasons = sorted({drop["reason"] for drop in result.drops if drop["step"] == "update"})
        return (
            f"`update` brought no usable revision in round {len(result.rounds)} "
            f"({', '.join(reasons)}): the answer is the best of those before. A small model may "
            'follow `prompts="small"`.'
        )
    failure = result.failure
    if result.stop_reason != "error" or failure is None:
        return None
    return (
        f"`{failure['step']}` failed in round {failure['round']} ({failure['type']}) and ended the "
        "run with the best response so far: the result's `failure` has the message."
    )


def _cut(result: TPOResult) -> str | None:
    if not result.cut:
        return None
    one = result.cut == 1
    replies = "1 reply of this run was" if one else f"{result.cut} replies of this run were"
    return (
        f"{replies} cut short by a limit of tokens or a provider's "
        "filter: raise `max_tokens` of the model or of `settings.sample` and `settings.update`."
    )


def _refused(result: TPOResult) -> str | None:
    if not result.refused or result.stop_reason == "refusal":
        return None
    one = result.refused == 1
    fate = "the refusal was dropped" if one else "the refusals were dropped"
    if any(candidate.get("finish") == "refusal" for candidate in result.pool):
        fate = "the answer was chosen among both by reward"
    replies = "1 reply" if one else f"{result.refused} replies"
    return (
        f"The model refused in {replies} of this run and answered in others; {fate}."
        ' `on_refusal="end"` lets a refusal end the run.'
    )
