"""How an evaluation on Ray scales: with actors, until its driver is busy, and in memory.

    python benchmarks/ray_scaling.py actors            # prompts per second at 1, 2, 4 actors
    python benchmarks/ray_scaling.py driver            # how many records a driver takes a second
    python benchmarks/ray_scaling.py memory 1000000    # what it holds meanwhile, without Ray
    python benchmarks/ray_scaling.py rows 1000000      # and with it, over records of a kilobyte
    python benchmarks/ray_scaling.py predict --driver 1500

`actors` asks a server that takes as long over one request as over many: who waits for a server that
is full gains nothing from another actor. In `driver` the actors only repeat an answer, so that the
driver is what is measured, on a machine that has to do their work as well; its processor time per
record says what it could take with a processor of its own. `memory` does the same without Ray
between, which is quick enough for a million rows; `rows` does it with Ray, over short records, in
half an hour. `predict` has the server model of `tpo plan` play
such a server for 100 actors. Needs the extra `ray`.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4
from zlib import crc32

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

from benchmarks.memory import mebibytes
from benchmarks.zero_latency import ZeroLatency
from langchain_tpo import TPOSettings
from langchain_tpo.evaluation import spread
from langchain_tpo.evaluation.attempts import Answerer, Attempt, InProcess
from langchain_tpo.evaluation.datasets import Dataset
from langchain_tpo.evaluation.examples import Example, Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import Record, RecordFile
from langchain_tpo.evaluation.run_evaluation import run_evaluation
from langchain_tpo.evaluation.spread import RayActors, Recipe
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import System, parse_systems
from langchain_tpo.planning import Request, Server, Stage, predict
from langchain_tpo.reward_models.coercion import as_reward_model
from tests.support.servers.own_process import in_own_process
from tests.support.servers.paced_openai import MEAN_SECONDS, serve_paced

PLACES = 2
"""Requests at once of an actor that asks the server: few, as two processors have to do for all."""

PROMPTS = 80
"""Of each actor."""

SYSTEMS = parse_systems(["tpo:width=2,depth=1"], TPOSettings())
PAPER = parse_systems(["tpo:width=5,depth=2"], TPOSettings())
ONE = parse_systems(["single"], TPOSettings())


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["actors", "driver", "memory", "rows", "predict"])
    parser.add_argument("records", type=int, nargs="?", default=20_000)
    parser.add_argument("--driver", type=float, default=1000.0, help="records a second")
    options = parser.parse_args()
    if options.what == "predict":
        predicted(options.driver)
        return
    if options.what == "memory":
        memory(options.records)
        return
    os.environ |= {"PYTHONPATH": os.pathsep.join(sys.path), "RAY_raylet_start_wait_time_s": "120"}
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # noqa: PLC0415 after its environment

    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    ray.init(address="local", num_cpus=2, object_store_memory=150_000_000, **quiet)
    if options.what == "actors":
        with in_own_process(serve_paced) as url:
            rates = [at_actors(number, url) for number in (1, 2, 4)]
        print(f"4 actors: {rates[2] / rates[0]:.2f} times one, 2: {rates[1] / rates[0]:.2f} times")
    elif options.what == "driver":
        driver(PAPER, essays, options.records)
    else:
        driver(ONE, short_answers, options.records)
    ray.shutdown()


class Watch:
    """Notes when records came, and prints speed and memory ten times."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.since = self.cpu = 0.0
        self.moments: list[float] = []

    def __call__(self, record: Record) -> None:
        self.seen += 1
        if self.seen == self.total // 10:  # all actors are there
            self.since, self.cpu = time.perf_counter(), time.process_time()
        if self.seen % (self.total // 10) == 0:
            self.moments.append(time.perf_counter())
            print(f"{self.seen:>9,} records  {mebibytes():6.1f} MiB", flush=True)

    def rate(self) -> float:
        """Return records per second between the second tenth and the last but one."""
        tenths = len(self.moments) - 2
        return tenths * (self.total // 10) / (self.moments[-2] - self.moments[0])

    def cpu_milliseconds(self) -> float:
        """Return what the driver worked for each."""
        return 1000 * (time.process_time() - self.cpu) / (self.total * 0.9)


async def run(
    rows: Iterator[Row], systems: Sequence[System], answerer: Answerer, watch: Watch
) -> int:
    """Run an evaluation, and return the bytes that it wrote."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        with RecordWriter(RecordFile(path)) as writer:
            await run_evaluation(rows, systems, answerer, writer, observe=watch)
        return path.stat().st_size


async def spread_out(rows: Iterator[Row], recipe: Recipe, actors: RayActors, watch: Watch) -> int:
    """Run an evaluation by actors."""
    async with actors.answerer(recipe) as answerer:
        return await run(rows, recipe.systems, answerer, watch)


def some_score(_prompt: str, response: str) -> float:
    """Return a figure that differs from response to response."""
    return crc32(response.encode()) / 2**32


def at_actors(number: int, url: str) -> float:
    """Return prompts per second of so many actors, in the steady state."""

    def parts() -> Parts:
        model = ChatOpenAI(model="paced", base_url=url, api_key="-", max_retries=0)  # type: ignore[arg-type]
        return Parts(model=model, reward=as_reward_model(some_score))

    total = PROMPTS * number
    rows = (
        Example(id=str(one), messages=(HumanMessage(f"query #{number}0{one}"),))
        for one in range(total)
    )
    watch = Watch(total)
    recipe = Recipe(systems=SYSTEMS, make_parts=parts, concurrency=PLACES)
    actors = RayActors(actors=number, cpus=2 / number if number > 2 else 0.5)
    asyncio.run(spread_out(rows, recipe, actors, watch))
    rate = watch.rate()
    model = predicted_rate(number, PLACES, 1.0)
    print(
        f"{number} actors: {rate:.2f} prompts per second, predicted {model:.2f}; "
        f"driver {watch.cpu_milliseconds():.1f} ms of processor each"
    )
    return rate


class Repeating:
    """An actor that has one answer for all, of the size of a real one."""

    rows_at_once = 8

    def __init__(self, recipe: Recipe, places: int) -> None:
        self._answerer = InProcess(recipe.systems, recipe.make_parts(), concurrency=places)
        self._first: Record | None = None

    async def ready(self) -> None:
        """Answer."""

    async def attempt(self, row: Row, system: str, shared: SharedSamples, budget: Any) -> Attempt:
        """Repeat the first answer."""
        if self._first is None:
            attempt = await self._answerer.attempt(row, system, shared, budget)
            self._first = attempt.record
        return Attempt(record={**self._first, "example": row.id})


class Essays(ZeroLatency):
    """Writes as much as models do, and never the same."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._generate(*args, **kwargs)
        for generation in result.generations:
            text = f"{uuid4()} and words that fill an answer " * 12
            generation.message.content = f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>"
        return result


def essays() -> Parts:
    """Return a model and a reward that cost nothing."""
    return Parts(model=Essays(), reward=as_reward_model(some_score))


def made_up(number: int) -> Iterator[Row]:
    """Return so many examples, made as they are read."""
    rows = ((one, f"question {one}") for one in range(1, number + 1))
    return Dataset(source="made up", rows=lambda: rows).examples()


def short_answers() -> Parts:
    """Return a model and a reward that cost nothing and say little."""
    return Parts(model=ZeroLatency(), reward=as_reward_model(some_score))


def driver(systems: Sequence[System], make_parts: Callable[[], Parts], records: int) -> None:
    """Print how many records of a system a driver takes when answers cost nothing."""
    spread.Actor = Repeating  # type: ignore[misc, assignment]
    watch = Watch(records)
    recipe = Recipe(systems=systems, make_parts=make_parts, concurrency=16)
    actors = RayActors(actors=2, cpus=0.5)
    size = asyncio.run(spread_out(made_up(records), recipe, actors, watch))
    each = watch.cpu_milliseconds()
    print(
        f"{watch.rate():.0f} records a second of {size / records / 1000:.1f} kB; driver {each:.2f} "
        f"ms of processor each: {1000 / each:.0f} a second with a processor of its own"
    )


def memory(records: int) -> None:
    """Print what the driver holds over many rows."""
    watch = Watch(records)
    recipe = Recipe(systems=SYSTEMS, make_parts=essays, concurrency=4)
    asyncio.run(run(made_up(records), SYSTEMS, Repeating(recipe, 4), watch))
    print(f"{watch.rate():.0f} records a second")


def predicted(most: float) -> None:
    """Print prompts per second of 100 actors with 32 places, by the seconds that a run takes."""
    print(f"{'seconds per run':>16}{'actors':>8}{'server':>10}{'driver':>10}{'so':>10}")
    for slower in (1.0, 10.0, 30.0):
        for actors in (1, 10, 100):
            rate = predicted_rate(actors, 32, slower)
            alone = sum(MEAN_SECONDS.values()) * slower
            so = min(rate, most)
            print(f"{alone:>16.1f}{actors:>8}{rate:>10.1f}{most:>10.0f}{so:>10.1f}")


def predicted_rate(actors: int, places: int, slower: float) -> float:
    """Return prompts per second where requests wait for nothing but their time."""
    chance = Random(0)  # noqa: S311 no secret
    server = Server(seconds_per_token={1: 0.001}, seconds_to_read={1: 0.0}, slots=actors * places)
    runs = 5 * actors * places
    ended = predict(
        server, [_chain(chance, slower) for _ in range(runs)], at_once=actors * (2 * places - 1)
    ).finished
    times = sorted(ended.values())
    begin, end = times[len(times) // 5], times[-len(times) // 5]
    return 0.6 * runs / (end - begin)


def _chain(chance: Random, slower: float) -> list[Stage]:
    return [
        Stage(requests=(Request(reads=0, writes=(_longest(chance, step, slower),)),))
        for step in MEAN_SECONDS
    ]


def _longest(chance: Random, step: str, slower: float) -> float:
    """Return milliseconds of a request, two draws of which take as long as the slower."""
    draws = 2 if step in ("sample", "update") else 1
    return 1000 * slower * MEAN_SECONDS[step] * max(chance.uniform(0.5, 1.5) for _ in range(draws))


if __name__ == "__main__":
    main()
