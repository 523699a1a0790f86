"""Reads the score in a Markdown table that a judge wrote.

Pure. A table of several scores, of which none is called the overall one, holds no verdict; nor does
one that says what the scores mean.
"""

import re
from collections.abc import Iterator, Sequence

_NAME = re.compile(
    r"(?:(?:overall|final|your|my)\s+)?(?:score|rating)(?:\s*[(\[][^)\]]*[)\]])?\s*:?",
    re.IGNORECASE,
)
_OVERALL = re.compile(r"overall|(?:overall|final)\s+(?:score|rating)", re.IGNORECASE)
_LEGEND = re.compile(r"meaning|descri|definition|level", re.IGNORECASE)
_RULE = re.compile(r":?-+:?")

Row = Sequence[str]
"""The cells of one line."""


def scores_in_tables(text: str) -> list[str]:
    r"""Return the cells that hold the score, one for each table that has such a cell.

    Args:
        text: A judge's reply.

    Example:
        >>> scores_in_tables("| Reason | Score |\n|---|---|\n| Brief | **4/5** |")
        ['4/5']
        >>> scores_in_tables("| Aspect | Score |\n|---|---|\n| Tone | 3 |\n| Depth | 5 |")
        []
    """
    return [cell for table in _tables(text) for cell in _of_table(table)]


def _tables(text: str) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for line in (*text.splitlines(), ""):
        if line.strip().startswith("|"):
            rows.append([cell.strip(" \t*_`") for cell in line.strip().strip("|").split("|")])
        elif rows:
            yield rows
            rows = []


def _of_table(rows: list[Row]) -> list[str]:
    body = [row for row in rows if not all(_RULE.fullmatch(cell) for cell in row)]
    ruled = len(rows) > 1 and len(body) == len(rows) - 1 and body[0] is rows[0]
    named = [row[1] for row in body if len(row) == 2 and _NAME.fullmatch(row[0])]  # noqa: PLR2004 a name, a value
    named = [value for value in named if any(map(str.isdigit, value))]
    return named or (_in_column(body[0], body[1:]) if ruled else [])


def _in_column(header: Row, rows: list[Row]) -> list[str]:
    """Return the score below its name, in the only row or in that of the overall score."""
    places = [place for place, name in enumerate(header) if _NAME.fullmatch(name)]
    if len(places) != 1 or any(_LEGEND.search(name) for name in header):
        return []
    overall = [row for row in rows if _OVERALL.fullmatch(row[0])]
    meant = rows if len(rows) == 1 else overall
    return [row[places[0]] for row in meant if len(row) == len(header)]
