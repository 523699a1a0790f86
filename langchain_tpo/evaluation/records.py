"""What is written down of an evaluation: one JSON line per example and system, as it finishes.

Knows the file and what kill -9 or a full disk can do to it; knows no model and no statistics.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, cast

from langchain_tpo.errors import DatasetError

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two runs from one folder there
    fcntl = None  # type: ignore[assignment]

RECORDS = "records.jsonl"
"""The file's name in the folder of a run."""


class RecordedFailure(TypedDict):
    """Why there is no result."""

    type: str
    """The error's class."""
    message: str
    """What it said."""


class Record(TypedDict):
    """One example answered by one system, or why it was not."""

    example: str
    """The example's name."""
    system: str
    """The system's name."""
    status: Literal["ok", "failed"]
    """`failed` means that there is no answer: see `failure`."""
    fields: dict[str, Any]
    """What metrics and reports use of the data set's row."""
    runs: list[dict[str, Any]]
    """One for each turn: `messages` as OpenAI writes them, and everything of a `TPOResult`."""
    failure: RecordedFailure | None
    """Set when `status` is `failed`."""
    started: str
    """When the work on it began, in UTC."""
    seconds: float
    """How long it took, waiting included."""


class RecordFile:
    """A file of records that is only ever added to, one whole line at a time.

    Raises:
        DatasetError: In one line, when it cannot be opened or another process writes to it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "records.jsonl"
        ...     with RecordFile(path) as file:
        ...         file.append({"example": "1", "system": "tpo"})
        ...     [record["example"] for record in read_records(path)]
        ['1']
    """

    def __init__(self, path: Path) -> None:
        """Open the file for this process alone; a line that was cut off by a kill is taken away.

        Args:
            path: Where it is, or will be.
        """
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise DatasetError(f"`{path}` could not be opened: {error.strerror}.") from error
        self._regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._lock()
        if self._regular:
            self._drop_partial_line()

    def __enter__(self) -> Self:
        """Use the file."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def append(self, record: object) -> None:
        """Add one line, all of it or nothing.

        Raises:
            OSError: When the disk did not take it.
        """
        line = _as_line(record)
        before = os.fstat(self._descriptor).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except BaseException:
            self._cut(before)
            raise

    def clear(self) -> None:
        """Take away what an earlier attempt left behind."""
        self._cut(0)

    def close(self) -> None:
        """Hand everything to the disk and let go of the file."""
        with suppress(OSError):  # what cannot be synchronised (a pipe, /dev/full) is no file
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise DatasetError(
                f"Another process is writing to `{self._path}`: wait, or give another folder."
            ) from None

    def _drop_partial_line(self) -> None:
        whole, step = os.fstat(self._descriptor).st_size, 1 << 16
        end = whole
        while end > 0:
            begin = max(0, end - step)
            found = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < whole:
            self._cut(end)

    def _cut(self, size: int) -> None:
        if self._regular:
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)


def read_records(path: Path) -> Iterator[Record]:
    """Return the records of a file one at a time.

    Raises:
        DatasetError: In one line, when there is no such file or a line of it is no record.
    """
    for _, record in read_placed_records(path):
        yield record


def read_placed_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Return the records of a file with their places in it, to be found again by `records_at`.

    Raises:
        DatasetError: As `read_records` does.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror}.") from error
    place = 0
    with file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):  # a run in progress, or one that was killed
                return
            try:
                yield place, _as_record(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise DatasetError(f"Line {number} of `{path}` is no record: {error}.") from error
            place += len(line)


def records_at(path: Path, places: Iterable[int]) -> Iterator[Record]:
    """Return the records at some places of a file, as `read_placed_records` gave them."""
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            yield _as_record(json.loads(file.readline()))


def drop_failed(path: Path) -> int:
    """Take the failed records out of a file, so that they are tried again; give their number.

    The file is whole at any moment: what is kept is written beside it first.

    Raises:
        DatasetError: In one line, when another process writes to the file.
        OSError: When the disk does not take what is kept.
    """
    kept = path.with_suffix(".kept")
    dropped = 0
    with RecordFile(path), RecordFile(kept) as file:  # nobody else may write while it is replaced
        file.clear()
        for record in read_records(path):
            if record.get("status") == "failed":
                dropped += 1
            else:
                file.append(record)
        kept.replace(path)
    return dropped


def _as_record(value: object) -> Record:
    if isinstance(value, dict) and all(
        isinstance(value.get(name), str) for name in ("example", "system")
    ):
        return cast("Record", value)
    raise ValueError("it names no example and system")


def _as_line(record: object) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, as models write now and then
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"
