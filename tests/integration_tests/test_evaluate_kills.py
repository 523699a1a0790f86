"""`tpo evaluate` killed at random moments: nothing is lost, nothing finished is asked again."""

import json
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest

from langchain_tpo.evaluation.records import RECORDS, Record, read_records

pytest.importorskip("typer", reason="needs the extra `cli`")
from tests.support.evaluation_models import run_logged
from tests.support.tpo_process import PATIENCE

KILLS = 12
QUESTIONS = 30
SYSTEMS = {"single": 1, "best-of-n": 2, "tpo": 3}
"""By the number of their first samples, which the widest of them draws for all."""

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Start processes that have everything imported already, so that kills hit the work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["langchain_tpo.cli.main", "tests.support.evaluation_models"])
    return context


def whose(line: str) -> tuple[str, str]:
    """Tell example and system of a logged call: `tpo` draws for all."""
    _, example, step, count = line.split()
    assert step != "sample" or int(count) == SYSTEMS["tpo"]
    return example, "tpo"


def finished(folder: Path) -> set[tuple[str, str]]:
    path = folder / RECORDS
    records = read_records(path) if path.exists() else ()
    return {(record["example"], record["system"]) for record in records}


def first_texts(record: Record) -> list[str]:
    return [one["text"] for one in record["runs"][0]["pool"] if one["round"] == 0]


def test_kills_lose_nothing_and_repeat_nothing(
    tmp_path: Path, processes: ForkServerContext
) -> None:
    prompts, folder, log = tmp_path / "prompts.jsonl", tmp_path / "run", tmp_path / "calls"
    rows = [{"id": str(n), "prompt": f"question {n}"} for n in range(QUESTIONS)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    log.touch()
    command = [
        *("evaluate", str(prompts), "--out", str(folder), "--resume", "--quiet"),
        *("-s", "single", "-s", "best-of-n=best-of-n:width=2", "-s", "tpo=tpo:width=3,depth=1"),
        *("-m", "python:tests.support.evaluation_models:LoggedModel"),
        *("-r", "python:tests.support.evaluation_models:length", "-j", "4"),
    ]
    moments = random.Random(7)  # noqa: S311 no secret
    repeated: list[str] = []
    survived = killed_at_work = 0

    for _ in range(KILLS):
        before, logged = finished(folder), len(log.read_text())
        with killed(processes.Process(target=run_logged, args=(command, str(log)))) as child:
            wait_for_a_call(log, logged, child)
            time.sleep(moments.uniform(0.0, 0.06))
        killed_at_work += child.exitcode == -9
        survived += child.exitcode == 0
        repeated += [
            line for line in log.read_text()[logged:].splitlines() if whose(line) in before
        ]

    before, logged = finished(folder), len(log.read_text())
    with killed(processes.Process(target=run_logged, args=(command, str(log)))) as last:
        last.join(PATIENCE)
    repeated += [line for line in log.read_text()[logged:].splitlines() if whose(line) in before]

    records = list(read_records(folder / RECORDS))
    keys = Counter((record["example"], record["system"]) for record in records)
    assert last.exitcode == 0
    assert killed_at_work >= KILLS // 2, (killed_at_work, survived)
    assert repeated == []
    assert len(keys) == QUESTIONS * len(SYSTEMS)
    assert set(keys.values()) == {1}
    drawn = {
        record["example"]: first_texts(record) for record in records if record["system"] == "tpo"
    }
    for record in records:
        assert first_texts(record) == drawn[record["example"]][: SYSTEMS[record["system"]]]


@contextmanager
def killed(child: ForkServerProcess) -> Iterator[ForkServerProcess]:
    """Start a child; kill it afterwards, whatever happens here or there."""
    child.start()
    try:
        yield child
    finally:
        child.kill()
        child.join(PATIENCE)


def wait_for_a_call(log: Path, length: int, child: ForkServerProcess) -> None:
    """Wait until the child works; one that has nothing left to do ends by itself."""
    deadline = time.monotonic() + PATIENCE
    while len(log.read_text()) <= length and child.is_alive():
        assert time.monotonic() < deadline, "the child never came to its first call"
        time.sleep(0.005)
