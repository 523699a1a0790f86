"""What a caller has to know of a run that ended, in one line each: what was paid for in vain."""

from langchain_tpo.result import TPOResult


def notices(result: TPOResult) -> list[str]:
    """Return a line for each thing that silently made a run less than it could have been.

    They name counts and causes, never a text of the run.

    Args:
        result: The run.
    """
    return [line for line in (_cut(result), _refused(result)) if line]


def _cut(result: TPOResult) -> str | None:
    if not result.cut:
        return None
    return (
        f"{result.cut} replies of this run were cut short by a limit of tokens or a provider's "
        "filter: raise `max_tokens` of the model or of `settings.sample` and `settings.update`."
    )


def _refused(result: TPOResult) -> str | None:
    if not result.refused or result.stop_reason == "refusal":
        return None
    return (
        f"The model refused in {result.refused} replies of this run and answered in others; the "
        'answer was chosen among both by reward. `on_refusal="end"` lets a refusal end the run.'
    )
