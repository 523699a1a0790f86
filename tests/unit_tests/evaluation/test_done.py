"""What a run holds already is known, and a million names of it fill no memory."""

from pathlib import Path

from langchain_tpo.evaluation.datasets import Dataset, open_dataset
from langchain_tpo.evaluation.done import Done
from langchain_tpo.evaluation.on_disk import Places
from langchain_tpo.evaluation.records import RecordFile

HALF_A_PAIR = "\ud83d"


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def test_only_answers_are_read_again_and_failures_are_done_too(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with RecordFile(path) as file:
        for example, system, status in [
            ("1", "tpo", "ok"),
            ("2", "tpo", "failed"),
            ("1", "single", "ok"),
            (HALF_A_PAIR, "tpo", "ok"),
            ("1", "tpo", "ok"),
        ]:
            file.append({"example": example, "system": system, "status": status})

    done = Done(path)

    assert len(done) == 4
    assert (done.number(["single"]), done.number(["single", "tpo"]), done.number([])) == (1, 4, 0)
    assert (done.number_failed(["single"]), done.number_failed(["single", "tpo"])) == (0, 1)
    assert (done.failed("2", "tpo"), done.failed("1", "tpo")) == (True, False)
    assert ("2", "tpo") in done
    assert ("2", "single") not in done
    assert (HALF_A_PAIR, "tpo") in done
    assert [record["system"] for record in done.answers("1")] == ["tpo", "single"]
    assert list(done.answers("2")) == []


def test_no_file_yet_is_as_good_as_an_empty_one(tmp_path: Path) -> None:
    done = Done(tmp_path / "records.jsonl")

    assert len(done) == 0
    assert list(done.answers("1")) == []


def test_many_places_are_kept_on_disk() -> None:
    places, before = Places(), resident_mib()

    for number in range(150_000):
        places.add(f"an example with a name of some length, such as {number}", "tpo", number)

    assert len(places) == 150_000
    assert resident_mib() - before < 12  # as a set of pairs: more than 30


def test_names_of_a_data_set_are_given_once_however_they_are_spelled() -> None:
    rows = ["a", "a", {"prompt": "b", "id": "2"}, {"prompt": "c", "id": "2~2"}, "d"]
    with open_dataset([*rows[:2], {"prompt": "b", "id": "1"}, {"prompt": "c", "id": "1"}]) as data:
        assert [row.id for row in data.examples()] == ["1", "2", "1~2", "1~3"]
    many = Dataset(source="made up", rows=lambda: enumerate(rows, start=1))
    assert [row.id for row in many.examples()] == ["1", "2", "2~2", "2~2~2", "5"]
