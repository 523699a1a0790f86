"""What the package promises by name, and conventions that no linter checks."""

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import langchain_tpo
from langchain_tpo import errors
from langchain_tpo.errors import MissingExtraError

PACKAGE = Path(langchain_tpo.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


def modules() -> list[str]:
    return [
        module.name
        for module in pkgutil.walk_packages([str(PACKAGE)], "langchain_tpo.")
        if not module.name.endswith("__main__")
    ]


def imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_all_lists_every_public_name_sorted() -> None:
    public = {
        name
        for name, value in vars(langchain_tpo).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert set(langchain_tpo.__all__) == public
    assert list(langchain_tpo.__all__) == sorted(
        langchain_tpo.__all__, key=lambda name: (not name.isupper(), name)
    )


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(imported(name))

    assert result.failed == 0


def test_the_error_tree_is_the_one_drawn() -> None:
    drawn: list[tuple[str, str]] = []
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.lstrip(" │├└─").split()
        if not words or not words[0].endswith("Error"):
            continue
        column = line.index(words[0])
        path = [(at, name) for at, name in path if at < column]
        drawn.append((words[0], path[-1][1] if path else "Exception"))
        path.append((column, words[0]))

    written = [
        (name, value.__bases__[0].__name__)
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TPOError)
    ]
    assert sorted(drawn) == sorted(written)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_small_enough_to_read(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LONGEST_MODULE

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"
