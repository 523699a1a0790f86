"""The same work with us and with TPO written upon the `textgrad` package, in one run.

    pip install textgrad && python benchmarks/against_textgrad.py [--queries 40] [--rounds 3]

D2-N5 against the scripted server of `floor.py`, beside that script's floor. With textgrad a user
writes the loop: N calls of an engine, a `TextLoss` of the best against the worst, `backward()`, and
N steps of `TextualGradientDescent`, each upon a copy of the best. Its engines ask for one response
at a time and block, so queries run in threads; in the last row the N draws of a query do as well.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.alternating import in_turn, ratio
from benchmarks.floor import Bench, response_number
from langchain_tpo import TPOSettings
from tests.support.servers.own_process import in_own_process
from tests.support.servers.paced_openai import serve_paced

WIDTH, DEPTH = 5, 2

OURS = "TPORunnable.abatch"

INSTRUCTION = """\
You evaluate answers to a query. The answer to evaluate was preferred to the rejected one. Name \
the strengths and weaknesses of both, and explain why the one was chosen and the other rejected.

Query: {query}

Rejected answer: {rejected}"""

Map: TypeAlias = Callable[[Callable[[Any], str], Iterable[Any]], Iterable[str]]
"""`map`, or that of a pool of threads."""


def main() -> None:
    """Print seconds, requests and prompt length, and what they are times ours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as logs, in_own_process(serve_paced) as url:
        prepare(url, logs)
        one, several = (
            Bench(url, options.queries, TPOSettings(width=WIDTH, depth=DEPTH, one_request=together))
            for together in (True, False)
        )
        theirs = TextGrad(one.queries)
        sides = {
            "floor": one.sides()["bare client"],
            OURS: one.sides()[OURS],
            "  N requests for N draws": several.sides()[OURS],
            "textgrad, 16 threads": partial(theirs.seconds, threads=16),
            "textgrad, a thread each": partial(theirs.seconds, threads=options.queries),
            "  and for every draw": partial(
                theirs.seconds, threads=options.queries, draw_threads=WIDTH
            ),
        }
        counts: dict[str, dict[str, int]] = {}
        counted = {name: partial(count, url, counts, name, side) for name, side in sides.items()}
        seconds = in_turn(counted, options.rounds)
    print(f"{options.queries} queries, D{DEPTH}-N{WIDTH}; median ratios of {options.rounds} rounds")
    print(f"{'':26}{'seconds':>9}{'/ floor':>9}{'/ ours':>8}{'requests':>10}{'prompt MB':>11}")
    for name, taken in seconds.items():
        print(
            f"{name:26}{min(taken):>9.2f}{ratio(taken, seconds['floor']):>9.2f}"
            f"{ratio(taken, seconds[OURS]):>8.2f}{counts[name]['requests']:>10,}"
            f"{counts[name]['prompt_characters'] / 1e6:>11.2f}"
        )


def count(
    url: str, counts: dict[str, dict[str, int]], name: str, side: Callable[[], float]
) -> float:
    """Run a side, and keep what the server has counted."""
    forget = f"{url.removesuffix('/v1')}/forget"
    httpx.post(forget)
    seconds = side()
    counts[name] = httpx.post(forget).json()
    return seconds


def prepare(url: str, logs: str) -> None:
    """Tell textgrad and litellm, which look at the environment, where to ask and to write."""
    os.environ.update(
        OPENAI_API_KEY="-",
        OPENAI_API_BASE=url,
        TEXTGRAD_LOG_DIR=logs,
        LITELLM_LOCAL_MODEL_COST_MAP="True",  # else it asks the network at import
    )


class TextGrad:
    """TPO as a user of textgrad writes it."""

    def __init__(self, queries: list[str]) -> None:
        """Load textgrad; an engine without its cache, which would make all draws one."""
        try:
            import textgrad  # noqa: PLC0415 no dependency of the project
        except ImportError:
            raise SystemExit("This script needs textgrad: pip install textgrad") from None
        self._queries = queries
        self._tg = textgrad
        self._engine = textgrad.get_engine("experimental:openai/paced", cache=False)

    def seconds(self, *, threads: int, draw_threads: int = 1) -> float:
        """Run all queries in so many threads."""
        with ThreadPoolExecutor(threads) as pool, ThreadPoolExecutor(threads * draw_threads) as own:
            draws: Map = map if draw_threads == 1 else own.map
            since = time.perf_counter()
            list(pool.map(partial(self.run, draws=draws), self._queries))
            return time.perf_counter() - since

    def run(self, query: str, draws: Map) -> str:
        """Return the best response to one query."""
        responses = list(draws(self._engine, [query] * WIDTH))
        for _ in range(DEPTH):
            best, worst = max(responses, key=response_number), min(responses, key=response_number)
            chosen = self._tg.Variable(best, role_description="a chosen response to a query")
            instruction = INSTRUCTION.format(query=query, rejected=worst)
            self._tg.TextLoss(instruction, engine=self._engine)(chosen).backward(self._engine)
            responses += draws(self._revision, [chosen] * WIDTH)
        return max(responses, key=response_number)

    def _revision(self, chosen: Any) -> str:
        """Take a step from the same place as the other draws."""
        mine = self._tg.Variable(chosen.value, role_description=chosen.role_description)
        mine.gradients, mine.gradients_context = chosen.gradients, chosen.gradients_context
        self._tg.TextualGradientDescent(
            [mine], engine=self._engine, constraints=["Only generate a chosen response."]
        ).step()
        return str(mine.value)


if __name__ == "__main__":
    main()
