"""What is built and installed into an empty environment is what the documentation shows.

The light extras are those that `make test` installs, as `EXTRAS` in the Makefile lists them.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "tests" / "support" / "documented_imports.py"
LIGHT = ("agents", "cli", "evaluation", "http", "local", "openai", "serve", "tgi")
"""Extras that bring no PyTorch."""
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
    """An environment with nothing but the package and what it always requires."""
    folder = tmp_path_factory.mktemp("core") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip_install(folder, str(wheel), *(() if EVERY else ("--no-deps",)))
    return extended(folder)


def pip_install(folder: Path, *what: str) -> None:
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install")
    # Of thousands of modules few are imported: only those are compiled.
    run(*pip, "--quiet", "--no-compile", "--disable-pip-version-check", *what)


def extended(folder: Path, *extras: str) -> Path:
    """Bring what the package in an environment requires for some extras.

    With `make test_extras` pip brings it from the index. Otherwise what the wheel declares, and
    what that declares in turn, is linked from the environment of these tests, which `make` has let
    pip fill with the same extras: nothing else can be imported either way.
    """
    (packages,) = folder.glob("lib/*/site-packages")
    (metadata,) = packages.glob("langchain_tpo-*.dist-info")
    if not EVERY:
        link_requirements(PathDistribution(metadata), frozenset(extras), packages, set())
    elif extras:
        pip_install(folder, f"langchain-tpo[{','.join(extras)}]")
    return folder


def with_extras(core: Path, folder: Path, *extras: str) -> Path:
    """Return the interpreter of an environment that has the core and some extras."""
    shutil.copytree(core, folder, symlinks=True)
    return extended(folder, *extras) / "bin" / "python"


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


def imports(python: Path, folder: Path) -> dict[str, str]:
    tried: dict[str, str] = json.loads(run(str(python), str(DOCUMENTED), str(ROOT), cwd=folder))
    return tried


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"langchain_tpo"}
    assert "langchain_tpo/py.typed" in names
    assert "langchain_tpo/evaluation/report/report.html.jinja" in names


def test_the_core_alone_runs_and_names_the_extra_for_the_rest(core: Path, tmp_path: Path) -> None:
    python = core / "bin" / "python"

    found = imports(python, tmp_path)
    assert found
    assert [line for line, outcome in found.items() if outcome.startswith("error")] == []
    asked = {outcome.removeprefix("extra ") for outcome in found.values() if outcome != "ok"}
    assert asked <= {*LIGHT, "transformers", "huggingface", "serve", "ray"}
    doors = "from langchain_tpo import TPORunnable, ChatTPO, build_tpo_graph, TPOSettings"
    assert found.get("from langchain_tpo import TPORunnable, TPOSettings", "ok") == "ok"
    answer = run(
        str(python),
        "-c",
        f"{doors}\n"
        "from langchain_core.language_models import FakeListChatModel\n"
        "model = FakeListChatModel(responses=['Oil it.'])\n"
        "tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, width=2, depth=1)\n"
        "print(tpo.invoke('Wood?').text)",
        cwd=tmp_path,
    )
    assert answer == "Oil it.\n"


def test_with_the_light_extras_every_documented_import_works(core: Path, tmp_path: Path) -> None:
    python = with_extras(core, tmp_path / "light", *LIGHT)

    found = imports(python, tmp_path)
    assert {line: outcome for line, outcome in found.items() if outcome != "ok"} == {}
    assert "optimize" in run(str(python), str(python.with_name("tpo")), "--help", cwd=tmp_path)


@pytest.mark.parametrize("extra", LIGHT)
def test_each_extra_is_enough_for_what_asks_for_it(extra: str, core: Path, tmp_path: Path) -> None:
    python = with_extras(core, tmp_path / extra, extra)

    found = imports(python, tmp_path)
    assert [line for line, outcome in found.items() if outcome == f"extra {extra}"] == []
    assert [line for line, outcome in found.items() if outcome.startswith("error")] == []
