"""Every reward model behind a server has a row in docs/reward_models.md, and its line runs."""

import re
from pathlib import Path

import pytest

from langchain_tpo import reward_models
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel

PAGE = Path(__file__).parents[3] / "docs" / "reward_models.md"
CELL = re.compile(r"`(\w+\(.*?\))` \|")


def doors() -> dict[str, type[HttpRewardModel]]:
    named = {name: getattr(reward_models, name) for name in reward_models.__all__}
    return {
        name: door
        for name, door in named.items()
        if isinstance(door, type) and issubclass(door, HttpRewardModel)
    }


DOORS = doors()
LINES = [
    line
    for row in PAGE.read_text(encoding="utf-8").splitlines()
    if row.startswith("|")
    for line in CELL.findall(row)
    if line.partition("(")[0] in DOORS
]


def test_every_door_has_a_line() -> None:
    assert len(DOORS) >= 11
    assert {line.partition("(")[0] for line in LINES} == DOORS.keys()


@pytest.mark.parametrize("line", LINES)
def test_every_line_runs(line: str) -> None:
    given = {"url": "http://127.0.0.1:8000", "key": "k", "llama3": reward_models.llama3}
    source = line.replace("reference=...", "reference=url")
    made = eval(source, {**given, **DOORS})  # noqa: S307 our own page
    assert isinstance(made, DOORS[line.partition("(")[0]])
