"""One process has the folder of a run; whoever is refused has changed nothing."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.manifest import MANIFEST, read_manifest, sitting
from langchain_tpo.evaluation.record_writer import without_result
from langchain_tpo.evaluation.records import RECORDS, RecordFile, read_records
from langchain_tpo.evaluation.run_folder import open_run
from tests.support.record_files import drop_failed


def manifest(limit: int | None = None) -> dict[str, Any]:
    return {
        "format": 1,
        "dataset": {"source": "x", "sha256": None},
        "model": "local",
        "critic": None,
        "reward": "head",
        "model_options": {},
        "limit": limit,
        "systems": [{"name": "tpo", "kind": "tpo"}],
        "sittings": [{"started": "today"}],
    }


def record(name: str, status: str) -> dict[str, Any]:
    return {"example": name, "system": "tpo", "status": status, "runs": [], "failure": None}


def names(folder: Path) -> list[str]:
    return [one["example"] for one in read_records(folder / RECORDS)]


def test_a_refused_process_leaves_the_manifest_as_it_is(tmp_path: Path) -> None:
    with open_run(tmp_path, manifest(limit=5)):
        before = (tmp_path / MANIFEST).read_bytes()
        with pytest.raises(DatasetError, match="Another process"):
            open_run(tmp_path, manifest(limit=3), resume=True)

    assert (tmp_path / MANIFEST).read_bytes() == before


def test_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    open_run(tmp_path / "run", manifest()).close()
    (tmp_path / "run" / RECORDS).unlink()

    with pytest.raises(SettingsError, match="holds a run already"):
        open_run(tmp_path / "run", manifest())
    with pytest.raises(SettingsError, match="`model` was"):
        open_run(tmp_path / "run", manifest() | {"model": "other"}, resume=True)

    assert [path.name for path in (tmp_path / "run").iterdir()] == [MANIFEST]


def test_failed_records_are_tried_again_under_the_lock(tmp_path: Path) -> None:
    with open_run(tmp_path, manifest()) as file:
        for name, status in (("1", "ok"), ("2", "failed")):
            file.append(record(name, status))

    with open_run(tmp_path, manifest(), resume=True, retry_failed=True) as file:
        with pytest.raises(DatasetError, match="Another process"):
            RecordFile(tmp_path / RECORDS)
        file.append(record("3", "ok"))

    assert names(tmp_path) == ["1", "3"]


def test_results_that_the_disk_did_not_take_are_asked_for_anew(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with open_run(tmp_path, manifest()) as file:
        file.append(record("1", "ok"))
        file.append(record("2", "failed"))
        file.append(without_result(record("3", "ok"), full))  # type: ignore[arg-type]

    open_run(tmp_path, manifest(), resume=True).close()
    assert names(tmp_path) == ["1", "2"]
    inode = (tmp_path / RECORDS).stat().st_ino

    open_run(tmp_path, manifest(), resume=True).close()
    assert names(tmp_path) == ["1", "2"]
    assert (tmp_path / RECORDS).stat().st_ino == inode  # nothing to take out, nothing written


def retrying(folder: Path) -> None:
    drop_failed(folder / RECORDS)


def writing(folder: Path) -> None:
    with RecordFile(folder / RECORDS) as file:
        file.append(record("new", "ok"))


@pytest.mark.parametrize("first", [retrying, writing])
@pytest.mark.parametrize("second", [retrying, writing])
@pytest.mark.parametrize("place", ["open", "lock", "stat", "replace", "write", "fsync"])
def test_no_interleaving_of_two_processes_loses_a_record(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: Callable[[Path], None],
    second: Callable[[Path], None],
    place: str,
) -> None:
    """The first is stopped at each place while the second does all that it can."""
    with open_run(tmp_path, manifest()) as file:
        file.append(record("old", "ok"))
        file.append(record("bad", "failed"))
    stopped, go_on = Event(), Event()
    worked: list[Callable[[Path], None]] = []

    def pausing(call: Callable[..., Any]) -> Callable[..., Any]:
        def paused(*arguments: Any, **options: Any) -> Any:
            found = call(*arguments, **options)
            if current_thread() is thread and not stopped.is_set():
                stopped.set()
                go_on.wait(10)
            return found

        return paused

    def attempt(work: Callable[[Path], None]) -> None:
        with suppress(DatasetError):  # refused
            work(tmp_path)
            worked.append(work)

    thread = Thread(target=attempt, args=[first])
    owner, name = {
        "open": (os, "open"),
        "lock": (RecordFile, "_lock"),
        "stat": (RecordFile, "_is_in_place"),
        "replace": (Path, "replace"),
        "write": (os, "write"),
        "fsync": (os, "fsync"),
    }[place]
    monkeypatch.setattr(owner, name, pausing(getattr(owner, name)))
    thread.start()
    stopped.wait(2)
    attempt(second)
    go_on.set()
    thread.join()

    wrote = ["new"] * worked.count(writing)
    assert sorted(names(tmp_path)) == sorted(
        ["old", *([] if retrying in worked else ["bad"]), *wrote]
    )
    assert worked


def test_a_disk_that_fails_at_the_very_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RecordFile(tmp_path / RECORDS)
    file.append(record("1", "ok"))

    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        file.close()
    monkeypatch.undo()
    RecordFile(tmp_path / RECORDS).close()  # the lock is gone all the same


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"systems": 5}, "`systems`"),
        ({"systems": [{"name": "tpo"}]}, "no `kind`"),
        ({"sittings": None}, "`sittings`"),
        ({"sittings": ["x"]}, "sitting"),
        ({"dataset": []}, "`dataset`"),
        ({"model": None}, "`model`"),
    ],
)
def test_a_damaged_manifest_is_one_typed_line(
    tmp_path: Path, damage: dict[str, Any], words: str
) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(manifest() | damage))

    with pytest.raises(DatasetError, match=words) as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value)


def test_git_runs_no_helper_of_a_foreign_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "helper.sh"
    helper.write_text(f"#!/bin/sh\ntouch {tmp_path}/PWNED\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def git(*words: str) -> None:
        options = ["-c", "user.email=a@b", "-c", "user.name=a"]
        subprocess.run(["git", *options, *words], check=True, capture_output=True)  # noqa: S603, S607

    git("init", ".")
    (folder / "a.txt").write_text("a")
    (folder / ".gitattributes").write_text("*.txt filter=evil\n")
    git("add", ".")
    git("commit", "-m", "x")
    for name in ("core.fsmonitor", "filter.evil.clean", "core.pager", "core.sshCommand"):
        git("config", name, str(helper))
    (folder / "a.txt").write_text("b")
    (tmp_path / "PWNED").unlink(missing_ok=True)

    assert len(sitting()["git_commit"]) == 40
    assert not (tmp_path / "PWNED").exists()
