"""How much time and memory a run costs beside the model: `python tests/benchmarks/own_time.py`.

D2-N5 with a model and a reward that answer at once, at 1, 100 and 1,000 queries in flight. Prints
milliseconds of our own per run, peak memory per query in flight, and the same for a model that
takes all five draws in one request.
"""

import asyncio
import sys
import time
import tracemalloc
from collections import deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from langchain_tpo import TPORunnable
from tests.fakes import ScriptedModel, ScriptedModelWithN, last_number

QUERIES = (1, 100, 1000)


def forgetful(kind: type[ScriptedModel]) -> ScriptedModel:
    """Give a model that does not keep what it was asked, so that only our memory is measured."""
    model = kind()
    model.notebook.calls = deque(maxlen=0)
    return model


async def seconds(tpo: TPORunnable, queries: int) -> float:
    """Time all queries together."""
    began = time.perf_counter()
    await asyncio.gather(*(tpo.ainvoke(f"Question {number}?") for number in range(queries)))
    return time.perf_counter() - began


async def peak_bytes(tpo: TPORunnable, queries: int) -> int:
    """Trace the memory that all queries together allocate at most."""
    tracemalloc.start()
    await seconds(tpo, queries)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def main() -> None:
    """Print one row per kind of model and number of queries."""
    print(f"{'draws':<14}{'queries':>8}{'ms per run':>12}{'kB per query':>14}")
    for name, kind in (("N requests", ScriptedModel), ("one request", ScriptedModelWithN)):
        for queries in QUERIES:
            tpo = TPORunnable(model=forgetful(kind), reward=last_number)
            asyncio.run(seconds(tpo, 3))  # the first runs build the graph
            repeats = 100 // queries or 1
            per_run = min(asyncio.run(seconds(tpo, queries)) for _ in range(repeats)) / queries
            memory = asyncio.run(peak_bytes(tpo, queries)) / queries
            print(f"{name:<14}{queries:>8}{per_run * 1000:>12.1f}{memory / 1000:>14.0f}")


if __name__ == "__main__":
    main()
