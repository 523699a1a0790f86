"""What the package promises by name, and conventions that no linter checks."""

import ast
import doctest
import importlib
import pkgutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import langchain_tpo
from langchain_tpo import errors, reward_models
from langchain_tpo.errors import MissingExtraError

PACKAGE = Path(langchain_tpo.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
OLD_ADDRESSES = ("langchain_tpo.chat_tpo", "langchain_tpo.reward_models.verifier_questions")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


def modules() -> list[str]:
    return [
        module.name
        for module in pkgutil.walk_packages([str(PACKAGE)], "langchain_tpo.")
        if not module.name.endswith("__main__") and module.name not in OLD_ADDRESSES
    ]


def is_folder(name: str) -> bool:
    return PACKAGE.parent.joinpath(*name.split(".")).is_dir()


def imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


PUBLIC = (
    "Candidate",
    "ChatTPO",
    "ConfigurationError",
    "Price",
    "RequestLimit",
    "RewardError",
    "RunError",
    "SamplingOptions",
    "TPOError",
    "TPOMiddleware",
    "TPOPrompts",
    "TPOResult",
    "TPORunnable",
    "TPOSettings",
    "__version__",
    "build_tpo_graph",
)
"""What users import every day; a name more or less is a decision, and a line of the changelog."""


@pytest.mark.parametrize("name", [name for name in modules() if is_folder(name)])
def test_a_shell_completes_what_a_folder_offers(name: str) -> None:
    folder = imported(name)
    assert set(getattr(folder, "__all__", ())) <= set(dir(folder))


def test_the_root_has_the_doors_and_nothing_else() -> None:
    public = {
        name
        for name, value in vars(langchain_tpo).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"TYPE_CHECKING", "import_module"}

    assert tuple(langchain_tpo.__all__) == PUBLIC
    assert public <= set(PUBLIC)
    assert all(hasattr(langchain_tpo, name) for name in PUBLIC)
    assert set(PUBLIC) <= set(dir(langchain_tpo))


@pytest.mark.parametrize("name", reward_models.__all__)
def test_every_name_of_the_reward_models_is_there(name: str) -> None:
    assert getattr(reward_models, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'TPORunable'"):
        langchain_tpo.TPORunable  # noqa: B018 the access is what is tested


@pytest.mark.parametrize("name", sorted(langchain_tpo._MOVED))
def test_a_name_that_moved_still_works_and_says_where_it_is(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"`langchain_tpo\.{name}` will go with 0\.3"):
        found = getattr(langchain_tpo, name)
    assert found is getattr(importlib.import_module(langchain_tpo._MOVED[name]), name)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("langchain_tpo.chat_tpo", "ChatTPO"),
        ("langchain_tpo.reward_models.verifier_questions", "YesNo"),
    ],
)
def test_an_address_that_the_documentation_named_still_works(module: str, name: str) -> None:
    sys.modules.pop(module, None)
    with pytest.warns(DeprecationWarning, match="will go with 0.3"):
        old = importlib.import_module(module)
    assert getattr(old, name) is not None


def test_a_person_is_where_the_documentation_had_it() -> None:
    assert (
        reward_models.HumanReward
        is importlib.import_module("langchain_tpo.reward_models.human").HumanReward
    )


def test_the_version_is_that_of_the_project_and_of_the_changelog() -> None:
    root = PACKAGE.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"[{project['version']}]" in changelog or project["version"] in changelog
    assert langchain_tpo.__version__ == project["version"]


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


def test_modules_and_functions_stay_small_enough_to_read() -> None:
    assert [too_long for path in SOURCES for too_long in too_long_to_read(path)] == []


def too_long_to_read(path: Path) -> Iterator[str]:
    source, name = path.read_text(encoding="utf-8"), path.relative_to(PACKAGE)
    if (lines := source.count("\n")) > LONGEST_MODULE:
        yield f"{name} has {lines} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > LONGEST_FUNCTION:
                yield f"{node.name} of {name} has {lines} lines"
