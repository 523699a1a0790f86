"""What is built and installed into an empty environment is what the documentation shows."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "tests" / "support" / "documented_imports.py"
LIGHT = ("agents", "cli", "evaluation", "http", "local", "openai", "tgi")
"""Extras that bring no PyTorch."""
EVERY = os.environ.get("TPO_TEST_EXTRAS")
"""Set by `make test_extras`: each extra in an environment of its own takes minutes."""

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


def installed(folder: Path, wheel: Path, extras: str = "") -> Path:
    """Return the interpreter of an empty environment with nothing but the package."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    # Of thousands of modules few are imported: only those are compiled.
    run(*pip, "--no-compile", "--disable-pip-version-check", f"{wheel}{extras}")
    return python


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


def test_the_core_alone_runs_and_names_the_extra_for_the_rest(wheel: Path, tmp_path: Path) -> None:
    python = installed(tmp_path / "core", wheel)

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


def test_with_the_light_extras_every_documented_import_works(wheel: Path, tmp_path: Path) -> None:
    python = installed(tmp_path / "light", wheel, f"[{','.join(LIGHT)}]")

    found = imports(python, tmp_path)
    assert {line: outcome for line, outcome in found.items() if outcome != "ok"} == {}
    assert "optimize" in run(str(tmp_path / "light" / "bin" / "tpo"), "--help", cwd=tmp_path)


@pytest.mark.skipif(not EVERY, reason="takes minutes: `make test_extras`")
@pytest.mark.parametrize("extra", LIGHT)
def test_each_extra_is_enough_for_what_asks_for_it(extra: str, wheel: Path, tmp_path: Path) -> None:
    python = installed(tmp_path / extra, wheel, f"[{extra}]")

    found = imports(python, tmp_path)
    assert [line for line, outcome in found.items() if outcome == f"extra {extra}"] == []
    assert [line for line, outcome in found.items() if outcome.startswith("error")] == []
