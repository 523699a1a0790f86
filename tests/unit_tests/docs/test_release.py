"""`tools/release.py` lets nothing pass that is not ready to be published."""

import runpy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "release.py"
READY = {
    "pyproject.toml": '[project]\nversion = "0.2.0"\n',
    "CHANGELOG.md": "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- More.\n\n## [0.1.0]\n",
    "docs/upgrading.md": "# Upgrading from 0.1 to 0.2\n",
}
"""What a repository holds that is ready for 0.2.0."""

Faults = Callable[[str, Path], Iterator[str]]


@pytest.fixture
def tool() -> dict[str, Any]:
    """Return the names of the tool."""
    return runpy.run_path(str(TOOL))


@pytest.fixture
def faults_of(tool: dict[str, Any]) -> Faults:
    """Return what looks a repository over."""
    found: Faults = tool["faults_of"]
    return found


def repository(root: Path, **changed: str) -> Path:
    """Commit the files of a repository that is ready, some of them changed."""
    for name, text in (READY | changed).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "Begin")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)  # noqa: S603, S607 our own arguments


def test_a_repository_that_is_ready_has_no_faults(faults_of: Faults, tmp_path: Path) -> None:
    assert list(faults_of("0.2.0", repository(tmp_path))) == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        (
            "pyproject.toml",
            '[project]\nversion = "0.1.9"\n',
            "pyproject.toml says 0.1.9, not 0.2.0",
        ),
        (
            "CHANGELOG.md",
            "## [Unreleased]\n\n## [0.2.0]\n",
            "CHANGELOG.md has no dated heading `## [0.2.0] - YYYY-MM-DD`",
        ),
        (
            "CHANGELOG.md",
            "## [Unreleased]\n\n- Late.\n\n## [0.2.0] - 2026-12-01\n",
            "CHANGELOG.md has changes under [Unreleased]",
        ),
        ("docs/upgrading.md", "# Upgrading from 0.1\n", "docs/upgrading.md says nothing of 0.2"),
    ],
)
def test_what_is_missing_is_named(
    file: str, text: str, fault: str, faults_of: Faults, tmp_path: Path
) -> None:
    assert list(faults_of("0.2.0", repository(tmp_path, **{file: text}))) == [fault]


def test_a_tag_that_exists_and_changes_not_committed_are_named(
    faults_of: Faults, tmp_path: Path
) -> None:
    root = repository(tmp_path)
    git(root, "tag", "v0.2.0")
    (root / "late.py").write_text("")

    assert list(faults_of("0.2.0", root)) == [
        "the working tree has changes that are not committed",
        "the tag v0.2.0 exists",
    ]


@pytest.mark.parametrize("faults", [[], ["the tag v0.2.0 exists"]])
def test_the_commands_that_publish_are_shown_when_nothing_is_in_the_way(
    faults: list[str],
    tool: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = tool["main"].__globals__
    monkeypatch.setitem(names, "faults_of", lambda version: faults)
    monkeypatch.setitem(names, "rehearse", lambda folder: None)

    status = tool["main"](["0.2.0"])

    shown = capsys.readouterr().out
    assert status == len(faults)
    assert ("twine upload" in shown) is (faults == [])
    assert all(f"in the way: {fault}" in shown for fault in faults)


def test_imports_are_timed_in_turn_and_what_a_first_one_compiles_is_left_out(
    tool: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    seconds = {"langgraph.graph": [9.0, 1.0], "langchain_tpo": [9.0, 1.5]}

    def import_time(environment: Path, module: str) -> float:
        asked.append(module)
        return seconds[module][min(asked.count(module), 2) - 1]

    monkeypatch.setitem(tool["import_times"].__globals__, "import_time", import_time)

    assert tool["import_times"](Path("environment")) == (
        "import langgraph.graph: 1.00 s, import langchain_tpo: 1.50 s of processor time, "
        "1.50 times as much"
    )
    assert asked[:4] == ["langgraph.graph", "langchain_tpo", "langchain_tpo", "langgraph.graph"]
