"""One run as a page: its data is inert, its script is allowed by its hash, a notebook frames it."""

import base64
import hashlib
import html
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_tpo import TPORunnable
from langchain_tpo.page.run_page import embedded
from tests.support.fakes import ScriptedModelWithN, last_number

HOSTILE = "</script><script>alert(1)</script><!-- \ud83d"


def page() -> str:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    return tpo.optimize("Wood?").html(HOSTILE)


def test_the_page_holds_the_whole_run() -> None:
    (data,) = re.findall(r'<script type="application/json" id="run-data">(.*?)</script>', page())

    held = json.loads(data)
    assert len(held["run"]["pool"]) == 4
    assert held["run"]["rounds"][0]["textual_loss"].startswith("textual_loss")
    assert held["question"][0]["text"].startswith("</script>")


def test_no_text_of_a_run_is_markup_and_only_the_pages_script_may_run() -> None:
    drawn = page()

    assert drawn.count("<script") == 2
    (script,) = re.findall(r"<script>(.*?)</script>", drawn, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in drawn
    assert "default-src 'none'" in drawn
    assert drawn.encode()  # a half surrogate pair is no text that a file can hold


def test_data_cannot_close_its_element() -> None:
    assert embedded("x", HOSTILE).count("</script>") == 1


def test_a_notebook_shows_the_same_page_in_a_frame() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    result = tpo.optimize("Wood?")

    shown = result._repr_html_()

    (framed,) = re.findall(r'srcdoc="(.*?)" title', shown, flags=re.DOTALL)
    assert html.unescape(framed) == result.html()
    assert 'sandbox="allow-scripts"' in shown


def test_a_run_is_shown_below_a_cell_or_in_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    result, opened, displayed = tpo.optimize("Wood?"), list[str](), list[Any]()
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)

    result.show()

    (address,) = opened
    path = Path(address.removeprefix("file://"))
    assert path.read_text(encoding="utf-8") == result.html()
    path.unlink()

    shell = SimpleNamespace(kernel=object())
    doubles = SimpleNamespace(display=lambda value, *, raw: displayed.append((value, raw)))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", doubles)
    result.show()

    assert displayed == [({"text/html": result._repr_html_()}, True)]
    assert len(opened) == 1
