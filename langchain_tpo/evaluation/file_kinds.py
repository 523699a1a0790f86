"""What a text file is by its first lines, whatever its name says.

A name that lies is refused in one line that says the right one, or the file is read as what it is
and that is said. Knows first lines; reads no rows.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from langchain_tpo.errors import DatasetError
from langchain_tpo.text.shown import shown

_BEGINS_AS_JSON = re.compile(r"\s*[\[{]\s*[\[{\"]")
"""How JSON of rows begins, and no names of columns do."""

JSON_LINE = re.compile(r"\s*(?:\[\s*)?[\[{]\s*(?:\"|$)")
"""How the first line of JSON looks, and no prompt does: `[INST]` and `{{name}}` are prompts."""


def check_lines(path: Path, first: str, second: str) -> None:
    """Refuse a file none of whose first lines begins as JSON; one line may be damaged."""
    begun = [line for line in (first, second) if line.strip()]
    if begun and not any(_VALUE.match(line) for line in begun):
        raise DatasetError(
            f"`{path}` holds no JSON, its first line is `{shown(first)}`: name it `.csv` or `.tsv` "
            "where that names columns, `.txt` where every line is a prompt."
        )


_VALUE = re.compile(r'\s*(?:[\[{"]|-?\d+\s*$|(?:null|true|false)\s*$)')
"""How a value of JSON begins."""


def column_names(line: str) -> list[str]:
    """Return the cells of a first line that names columns of a data set; none where it does not."""
    cells = [cell.strip('"') for cell in re.split(r"[,;\t]", line)]
    named = len(cells) > 1 and all(re.fullmatch(r"[A-Za-z_][\w.]{0,40}", cell) for cell in cells)
    return cells if named and _PROMPT_COLUMNS.intersection(map(str.lower, cells)) else []


_PROMPT_COLUMNS = frozenset({"prompt", "question", "instruction", "query", "messages"})
"""Of these one at least is among the columns of a table of prompts."""


def check_table(path: Path, head: str) -> None:
    """Refuse a table that begins as JSON does."""
    if _BEGINS_AS_JSON.match(head):
        raise DatasetError(
            f"`{path}` holds JSON, and its name says a table: name it `.json`, or `.jsonl` where "
            "every line is a value."
        )


def check_columns(called: str, names: Iterable[object]) -> None:
    """Refuse two columns of one name, of which only one would be read; empty names are none.

    Args:
        called: What has the columns, for the error.
        names: Their names.

    Raises:
        DatasetError: In one line.
    """
    for name, times in Counter(str(name).strip() for name in names).items():
        if times > 1 and name:
            raise DatasetError(
                f"{called} has {times} columns of the name `{shown(name)}`: rename all but one."
            )


def json_or_none(line: str) -> object:
    """Return the value of a line; None where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def delimiter_of(head: str, usual: str) -> str:
    """Return what stands between the cells of the first line, outside of quotes.

    Args:
        head: The first lines.
        usual: What the file's name promises; a name ending in `.tsv` is believed where it can be.
    """
    first = head.partition("\n")[0]
    line = re.sub(r'"[^"]*"', "", first)
    if usual == "\t" and (usual in line or not column_names(first)):
        return usual
    ((mark, times),) = Counter({one: line.count(one) for one in ",;\t"}).most_common(1)
    return mark if times else usual
