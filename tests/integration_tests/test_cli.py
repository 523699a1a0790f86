"""`tpo` as a process of its own: Ctrl-C, pipes, a disk that takes no more."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.evaluation.records import RECORDS, read_records

pytest.importorskip("typer", reason="needs the extra `cli`")

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
TPO = [sys.executable, "-m", "langchain_tpo"]


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 our own words
        [*TPO, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **options,
    )


def interrupt(process: subprocess.Popen[str], *, when: str) -> tuple[int, str, str]:
    """Press Ctrl-C once a line of stderr holds some words."""
    assert process.stderr is not None
    seen = ""
    while when not in seen:
        line = process.stderr.readline()
        assert line, f"`{when}` never came: {seen}"
        seen += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, seen + err


SLOW = ["-m", "python:tests.evaluation_models:slow", "-r", "python:tests.fakes:last_number"]


def test_ctrl_c_prints_the_best_so_far_and_exits_130() -> None:
    process = start(["optimize", "Hi", "-N", "3", "-D", "2", *SLOW])

    code, out, err = interrupt(process, when="round 0")

    assert (code, out) == (130, "sample 2\n")
    assert "interrupted; this is the best response so far" in err
    assert "Traceback" not in err


def test_ctrl_c_with_json_prints_the_pool_so_far() -> None:
    process = start(["optimize", "Hi", "-N", "3", "-D", "2", "--json", *SLOW])

    code, out, _ = interrupt(process, when="round 0")

    result = json.loads(out)
    assert code == 130
    assert (result["answer"], result["interrupted"], len(result["pool"])) == ("sample 2", True, 3)


def test_ctrl_c_ends_an_evaluation_that_can_be_resumed(tmp_path: Path) -> None:
    prompts, folder = tmp_path / "prompts.txt", tmp_path / "run"
    prompts.write_text("".join(f"question {n}\n" for n in range(3)))
    command = ["evaluate", str(prompts), "--out", str(folder), "-N", "2", "-D", "1", "-j", "1"]
    process = start([*command, "-s", "single", "-s", "tpo", *SLOW])
    deadline = time.monotonic() + 60
    while not (folder / RECORDS).exists() or not (folder / RECORDS).stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == f"{folder}\n"
    assert "`--resume`" in err
    assert "Traceback" not in err
    assert len(list(read_records(folder / RECORDS))) == 1


LONG = ["-m", "python:tests.evaluation_models:long_answers", "-r", "python:tests.fakes:last_number"]


def test_a_disk_that_takes_no_more_leaves_the_rest_finished_and_the_reason_recorded(
    tmp_path: Path,
) -> None:
    prompts, folder = tmp_path / "prompts.txt", tmp_path / "run"
    prompts.write_text("short 1\nlong 2\nshort 3\nshort 4\n")
    room = 100_000  # for all short answers, for none of the long ones

    def no_more_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    command = ["evaluate", str(prompts), "--out", str(folder), "-s", "best-of-n:width=2", *LONG]
    process = start([*command, "-j", "1", "--json"], preexec_fn=no_more_room)
    out, err = process.communicate(timeout=120)

    records = {record["example"]: record for record in read_records(folder / RECORDS)}
    assert process.returncode == 0, err
    assert json.loads(out)["unwritten"] == 0
    assert {name: record["status"] for name, record in records.items()} == {
        "1": "ok",
        "2": "failed",
        "3": "ok",
        "4": "ok",
    }
    assert "could not be written: File too large" in records["2"]["failure"]["message"]  # type: ignore[index]


def test_a_disk_that_is_full_from_the_start_is_a_failure_that_says_so(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    prompts, folder = tmp_path / "prompts.txt", tmp_path / "run"
    prompts.write_text("".join(f"question {n}\n" for n in range(200)))
    folder.mkdir()
    (folder / RECORDS).symlink_to("/dev/full")
    model = ["-m", "python:tests.fakes:ScriptedModelWithN", *LONG[2:]]

    process = start(["evaluate", str(prompts), "--out", str(folder), "-s", "single", *model])
    _, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "No space left on device" in err
    assert "results are not in the records: make room" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m langchain_tpo rewards | true"
    finished = subprocess.run(  # noqa: S602 our own words
        command, shell=True, capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert "Traceback" not in finished.stderr
    assert "Exception ignored" not in finished.stderr
