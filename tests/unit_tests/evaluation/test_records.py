"""The file of records: whole lines or none, one writer, nothing lost to a full disk."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.record_writer import (
    MOST_WAITING,
    DiskFullError,
    RecordWriter,
    is_lost,
)
from langchain_tpo.evaluation.records import RecordFile, read_records
from tests.support.record_files import drop_failed


def record(name: str = "1", status: str = "ok", **more: Any) -> Any:
    return {
        "example": name,
        "system": "tpo",
        "status": status,
        "fields": {},
        "runs": [],
        "failure": None,
        **more,
    }


def names(path: Path) -> list[str]:
    return [one["example"] for one in read_records(path)]


def test_a_line_that_a_kill_cut_off_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps(record("1")) + "\n" + '{"example": "2", "sys' + "x" * 200_000)

    assert names(path) == ["1"]
    with RecordFile(path) as file:
        file.append(record("3"))

    assert names(path) == ["1", "3"]


def test_a_file_that_holds_nothing_but_a_cut_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"exa')

    with RecordFile(path):
        pass

    assert path.read_text() == ""


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path), pytest.raises(DatasetError, match="Another process"):
        RecordFile(path)
    RecordFile(path).close()


def test_half_a_surrogate_pair_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path) as file:
        file.append(record("broken \ud83d emoji"))

    assert names(path) == ["broken \ud83d emoji"]


def test_failed_records_can_be_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path) as file:
        for name, status in (("1", "ok"), ("2", "failed"), ("3", "ok")):
            file.append(record(name, status))

    assert drop_failed(path) == 1
    assert names(path) == ["1", "3"]


def test_taking_out_failed_records_can_be_killed_and_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path) as file:
        for name, status in (("1", "ok"), ("2", "failed"), ("3", "ok")):
            file.append(record(name, status))
    with RecordFile(path.with_suffix(".kept")) as half_done:
        half_done.append(record("1"))

    assert drop_failed(path) == 1
    assert names(path) == ["1", "3"]


def test_failed_records_stay_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path) as file:
        file.append(record("1", "failed"))
        with pytest.raises(DatasetError, match="Another process"):
            drop_failed(path)
        file.append(record("2"))

    assert names(path) == ["1", "2"]


@pytest.mark.parametrize(
    "line", ["nonsense", "5", "{}", '{"example": [], "system": "tpo"}', "[" * 100_000]
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(f"{json.dumps(record())}\n{line}\n")

    with pytest.raises(DatasetError, match=r"^Line 2 of .* is no record: [^\n]*$"):
        list(read_records(path))


class Disk:
    """A file that takes lines up to a length, and none while it is full."""

    def __init__(self, longest: int = 10**9) -> None:
        self.lines: list[Any] = []
        self.longest = longest
        self.full = False

    def append(self, line: Any) -> None:
        if self.full or len(json.dumps(line)) > self.longest:
            raise OSError(28, "No space left on device")
        self.lines.append(line)

    def close(self) -> None:
        pass


def test_a_disk_that_is_full_for_a_while_loses_nothing() -> None:
    disk = Disk()
    with RecordWriter(disk) as writer:  # type: ignore[arg-type]
        writer.add(record("1"))
        disk.full = True
        writer.add(record("2"))
        writer.add(record("3"))
        disk.full = False
        writer.add(record("4"))

    assert [line["example"] for line in disk.lines] == ["1", "2", "3", "4"]


def test_a_result_that_does_not_fit_is_recorded_with_its_reason() -> None:
    disk = Disk(longest=400)
    with RecordWriter(disk) as writer:  # type: ignore[arg-type]
        writer.add(record("1", runs=[{"answer": "x" * 1000}]))
        writer.add(record("2"))

    assert [(line["example"], line["status"]) for line in disk.lines] == [
        ("2", "ok"),
        ("1", "failed"),
    ]
    assert "No space left on device" in disk.lines[1]["failure"]["message"]
    assert [is_lost(line) for line in disk.lines] == [False, True]
    assert (writer.unwritten, writer.lost) == (0, 1)


def test_a_disk_that_stays_full_stops_the_run_before_much_is_paid_for_nothing() -> None:
    disk = Disk()
    disk.full = True
    with pytest.raises(DiskFullError), RecordWriter(disk) as writer:  # type: ignore[arg-type]
        for number in range(1000):
            writer.add(record(str(number)))

    assert writer.unwritten == MOST_WAITING + 1


def test_dev_full_takes_nothing_and_leaves_no_traces() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with RecordWriter(RecordFile(Path("/dev/full"))) as writer:
        writer.add(record("1"))

    assert writer.unwritten == 1


def test_a_write_that_fails_halfway_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.jsonl"
    file = RecordFile(path)
    file.append(record("1"))
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        file.append(record("2"))
    monkeypatch.undo()
    file.append(record("3"))
    file.close()

    assert names(path) == ["1", "3"]
