"""How `tpo` ends: exit codes, one line per mistake, answers alone on stdout."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from langchain_tpo.cli.main import run_app

ROOT = Path(__file__).parents[3]
SCRIPTED = [
    "-m",
    "python:tests.support.fakes:ScriptedModelWithN",
    "-r",
    "python:tests.support.fakes:last_number",
]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "frobnicate"),
        (["optimize", "hi", "--widht", "3"], "--widht"),
        (["optimize", "hi", "--width", "many"], "--width"),
        (["optimize", "hi", "--width", "1", *SCRIPTED], "`width` must be at least 2"),
        (["optimize", "hi", "--set", "widht=3", *SCRIPTED], "`widht`"),
        (["optimize", "hi", "--set", "width", *SCRIPTED], "`--set`"),
        (["optimize", "hi", "--show", "all", *SCRIPTED], "`--show`"),
        (["optimize", "hi", "--preset", "huge", *SCRIPTED], "`--preset`"),
        (["optimize", "  ", *SCRIPTED], "prompt is empty"),
        (["optimize", "hi", "--file", "x", *SCRIPTED], "not both"),
        (["optimize", "--file", "no-such-file", *SCRIPTED], "no-such-file"),
        (["optimize", "hi", "-m", "python:no_such_module:x"], "no_such_module"),
        (["optimize", "hi", "-m", "python:tests.support.fakes:nothing"], "`nothing`"),
        (["optimize", "hi", *SCRIPTED[:2], "-r", "oracle:x"], "`oracle:...`"),
        (["optimize", "hi", "-c", "no-such-file.toml"], "no-such-file.toml"),
        (["evaluate", "no-such-file.jsonl", *SCRIPTED], "no-such-file.jsonl"),
        (["report", "no-such-folder"], "holds no run"),
        (["export-dpo", "no-such-folder"], "no-such-folder"),
        (["evaluate", "README.md", *SCRIPTED], "nothing here reads `.md`"),
        (["evaluate", "/dev/null", *SCRIPTED], "no rows"),
        (["evaluate", "/dev/null", "--retry-failed", *SCRIPTED], "`--resume`"),
        (["evaluate", "/dev/null", "--metric", "beauty", *SCRIPTED], "`beauty`"),
        (["judge", "no-such-folder", "-m", "local"], "holds no run"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: Sequence[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run_app(arguments)

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_failure_is_one_line_and_exit_code_1(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "optimize",
        "question 7",
        "-m",
        "python:tests.support.evaluation_models:failing_on_seven",
    ]

    code = run_app([*arguments, "--quiet", *SCRIPTED[2:]])

    out, err = capfd.readouterr()
    assert (code, out) == (1, "")
    assert err == "tpo: RuntimeError: the provider is out of sevens\n"


def test_debug_shows_where_an_error_came_from(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "optimize",
        "question 7",
        "-m",
        "python:tests.support.evaluation_models:failing_on_seven",
    ]

    run_app(["--debug", *arguments, *SCRIPTED[2:]])

    assert "Traceback" in capfd.readouterr().err


def test_help_is_no_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_app(["--help"]) == 0
    assert "evaluate" in capfd.readouterr().out


def test_rewards_lists_what_can_be_typed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_app(["rewards"]) == 0
    assert "tgi:http://host:8080" in capfd.readouterr().out


def test_without_its_packages_tpo_says_how_to_get_them() -> None:
    hidden = "import sys; sys.modules['typer'] = None; from langchain_tpo.cli import main; main()"

    finished = subprocess.run(  # noqa: S603 our own words
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 2
    assert finished.stderr == (
        "tpo: `typer` is not installed: run `pip install 'langchain-tpo[cli]'`.\n"
    )


def test_an_interruption_while_tpo_starts_is_no_traceback() -> None:
    stopped = (
        "import sys\n"
        "import langchain_tpo.cli\n"
        "class Stopped:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.startswith('langchain_tpo.cli.'):\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stopped())\n"
        "langchain_tpo.cli.main()\n"
    )

    finished = subprocess.run(  # noqa: S603 our own words
        [sys.executable, "-c", stopped], capture_output=True, text=True, check=False
    )

    assert (finished.returncode, finished.stderr) == (130, "")


def test_only_reports_need_the_packages_of_reports(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("question 1\n")
    arguments = ["evaluate", str(tmp_path / "prompts.txt"), "--out", str(tmp_path / "run")]
    hidden = (
        "import sys; sys.modules['numpy'] = sys.modules['matplotlib'] = None\n"
        "from langchain_tpo.cli.main import run_app\n"
        f"evaluated = run_app({[*arguments, '-s', 'single', '--quiet', *SCRIPTED]!r})\n"
        f"sys.exit(run_app(['report', {str(tmp_path / 'run')!r}]) * 10 + evaluated)\n"
    )

    finished = subprocess.run(  # noqa: S603 our own words
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert finished.returncode == 20, finished.stderr
    assert "pip install 'langchain-tpo[evaluation]'" in finished.stderr.splitlines()[-1]


@pytest.mark.parametrize(("arguments", "words"), [([], "Usage: tpo"), (["--version"], "tpo 0.")])
def test_tpo_alone_and_its_version_are_answers(
    arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_app(arguments) == 0
    assert capfd.readouterr().out.startswith(words)


def test_what_calls_sys_exit_does_not_look_like_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.chdir(tmp_path)

    assert run_app(["optimize", "hi", *SCRIPTED[:2], "-r", "python:leaving:reward"]) == 1
    assert "SystemExit" in capfd.readouterr().err
