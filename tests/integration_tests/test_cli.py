"""`tpo` as a process of its own: Ctrl-C, pipes, a disk that takes no more."""

import json
import os
import resource
from pathlib import Path

import pytest

from langchain_tpo.evaluation.records import RECORDS, read_records
from tests.support.tpo_process import tpo_process

pytest.importorskip("typer", reason="needs the extra `cli`")

pytestmark = pytest.mark.integration


SLOW = [
    "-m",
    "python:tests.support.evaluation_models:slow",
    "-r",
    "python:tests.support.fakes:last_number",
]


def test_ctrl_c_prints_the_best_so_far_and_exits_130(tmp_path: Path) -> None:
    with tpo_process(["optimize", "Hi", "-N", "3", "-D", "2", *SLOW], tmp_path) as tpo:
        tpo.until(lambda: "round 0" in tpo.said())
        tpo.interrupt()
        code, out, err = tpo.end()

    assert (code, out) == (130, "sample 2\n")
    assert "interrupted; this is the best response so far" in err
    assert "Traceback" not in err


def test_ctrl_c_with_json_prints_the_pool_so_far(tmp_path: Path) -> None:
    with tpo_process(["optimize", "Hi", "-N", "3", "-D", "2", "--json", *SLOW], tmp_path) as tpo:
        tpo.until(lambda: "round 0" in tpo.said())
        tpo.interrupt()
        code, out, _ = tpo.end()

    result = json.loads(out)
    assert code == 130
    assert (result["answer"], result["interrupted"], len(result["pool"])) == ("sample 2", True, 3)


def recorded(folder: Path) -> list[str]:
    return (folder / RECORDS).read_text(encoding="utf-8").splitlines()


def test_ctrl_c_ends_an_evaluation_that_can_be_resumed(tmp_path: Path) -> None:
    prompts, folder = tmp_path / "prompts.txt", tmp_path / "run"
    prompts.write_text("".join(f"question {n}\n" for n in range(3)))
    command = ["evaluate", str(prompts), "--out", str(folder), "-N", "2", "-D", "1", "-j", "1"]

    with tpo_process([*command, "-s", "single", "-s", "tpo", *SLOW], tmp_path) as tpo:
        tpo.until(lambda: (folder / RECORDS).exists() and len(recorded(folder)) == 2)
        tpo.interrupt()
        code, out, err = tpo.end()

    assert code == 130
    assert out == f"{folder}\n"
    assert "`--resume`" in err
    assert "Traceback" not in err
    assert len(recorded(folder)) == 2  # both systems of question 0


LONG = [
    "-m",
    "python:tests.support.evaluation_models:long_answers",
    "-r",
    "python:tests.support.fakes:last_number",
]


def test_a_disk_that_takes_no_more_leaves_the_rest_finished_and_the_reason_recorded(
    tmp_path: Path,
) -> None:
    prompts, folder = tmp_path / "prompts.txt", tmp_path / "run"
    prompts.write_text("short 1\nlong 2\nshort 3\nshort 4\n")
    room = 100_000  # for all short answers, for none of the long ones

    def no_more_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    command = ["evaluate", str(prompts), "--out", str(folder), "-s", "best-of-n:width=2", *LONG]
    with tpo_process([*command, "-j", "1", "--json"], tmp_path, before=no_more_room) as tpo:
        code, out, err = tpo.end()

    records = {record["example"]: record for record in read_records(folder / RECORDS)}
    assert code == 0, err
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
    model = ["-m", "python:tests.support.fakes:ScriptedModelWithN", *LONG[2:]]
    command = ["evaluate", str(prompts), "--out", str(folder), "-s", "single", *model]

    with tpo_process(command, tmp_path) as tpo:
        code, _, err = tpo.end()

    assert code == 1
    assert "No space left on device" in err
    assert "results are not in the records: make room" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with tpo_process(["rewards"], tmp_path, stdout=writing) as tpo:
        os.close(writing)
        _, _, err = tpo.end()

    assert "Traceback" not in err
    assert "Exception ignored" not in err
