"""Every command in docs/evaluation.md and docs/reports.md can be typed as it stands there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from langchain_tpo import TPOSettings
from langchain_tpo.cli.main import app
from langchain_tpo.evaluation.systems import parse_systems

DOCS = Path(__file__).parents[3] / "docs"
PAGES = "".join(
    (DOCS / name).read_text(encoding="utf-8") for name in ("evaluation.md", "reports.md")
)
FENCED = re.findall(r"```(\w*)\n(.*?)```", PAGES, re.DOTALL)
BLOCKS = [block for language, block in FENCED if not language]
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("tpo ")]


def test_the_pages_have_commands() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = getattr(typer.main.get_command(app), "commands", {})[name]

    context = command.make_context(name, arguments)

    if name == "evaluate":
        parse_systems(context.params["systems"] or (), TPOSettings())
