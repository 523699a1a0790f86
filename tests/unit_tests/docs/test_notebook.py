"""The notebook runs top to bottom, and is kept without its outputs."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
NOTEBOOK = EXAMPLES / "first_steps.ipynb"


def cells(kind: str) -> list[dict[str, Any]]:
    """Return the cells of one kind."""
    read: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in read if cell["cell_type"] == kind]


def shown(source: str, names: dict[str, Any]) -> object:
    """Run a cell and return what its last line comes to, as Jupyter does."""
    *steps, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        exec(source, names)  # noqa: S102 our own cells
        return None
    exec(compile(ast.Module(steps, []), "cell", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


def test_it_runs_top_to_bottom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    names: dict[str, Any] = {}

    results = [shown("".join(cell["source"]), names) for cell in cells("code")]

    assert (16, 7) in results
    assert "<iframe" in names["result"]._repr_html_()
    printed = capsys.readouterr().out
    assert "tips are missing" in printed
    assert "round 2: best so far" in printed
    assert "To do: " in printed


def test_it_is_kept_clean() -> None:
    for cell in cells("code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_each_part_is_explained() -> None:
    headings = [line for cell in cells("markdown") for line in cell["source"] if line[0] == "#"]

    assert len(headings) > 4
    assert len(cells("markdown")) >= len(headings)
