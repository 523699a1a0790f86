"""A run that is killed goes on where it stopped: nothing that had finished is asked again."""

import json
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.integration_tests import killed_run

pytestmark = pytest.mark.integration

CHILDREN = get_context("forkserver")
"""Every child begins as one that has imported all: imports take longer than a run."""
CHILDREN.set_forkserver_preload([killed_run.__name__])

SUPERSTEPS = {
    "sample 2": ["sample 0", "sample 1"],
    "reward 0": ["sample 2"],
    "textual_loss 1": [],
    "textual_gradient 1": ["textual_loss 1"],
    "update 5": ["textual_gradient 1", "update 3", "update 4"],
    "reward 1": ["update 5"],
    "textual_loss 2": [],
    "textual_gradient 2": ["textual_loss 2"],
    "update 8": ["textual_gradient 2", "update 6", "update 7"],
    "reward 2": ["update 8"],
}
"""Where a run is killed, once in each of its ten supersteps; and what finishes before, since the
superstep above."""

PATIENCE = 120
"""Seconds after which a child that hangs fails the test."""


def start(folder: Path, kind: str, stall: str) -> ForkServerProcess:
    folder.mkdir(exist_ok=True)
    process = CHILDREN.Process(target=killed_run.main, args=(folder, kind, stall))
    process.start()
    return process


def to_its_end(folder: Path, kind: str) -> dict[str, Any]:
    process = start(folder, kind, "nothing")
    process.join(PATIENCE)
    assert process.exitcode == 0, killed_run.complaint(folder)
    outcome: dict[str, Any] = json.loads((folder / "outcome").read_text())
    return outcome


def until_killed(folder: Path, kind: str, stall: str, finished: set[str]) -> None:
    """Let a run come to its stalled call, all else of its superstep kept; kill it there."""
    process = start(folder, kind, stall)
    try:
        deadline = time.monotonic() + PATIENCE
        draws = 2 if stall.startswith(("sample", "update")) else 0
        reached = (list(SUPERSTEPS).index(stall), draws)
        while not (
            (folder / "stalled").exists()
            and set(calls(folder)) == finished
            and kept(folder) == reached
        ):
            assert process.is_alive(), killed_run.complaint(folder)
            assert time.monotonic() < deadline, (calls(folder), kept(folder))
            time.sleep(0.02)
    finally:
        process.kill()
        process.join()


def calls(folder: Path) -> list[str]:
    lines = folder / "finished"
    return lines.read_text().splitlines() if lines.exists() else []


def kept(folder: Path) -> tuple[int, int]:
    """Return the superstep in progress as the checkpointer knows it, and how many of its replies.

    LangGraph writes while the next step runs (`durability="async"`): what finished in the last
    few milliseconds may not be there yet.
    """
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as saver:
        checkpoints = list(saver.list({"configurable": {"thread_id": "1"}}))
    if not checkpoints:
        return -1, 0
    newest = max(checkpoints, key=lambda one: one.checkpoint["ts"])
    replies = [value for _, _, value in newest.pending_writes or [] if _is_reply(value)]
    return newest.metadata["step"], len(replies)


def _is_reply(value: object) -> bool:
    return isinstance(value, dict) and "replies" in value


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The outcome of runs that nobody kills, by kind."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("sync", "nested")}
    outcomes = {kind: to_its_end(folder, kind) for kind, folder in folders.items()}
    assert len(calls(folders["sync"])) == 3 + 2 * (2 + 3)
    return {**outcomes, "async": outcomes["sync"]}


CASES = [
    *[("sync", stall) for stall in SUPERSTEPS],
    *[(kind, stall) for kind in ("async", "nested") for stall in ("sample 2", "update 5")],
]


@pytest.mark.parametrize(("kind", "stall"), CASES)
def test_a_killed_run_goes_on_without_repeating_a_finished_call(
    kind: str, stall: str, tmp_path: Path, undisturbed: dict[str, dict[str, Any]]
) -> None:
    names = list(SUPERSTEPS)
    before = [call for name in names[: names.index(stall) + 1] for call in SUPERSTEPS[name]]

    until_killed(tmp_path, kind, stall, set(before))
    outcome = to_its_end(tmp_path, kind)

    assert outcome == undisturbed[kind]
    repeated = [call for call, times in Counter(calls(tmp_path)).items() if times > 1]
    assert repeated == []
    assert len(calls(tmp_path)) == 3 + 2 * (2 + 3)


def test_a_run_that_is_killed_twice_goes_on(
    tmp_path: Path, undisturbed: dict[str, dict[str, Any]]
) -> None:
    until_killed(tmp_path, "sync", "sample 2", {"sample 0", "sample 1"})
    (tmp_path / "stalled").unlink()
    names = list(SUPERSTEPS)
    before = [call for name in names[: names.index("update 8") + 1] for call in SUPERSTEPS[name]]
    until_killed(tmp_path, "sync", "update 8", set(before))

    assert to_its_end(tmp_path, "sync") == undisturbed["sync"]
    assert max(Counter(calls(tmp_path)).values()) == 1
