"""When an evaluation stops early: a key or a model that is not there, or the same failure on end.

Pure but for the count.
"""

from typing import Literal, TypeAlias

from langchain_tpo.errors import RewardTypeError, RunError
from langchain_tpo.evaluation.records import Record
from langchain_tpo.sampling.model_errors import status_of

Trouble: TypeAlias = Literal["hopeless", "nothing to check"]
"""What a failure means for the examples that follow: none will do better, or only this one has
nothing that its reward could check."""

_HOPELESS_STATUSES = frozenset({401, 403, 404})
"""What a service says of a key or a model that is not there."""

_HOPELESS_TYPES = frozenset(
    {"AuthenticationError", "PermissionDeniedError", "NotFoundError", "UnauthorizedError"}
)
"""How providers' packages call the same; of a run that had to end early only the name is kept."""


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

    def note(self, record: Record, trouble: Trouble | None) -> None:
        """Take note of a record.

        Args:
            record: What came of an example.
            trouble: What its failure means for the others.

        Raises:
            HopelessError: In one line, when it is time to stop.
        """
        reason = _reason(record)
        if reason is None:
            self._reason, self._times, self._some_worked = None, 0, True
            return
        if self._some_worked and trouble == "nothing to check":
            return  # others have something
        if trouble == "hopeless" or reason.partition(":")[0] in _HOPELESS_TYPES:
            raise HopelessError(f"the first of its kind, and no other would do better: {reason}")
        self._times = self._times + 1 if reason == self._reason else 1
        self._reason = reason
        if self._times == self._most:
            raise HopelessError(f"{self._times} equal failures in a row: {reason}")


def trouble_of(error: Exception | None) -> Trouble | None:
    """Say what a failure means for the examples that follow; None: nothing that it says by itself.

    Example:
        >>> trouble_of(RewardTypeError("found no tests")), trouble_of(OSError("slow"))
        ('nothing to check', None)
    """
    if isinstance(error, RewardTypeError):
        return "nothing to check"
    hopeless = error is not None and status_of(error) in _HOPELESS_STATUSES
    return "hopeless" if hopeless else None


def _reason(record: Record) -> str | None:
    """Say why a record holds no answer, or one that had to end early."""
    failures = [record["failure"], *(run.get("failure") for run in record["runs"])]
    for failure in failures:
        if failure is not None:
            return f"{failure['type']}: {failure['message']}"
    return None
