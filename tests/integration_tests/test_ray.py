"""An evaluation on a real Ray: the records of one process, whoever is killed at whatever moment.

`make test_ray` runs this in an environment of its own, with the extra `ray`.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra `ray`: `make test_ray`")
import ray
from ray.cluster_utils import Cluster

from langchain_tpo.evaluation.records import RECORDS, Record, read_records
from tests.support.evaluation_models import CALL_LOG
from tests.support.tpo_process import ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of Ray's own making
]

KILLS = 20
SYSTEMS = ("-s", "single", "-s", "best-of-n-matched", "-s", "tpo=tpo:width=3,depth=1")
SHARING = ("-s", "single", "-s", "best-of-n=best-of-n:width=2", "-s", "tpo=tpo:width=3,depth=1")
"""Of these `tpo` draws for all, so that no other asks for an example that it is done with."""
PATIENCE = 240.0
"""Seconds: with others at work on the machine, a process of Ray takes ten to start."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that every call of a `LoggedModel` is written to, in all actors."""
    path = tmp_path_factory.mktemp("ray") / "calls"
    path.touch()
    return path


@pytest.fixture(scope="module")
def cluster(log: Path) -> Iterator[str]:
    """Start a small cluster on this machine alone, and return its address."""
    os.environ |= {CALL_LOG: str(log), "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ |= {"PYTHONPATH": str(ROOT), "RAY_raylet_start_wait_time_s": "120"}
    context = ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=80_000_000,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    yield context.address_info["gcs_address"]
    ray.shutdown()


def command(folder: Path, prompts: Path, engine: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "langchain_tpo", "evaluate", str(prompts), "--out", str(folder)),
        *("--resume", "--quiet", "--engine", engine, *more),
        *("-r", "python:tests.support.evaluation_models:length"),
    ]


def written(folder: Path, questions: int, *others: str) -> Path:
    """Write a data set."""
    rows = [json.dumps({"id": str(n), "prompt": f"question {n}"}) for n in range(questions)]
    path = folder / "prompts.jsonl"
    path.write_text("".join(f"{line}\n" for line in [*rows, *others]))
    return path


def model(name: str) -> tuple[str, str]:
    return "-m", f"python:tests.support.evaluation_models:{name}"


