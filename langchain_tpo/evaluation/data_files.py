"""Rows out of files, one at a time: JSON lines, JSON, tables, Parquet, workbooks; packed or not.

Knows containers; how bytes become text is `text_files`, what a row means is `shapes`.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.examples import BadRow
from langchain_tpo.evaluation.file_kinds import (
    JSON_LINE,
    check_columns,
    check_lines,
    check_table,
    column_names,
    delimiter_of,
    json_or_none,
)
from langchain_tpo.evaluation.frames import rows_of_frame
from langchain_tpo.evaluation.text_files import (
    NOT_UTF8,
    UNPACKERS,
    check_utf8,
    needed,
    one_line,
    opened,
    opened_text,
)

Numbered: TypeAlias = Iterator[tuple[int, object]]
"""Rows with their place in the file, counted from 1; a `BadRow` where there is none to read."""


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
    return path.with_suffix("").suffix.lower() if suffix in UNPACKERS else suffix


def _json_lines(path: Path) -> Numbered:
    for number, line in _lines(path):
        try:
            if NOT_UTF8.search(line):
                raise ValueError("the line is no UTF-8")  # noqa: TRY301 as JSON's own errors
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadRow(id=f"row {number}", reason=f"No JSON: {error}.")


def _plain_lines(path: Path) -> Numbered:
    for number, line in _lines(path):
        check_utf8(path, number, line)
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
    check_utf8(path, 1, text)
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
    """Read a table strictly: a stray quotation mark would swallow the rows behind it."""
    csv.field_size_limit(sys.maxsize)
    number, begun = 0, False
    with opened_text(path, newline="") as file:
        rows = csv.DictReader(file, delimiter=delimiter, strict=True)
        try:
            check_columns(f"`{path}`", rows.fieldnames or ())
            begun = True
            for number, row in enumerate(rows, start=1):
                if None in row:
                    yield number, BadRow(id=f"row {number}", reason="More cells than columns.")
                    continue
                check_utf8(path, number, "".join(value or "" for value in row.values()))
                yield number, row
        except csv.Error as error:
            place = f"Row {number + 1}" if begun else "The first line"
            raise DatasetError(
                f"{place} of `{path}` could not be read: {_why_no_table(error)}"
            ) from None


def _why_no_table(error: csv.Error) -> str:
    slip = {
        "unexpected end of data": 'a cell begins with a `"` that nothing closes',
        "expected after": 'text stands behind the `"` that closes a cell',
    }
    why = next((words for part, words in slip.items() if part in str(error)), None)
    if why is None:
        return f"{error}."
    return f'{why}; put such a cell in quotes and write each `"` within it twice.'


def _parquet(path: Path) -> Numbered:
    parquet = needed("pyarrow.parquet", "pyarrow")
    try:
        with opened(path) as file:
            table = parquet.ParquetFile(file)
            check_columns(f"`{path}`", table.schema_arrow.names)
            batches = table.iter_batches(batch_size=256)
            rows = (row for batch in batches for row in batch.to_pylist())
            yield from enumerate(rows, start=1)
    except (OSError, ValueError) as error:  # pyarrow's own errors are both
        raise DatasetError(f"`{path}` is no Parquet file: {one_line(error)}") from error


def _workbook(path: Path) -> Numbered:
    """Read the first sheet, whose first row names the columns."""
    pandas = needed("pandas", "pandas")
    needed("openpyxl", "openpyxl")
    try:
        with opened(path) as file:
            table = pandas.read_excel(io.BytesIO(file.read()), dtype=object)
    except Exception as error:
        raise DatasetError(
            f"`{path}` could not be read as a workbook: {one_line(error)}"
        ) from error
    yield from enumerate(rows_of_frame(table), start=1)


def _first_lines(path: Path) -> str:
    """Return the start of a file, up to its second line: enough to know its kind."""
    with opened_text(path) as file:
        lines = (line[:_MOST_SNIFFED] for line in iter(lambda: file.readline(_MOST_SNIFFED), ""))
        return "".join(islice((line for line in lines if line.strip()), 2))


_MOST_SNIFFED = 8 << 20
"""Characters of a line that are looked at to know the kind of a file."""
