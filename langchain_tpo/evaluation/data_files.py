"""Rows out of files, one at a time: JSON lines, JSON, tables, Parquet, workbooks; packed or not.

Text is UTF-8, or says otherwise by a byte order mark: anything else is refused, not guessed. Knows
containers; what a row means is `shapes`.
"""

import bz2
import codecs
import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias

from langchain_tpo.errors import DatasetError, MissingExtraError
from langchain_tpo.evaluation.examples import BadRow
from langchain_tpo.evaluation.file_kinds import (
    JSON_LINE,
    check_lines,
    check_table,
    column_names,
    delimiter_of,
    json_or_none,
)
from langchain_tpo.evaluation.frames import rows_of_frame

Numbered: TypeAlias = Iterator[tuple[int, object]]
"""Rows with their place in the file, counted from 1; a `BadRow` where there is none to read."""

_NOT_UTF8 = re.compile(r"[\udc80-\udcff]")
"""How Python writes a byte that is no UTF-8."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN = (OSError, EOFError, zlib.error, UnicodeError)
"""What a damaged archive or text raises while it is read."""


def reader_of(path: Path) -> tuple[Callable[[], Numbered], str | None]:
    """Return what reads a file, and what had to be guessed for it, in words.

    Raises:
        DatasetError: In one line, when nothing here reads such a file.
    """
    suffix = _inner_suffix(path)
    hidden = path.with_suffix("").suffix.lower() if suffix == ".txt" else ""
    if hidden in (".csv", ".tsv"):
        raise DatasetError(
            f"`{path}` may be a table or a prompt per line: name it `{hidden}` or `.txt` alone."
        )
    if suffix in (".xlsx", ".parquet"):
        read = _workbook if suffix == ".xlsx" else _parquet
        return (lambda: read(path)), None
    head = _first_lines(path)
    if suffix in (".csv", ".tsv"):
        check_table(path, head)
        usual = "\t" if suffix == ".tsv" else ","
        mark = delimiter_of(head, usual)
        said = mark not in (usual, "\t")
        note = f"`{path.name}` is read with `{mark}` between cells." if said else None
        return (lambda: _table(path, mark)), note
    if suffix in (".json", ".jsonl", ".ndjson", ".txt", ""):
        return _text_reader(path, suffix, head)
    raise DatasetError(
        f"`{path}`: nothing here reads `{suffix}`; use .jsonl, .json, .csv, .tsv, .parquet, .xlsx, "
        ".txt with a prompt per line (each also as .gz, .bz2 or .zst), or a saved data set."
    )


def _text_reader(path: Path, suffix: str, head: str) -> tuple[Callable[[], Numbered], str | None]:
    first, _, second = head.strip().partition("\n")
    value = json_or_none(first)
    objects = isinstance(value, dict)
    if suffix == ".json" and not (objects and second):
        return (lambda: _json(path)), None
    if suffix in (".jsonl", ".ndjson"):
        alone = isinstance(value, list) and not second
        if alone or (value is None and (first.startswith("[") or first == "{")):
            note = f"`{path.name}` is one JSON value, not one per line: read as .json."
            return (lambda: _json(path)), note
        check_lines(path, first, second)
        return (lambda: _json_lines(path)), None
    if objects:
        return (lambda: _json_lines(path)), f"`{path.name}` holds JSON lines: read as .jsonl."
    if suffix == ".txt":
        return _prompts_reader(path, first)
    raise DatasetError(
        f"`{path}` has no ending that says what it is: name it .jsonl, .csv, .tsv, or .txt where "
        "every line is a prompt."
    )


def _prompts_reader(path: Path, first: str) -> tuple[Callable[[], Numbered], str | None]:
    """Return what reads a prompt per line, unless the lines are those of something else."""
    if JSON_LINE.match(first):
        return (lambda: _json(path)), f"`{path.name}` holds one JSON value: read as .json."
    if names := column_names(first):
        raise DatasetError(
            f"`{path}` begins with names of columns ({', '.join(names)}), and its name says a "
            "prompt per line: name it `.csv` or `.tsv`."
        )
    return (lambda: _plain_lines(path)), None


def _inner_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() if suffix in _UNPACKERS else suffix


def _json_lines(path: Path) -> Numbered:
    for number, line in _lines(path):
        try:
            if _NOT_UTF8.search(line):
                raise ValueError("the line is no UTF-8")  # noqa: TRY301 as JSON's own errors
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadRow(id=f"row {number}", reason=f"No JSON: {error}.")


def _plain_lines(path: Path) -> Numbered:
    for number, line in _lines(path):
        _check_utf8(path, number, line)
        yield number, line


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with opened_text(path) as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip("\r\n").strip("\ufeff")  # a mark: files were joined
            if text.strip():
                yield number, text


def _json(path: Path) -> Numbered:
    with opened_text(path) as file:
        text = file.read()
    _check_utf8(path, 1, text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"`{path}` is no JSON: {error}.") from error
    if isinstance(value, dict):
        value = _rows_within(path, value)
    if not isinstance(value, list):
        raise DatasetError(f"`{path}` must hold a list of rows, got {type(value).__name__}.")
    yield from enumerate(value, start=1)


def _rows_within(path: Path, value: dict[str, Any]) -> list[Any]:
    """Return the rows of an object around them, of one of columns, or of one that is a row."""
    listed = {name: rows for name, rows in value.items() if _is_rows(rows)}
    if len(listed) > 1 and len(listed) == len(value):
        names = ", ".join(f"`{name}`" for name in listed)
        raise DatasetError(
            f"`{path}` holds several sets of rows ({names}): save one of them alone."
        )
    if len(listed) == 1 and len(value) <= _MOST_WRAPPERS:
        return next(iter(listed.values()))
    columns = [_as_column(one) for one in value.values()]
    lengths = {None if column is None else len(column) for column in columns}
    if "turns" not in value and len(columns) > 1 and len(lengths) == 1 and lengths != {None}:
        cells = zip(*(column or () for column in columns), strict=True)
        return [dict(zip(value, row, strict=True)) for row in cells]
    return [value]


def _as_column(value: object) -> list[Any] | None:
    """Return a column as `datasets` or pandas write it: a list, or an object from place to cell."""
    if isinstance(value, dict) and value and all(place.isdecimal() for place in value):
        value = list(value.values())
    plain = isinstance(value, list) and not any(isinstance(cell, list | dict) for cell in value)
    return value if plain and isinstance(value, list) else None


_MOST_WRAPPERS = 3
"""Keys of an object around the rows, such as `{"version": ..., "data": [...]}`."""


def _is_rows(value: object) -> bool:
    rows = isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    return bool(rows) and not any({"role", "from"} & row.keys() for row in value)  # type: ignore[attr-defined]


def _table(path: Path, delimiter: str) -> Numbered:
    csv.field_size_limit(sys.maxsize)
    number = 0
    with opened_text(path, newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter)
        try:
            for number, row in enumerate(rows, start=1):
                if None in row:
                    yield number, BadRow(id=f"row {number}", reason="More cells than columns.")
                    continue
                _check_utf8(path, number, "".join(value or "" for value in row.values()))
                yield number, row
        except csv.Error as error:
            raise DatasetError(
                f"Row {number + 1} of `{path}` could not be read: {error}."
            ) from None


def _parquet(path: Path) -> Numbered:
    parquet = _needed("pyarrow.parquet", "pyarrow")
    try:
        with opened(path) as file:
            batches = parquet.ParquetFile(file).iter_batches(batch_size=256)
            rows = (row for batch in batches for row in batch.to_pylist())
            yield from enumerate(rows, start=1)
    except (OSError, ValueError) as error:  # pyarrow's own errors are both
        raise DatasetError(f"`{path}` is no Parquet file: {_one_line(error)}") from error


def _workbook(path: Path) -> Numbered:
    """Read the first sheet, whose first row names the columns."""
    pandas = _needed("pandas", "pandas")
    _needed("openpyxl", "openpyxl")
    try:
        with opened(path) as file:
            table = pandas.read_excel(io.BytesIO(file.read()), dtype=object)
    except Exception as error:
        raise DatasetError(
            f"`{path}` could not be read as a workbook: {_one_line(error)}"
        ) from error
    yield from enumerate(rows_of_frame(table), start=1)


def _check_unpacked(path: Path, head: bytes) -> None:
    for mark, (kind, remedy) in _PACKED.items():
        if head.startswith(mark):
            raise DatasetError(f"`{path}` is no text but {kind}: {remedy}.")


_PACKED = {
    b"\x1f\x8b": ("packed with gzip", "add `.gz` to its name"),
    b"BZh": ("packed with bzip2", "add `.bz2` to its name"),
    b"\x28\xb5\x2f\xfd": ("packed with zstandard", "add `.zst` to its name"),
    b"\xfd7zXZ\x00": ("packed with xz", "unpack it"),
    b"PK\x03\x04": ("a ZIP archive", "unpack it, or name a workbook `.xlsx`"),
    b"PAR1": ("Parquet", "name it `.parquet`"),
}
"""How files begin that are no text, what they are, and what to do."""


def opened(path: Path) -> Any:  # noqa: ANN401 a binary file
    """Open a file, unpacked where its ending says that it is packed.

    Raises:
        DatasetError: In one line, when it cannot be opened.
    """
    try:
        return _UNPACKERS.get(path.suffix.lower(), io.open)(path, "rb")
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror or error}.") from error


@contextmanager
def opened_text(path: Path, *, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Open a text file in the encoding that its first bytes tell.

    Raises:
        DatasetError: In one line, when it is damaged or no text, also while it is read.
    """
    try:
        encoding = _encoding(path)
        with opened(path) as file:
            errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
            yield io.TextIOWrapper(file, encoding=encoding, errors=errors, newline=newline)
    except _BROKEN as error:
        raise DatasetError(f"`{path}` could not be read: {_one_line(error)}") from error


