"""When an evaluation stops early: a key or a model that is not there, or the same failure on end.

Pure but for the count.
"""

from langchain_tpo.errors import RewardTypeError, RunError
from langchain_tpo.evaluation.records import Record

_HOPELESS_STATUSES = frozenset({401, 403, 404})
_HOPELESS_TYPES = frozenset(
    {"AuthenticationError", "PermissionDeniedError", "NotFoundError", "UnauthorizedError"}
)
"""How providers' packages call what no second attempt mends."""


class HopelessError(RunError):
    """Going on would only bring more of the same failure."""


class Patience:
    """Counts failures that are equal and follow one another."""

    def __init__(self, equal_failures: int = 10) -> None:
        """Say how many are enough.

        Args:
            equal_failures: So many in a row; 0: no number is.
        """
        self._most = equal_failures
        self._reason: str | None = None
        self._times = 0
        self._some_worked = False

    def note(self, record: Record, error: Exception | None) -> None:
        """Take note of a record.

        Args:
            record: What came of an example.
            error: What was raised, where it failed.

        Raises:
            HopelessError: In one line, when it is time to stop.
        """
        reason = _reason(record)
        if reason is None:
            self._reason, self._times, self._some_worked = None, 0, True
            return
        if self._some_worked and isinstance(error, RewardTypeError):
            return  # a question in which this reward finds nothing to check: others have something
        if is_hopeless(error, reason):
            raise HopelessError(f"the first of its kind, and no other would do better: {reason}")
        self._times = self._times + 1 if reason == self._reason else 1
        self._reason = reason
        if self._times == self._most:
            raise HopelessError(f"{self._times} equal failures in a row: {reason}")


def is_hopeless(error: BaseException | None, reason: str) -> bool:
    """Whether a failure says that the key or the model is not there.

    Example:
        >>> is_hopeless(None, "AuthenticationError: invalid key"), is_hopeless(None, "Timeout: 5 s")
        (True, False)
    """
    statuses = (
        getattr(error, "status_code", None),
        getattr(error, "status", None),
        getattr(getattr(error, "response", None), "status_code", None),
    )
    return reason.partition(":")[0] in _HOPELESS_TYPES or any(
        isinstance(status, int) and status in _HOPELESS_STATUSES for status in statuses
    )


def _reason(record: Record) -> str | None:
    """Say why a record holds no answer, or one that had to end early."""
    failures = [record["failure"], *(run.get("failure") for run in record["runs"])]
    for failure in failures:
        if failure is not None:
            return f"{failure['type']}: {failure['message']}"
    return None
