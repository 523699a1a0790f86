"""docs/command_line*.md are what `tpo --help` says; `tools/command_line_page.py` writes them."""

import re
import runpy
from pathlib import Path

import pytest
import typer

from langchain_tpo.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = runpy.run_path(str(ROOT / "tools" / "command_line_page.py"))["pages"]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_commands_say(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == PAGES[name], "run `python tools/command_line_page.py`"


def test_every_command_is_listed_and_has_one_place() -> None:
    listed = re.findall(r"^\| \[`(tpo .+?)`\]\((.+?)#", PAGES["command_line.md"], re.MULTILINE)
    commands = {f"tpo {name}" for name in getattr(typer.main.get_command(app), "commands", {})}

    assert {name for name, _ in listed} == commands
    assert [name for name, page in listed if f"\n## {name}\n" not in PAGES[page]] == []
    assert sum(page.count("\n## tpo ") for page in PAGES.values()) == len(commands)
