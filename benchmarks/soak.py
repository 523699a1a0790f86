"""Whether hours of traffic leave anything behind: memory, tasks, threads, sockets, file handles.

`python benchmarks/soak.py [--prompts 2000] [--in-flight 200] [--latency 8]` runs D2-N5
through `ChatOpenAI` against a server of its own on 127.0.0.1, for about ten minutes as it stands.
It prints a table, and exits with 1 when a figure keeps growing or something is left at the end.
"""

import argparse
import asyncio
import gc
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import openai  # noqa: E402 after the path is set
from langchain_openai import ChatOpenAI  # noqa: E402

from benchmarks.memory import mebibytes  # noqa: E402
from langchain_tpo import TPORunnable, TPOSettings  # noqa: E402
from tests.support.fakes import last_number  # noqa: E402
from tests.support.servers.openai_double import OpenAIDouble, obedient_script  # noqa: E402
from tests.support.servers.own_process import in_own_process  # noqa: E402

SAMPLES = 20
"""Rows of the table."""

MOST_GROWTH = {"mebibytes": 0.02, "tasks": 0.10, "threads": 0.02, "sockets": 0.02, "files": 0.02}
"""Of the mean of the last quarter over that of the second: the first fills caches and pools.

How many tasks there are is a matter of which steps the runs are at.
"""


class SlowDouble(OpenAIDouble):
    """Takes about so many seconds over each answer, and keeps no record of them."""

    def __init__(self, latency: float) -> None:
        super().__init__(obedient_script)
        self._latency = latency

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(random.uniform(0.5, 1.5) * self._latency)  # noqa: S311 no secret
        answer = super().answer(body)
        self.requests.clear()
        return answer


@contextmanager
def slow_double(latency: float) -> Iterator[str]:
    """Serve, and yield the URL."""
    with SlowDouble(latency) as double:
        yield double.base_url


@dataclass(frozen=True)
class Sample:
    """What the process holds at one time."""

    seconds: float
    answered: int
    mebibytes: float
    tasks: int
    threads: int
    sockets: int
    files: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:>8.0f} {self.answered:>9,} {self.mebibytes:>8.1f} {self.tasks:>6} "
            f"{self.threads:>8} {self.sockets:>8} {self.files:>6}"
        )


HEADER = " seconds  answered      MiB  tasks  threads  sockets  files"


def sample(since: float, answered: int) -> Sample:
    """Look at this process."""
    handles = Counter(_kind(path) for path in Path("/proc/self/fd").iterdir())
    return Sample(
        seconds=time.perf_counter() - since,
        answered=answered,
        mebibytes=mebibytes(),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        sockets=handles["socket"],
        files=handles.total() - handles["socket"],
    )


def _kind(path: Path) -> str:
    try:
        return "socket" if str(path.readlink()).startswith("socket:") else "file"
    except OSError:  # the handle by which this folder was read
        return "file"


async def soak(base_url: str, prompts: int, in_flight: int) -> tuple[list[Sample], Counter[str]]:
    """Answer all prompts, so many at once; look before, all along, and after."""
    since = time.perf_counter()
    samples = [sample(since, 0)]
    print(HEADER, samples[0], sep="\n")
    ends: Counter[str] = Counter()
    waiting = iter(range(prompts))
    async with openai.DefaultAsyncHttpxClient() as client:
        model = ChatOpenAI(
            base_url=base_url, api_key="-", model="double", max_retries=0, http_async_client=client
        )
        tpo = TPORunnable(model=model, reward=last_number, settings=TPOSettings(width=5, depth=2))

        async def work() -> None:
            for number in waiting:
                ends[(await tpo.aoptimize(f"question {number}")).stop_reason] += 1

        workers = asyncio.gather(*[work() for _ in range(in_flight)])
        while not workers.done():
            await asyncio.wait([workers], timeout=1)
            answered = ends.total()  # samples are of full load: not of its last prompts
            if len(samples) * prompts <= answered * SAMPLES <= (prompts - in_flight) * SAMPLES:
                samples.append(sample(since, answered))
                print(samples[-1], flush=True)
        await workers
    gc.collect()
    samples.append(sample(since, ends.total()))
    print(samples[-1])
    return samples, ends


def complaints(samples: Sequence[Sample], ends: Counter[str], prompts: int) -> Iterator[str]:
    """Say what is not as it should be."""
    first, *during, last = samples
    quarter = len(during) // 4
    early, late = during[quarter : 2 * quarter], during[-quarter:]
    for figure, most in MOST_GROWTH.items():
        before, after = (fmean(getattr(one, figure) for one in part) for part in (early, late))
        print(f"{figure:<9} {before:8.1f} -> {after:8.1f}  {after / before - 1:+.1%}")
        if after > before * (1 + most):
            yield f"{figure} grew"
    if ends != Counter({"depth": prompts}):
        yield f"runs ended by {dict(ends)}"
    for figure in ("tasks", "sockets", "files"):  # the loop keeps its few threads
        left = getattr(last, figure) - getattr(first, figure)
        if left > 0:
            yield f"{left} {figure} are left"


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--latency", type=float, default=8.0)
    asked = parser.parse_args()
    with in_own_process(slow_double, asked.latency) as base_url:
        samples, ends = asyncio.run(soak(base_url, asked.prompts, asked.in_flight))
    found = list(complaints(samples, ends, asked.prompts))
    print("flat, nothing left" if not found else "; ".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