def _encoding(path: Path) -> str:
    with opened(path) as file:
        head = file.read(4096)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    _check_unpacked(path, head)
    if _is_unmarked_utf16(head):
        raise DatasetError(
            f"`{path}` is no UTF-8 text (but UTF-16 without a mark): save it as UTF-8."
        )
    return "utf-8"


def _is_unmarked_utf16(head: bytes) -> bool:
    """Whether every other byte of a plain text is null."""
    halves = head[::2], head[1::2]
    return any(
        nulls
        and letters
        and not any(nulls)
        and min(letters) >= ord("\t")
        and max(letters) > ord(" ")
        for nulls, letters in (halves, halves[::-1])
    )


def _check_utf8(path: Path, number: int, text: str) -> None:
    found = _NOT_UTF8.search(text)
    if found:
        byte = ord(found[0]) - 0xDC00
        raise DatasetError(
            f"Row {number} of `{path}` is no UTF-8 (byte 0x{byte:02x}): save the file as UTF-8, as "
            "in `iconv -f WINDOWS-1252 -t UTF-8`."
        )


def _first_lines(path: Path) -> str:
    """Return the start of a file, up to its second line: enough to know its kind."""
    with opened_text(path) as file:
        lines = (line[:_MOST_SNIFFED] for line in iter(lambda: file.readline(_MOST_SNIFFED), ""))
        return "".join(islice((line for line in lines if line.strip()), 2))


