"""Every command in docs/evaluation.md can be typed as it stands there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from langchain_tpo import TPOSettings
from langchain_tpo.cli.main import app
from langchain_tpo.evaluation.systems import parse_systems

PAGE = Path(__file__).parents[3] / "docs" / "evaluation.md"
FENCED = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
BLOCKS = [block for language, block in FENCED if not language]
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("tpo ")]


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = getattr(typer.main.get_command(app), "commands", {})[name]

    context = command.make_context(name, arguments)

    if name == "evaluate":
        parse_systems(context.params["systems"] or (), TPOSettings())
