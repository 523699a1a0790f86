"""docs/capacity.md shows what `tpo plan` prints; `tools/capacity_page.py` writes it."""

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("typer")

from langchain_tpo.cli.main import run_app

PAGE = Path(__file__).parents[3] / "docs" / "capacity.md"
SHOWN = re.compile(r"```\n\$ tpo (plan [^\n]+)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("number", range(5))
def test_a_command_prints_what_the_page_shows(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command, output = SHOWN.findall(PAGE.read_text(encoding="utf-8"))[number]

    assert run_app(shlex.split(command)) == 0
    assert capsys.readouterr().out == output, "run `python tools/capacity_page.py`"
