"""docs/models.md and docs/models_tried.md say what tests of LangChain's classes measured."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from langchain.chat_models import init_chat_model
from langchain_core.language_models import FakeListChatModel
from langchain_openai import ChatOpenAI

from langchain_tpo import TPORunnable
from tests.support.partner_models import ROWS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
RECORD = json.loads((ROOT / "tests/fixtures/partner_models.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "models_page.py"))


@pytest.mark.parametrize("name", ["models.md", "models_tried.md"])
def test_the_pages_are_what_was_measured(name: str, generator: dict[str, Any]) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    assert page == generator["pages"](RECORD)[name], "run `python tools/models_page.py`"


def test_every_class_that_is_tried_has_its_rows(generator: dict[str, Any]) -> None:
    pages = generator["pages"](RECORD)
    assert list(RECORD) == list(ROWS)
    assert pages["models.md"].partition("## Tried")[2].count("\n| `") == len(ROWS)
    assert pages["models_tried.md"].count("\n| `") == len(ROWS)


PAGE = (DOCS / "models.md").read_text(encoding="utf-8")
LINES = re.findall(r"`((?:ChatOpenAI|init_chat_model|model\.\w+)\([^`]*\))`", PAGE)


def test_the_lines_of_the_table_are_found() -> None:
    assert len(LINES) == 5


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_table_is_a_model(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    plain = FakeListChatModel(responses=["Oil it."])
    names = {"ChatOpenAI": ChatOpenAI, "init_chat_model": init_chat_model}
    model = eval(line, {**names, "model": plain, "other": plain})  # noqa: S307 our own page

    assert TPORunnable(model=model, reward=lambda _, response: len(response), width=2)


@pytest.mark.parametrize("name", ROWS)
def test_no_use_is_left_out_without_a_reason(name: str, generator: dict[str, Any]) -> None:
    uses = {"async", "with_structured_output", "bind_tools", "streaming"}
    wrapped = {"ChatTPO, retry", "ChatTPO, sequence"}
    wanted = {*generator["PRESETS"], *generator["USES"], *uses, *wrapped}

    assert set(RECORD[name]) == wanted - set(ROWS[name].lacks)
