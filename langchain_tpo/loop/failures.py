"""What a run keeps of the error that ends it early. Pure."""

from langchain_tpo.state import Failure, StepName
from langchain_tpo.text.shown import message_of


def failure_of(step: StepName, round_number: int, error: Exception) -> Failure:
    """Return what the result says of an error: where it came up, its type, and what it says.

    Args:
        step: The step whose call failed.
        round_number: The round that it belongs to.
        error: What was raised.

    Example:
        >>> failure_of("sample", 0, ConnectionError("reset by peer"))["type"]
        'ConnectionError'
    """
    return Failure(
        step=step, round=round_number, type=type(error).__name__, message=message_of(error)
    )
