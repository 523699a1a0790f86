"""docs/models.md is what the tests with LangChain's own classes measured."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.support.partner_models import ROWS

ROOT = Path(__file__).parents[3]
RECORD = json.loads((ROOT / "tests/fixtures/partner_models.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "models_page.py"))


def test_the_page_is_what_was_measured(generator: dict[str, Any]) -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    assert page == generator["page"](RECORD), "run `python tools/models_page.py`"


def test_every_class_that_is_tried_has_its_row(generator: dict[str, Any]) -> None:
    rows = generator["page"](RECORD).partition("## Tried")[2]
    assert list(RECORD) == list(ROWS)
    assert rows.count("\n| `") == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_no_use_is_left_out_without_a_reason(name: str, generator: dict[str, Any]) -> None:
    uses = {"async", "with_structured_output", "bind_tools", "streaming"}
    wrapped = {"ChatTPO, retry", "ChatTPO, sequence"}
    wanted = {*generator["PRESETS"], *generator["USES"], *uses, *wrapped}

    assert set(RECORD[name]) == wanted - set(ROWS[name].lacks)
