"""How much time and memory a run costs beside the model.

    python benchmarks/own_time.py [--beside OTHER_CHECKOUT] [--rounds 3]

D2-N5 with a model and a reward that answer at once, at 1, 100 and 1,000 queries in flight, with N
requests and with one request of `n=N`. Prints CPU milliseconds per run, which other work on the
machine does not add to, those of the same calls of the model alone, and peak memory per query in
flight. Every measurement is a process of its own; those of two checkouts take turns.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

sys.path.append(str(Path(__file__).parents[1]))  # last: a checkout in PYTHONPATH goes first

from langchain_tpo import TPORunnable
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number

QUERIES = (1, 100, 1000)
KINDS = {"N requests": (ScriptedModel, 19), "one request": (ScriptedModelWithN, 7)}
"""Models, and how many calls of them a run takes."""

Work: TypeAlias = Callable[[int], Awaitable[Any]]
"""What is done for the query of a number."""

Column: TypeAlias = dict[str, float]
"""Figures by row."""


def main() -> None:
    """Measure in fresh processes, and print medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=FIGURES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(column(FIGURES[options.measure])))
        return
    checkouts = [Path(__file__).parents[1], *([options.beside] if options.beside else [])]
    for figure in FIGURES:
        columns: list[list[Column]] = [[] for _ in checkouts]
        for number in range(options.rounds if figure != "kB per query" else 1):
            order = list(zip(checkouts, columns, strict=True))
            for checkout, measured in order[:: -1 if number % 2 else 1]:
                measured.append(in_fresh_process(checkout, figure))
        print_medians(figure, columns)


def in_fresh_process(checkout: Path, figure: str) -> Column:
    """Run this file with the package of a checkout."""
    command = [sys.executable, __file__, "--measure", figure]
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout  # noqa: S603 ourselves
    measured: Column = json.loads(printed)
    return measured


def print_medians(figure: str, checkouts: list[list[Column]]) -> None:
    """Print one line per row; with two checkouts the ratio as well."""
    print(f"{figure:26}{'this':>10}" + (f"{'other':>10}{'ratio':>8}" if checkouts[1:] else ""))
    for row in checkouts[0][0]:
        medians = [statistics.median(one[row] for one in columns) for columns in checkouts]
        line = "".join(f"{value:>10.1f}" for value in medians)
        print(f"  {row:24}{line}" + (f"{medians[0] / medians[1]:>8.2f}" if medians[1:] else ""))


def column(figure: Callable[[Work, Work, int], float]) -> Column:
    """Measure a figure for every kind of model and number of queries."""
    measured = {}
    for name, (kind, calls) in KINDS.items():
        model = kind()
        model.notebook.calls = deque(maxlen=0)  # so that only our memory is measured
        tpo = TPORunnable(model=model, reward=last_number)

        async def run(number: int, tpo: TPORunnable = tpo) -> None:
            await tpo.ainvoke(f"Question {number}?")

        async def alone(number: int, model: ScriptedModel = model, calls: int = calls) -> None:
            for _ in range(calls):
                await model.ainvoke(f"Question {number}?")

        asyncio.run(all_at_once(run, 3))  # the first runs build the graph
        for queries in QUERIES:
            measured[f"{name}, {queries:,} queries"] = figure(run, alone, queries)
    return measured


def milliseconds(run: Work, _alone: Work, queries: int) -> float:
    """Return the CPU milliseconds of a run: the least of some attempts."""
    attempts = [asyncio.run(all_at_once(run, queries)) for _ in range(30 // queries or 1)]
    return 1000 * min(attempts) / queries


def milliseconds_alone(_run: Work, alone: Work, queries: int) -> float:
    """Return those of the model's calls without a run around them."""
    return milliseconds(alone, alone, queries)


def kilobytes(run: Work, _alone: Work, queries: int) -> float:
    """Return the memory that all queries together allocate at most, per query."""
    tracemalloc.start()
    asyncio.run(all_at_once(run, queries))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / queries / 1000


async def all_at_once(work: Work, queries: int) -> float:
    """Do the work of all queries; return the CPU seconds."""
    began = time.process_time()
    await asyncio.gather(*map(work, range(queries)))
    return time.process_time() - began


FIGURES = {
    "ms per run": milliseconds,
    "ms of the model alone": milliseconds_alone,
    "kB per query": kilobytes,
}


if __name__ == "__main__":
    main()
