"""Examples from files and from the Hugging Face hub, one at a time.

A row that cannot be read is a `BadRow` in its place: it costs nobody else anything. Knows files;
what a row means is `examples`.
"""

import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from langchain_tpo.errors import DatasetError, MissingExtraError, TPOError
from langchain_tpo.evaluation.examples import BadRow, Row, example_of
from langchain_tpo.text.secrecy import without_credentials

HUB = "hf:"
"""What opens the name of a data set of the hub: `hf:owner/name?split=test&config=main`."""


def read_examples(source: str | Path) -> Iterator[Row]:
    r"""Return the examples of a data set in order; duplicate names get a number.

    Args:
        source: A file (`.jsonl`, `.json`, `.csv`, or `.txt` with a prompt per line), or
            `hf:NAME?split=...`, which needs the extra `evaluation`.

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
    seen: set[str] = set()
    for number, row in _raw_rows(source):
        example = row if isinstance(row, BadRow) else _read(row, number)
        names = chain([example.id], (f"{example.id}~{times}" for times in count(2)))
        name = next(name for name in names if name not in seen)
        seen.add(name)
        yield replace(example, id=name)


def count_rows(source: str | Path) -> int | None:
    """Count the rows of a file; None where that would mean to fetch them."""
    if str(source).startswith(HUB):
        return None
    return sum(1 for _ in _raw_rows(source))


def fingerprint(source: str | Path) -> str | None:
    """Return the SHA-256 of a file, to know it again; None for what is no file."""
    if str(source).startswith(HUB):
        return None
    with _opened(Path(source)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(row: object, number: int) -> Row:
    try:
        return example_of(row, number=number)
    except TPOError as error:
        return BadRow(id=f"row {number}", reason=str(error))


def _raw_rows(source: str | Path) -> Iterator[tuple[int, object]]:
    if str(source).startswith(HUB):
        return enumerate(_hub_rows(str(source).removeprefix(HUB)), start=1)
    path = Path(source)
    readers = {".jsonl": _json_lines, ".ndjson": _json_lines, ".json": _json, ".csv": _csv}
    reader = readers.get(path.suffix.lower(), _plain_lines)
    return reader(path)


def _json_lines(path: Path) -> Iterator[tuple[int, object]]:
    for number, line in _lines(path):
        try:
            yield number, json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            yield number, BadRow(id=f"row {number}", reason=f"No JSON: {error}.")


def _plain_lines(path: Path) -> Iterator[tuple[int, object]]:
    for number, line in _lines(path):
        try:
            yield number, line.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield number, BadRow(id=f"row {number}", reason=f"No UTF-8: {error}.")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _json(path: Path) -> Iterator[tuple[int, object]]:
    with _opened(path) as file:
        try:
            rows = json.load(file)
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f"`{path}` is no JSON ({error}): with one object per line it must end in `.jsonl`."
            ) from error
    if not isinstance(rows, list):
        raise DatasetError(f"`{path}` must hold a list of rows, got {type(rows).__name__}.")
    yield from enumerate(rows, start=1)


def _csv(path: Path) -> Iterator[tuple[int, object]]:
    csv.field_size_limit(sys.maxsize)
    _opened(path).close()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            if None in row:
                yield number, BadRow(id=f"row {number}", reason="More cells than columns.")
            else:
                yield number, row


def _hub_rows(name: str) -> Iterable[object]:
    try:
        hub: Any = import_module("datasets")
    except ImportError:
        raise MissingExtraError("datasets", "evaluation") from None
    repository, _, query = name.partition("?")
    options = dict(parse_qsl(query))
    config = options.pop("config", None)
    split = options.pop("split", "test")
    for option in options:
        raise DatasetError(f"`hf:{repository}` knows no `{option}`: use `split` and `config`.")
    try:
        rows: Iterable[object] = hub.load_dataset(repository, config, split=split, streaming=True)
    except Exception as error:
        reason = without_credentials(" ".join(str(error).split()))[:300]
        raise DatasetError(f"`hf:{name}` could not be loaded: {reason}") from error
    return rows


def _opened(path: Path) -> Any:  # noqa: ANN401 a binary file
    try:
        return path.open("rb")
    except OSError as error:
        raise DatasetError(f"`{path}` could not be read: {error.strerror}.") from error
