"""Two processes and one folder: their file operations in every order, one after the other.

Each process is a thread that stops in front of every operation on a file until it is its turn, so
an order is a list of numbers: so many operations of one, so many of the other, and so on. Locks of
`flock` belong to the open file, so two threads exclude each other as two processes do.
"""

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread, current_thread
from typing import Any

import pytest

from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation import records
from langchain_tpo.evaluation.manifest import MANIFEST, read_manifest
from langchain_tpo.evaluation.records import RECORDS, RecordFile, read_records
from langchain_tpo.evaluation.run_folder import open_run

OPERATIONS: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in ("open", "write", "close", "replace")),
    *((vars(records)["fcntl"], name) for name in ("flock",)),
    *((Path, name) for name in ("replace", "stat")),
)
"""What a process does with files that another can notice."""

Turns = tuple[int, ...]


class Order:
    """Lets two threads work in turns; a thread that has ended leaves the rest to the other."""

    def __init__(self, turns: Turns, between: Callable[[], None]) -> None:
        self._turns: Iterator[int] = iter(turns)
        self._between = between
        self._changed = Condition()
        self._threads: list[Thread] = []
        self._whose, self._left = 0, next(self._turns)
        self.counted = [0, 0]
        self.broken: list[BaseException] = []

    def run(self, *works: Callable[[], None]) -> None:
        self._threads = [Thread(target=self._worked, args=[work]) for work in works]
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(20)
        assert self.broken == []

    def _worked(self, work: Callable[[], None]) -> None:
        try:
            self.wait()
            work()
        except BaseException as error:  # noqa: BLE001 told in the main thread
            self.broken.append(error)
        finally:
            with self._changed:
                self._whose = 1 - self._mine()
                self._left = 1 << 30
                self._changed.notify_all()

    def _mine(self) -> int:
        return self._threads.index(current_thread())

    def wait(self) -> None:
        """Stop in front of an operation until it is this thread's turn."""
        if current_thread() not in self._threads:
            return
        mine = self._mine()
        with self._changed:
            while self._whose == mine and self._left == 0:
                self._whose, self._left = 1 - mine, next(self._turns, 1 << 30)
                self._between()
                self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._whose == mine and self._left > 0, 20)
            self._left -= 1
            self.counted[mine] += 1


def manifest(sitting: str) -> dict[str, Any]:
    return {
        "format": 1,
        "dataset": {"source": "x", "sha256": None},
        "model": "local",
        "systems": [{"name": "tpo", "kind": "tpo"}],
        "sittings": [{"started": sitting}],
    }


def record(name: str, status: str) -> dict[str, Any]:
    return {"example": name, "system": "tpo", "status": status, "runs": [], "failure": None}


def writes(folder: Path, name: str) -> None:
    with open_run(folder, manifest(name), resume=True) as file:
        file.append(record(name, "ok"))


def retries(folder: Path, name: str) -> None:
    with open_run(folder, manifest(name), resume=True, retry_failed=True) as file:
        file.append(record(name, "ok"))


def begins(folder: Path, name: str) -> None:
    """Begin a run of its own, where there is one already."""
    with open_run(folder, manifest(name)) as file:
        file.append(record(name, "ok"))


def opens(folder: Path, name: str) -> None:
    """Write records without a word about the run, as `judge` does."""
    with RecordFile(folder / RECORDS) as file:
        file.append(record(name, "ok"))


WORKS = (writes, retries, begins, opens)


def tried(
    begun: Path, folder: Path, works: tuple[Callable[[Path, str], None], ...], turns: Turns
) -> tuple[Order, list[str]]:
    """Let two processes work on a new folder in some order; give the names of the accepted."""
    accepted: list[str] = []
    shutil.copytree(begun, folder)

    def attempt(work: Callable[[Path, str], None], name: str) -> Callable[[], None]:
        def attempted() -> None:
            with suppress(DatasetError, SettingsError):  # refused, in one line
                work(folder, name)
                accepted.append(name)

        return attempted

    def between() -> None:
        with open(folder / MANIFEST, "rb") as file:  # noqa: PTH123 `Path.open` waits for its turn
            raw = json.load(file)
        assert raw["sittings"][0] == {"started": "before"}

    order = Order(turns, between)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OPERATIONS:
            patch.setattr(owner, name, stopping(order, getattr(owner, name)))
        order.run(*(attempt(work, name) for work, name in zip(works, "AB", strict=True)))
    return order, accepted


def stopping(order: Order, call: Callable[..., Any]) -> Callable[..., Any]:
    def stopped(*arguments: Any, **options: Any) -> Any:
        order.wait()
        return call(*arguments, **options)

    return stopped


def check(folder: Path, works: Mapping[str, Callable[..., None]], accepted: list[str]) -> None:
    """Hold what is there against who was accepted."""
    written = [one["example"] for one in read_records(folder / RECORDS)]
    tried_again = any(works[name] is retries for name in accepted)
    assert sorted(written) == sorted([*accepted, "old", *([] if tried_again else ["bad"])])
    kept = read_manifest(folder)
    assert kept is not None
    told = [name for name in accepted if works[name] is not opens]
    sittings = [one["started"] for one in kept["sittings"]]
    assert (sittings[0], sorted(sittings[1:])) == ("before", sorted(told))
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, RECORDS]


@pytest.fixture(autouse=True)
def no_waiting_for_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run that another sitting has begun."""
    folder = tmp_path / "begun"
    with open_run(folder, manifest("before")) as file:
        file.append(record("old", "ok"))
        file.append(record("bad", "failed"))
    return folder


def hold(begun: Path, works: tuple[Callable[[Path, str], None], ...], every: int) -> int:
    """Try orders of three turns, or every so manieth, and count them."""
    order, _ = tried(begun, begun.with_name("alone"), works, (1 << 30,))
    most, others = order.counted
    turns = list(itertools.product(range(most + 1), range(1, others + 1)))[::every]
    for number, one in enumerate(turns):
        folder = begun.with_name(str(number))
        _, accepted = tried(begun, folder, works, one)
        try:
            check(folder, dict(zip("AB", works, strict=True)), accepted)
        except AssertionError as error:
            error.add_note(f"after turns {one}")
            raise
        shutil.rmtree(folder)
    return len(turns)


@pytest.mark.parametrize("first", WORKS)
@pytest.mark.parametrize("second", WORKS)
def test_no_order_of_two_processes_loses_a_record_or_another_ones_manifest(
    begun: Path, first: Callable[..., None], second: Callable[..., None]
) -> None:
    """Each is stopped at every place, while the other goes to every seventh from there."""
    assert hold(begun, (first, second), every=7) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("first", WORKS)
@pytest.mark.parametrize("second", WORKS)
def test_nor_does_any_order_of_three_turns(
    begun: Path, first: Callable[..., None], second: Callable[..., None]
) -> None:
    assert hold(begun, (first, second), every=1) > 1


@pytest.mark.parametrize(
    "fault",
    [
        (RecordFile, "_lock", lambda _self: None),
        (RecordFile, "_is_in_place", lambda _self: True),
    ],
)
def test_these_orders_find_what_a_lock_is_for(
    begun: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[Any, str, Any]
) -> None:
    monkeypatch.setattr(*fault)
    with pytest.raises((AssertionError, DatasetError)):
        hold(begun, (retries, writes), every=1)
        hold(begun, (writes, retries), every=1)
