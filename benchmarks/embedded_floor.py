"""Wall time of many runs with the embedded model over the least that their requests take.

    python benchmarks/embedded_floor.py [--queries 16] [--rounds 3]

D2-N5 and its floor, in turn: the same requests, chain by chain, sent by plain asyncio and httpx.
Every turn has a server of its own, with nothing in its caches, and every completion takes all the
tokens that it may, so that both sides have the same work. What a few cores do at once is bounded
by their arithmetic: this shows what we add, not what concurrency gains.
"""

import argparse
import asyncio
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import DefaultAsyncHttpxClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.alternating import in_turn
from benchmarks.request_chains import Chain, Recorder, plainly, replay
from langchain_tpo import SamplingOptions, TPORunnable, TPOSettings
from langchain_tpo.local import LocalServer

THINGS = ("a wooden table", "a cast-iron pan", "an old bicycle", "a leather bag")
ASKED = ("take care of", "repair", "choose", "clean")
QUERIES = [f"How do I {verb} {thing}?" for thing in THINGS for verb in ASKED]


def main() -> None:
    """Print the seconds of every turn and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="as `weights_file` understands it")
    parser.add_argument("--queries", type=int, default=len(QUERIES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=12)
    options = parser.parse_args()
    bench = Bench(options.model, options.queries, options.max_tokens)
    bench.ours()  # once unmeasured: weights are fetched, everything is loaded
    seconds = in_turn({"TPORunnable": bench.ours, "floor": bench.floor}, options.rounds)
    print(f"{options.queries} queries, D2-N5, {options.max_tokens} tokens a completion")
    for name, taken in seconds.items():
        print(f"{name:14}" + "".join(f"{one:9.2f}" for one in taken) + "  seconds")
    ratios = [ours / floor for ours, floor in zip(*seconds.values(), strict=True)]
    print(f"{'ratio':14}" + "".join(f"{one:9.3f}" for one in ratios), end="")
    print(f"  median {statistics.median(ratios):.3f}")


class Bench:
    """The same work with us in between and without, each time by a fresh server."""

    def __init__(self, model: str | None, queries: int, max_tokens: int) -> None:
        """Say what is done."""
        self._model = model
        self._queries = [QUERIES[number % len(QUERIES)] for number in range(queries)]
        short = SamplingOptions(temperature=0.7, max_tokens=max_tokens)
        steps = ("sample", "textual_loss", "textual_gradient", "update")
        self._settings = TPOSettings(prompts="small", seed=1, **dict.fromkeys(steps, short))
        self._chains: list[Chain] = []

    def ours(self) -> float:
        """Run all queries at once, and write down what is asked."""
        return self._with_server(self._run)

    def floor(self) -> float:
        """Send what was asked last time."""
        return self._with_server(self._replay)

    def _with_server(self, work: Callable[[LocalServer], Any]) -> float:
        with LocalServer(self._model, context_tokens=1024) as server:
            seconds: float = asyncio.run(work(server))
            return seconds

    async def _run(self, server: LocalServer) -> float:
        recorder = Recorder()
        async with _client(server, event_hooks=recorder.hooks) as client:
            model = server.chat_model(
                http_async_client=client, extra_body={"ignore_eos": True}, timeout=None
            )
            tpo = TPORunnable(model=model, reward=reward, settings=self._settings)
            since = time.perf_counter()
            runs = (
                recorder.run(str(number), tpo.ainvoke(query))
                for number, query in enumerate(self._queries)
            )
            await asyncio.gather(*map(asyncio.create_task, runs))
            seconds = time.perf_counter() - since
        self._chains = recorder.chains
        return seconds

    async def _replay(self, server: LocalServer) -> float:
        async with _client(server) as client:
            return await replay(self._chains, plainly(client))


def _client(server: LocalServer, **options: Any) -> DefaultAsyncHttpxClient:
    key = server.api_key.get_secret_value()
    return DefaultAsyncHttpxClient(
        base_url=server.base_url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=None,
        trust_env=False,
        **options,
    )


async def reward(_prompt: str, response: str) -> float:
    """Prefer one to the other, for no reason."""
    return float(zlib.crc32(response.encode()))


if __name__ == "__main__":
    main()
