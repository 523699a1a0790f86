"""Data sets: files, saved data sets, the Hugging Face hub, LangSmith, a pipe, or rows at hand.

A row that cannot be read is a `BadRow` in its place: it costs nobody else anything. Files are
`data_files`, what a row means is `examples`.
"""

import hashlib
import logging
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias
from urllib.parse import parse_qsl

from langchain_tpo.errors import DatasetError, MissingExtraError, TPOError
from langchain_tpo.evaluation.data_files import Numbered, reader_of
from langchain_tpo.evaluation.examples import BadRow, Row, example_of
from langchain_tpo.evaluation.file_kinds import check_columns
from langchain_tpo.evaluation.frames import rows_of_frame
from langchain_tpo.evaluation.on_disk import Places
from langchain_tpo.evaluation.text_files import opened
from langchain_tpo.text.secrecy import without_credentials
from langchain_tpo.text.shown import shown

logger = logging.getLogger(__name__)

HUB = "hf:"
"""What opens the name of a data set of the hub: `hf:owner/name?split=test&config=main`."""

LANGSMITH = "langsmith:"
"""What opens the name of a data set in LangSmith: `langsmith:NAME?split=test`."""

PIPE = "-"
"""Standard input, as JSON lines."""


class Table(Protocol):
    """A data frame of pandas, with a row per example."""

    def iterrows(self) -> Iterable[tuple[Any, Any]]:
        """Iterate over rows; iterating over the frame itself gives the columns' names."""


DatasetLike: TypeAlias = "Dataset | Table | str | Path | Sequence[str | Mapping[str, Any]]"
"""What names or is a data set."""


