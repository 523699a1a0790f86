"""What is built and installed into an empty environment is what the documentation shows.

The light extras are those that `make test` installs, as `EXTRAS` in the Makefile lists them.
"""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "tests" / "support" / "documented_imports.py"
LIGHT = ("agents", "cli", "evaluation", "http", "local", "openai", "serve", "tgi")
"""Extras that bring no PyTorch."""
ALONE, TOGETHER = "core", "light"
"""The package without any extra, and with all of these."""
EVERY = os.environ.get("TPO_TEST_EXTRAS")
"""Set by `make test_extras`: to install everything from the index takes minutes."""

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the source distribution builds."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder))
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder / "source", filter="data")
    (unpacked,) = (folder / "source").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=unpacked)
    (built,) = folder.glob("*.whl")
    return built


def run(*command: str, cwd: Path = ROOT) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603 our own commands
        command, cwd=cwd, env=own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the package and what it always requires."""
    folder = tmp_path_factory.mktemp("core") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip_install(folder, str(wheel), *(() if EVERY else ("--no-deps",)))
    (packages,) = folder.glob("lib/*/site-packages")
    if not EVERY:
        link_requirements(installed(packages), frozenset(), packages, set())
    return folder / "bin" / "python"


def pip_install(folder: Path, *what: str) -> None:
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install")
    # Of thousands of modules few are imported: only those are compiled.
    run(*pip, "--quiet", "--no-compile", "--disable-pip-version-check", *what)


def installed(packages: Path) -> Distribution:
    """Return what the wheel has declared, as it is installed."""
    (metadata,) = packages.glob("langchain_tpo-*.dist-info")
    return PathDistribution(metadata)


def bring(core: Path, into: Path, extras: Sequence[str]) -> None:
    """Bring into a folder what the package requires for some extras.

    With `make test_extras` pip brings it from the index. Otherwise what the wheel declares, and
    what that declares in turn, is linked from the environment of these tests, which `make` has let
    pip fill with the same extras: nothing else can be imported either way.
    """
    if EVERY:
        pip_install(core.parents[2], "--target", str(into), f"langchain-tpo[{','.join(extras)}]")
    else:
        link_requirements(installed(core), frozenset(extras), into, set())


def link_requirements(
    package: Distribution, extras: frozenset[str], into: Path, seen: set[tuple[str, frozenset[str]]]
) -> None:
    """Link what a package requires, and what that requires, from the environment of the tests."""
    for requirement in map(Requirement, package.requires or ()):
        own = [{"extra": extra} for extra in extras or {""}]
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if requirement.marker and not any(map(requirement.marker.evaluate, own)):
            continue
        if key in seen:
            continue
        seen.add(key)
        if key[0] == "langchain-tpo":
            link_requirements(package, key[1], into, seen)
            continue
        required = distribution(requirement.name)
        assert requirement.specifier.contains(required.version, prereleases=True), requirement
        link_files(required, into)
        link_requirements(required, key[1], into, seen)


def link_files(package: Distribution, into: Path) -> None:
    for file in package.files or ():
        if ".." in file.parts or (into / file).exists():  # its commands, or linked already
            continue
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        (into / file).symlink_to(package.locate_file(file))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"langchain_tpo"}
    assert "langchain_tpo/py.typed" in names
    assert "langchain_tpo/evaluation/report/report.html.jinja" in names


def test_documented_imports_work_with_the_extra_that_they_name_without_it(
    core: Path, tmp_path: Path
) -> None:
    """In one test for all extras, which shares what is imported of the core."""
    (packages,) = core.parents[1].glob("lib/*/site-packages")
    folders = {extra: tmp_path / extra for extra in (ALONE, *LIGHT, TOGETHER)}
    for extra, folder in folders.items():
        folder.mkdir()
        if extra != ALONE:
            bring(packages, folder, LIGHT if extra == TOGETHER else (extra,))
    outcomes: dict[str, dict[str, str]] = json.loads(
        run(str(core), str(DOCUMENTED), str(ROOT), *map(str, folders.values()), cwd=tmp_path)
    )
    found = {extra: outcomes[str(folder)] for extra, folder in folders.items()}

    assert [(extra, error) for extra in found for error in errors_in(found[extra])] == []
    assert found[ALONE]["from langchain_tpo import TPORunnable, TPOSettings"] == "ok"
    asked = {outcome.removeprefix("extra ") for outcome in found[ALONE].values()} - {"ok"}
    assert {"local", "serve"} <= asked <= {*LIGHT, "transformers", "huggingface", "ray"}
    for extra in LIGHT:
        assert f"extra {extra}" not in found[extra].values(), extra
    assert set(found[TOGETHER].values()) == {"ok"}, found[TOGETHER]


def errors_in(found: dict[str, str]) -> list[str]:
    return [statement for statement, outcome in found.items() if outcome.startswith("error")]


def test_the_core_alone_runs(core: Path, tmp_path: Path) -> None:
    answer = run(
        str(core),
        "-c",
        "from langchain_tpo import TPORunnable, ChatTPO, build_tpo_graph, TPOSettings\n"
        "from langchain_core.language_models import FakeListChatModel\n"
        "model = FakeListChatModel(responses=['Oil it.'])\n"
        "tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, width=2, depth=1)\n"
        "print(tpo.invoke('Wood?').text)",
        cwd=tmp_path,
    )
    assert answer == "Oil it.\n"


def test_with_its_extra_the_command_line_runs(core: Path, tmp_path: Path) -> None:
    (packages,) = core.parents[1].glob("lib/*/site-packages")
    bring(packages, tmp_path / "cli", ("cli",))
    start = f"import sys; sys.path.append({str(tmp_path / 'cli')!r})"
    command = core.with_name("tpo").read_text(encoding="utf-8").partition("\n")[2]
    assert "optimize" in run(str(core), "-c", f"{start}\n{command}", "--help", cwd=tmp_path)
