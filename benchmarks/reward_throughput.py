"""Scores per second of rewards over HTTP, beside the most that their server gives.

    python benchmarks/reward_throughput.py [--milliseconds 100] [--rounds 30] [--embedded]

The server is a double in a process of its own that takes a fixed time per request, or with
`--embedded` a real one: llama.cpp with SmolLM2-135M and one thread. Its ceiling is
the same requests, replayed by plain httpx over connections that are kept open. Adapter and
ceiling take turns, round by round, so that a busy machine slows both; medians are compared. The
last column compares the processor time of this process, which a busy machine changes little: it is
what counts where the server is not waited for.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from langchain_core.messages import HumanMessage

sys.path.insert(0, str(Path(__file__).parents[1]))

from langchain_tpo.local.server import LocalServer
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.vllm import VLLMClassifier
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel
from langchain_tpo.reward_models.servers.http_transport import send
from langchain_tpo.reward_models.servers.implicit import ImplicitRewardModel
from langchain_tpo.reward_models.servers.openai_compatible import OpenAIVerifier
from langchain_tpo.reward_models.servers.tgi import TGIRewardModel
from tests.support.servers.http_double import Asked, Reply, serve
from tests.support.servers.own_process import in_own_process
from tests.support.servers.tgi_double import TGIDouble

ANSWER = "The capital of France is Paris, on the Seine, and has been for most of its history. " * 8

CLASSIFIED = Reply(body={"data": [{"index": 0, "label": "LABEL_0", "probs": [1.5]}]})
"""What vLLM answers."""


class Pace(NamedTuple):
    """What a round takes, in seconds."""

    wall: float
    """On the clock."""
    work: float
    """Of this process's processor time, all threads together."""


def main() -> None:
    """Print one line per adapter, width and way of calling."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--milliseconds", type=float, default=100.0)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--embedded", action="store_true")
    options = parser.parse_args()
    pace = "SmolLM2-135M" if options.embedded else f"{options.milliseconds:g} ms a request"
    print(f"server: {pace}; median of {options.rounds} rounds")
    print(
        f"{'adapter':30}{'width':>6}{'call':>9}{'scores/s':>10}{'ceiling':>9}{'ratio':>7}{'work':>7}"
    )
    with _embedded() if options.embedded else _doubled(options.milliseconds / 1000) as adapters:
        for model in adapters:
            for width in (5, 20):
                _measure(model, _request(width), options.rounds)


@contextmanager
def _embedded() -> Iterator[list[HttpRewardModel]]:
    with LocalServer("smollm2-135m", threads=1, slots=5) as server:
        yield [OpenAIVerifier(server.base_url, api_key=server.api_key)]


@contextmanager
def _doubled(seconds: float) -> Iterator[list[HttpRewardModel]]:
    with in_own_process(slow_double, seconds) as url:
        yield _adapters(url)


def _adapters(url: str) -> list[HttpRewardModel]:
    return [
        TGIRewardModel(url),
        OpenAIVerifier(url, model="tgi", top_logprobs=5),
        ImplicitRewardModel(url, reference=url),
        VLLMClassifier(url),
    ]


def _request(width: int) -> ScoreRequest:
    question = HumanMessage("What is the capital of France?")
    return {"messages": [question], "responses": [f"{n} {ANSWER}" for n in range(width)]}


def _measure(model: HttpRewardModel, request: ScoreRequest, rounds: int) -> None:
    batches = _calls_of_a_round(model, request)
    width = len(request["responses"])
    headers = batches[0][0].server.open_headers()
    plain: dict[str, Any] = {
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=None),
        "headers": headers,
        "timeout": 600.0,
    }
    with httpx.Client(**plain) as client, ThreadPoolExecutor(32) as threads:
        own, ceiling = _alternate(
            partial(model.invoke, request), partial(_replay, client, threads, batches), rounds
        )
    _print(model, width, "invoke", own, ceiling)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(**plain)
        own, ceiling = _alternate(
            lambda: runner.run(model.ainvoke(request)),
            lambda: runner.run(_areplay(client, batches)),
            rounds,
        )
        runner.run(client.aclose())
    _print(model, width, "ainvoke", own, ceiling)


def _calls_of_a_round(model: HttpRewardModel, request: ScoreRequest) -> list[Sequence[Call]]:
    """Return the requests that a round takes once the server is known."""
    model.invoke(request)
    flow, batches = model.scoring(request), []
    try:
        calls = next(flow)
        while True:
            batches.append(calls)
            calls = flow.send(send(calls))
    except StopIteration:
        return batches


def _alternate(
    own: Callable[[], Any], ceiling: Callable[[], Any], rounds: int
) -> tuple[Pace, Pace]:
    walls: tuple[list[float], list[float]] = ([], [])
    works: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * rounds + 4):
        start, work = time.perf_counter(), time.process_time()
        (own, ceiling)[turn % 2]()
        if turn >= 4:
            walls[turn % 2].append(time.perf_counter() - start)
            works[turn % 2].append(time.process_time() - work)
    first, second = (
        Pace(statistics.median(wall), statistics.median(work))
        for wall, work in zip(walls, works, strict=True)
    )
    return first, second


def _replay(
    client: httpx.Client, threads: ThreadPoolExecutor, batches: list[Sequence[Call]]
) -> None:
    def post(call: Call) -> Any:
        return client.request(call.method, call.url, json=call.body).json()

    for calls in batches:
        list(threads.map(post, calls))


async def _areplay(client: httpx.AsyncClient, batches: list[Sequence[Call]]) -> None:
    async def post(call: Call) -> Any:
        return (await client.request(call.method, call.url, json=call.body)).json()

    for calls in batches:
        await asyncio.gather(*map(post, calls))


def _print(model: HttpRewardModel, width: int, way: str, own: Pace, ceiling: Pace) -> None:
    name = type(model).__name__
    rates = f"{width / own.wall:>10.1f}{width / ceiling.wall:>9.1f}"
    ratios = f"{ceiling.wall / own.wall:>7.2f}{ceiling.work / own.work:>7.2f}"
    print(f"{name:30}{width:>6}{way:>9}{rates}{ratios}")


@contextmanager
def slow_double(seconds: float) -> Iterator[str]:
    """Serve what TGI would, after a fixed time per request."""
    double = TGIDouble(prefill=lambda id_, _: -(id_ % 7) / 7)

    def answer(asked: Asked) -> Reply:
        if asked.path in {"/", "/v1/chat/completions", "/classify"}:
            time.sleep(seconds)
        return CLASSIFIED if asked.path == "/classify" else double(asked)

    with serve(answer) as url:
        yield url


if __name__ == "__main__":
    main()
