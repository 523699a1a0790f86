"""The page of troubleshooting quotes lines that the package really writes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS = [row.split("|")[1] for row in re.findall(r"^\| `.*$", PAGE, re.MULTILINE)]
JOINED = re.compile(r"\"\s*\n\s*f?\"")
"""Where a string goes on in the next line of code."""


def source() -> str:
    files = (ROOT / "langchain_tpo").rglob("*.py")
    return JOINED.sub("", "\n".join(path.read_text(encoding="utf-8") for path in files))


SOURCE = source()


@pytest.mark.parametrize("row", ROWS)
def test_a_line_is_one_of_ours(row: str) -> None:
    quoted = re.findall(r"`([^`]+)`", row)
    assert quoted
    for part in quoted:
        assert part in SOURCE, part


def test_there_are_rows() -> None:
    assert len(ROWS) > 10
