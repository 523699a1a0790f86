"""Writes records on a disk that may be full: nothing is lost while there is hope.

A record that the disk does not take is kept and tried again before the next one. Knows when to give
up; knows nothing of what a record says beyond its name.
"""

from collections import deque
from types import TracebackType
from typing import Self

from langchain_tpo.evaluation.held_draws import standing_alone
from langchain_tpo.evaluation.records import Record, RecordedFailure, RecordFile

MOST_WAITING = 32
"""Records that may wait for room on the disk before the run stops: each has been paid for."""

_UNWRITTEN = "The result could not be written"
"""How the reason begins that stands in the place of a result that the disk did not take."""


class DiskFullError(OSError):
    """Too many records wait for a disk that takes none."""


class RecordWriter:
    """Adds records to a file, and keeps those that do not fit for a better moment."""

    def __init__(self, file: RecordFile) -> None:
        """Take an open file.

        Args:
            file: Where the records go.
        """
        self._file = file
        self._waiting: deque[tuple[Record, OSError]] = deque()
        self.lost = 0
        """How many answers are recorded without their result, as failed: they are asked anew."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Try once more what waits, then write at least why it is missing."""
        self._retry()
        for _ in range(len(self._waiting)):
            record, error = self._waiting.popleft()
            try:
                self._file.append(without_result(record, error))
            except OSError as again:
                self._waiting.append((record, again))
            else:
                self.lost += record["status"] == "ok"
        self._file.close()

    @property
    def unwritten(self) -> int:
        """How many records are not in the file."""
        return len(self._waiting)

    def add(self, record: Record) -> None:
        """Write a record now, or when there is room.

        Raises:
            DiskFullError: When too many wait already.
        """
        self._retry()
        try:
            self._file.append(standing_alone(record) if self._waiting else record)
        except OSError as error:
            self._waiting.append((record, error))
            if len(self._waiting) > MOST_WAITING:
                raise DiskFullError(error.errno, error.strerror) from error

    def _retry(self) -> None:
        for _ in range(len(self._waiting)):
            record, _ = self._waiting.popleft()
            try:
                self._file.append(standing_alone(record))  # what it shares may wait as well
            except OSError as again:
                self._waiting.append((record, again))


def without_result(record: Record, error: OSError) -> Record:
    """Return the record of an example whose result could not be written.

    Example:
        >>> record = {"example": "1", "system": "tpo", "status": "ok", "runs": [{"answer": "long"}]}
        >>> without_result(record, OSError(28, "No space left on device"))["failure"]["message"]
        'The result could not be written: No space left on device'
    """
    message = f"{_UNWRITTEN}: {error.strerror or error}"
    failure = RecordedFailure(type=type(error).__name__, message=message)
    return {**record, "status": "failed", "runs": [], "failure": failure}


def is_lost(record: Record) -> bool:
    """Return whether a record stands in the place of a result that the disk did not take.

    Example:
        >>> record = {"example": "1", "system": "tpo", "status": "ok", "runs": [{"answer": "long"}]}
        >>> is_lost(record), is_lost(without_result(record, OSError(28, "No space left on device")))
        (False, True)
    """
    failure = record.get("failure")
    return failure is not None and str(failure.get("message")).startswith(_UNWRITTEN)
