"""docs/errors.md is what `tools/errors_page.py` says, and the package raises nothing else."""

import ast
import runpy
from pathlib import Path
from typing import Any

import pytest

import langchain_tpo
from langchain_tpo import errors

DOCS = Path(__file__).parents[3] / "docs"
PACKAGE = Path(langchain_tpo.__file__).parent

INTERNAL = {
    "AssertionError": "in the process of `UnitTests`, which reports it as a failed test",
    "PermissionError": "in the process of `UnitTests`: what the code under test may not do",
    "AnswerError": "caught where a person is asked: the question is asked again",
    "EOFError": "a compressed data set that is cut off: read as a DatasetError",
    "OSError": "likewise, of bytes that are no such compression",
    "TypeError": "of a row's messages: read as a DatasetError",
    "DiskFullError": "an OSError, caught by `tpo evaluate`",
    "HopelessError": "a RunError, caught by `tpo evaluate`",
    "AmbiguousVerdict": "as UnreadableVerdict",
    "NoVerdict": "likewise",
    "UnreadableVerdict": "an OutputParserException: what a judge's `with_retry` sees",
    "OutputParserException": "what a judge's `with_retry` sees; a RewardOutputError in the end",
    "AttributeError": "what Python wants of a module's `__getattr__`",
    "NotImplementedError": "in the place of a model that is never called",
    "ValueError": "what pydantic and JSON readers turn into an error of the tree",
    "StructuredOutputValidationError": "LangChain's, which an agent raises without TPO as well",
}
"""What is raised beside the tree: unseen outside, or another's own."""


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(DOCS.parent / "tools" / "errors_page.py"))


def test_the_page_is_what_the_module_says(generator: dict[str, Any]) -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert page == generator["page"](), "run `python tools/errors_page.py`"


def test_there_is_advice_for_every_error_and_somebody_raises_it(generator: dict[str, Any]) -> None:
    tree = [error.__name__ for error in generator["listed"]()]
    raised = generator["raisers"]()

    assert list(generator["ADVICE"]) == tree
    assert [name for name in tree if name not in raised] == ["TPOError"]


def test_the_package_raises_nothing_but_its_own_errors() -> None:
    allowed = {name for name in vars(errors) if name.endswith("Error")} | set(INTERNAL)
    raised = {
        node.exc.func.id
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }

    classes = {name for name in raised if name[0].isupper()}
    assert sorted(classes - allowed) == []
    assert {"SettingsError", "RewardServerError"} <= classes