def run(arguments: list[str]) -> tuple[int, str]:
    """Run `tpo` to its end."""
    ended = subprocess.run(  # noqa: S603 our own words
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return ended.returncode, ended.stderr


def records_in(folder: Path) -> list[Record]:
    path = folder / RECORDS
    return list(read_records(path)) if path.exists() else []


def finished(folder: Path) -> set[str]:
    """Name the examples that `tpo`, which draws for all, is done with."""
    return {record["example"] for record in records_in(folder) if record["system"] == "tpo"}


def timeless(records: list[Record]) -> list[str]:
    """Return records in order, without what differs from run to run."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            clocks = ("started", "seconds", "waiting")
            return {name: without(one) for name, one in value.items() if name not in clocks}
        return [without(one) for one in value] if isinstance(value, list) else value

    return sorted(json.dumps(without(record), sort_keys=True) for record in records)


def asked_for(lines: list[str]) -> set[str]:
    return {line.split()[1] for line in lines}


def test_records_and_manifest_are_those_of_one_process(tmp_path: Path, cluster: str) -> None:
    prompts = written(
        tmp_path, 24, '{"id": "bad"}', '{"id": "turns", "turns": ["question 1", "b"]}'
    )
    engines = {"one": "process", "many": f"ray:actors=2,cpus=0.5,address={cluster}"}
    for name, engine in engines.items():
        arguments = command(tmp_path / name, prompts, engine, *SYSTEMS, *model("seeded_model"))
        code, said = run([*arguments, "--set", "seed=3"])
        assert code == 0, said

    one, many = (records_in(tmp_path / name) for name in engines)
    assert len(one) == 26 * 3
    assert timeless(many) == timeless(one)
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in engines]
    for manifest in manifests:
        manifest.pop("sittings")
    assert manifests[0] == manifests[1]


def test_actors_killed_twenty_times_lose_nothing_and_repeat_nothing(
    tmp_path: Path, cluster: str, log: Path
) -> None:
    prompts, folder = written(tmp_path, 400), tmp_path / "run"
    engine = f"ray:actors=2,cpus=0.5,address={cluster}"
    arguments = command(folder, prompts, engine, *SHARING, *model("LoggedModel"), "-j", "1")
    begun = len(log.read_text().splitlines())
    moments, repeated, killed = random.Random(7), [], 0  # noqa: S311 no secret

    with subprocess.Popen(arguments, cwd=ROOT) as driver:  # noqa: S603 our own words
        while killed < KILLS and driver.poll() is None:
            victim = wait_for_a_call(log, driver)
            time.sleep(moments.uniform(0.0, 0.3))
            before, seen = finished(folder), len(log.read_text().splitlines())
            os.kill(victim, signal.SIGKILL)
            killed += 1
            time.sleep(0.5)
            after = log.read_text().splitlines()[seen:]
            repeated += sorted(asked_for(after) & before)
        assert driver.wait(PATIENCE * 3) == 0

    records = records_in(folder)
    counts = Counter((record["example"], record["system"]) for record in records)
    pids = {line.split()[0] for line in log.read_text().splitlines()[begun:]}
    assert killed == KILLS
    assert repeated == []
    assert len(counts) == 400 * 3
    assert set(counts.values()) == {1}
    assert {record["status"] for record in records} == {"ok"}
    assert len(pids) > KILLS


def test_drivers_killed_twenty_times_lose_nothing_and_repeat_nothing(
    tmp_path: Path, cluster: str, log: Path
) -> None:
    prompts, folder = written(tmp_path, 300), tmp_path / "run"
    engine = f"ray:actors=2,cpus=0.5,address={cluster}"
    arguments = command(folder, prompts, engine, *SHARING, *model("LoggedModel"), "-j", "1")
    moments, repeated, killed = random.Random(11), [], 0  # noqa: S311 no secret

    for _ in range(KILLS):
        wait_for_silence(log)
        before, seen = finished(folder), len(log.read_text().splitlines())
        with subprocess.Popen(arguments, cwd=ROOT) as driver:  # noqa: S603 our own words
            wait_for_a_call(log, driver)
            time.sleep(moments.uniform(0.0, 0.6))
            driver.kill()
        killed += driver.returncode == -signal.SIGKILL
        repeated += sorted(asked_for(log.read_text().splitlines()[seen:]) & before)

    wait_for_silence(log)
    before, seen = finished(folder), len(log.read_text().splitlines())
    assert 0 < len(before) < 300
    code, said = run(arguments)
    repeated += sorted(asked_for(log.read_text().splitlines()[seen:]) & before)
    counts = Counter((record["example"], record["system"]) for record in records_in(folder))
    assert code == 0, said
    assert killed >= KILLS // 2
    assert repeated == []
    assert len(counts) == 300 * 3
    assert set(counts.values()) == {1}


def test_a_machine_that_dies_loses_nothing_and_repeats_nothing(
    tmp_path: Path, cluster: str, log: Path
) -> None:
    """Of two machines, each with an actor, one goes and does not come back."""
    prompts, folder = written(tmp_path, 60), tmp_path / "run"
    with machines(2) as (address, last):
        assert address != cluster
        engine = f"ray:actors=2,cpus=1,address={address}"
        arguments = command(folder, prompts, engine, *SHARING, *model("LoggedModel"), "-j", "1")
        begun = len(log.read_text().splitlines())
        with subprocess.Popen(arguments, cwd=ROOT) as driver:  # noqa: S603 our own words
            while len({line.split()[0] for line in log.read_text().splitlines()[begun:]}) < 2:
                wait_for_a_call(log, driver)
            before, seen = finished(folder), len(log.read_text().splitlines())
            last()
            assert driver.wait(PATIENCE * 2) == 0

    after = log.read_text().splitlines()[seen:]
    records = records_in(folder)
    counts = Counter((record["example"], record["system"]) for record in records)
    assert asked_for(after) & before == set()
    assert len(counts) == 60 * 3
    assert set(counts.values()) == {1}
    assert {record["status"] for record in records} == {"ok"}


@contextmanager
def machines(number: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a cluster of several machines on this one: its address, and what kills the last."""
    shape = {"num_cpus": 1, "object_store_memory": 80_000_000}
    head = {**shape, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    try:
        others = [started.add_node(**shape) for _ in range(number - 1)]
        yield started.address, lambda: started.remove_node(others[-1], allow_graceful=False)
    finally:
        started.shutdown()


def test_an_example_that_kills_its_actor_is_recorded_and_the_rest_is_answered(
    tmp_path: Path, cluster: str
) -> None:
    prompts = written(tmp_path, 20)
    engine = f"ray:actors=2,cpus=0.5,address={cluster}"
    arguments = command(tmp_path / "r", prompts, engine, "-s", "single", *model("DeadlySeven"))
    code, said = run(arguments)

    records = records_in(tmp_path / "r")
    failed = {record["example"]: record["failure"] for record in records if record["failure"]}
    assert code == 0, said
    assert len(records) == 20
    assert {name: failure["type"] for name, failure in failed.items() if failure} == {
        "7": "ActorDiedError"
    }


def test_requests_of_all_actors_are_bounded_together(
    tmp_path: Path, cluster: str, log: Path
) -> None:
    prompts = written(tmp_path, 60)
    engine = f"ray:actors=2,cpus=0.5,requests=3,address={cluster}"
    seen = len(log.read_text().splitlines())
    arguments = command(tmp_path / "r", prompts, engine, "-s", "single", *model("SpanModel"))
    code, said = run([*arguments, "-j", "8"])
    assert code == 0, said

    spans = [line.split() for line in log.read_text().splitlines()[seen:]]
    moves = sorted([(float(a), 1) for _, _, a, _ in spans] + [(float(b), -1) for *_, b in spans])
    most = now = 0
    for _, step in moves:
        now += step
        most = max(most, now)
    assert len(spans) == 60
    assert most == 3


def test_an_actor_that_cannot_be_set_up_is_one_line(tmp_path: Path, cluster: str) -> None:
    prompts = written(tmp_path, 2)
    engine = f"ray:actors=1,address={cluster}"
    name = "only_in_the_driver"
    os.environ["TPO_TEST_DRIVER"] = "yes"
    try:
        code, said = run(command(tmp_path / "r", prompts, engine, *model(name)))
    finally:
        del os.environ["TPO_TEST_DRIVER"]

    assert code == 2
    last = said.strip().splitlines()[-1]
    assert re.search(r"An actor could not be set up: .*no key here", last), said


def wait_for_silence(log: Path) -> None:
    """Wait until the actors of a killed driver are gone as well."""
    length = -1
    while length != (length := log.stat().st_size):
        time.sleep(1.0)


def wait_for_a_call(log: Path, driver: subprocess.Popen[bytes]) -> int:
    """Wait until somebody asks the model something new, and return who."""
    length, deadline = log.stat().st_size, time.monotonic() + PATIENCE
    while driver.poll() is None:
        if log.stat().st_size > length:
            return int(log.read_text()[length:].split()[0])
        assert time.monotonic() < deadline, "nobody came to a call"
        time.sleep(0.005)
    return 0