_Read: TypeAlias = Callable[[str, Mapping[str, str]], Iterable[object]]
"""From the name and the options of a service's data set to its rows."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples that can be read from the start as often as needed; close it in the end."""

    source: str
    """What it is called."""
    sha256: str | None = None
    """Of its content, to know it again; None for what stays elsewhere."""
    note: str | None = None
    """What had to be guessed to read it, in words."""
    local: bool = True
    """Whether reading it costs nothing."""
    rows: Callable[[], Numbered] = field(repr=False)
    """Begins to read; may raise `DatasetError`."""
    _held: ExitStack = field(default_factory=ExitStack, repr=False)
    _said: set[str] = field(default_factory=set, repr=False)
    """What the log has been told already: a data set is read several times."""

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Let go of what was kept for it."""
        self._held.close()

    def examples(self) -> Iterator[Row]:
        """Return its examples in order; duplicate names get a number, and the log says so once.

        Raises:
            DatasetError: In one line, when the data set as a whole cannot be read.
        """
        names = _Names()
        for number, row in self.rows():
            example = self._bad(row, number) if isinstance(row, BadRow) else self._read(row, number)
            name = names.free(example.id)
            if name != example.id:
                self._say_renamed(number, example.id, name)
            yield replace(example, id=name)

    def count(self) -> int | None:
        """Count its rows; None where that would mean to fetch them."""
        return sum(1 for _ in self.rows()) if self.local else None

    def _say_renamed(self, number: int, wanted: str, name: str) -> None:
        if not self._said:
            self._said.add(wanted)
            logger.warning(
                "`%s`: row %d has the name `%s` of an earlier row and is called `%s`, and so on.",
                *(self.source, number, shown(wanted), shown(name)),
            )

    def _read(self, row: object, number: int) -> Row:
        try:
            return example_of(row, number=number)
        except TPOError as error:
            return self._bad(BadRow(id=f"row {number}", reason=str(error)), number)

    def _bad(self, row: BadRow, number: int) -> BadRow:
        return replace(row, reason=f"Row {number} of `{Path(self.source).name}`: {row.reason}")


def open_dataset(source: DatasetLike) -> Dataset:
    r"""Open a data set.

    Args:
        source: A file (`.jsonl`, `.json`, `.csv`, `.tsv`, `.parquet`, `.xlsx`, or `.txt` with a
            prompt per line; `.gz`, `.bz2` and `.zst` are unpacked), a folder of
            `Dataset.save_to_disk`, `hf:NAME?split=...`, `langsmith:NAME`, `-` for JSON lines from
            standard input, rows, or a data frame of them. What goes beyond JSON and CSV needs the
            extra `evaluation`.

    Raises:
        DatasetError: In one line, when the data set as a whole cannot be read.

    Example:
        >>> with open_dataset(["Hi", {"question": "Why?", "id": "q"}, {"broken": 1}]) as dataset:
        ...     [(row.id, type(row).__name__) for row in dataset.examples()]
        [('1', 'Example'), ('q', 'Example'), ('row 3', 'BadRow')]
    """
    if isinstance(source, Dataset):
        return source
    if not isinstance(source, str | Path):
        listed = _at_hand(source)
        return Dataset(source="rows", rows=lambda: enumerate(listed, start=1))
    for scheme, (read, known) in _SERVICES.items():
        if str(source).startswith(scheme):
            name, _, query = str(source).removeprefix(scheme).partition("?")
            options = dict(parse_qsl(query))
            _check_options(name, options, known)
            rows = partial(_numbered, read, name, options)
            return Dataset(source=str(source), local=False, rows=rows)
    path = Path(str(source).partition("?")[0])
    kind = _kind(path)
    if stat.S_ISDIR(kind):
        return _saved(path, str(source))
    if not stat.S_ISREG(kind):
        return _piped(path, str(source))
    return _file(Path(source), str(source))


def _check_options(name: str, options: Iterable[str], known: Sequence[str]) -> None:
    for option in options:
        if option not in known:
            listed = " and ".join(f"`{one}`" for one in known)
            raise DatasetError(f"`{name}` knows no `{option}`: use {listed}.")


def _at_hand(source: Any) -> list[object]:  # noqa: ANN401 whatever a caller hands in
    """Return rows; tables and mappings are asked for theirs, for they iterate over names."""
    if hasattr(source, "iterrows"):
        return rows_of_frame(source)
    for method in ("to_dicts", "to_pylist"):  # Polars, Arrow
        if hasattr(source, method):
            check_columns("The table", getattr(source, "column_names", ()))  # Arrow allows them
            return list(getattr(source, method)())
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise DatasetError(
            "`dataset` must be a file's name, a list of rows or a data frame, "
            f"got {type(source).__name__} `{shown(source)}`."
        )
    return list(source)


def _kind(path: Path) -> int:
    if str(path) == PIPE:
        return stat.S_IFIFO
    try:
        return path.stat().st_mode
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror}.") from error
    except ValueError as error:  # half a surrogate pair, a null byte
        raise DatasetError(f"`{path!r}` is no path: {error}.") from error


def read_examples(source: DatasetLike) -> Iterator[Row]:
    r"""Return the examples of a data set in order, as `Dataset.examples` does.

    Args:
        source: As for `open_dataset`.

    Raises:
        DatasetError: In one line, when the data set as a whole cannot be read.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "prompts.jsonl"
        ...     _ = path.write_text('{"prompt": "Hi"}\n{broken\n')
        ...     [type(row).__name__ for row in read_examples(path)]
        ['Example', 'BadRow']
    """
    with open_dataset(source) as dataset:
        yield from dataset.examples()


class _Names:
    """Gives every name once."""

    def __init__(self) -> None:
        self._seen = Places()
        self._times: dict[str, Iterator[int]] = {}

    def free(self, wanted: str) -> str:
        """Return the name, or the next of `name~2`, `name~3` that is free."""
        if self._seen.add(wanted):
            return wanted
        numbers = self._times.setdefault(wanted, count(2))
        return next(name for n in numbers if self._seen.add(name := f"{wanted}~{n}"))


def _file(path: Path, source: str) -> Dataset:
    rows, note = reader_of(path)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror}.") from error
    return Dataset(source=source, sha256=sha256, note=note, rows=rows)


def _piped(path: Path, source: str) -> Dataset:
    """Keep what comes through a pipe, which can be read only once."""
    held = ExitStack()
    kept: Any = tempfile.NamedTemporaryFile(prefix="tpo-", suffix=".jsonl")  # noqa: SIM115 held
    held.enter_context(kept)
    if source == PIPE:
        shutil.copyfileobj(sys.stdin.buffer, kept)
    else:
        with opened(path) as file:
            shutil.copyfileobj(file, kept)
    kept.flush()
    read = _file(Path(kept.name), "a pipe")
    return replace(read, _held=held)


def _saved(path: Path, source: str) -> Dataset:
    """Open what `Dataset.save_to_disk` of the package `datasets` wrote."""
    try:
        saved = _datasets().load_from_disk(str(path))
    except Exception as error:
        raise DatasetError(f"`{path}` holds no saved data set: {_short(error)}") from error
    split = dict(parse_qsl(source.partition("?")[2])).get("split")
    if isinstance(saved, Mapping):
        split = split or ("test" if "test" in saved else next(iter(saved)))
        if split not in saved:
            known = ", ".join(f"`{name}`" for name in saved)
            raise DatasetError(f"`{path}` has no split `{split}`: use {known}.")
        saved = saved[split]
    return Dataset(
        source=source,
        sha256=hashlib.sha256(str(saved._fingerprint).encode()).hexdigest(),  # noqa: SLF001
        rows=lambda: enumerate(saved, start=1),
    )


def _numbered(read: _Read, name: str, options: Mapping[str, str]) -> Numbered:
    """Read what a service holds under `NAME?option=value`."""
    try:
        yield from enumerate(read(name, options), start=1)
    except TPOError:
        raise
    except Exception as error:  # a service's, of any kind
        raise DatasetError(f"`{name}` could not be loaded: {_short(error)}") from error


def _hub_rows(name: str, options: Mapping[str, str]) -> Iterable[object]:
    config, split = options.get("config"), options.get("split", "test")
    rows: Iterable[object] = _datasets().load_dataset(name, config, split=split, streaming=True)
    return rows


def _langsmith_rows(name: str, options: Mapping[str, str]) -> Iterable[object]:
    splits = [options["split"]] if "split" in options else None
    client = import_module("langsmith").Client()
    for one in client.list_examples(dataset_name=name, splits=splits):
        yield {"id": str(one.id), "inputs": one.inputs, "outputs": one.outputs}


def _datasets() -> Any:  # noqa: ANN401 an optional package
    try:
        return import_module("datasets")
    except ImportError:
        raise MissingExtraError("datasets", "evaluation") from None


def _short(error: Exception) -> str:
    return without_credentials(" ".join(str(error).split()))[:300]


_SERVICES: Mapping[str, tuple[_Read, Sequence[str]]] = {
    HUB: (_hub_rows, ("split", "config")),
    LANGSMITH: (_langsmith_rows, ("split",)),
}
"""What reads a service, and the options that its names take, by what opens them."""
