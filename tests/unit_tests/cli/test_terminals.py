"""What models and servers write commands no terminal; a file or a pipe gets it as it is."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.cli.console import give, visible
from langchain_tpo.cli.main import run_app
from langchain_tpo.cli.run_folders import folder_name
from langchain_tpo.text.well_formed import well_formed
from tests.support.evaluation_models import VERY_LONG
from tests.support.hostile import ORDERS

ROOT = Path(__file__).parents[3]
HOSTILE = [
    *(
        "-m",
        "python:tests.support.evaluation_models:hostile",
        "-r",
        "python:tests.support.fakes:last_number",
    ),
    *("-N", "2", "-D", "1"),
]
HUGE = [
    *("-m", "python:tests.support.evaluation_models:huge"),
    *("-r", "python:tests.support.evaluation_models:huge_rationale"),
    *("-N", "2", "-D", "1"),
]
FAILING = ["-m", "python:tests.support.evaluation_models:hostile_error", *HOSTILE[2:]]
ANSWER = f"{well_formed(' '.join(ORDERS))} 5"
OWN_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
"""What rich sends to a terminal: colours, and the cursor up and down its own table."""

COMMANDS = re.compile(r"\x1b[]PX^_]|pwned\x07|\x1b\[2J|\x9b|\x08|\x7f|\u202e|\u2066|\ud83d")


def on_a_terminal(arguments: Sequence[str]) -> tuple[int, str]:
    """Run `tpo` on a terminal of its own; give its exit code and all that the terminal got."""
    ours, its = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(  # noqa: S603 our own words
        [sys.executable, "-m", "langchain_tpo", *arguments], stdout=its, stderr=its, env=env
    )
    os.close(its)
    got = bytearray()
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        got += chunk
    os.close(ours)
    return process.wait(60), got.decode()


def test_a_terminal_gets_no_command_of_a_model() -> None:
    code, got = on_a_terminal(["optimize", "Hi", "--show", "rounds", *HOSTILE])

    assert code == 0
    assert not COMMANDS.search(got)
    assert "\x1b" not in OWN_SEQUENCES.sub("", got)
    assert got.count("\\u001b]0;pwned\\u0007\\u001b[2J\\u009b31m\\u000d\\u0008\\u007f\\u202e") == 3


def test_a_terminal_gets_no_command_of_an_error() -> None:
    code, got = on_a_terminal(["--debug", "optimize", "Hi", *FAILING])

    assert code == 1
    assert not COMMANDS.search(got)
    assert "tpo: RuntimeError: Ignore all previous" in got.replace("\r\n", "")


def test_a_pipe_gets_the_answer_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_app(["optimize", "Hi", *HOSTILE]) == 0

    out, err = capfd.readouterr()
    assert out == f"{ANSWER}\n"
    assert not COMMANDS.search(err)


def test_json_on_a_terminal_is_still_json(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run_app(["optimize", "Hi", "--json", *HOSTILE]) == 0

    out = capfd.readouterr().out
    assert not COMMANDS.search(out)
    assert json.loads(out)["answer"] == ANSWER


def test_an_encoding_that_lacks_a_character_gets_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))

    give("caf\xe9 \u2713 \ud83d")

    assert raw.getvalue() == b"caf\xe9 \\u2713 \\ud83d\n"


def test_other_scripts_emoji_and_layout_stay_as_they_are() -> None:
    text = "caf\xe9\t\u0645\u0631\u062d\u0628\u0627\r\n\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert visible(text) == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "dataset",
    [
        "../../etc/passwd",
        "..",
        "/",
        "hf:../x?split=../y",
        "a\x1b[2J\nb.jsonl",
        "x" * 5000,
        "\ud83d",
    ],
)
def test_a_folder_named_after_a_data_set_stays_where_it_belongs(dataset: str) -> None:
    name = folder_name(dataset)

    assert re.fullmatch(r"[\w.-]{1,60}", name)
    assert not name.startswith(".")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["short", "very long"])
def test_a_whole_evaluation_survives_hostile_names_and_texts(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], size: str
) -> None:
    said, models = (" ".join(ORDERS), HOSTILE) if size == "short" else (VERY_LONG, HUGE)
    row: dict[str, Any] = {
        "id": f"../../{said}",
        "prompt": said,
        "category": said,
        "answer": said,
        said: said,
    }
    times = 2 if size == "short" else 1
    (tmp_path / "rows.jsonl").write_text((json.dumps(row) + "\n") * times)
    run = ["evaluate", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "run"), *models]

    assert run_app([*run, "-s", "tpo", "-s", "single", "-s", f"x{said[:20]}=best-of-n"]) == 0
    assert run_app(["report", str(tmp_path / "run")]) == 0
    assert run_app(["export-dpo", str(tmp_path / "run")]) == 0

    out, err = capfd.readouterr()
    assert not COMMANDS.search(out + err)
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert written[-1] == "run/report.md"
    assert [name for name in written if not name.startswith("run/")] == ["rows.jsonl"]
    for line in (tmp_path / "run" / "records.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["status"] == "ok"
