"""Draws that systems share stand on disk once, and every reader is given whole pools."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.done import Done
from langchain_tpo.evaluation.held_draws import standing_alone
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import (
    RecordFile,
    read_placed_records,
    read_records,
    records_at,
)
from tests.support.evaluation_runs import evaluated, questions
from tests.support.record_files import drop_failed

ALL = ["single", "best-of-n", "revision", "tpo", "best-of-n-matched"]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def record(system: str, pool: list[str], of: str | None = None, held: int = 0) -> Any:
    origin: dict[str, Any] = {"key": "k", "taken": held}
    run: dict[str, Any] = {"rounds": [], "steps": [], "drops": [], "messages": [], "answer": ""}
    run |= {"reward": 1.0, "usage": {}, "stop_reason": "depth"}
    run["pool"] = [{"text": text, "reward": 1.0, "round": 0} for text in pool]
    run["first_samples"] = origin | ({"of": of, "held": held} if of else {})
    return {"example": "1", "system": system, "status": "ok", "fields": {}, "runs": [run]}


def texts(records: Any) -> dict[str, list[str]]:
    return {one["system"]: [each["text"] for each in one["runs"][0]["pool"]] for one in records}


def write(path: Path, *records: Any) -> None:
    with RecordFile(path) as file:
        for one in records:
            file.append(one)


TPO, BEST = record("tpo", ["a", "b"]), record("best", ["a", "b"], "tpo", 2)
WIDE = record("wide", ["a", "b", "c"], "tpo", 2)
WIDER = record("wider", ["a", "b", "c", "d"], "wide", 3)
WHOLE = {"tpo": ["a", "b"], "best": ["a", "b"], "wide": ["a", "b", "c"]}


async def test_an_evaluation_writes_each_draw_once_and_reads_it_everywhere(tmp_path: Path) -> None:
    records = await evaluated(tmp_path / "r", questions(3), ALL)

    drawn = [one for one in records if one["runs"][0]["first_samples"]["taken"]]
    assert len(drawn) == 12
    assert all(one["runs"][0]["pool"][0]["round"] == 0 for one in drawn)
    for line in lines(tmp_path / "r"):
        run, whole = (
            line["runs"][0],
            next(
                one["runs"][0]
                for one in records
                if (one["example"], one["system"]) == (line["example"], line["system"])
            ),
        )
        held = whole["first_samples"].get("held", 0)
        assert held == whole["first_samples"]["taken"]
        assert run["pool"] == whole["pool"][held:]


async def test_what_is_written_shared_is_what_was_written_whole(tmp_path: Path) -> None:
    records = await evaluated(tmp_path / "r", questions(3), ALL)
    with RecordFile(tmp_path / "whole") as file:
        for one in records:
            file.append(standing_alone(one))

    whole = list(read_records(tmp_path / "whole"))

    assert lines(tmp_path / "whole") == whole
    assert [one["runs"][0]["pool"] for one in records] == [one["runs"][0]["pool"] for one in whole]
    assert (tmp_path / "r").stat().st_size < (tmp_path / "whole").stat().st_size


def test_every_way_of_reading_gives_whole_pools(tmp_path: Path) -> None:
    path = tmp_path / "r"
    write(path, TPO, BEST, WIDE, WIDER)
    expected = WHOLE | {"wider": ["a", "b", "c", "d"]}

    places = [place for place, _ in read_placed_records(path)]

    assert texts(read_records(path)) == expected
    assert texts(records_at(path, places)) == expected
    assert texts(Done(path).answers("1")) == expected
    assert [len(one["runs"][0]["pool"]) for one in lines(path)] == [2, 0, 1, 1]


def test_a_holder_that_comes_later_in_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "r"
    write(path, WIDE, BEST, TPO)

    assert texts(read_records(path)) == WHOLE


def test_dropping_failed_records_keeps_what_is_shared(tmp_path: Path) -> None:
    path = tmp_path / "r"
    failed = {**TPO, "example": "0", "status": "failed", "runs": []}
    write(path, failed, TPO, failed | {"system": "x"}, BEST, WIDE)

    assert drop_failed(path) == 2

    assert texts(read_records(path)) == WHOLE
    assert [len(one["runs"][0]["pool"]) for one in lines(path)] == [2, 0, 1]


@pytest.mark.parametrize("read", [lambda path: list(read_records(path)), Done])
@pytest.mark.parametrize(
    "records",
    [
        [BEST],
        [record("tpo", ["a"]), BEST],
        [{**TPO, "example": "2"}, BEST],
        [record("best", ["a", "b"], "best", 2)],
        [record("tpo", ["a", "b"], "best", 2), BEST],
    ],
    ids=["no holder", "too few draws", "another example", "itself", "in a circle"],
)
def test_a_holder_that_is_missing_is_said(
    tmp_path: Path, records: list[Any], read: Callable[[Path], Any]
) -> None:
    path = tmp_path / "r"
    write(path, *records)

    with pytest.raises(DatasetError, match="begins with 2 draws that stand in the record of"):
        read(path)


def test_folders_that_hold_every_draw_in_every_record_are_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with RecordFile(path) as file:
        for one in (TPO, record("best", ["a", "b"]), record("wide", ["a", "b", "c"])):
            file.append(one)

    assert texts(read_records(path)) == WHOLE


def test_a_record_is_written_whole_while_its_holder_waits_for_room_on_the_disk(
    tmp_path: Path,
) -> None:
    path, file = tmp_path / "r", RecordFile(tmp_path / "r")
    full, append = [True], file.append

    def reluctant(one: Any) -> None:
        if full[0] and one["system"] == "tpo" and one["status"] == "ok":
            raise OSError(28, "No space left on device")
        append(one)

    file.append = reluctant  # type: ignore[method-assign]
    with RecordWriter(file) as writer:
        writer.add(TPO)
        writer.add(BEST)

    failed, best = sorted(lines(path), key=lambda one: str(one["status"]))
    assert (failed["status"], best["status"]) == ("failed", "ok")
    assert len(best["runs"][0]["pool"]) == 2
    assert texts([one for one in read_records(path) if one["runs"]])["best"] == ["a", "b"]
