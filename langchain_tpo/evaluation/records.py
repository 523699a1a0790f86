"""What is written down of an evaluation: one JSON line per example and system, as it finishes.

Knows the file and what kill -9 or a full disk can do to it; knows no model and no statistics.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict, TypeVar, cast

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.held_draws import with_held, without_held
from langchain_tpo.evaluation.on_disk import Places

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two runs from one folder there
    fcntl = None  # type: ignore[assignment]

RECORDS = "records.jsonl"
"""The file's name in the folder of a run."""

MOST_KEPT = 32
"""Records in memory whose draws others share: those of as many examples as are answered at once."""


Line = TypeVar("Line")
"""What a line of a file holds."""


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
    metrics: NotRequired[dict[str, float | None]]
    """What was measured of the answer; None where it could not be."""
    failure: RecordedFailure | None
    """Set when `status` is `failed`."""
    started: str
    """When the work on it began, in UTC."""
    seconds: float
    """How long it took, waiting included."""


def is_failed(record: Record) -> bool:
    """Return whether a record holds no answer.

    Example:
        >>> is_failed({"status": "failed"}), is_failed({"status": "ok"})
        (True, False)
    """
    return record["status"] == "failed"


def why_failed(record: Record) -> str:
    """Return why a record holds no answer, in a line.

    Example:
        >>> why_failed({"failure": {"type": "TimeoutError", "message": "too slow"}})
        'TimeoutError: too slow'
    """
    failure = record["failure"] or RecordedFailure(type="Unknown", message="no result")
    return f"{failure['type']}: {failure['message']}"


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
        self._descriptor = self._opened()
        self._lock()
        while not self._is_in_place():  # another process replaced it before we had the lock
            os.close(self._descriptor)
            self._descriptor = self._opened()
            self._lock()
        self._regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
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

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line, all of it or nothing.

        Raises:
            OSError: When the disk did not take it.
        """
        line = _as_line(without_held(record))
        before = os.fstat(self._descriptor).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except BaseException:
            self._cut(before)
            raise

    def drop(self, which: Callable[[Record], bool]) -> int:
        """Take some records out, so that they are tried again; return their number.

        The file is whole at any moment: what is kept is written beside it first. The lock passes
        from the old file to the new one without a gap. A file without any stays as it is.

        Args:
            which: Says of a record whether to take it out.

        Raises:
            OSError: When the disk does not take what is kept.
        """
        if not any(map(which, read_records(self._path))):
            return 0
        kept = RecordFile(self._path.with_suffix(".kept"))
        dropped = 0
        try:
            kept._cut(0)  # what an earlier attempt left behind
            for record in read_records(self._path):
                if which(record):
                    dropped += 1
                else:
                    kept.append(record)
            os.fsync(kept._descriptor)
            kept._path.replace(self._path)
        except BaseException:
            os.close(kept._descriptor)
            raise
        self._descriptor, replaced = kept._descriptor, self._descriptor
        os.close(replaced)
        return dropped

    def close(self) -> None:
        """Flush everything to the disk and close the file.

        Raises:
            OSError: When the disk did not take everything after all.
        """
        try:
            if self._regular:  # a pipe or /dev/full cannot be synchronized
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise DatasetError(f"`{self._path}` could not be opened: {error.strerror}.") from error

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

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


def is_being_written(path: Path) -> bool:
    """Return whether a process holds a file of records to add to it; the file stays as it is."""
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is not there, or not ours to read
        return False
    return False


def read_records(path: Path) -> Iterator[Record]:
    """Return the records of a file one at a time.

    Raises:
        DatasetError: In one line, when there is no such file or a line of it is no record.
    """
    return (record for _, record in read_placed_records(path))


def read_lines(path: Path, check: Callable[[object], Line]) -> Iterator[Line]:
    """Return the whole lines of a JSONL file one at a time.

    Args:
        path: The file.
        check: Returns what a line holds, or raises ValueError.

    Raises:
        DatasetError: In one line, when there is no such file or a line of it is damaged.
    """
    return (line for _, line in _placed_lines(path, check))


def read_placed_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Return the records of a file with their places in it, to be found again by `records_at`.

    Raises:
        DatasetError: As `read_records` does.
    """
    others = _Others(path)
    for place, record in _placed_lines(path, _as_record):
        others.note(place, record)
        yield place, others.completed(record)


def records_at(path: Path, places: Iterable[int]) -> Iterator[Record]:
    """Return the records at some places of a file, as `read_placed_records` gave them.

    Args:
        path: The file.
        places: Of all answers to an example: what they share is looked for among them.

    Raises:
        DatasetError: In one line, when what one of them shares stands in none.
    """
    listed = [_record_at(path, place) for place in places]
    by_name = {(record["example"], record["system"]): record for record in listed}
    return (_completed(record, lambda *name: by_name.get(name)) for record in listed)


def _record_at(path: Path, place: int) -> Record:
    with path.open("rb") as file:
        file.seek(place)
        return _as_record(json.loads(file.readline()))


class _Others:
    """Finds the records that hold what others share; nearly always they are just before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places = Places()
        self._all_noted = False
        self._at = lru_cache(maxsize=MOST_KEPT)(partial(_record_at, path))

    def note(self, place: int, record: Record) -> None:
        """Remember where the answer of a system stands."""
        if record["runs"]:
            self._places.add(record["example"], record["system"], place)

    def completed(self, record: Record) -> Record:
        """Return a record with all of its draws."""
        return _completed(record, self._named)

    def _named(self, example: str, system: str) -> Record | None:
        place = self._places.at(example, system)
        if place is None and not self._all_noted:
            for later, record in _placed_lines(self._path, _as_record):
                self.note(later, record)
            self._all_noted = True
            place = self._places.at(example, system)
        return None if place is None else self._at(place)


def _completed(
    record: Record, find: Callable[[str, str], Record | None], within: frozenset[str] = frozenset()
) -> Record:
    """Return a record with all of its draws; what holds them may itself share some."""

    def source(example: str, system: str) -> Record | None:
        around = within | {record["system"]}  # a file that was edited may lead round in a circle
        found = None if system in around else find(example, system)
        return None if found is None else _completed(found, find, around)

    return cast("Record", with_held(cast("Mapping[str, Any]", record), source))


def _placed_lines(path: Path, check: Callable[[object], Line]) -> Iterator[tuple[int, Line]]:
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
                yield place, check(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise DatasetError(f"Line {number} of `{path}` is no record: {error}.") from error
            place += len(line)


def _as_record(value: object) -> Record:
    """Check what a line holds; what statistics read of an answer must be there."""
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, no object")  # noqa: TRY004 as JSON's
    for name in ("example", "system"):
        if not isinstance(value.get(name), str):
            raise ValueError(f"it has no `{name}`")  # noqa: TRY004 as above
    record = {**_EMPTY, **value}
    runs = record["runs"]
    if not isinstance(runs, list) or not isinstance(record["fields"], dict):
        raise ValueError("`runs` or `fields` is of the wrong type")  # noqa: TRY004 as above
    for run in runs:
        missing = _RUN_KEYS - (run.keys() if isinstance(run, dict) else set())
        if missing:
            raise ValueError(f"an answer lacks `{min(missing)}`")
    return cast("Record", record)


_EMPTY: dict[str, Any] = {"status": "ok", "fields": {}, "runs": [], "failure": None}

_RUN_KEYS = frozenset(
    {"messages", "answer", "reward", "pool", "rounds", "steps", "drops", "usage", "stop_reason"}
)
"""What every recorded answer holds."""


def _as_line(record: object) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, as models write now and then
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"