_MOST_SNIFFED = 8 << 20
"""Characters of a line that are looked at to know the kind of a file."""


def _zstandard(path: Path, _mode: str) -> Any:  # noqa: ANN401 a binary file
    """Read as Python's own unpackers do: a file that was cut off is an error, not a shorter one."""
    zstandard = _needed("zstandard", "zstandard")
    return io.BufferedReader(_Frames(path.open("rb"), zstandard))


class _Frames(io.RawIOBase):
    """What one or more frames of zstandard hold."""

    def __init__(self, file: IO[bytes], zstandard: Any) -> None:  # noqa: ANN401 the package
        self._file, self._zstandard = file, zstandard
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun, self._held = False, b""

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:  # noqa: ANN401 a buffer
        while not self._held:
            packed = self._frame.unused_data if self._frame.eof else self._file.read(1 << 16)
            packed = packed or self._file.read(1 << 16)
            if not packed:
                if self._begun and not self._frame.eof:
                    raise EOFError("the file ended in the middle of a frame")
                return 0
            self._held = self._unpacked(packed)
        taken, self._held = self._held[: len(room)], self._held[len(room) :]
        room[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _unpacked(self, packed: bytes) -> bytes:
        if self._frame.eof:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        self._begun = True
        try:
            unpacked: bytes = self._frame.decompress(packed)
        except self._zstandard.ZstdError as error:
            raise OSError(str(error)) from error
        return unpacked


def _needed(module: str, package: str) -> Any:  # noqa: ANN401 an optional package
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(package, "evaluation") from None


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200].rstrip(".") + "."


_UNPACKERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".zst": _zstandard,
}
