"""Holds the model of a batching server against a real one: the embedded server.

    python benchmarks/server_model_check.py [--queries 16] [--width 5] [--depth 2]

A few plain requests tell how fast it reads and writes. Then runs go to it all at once, and the
wall time is predicted from the tokens of their requests. Every completion is made to have the same
length, so that only time is predicted. On an idle machine: the server takes one core, the client
the other.
"""

import argparse
import asyncio
import sys
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain_tpo import SamplingOptions, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.local import LocalServer
from langchain_tpo.planning import Chain, Request, Server, Stage, predict
from langchain_tpo.state import StepRecord

TOKENS = 48
"""Of every completion."""

PROMPTS = (200, 1000)
"""Words of the prompts that are read on trial."""


def main() -> None:
    """Print what was measured, what was predicted, and one over the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", default="smollm2-135m")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--queries", type=int, default=16)
    parser.add_argument("--width", type=int, default=5)
    parser.add_argument("--depth", type=int, default=2)
    options = parser.parse_args()
    with LocalServer(options.weights, slots=options.slots) as served:
        model = served.chat_model(extra_body={"ignore_eos": True})
        server = asyncio.run(calibrated(model, options.slots))
        print(f"seconds to read: {rounded(server.seconds_to_read)}")
        print(f"seconds per token: {rounded(server.seconds_per_token)}")
        print(f"{'':12}{'measured':>10}{'predicted':>11}{'predicted / measured':>22}")
        for queries in (1, options.queries):
            taken, results = asyncio.run(run(model, settings(options), queries))
            predicted = predict(server, [chain(result) for result in results])
            print(
                f"{queries:>3} {'queries':8}{taken:>10.1f}{predicted.seconds:>11.1f}"
                f"{predicted.seconds / taken:>22.3f}"
            )


def settings(options: argparse.Namespace) -> TPOSettings:
    """Return runs whose every completion has as many tokens."""
    same = SamplingOptions(max_tokens=TOKENS, temperature=0.7)
    return TPOSettings.small_model(
        strategy="tpo",
        width=options.width,
        depth=options.depth,
        sample=same,
        textual_loss=same,
        textual_gradient=same,
        update=same,
        one_request=False,
    )


async def calibrated(model: Any, slots: int) -> Server:
    """Measure a server with plain requests, each with a prompt of its own."""
    numbers = iter(range(10**6))

    async def ask(words: int, tokens: int) -> int:
        text = f"{next(numbers)}: " + "some more words " * (words // 3)
        reply = await model.ainvoke(text, max_tokens=tokens)
        usage = reply.usage_metadata
        return int(usage["input_tokens"]) - usage["input_token_details"].get("cache_read", 0)

    async def wall(asked: Iterable[tuple[int, int]]) -> tuple[float, int]:
        since = time.perf_counter()
        read = await asyncio.gather(*(ask(words, tokens) for words, tokens in asked))
        return time.perf_counter() - since, sum(read)

    await wall([(3, 3)])  # the first request waits for more than its own tokens
    reading: dict[float, float] = {}
    for words in PROMPTS:
        seconds, read = await wall([(words, 1)])
        reading[read] = seconds
    pace: dict[float, float] = {}
    for active in sorted({1, 2, slots}):
        seconds, read = await wall([(3, 4 * TOKENS)] * active)
        known = Server(seconds_per_token={1: 0.0}, seconds_to_read=reading)
        pace[active] = (seconds - known.reading(read)) / (4 * TOKENS)
    return Server(seconds_per_token=pace, seconds_to_read=reading, slots=slots)


async def run(model: Any, told: TPOSettings, queries: int) -> tuple[float, Sequence[TPOResult]]:
    """Send all queries at once, and time them."""
    tpo = TPORunnable(model=model, reward=reward, settings=told)
    asked = (f"What is worth knowing about the number {number}?" for number in range(queries))
    since = time.perf_counter()
    results = await asyncio.gather(*map(tpo.aoptimize, asked))
    return time.perf_counter() - since, results


async def reward(_prompt: str, response: str) -> float:
    """Like some responses better, for no reason, without a thread and without waiting."""
    return float(zlib.crc32(response.encode()) % 1000)


def chain(result: TPOResult) -> Chain:
    """Return the requests of a run with the tokens that the server reported."""
    return [stage(record) for record in result.steps if record["usage"]["requests"]]


def stage(record: StepRecord) -> Stage:
    """Return the requests of a step; what was in the cache was not read."""
    usage = record["usage"]
    n = usage["requests"]
    read = (usage["input_tokens"] or 0) - (usage["cached_tokens"] or 0)
    writes = ((usage["output_tokens"] or 0) // n,)
    return Stage(requests=(Request(reads=read // n, writes=writes),) * n)


def rounded(points: Mapping[float, float]) -> str:
    """Show points as `number=seconds`."""
    return ",".join(f"{number}={seconds:.4f}" for number, seconds in points.items())


if __name__ == "__main__":
    main()
