"""Wall time of many runs at once over the least that their requests take.

    python benchmarks/floor.py [--queries 40] [--rounds 5]

D2-N5 against a scripted server in a process of its own, which answers any number of requests at
once after seeded random latencies. The floor is the very same requests, chain by chain, sent by
plain asyncio and the HTTP client that OpenAI's package uses. What the server alone would take, and
the floor with OpenAI's client and with LangChain's ChatOpenAI around it, tell whose the rest is.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from langchain_core.messages import HumanMessage, convert_to_messages
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.alternating import in_turn
from benchmarks.request_chains import Chain, Recorder, plainly, replay
from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.evaluation.attempts import InProcess
from langchain_tpo.evaluation.examples import Example
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import RecordFile
from langchain_tpo.evaluation.run_evaluation import run_evaluation
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import System
from langchain_tpo.reward_models.coercion import as_reward_model
from tests.support.servers.own_process import in_own_process
from tests.support.servers.paced_openai import PacedModel, serve_paced

WAYS = {"N requests": False, "one request": True}
"""How N draws are asked for: `one_request` of the settings."""

FLOORS = ("server alone", "bare client", "OpenAI's client", "ChatOpenAI")
"""The same requests, and the less in between the higher up."""


def main() -> None:
    """Print one table per way of asking for N draws."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with in_own_process(serve_paced) as url:
        for way, one_request in WAYS.items():
            bench = Bench(url, options.queries, TPOSettings(one_request=one_request))
            print(f"\n{options.queries} queries, D2-N5, {way}; least of {options.rounds} rounds")
            print_table(bench, in_turn(bench.sides(), options.rounds))


def print_table(bench: "Bench", seconds: Mapping[str, Sequence[float]]) -> None:
    """Print every side over every floor; the least of each, since other work only adds."""
    least = {name: min(taken) for name, taken in seconds.items()}
    print(f"{'':20}{'seconds':>9}{'CPU':>6}" + "".join(f"{'/ ' + one:>18}" for one in FLOORS))
    for name, taken in least.items():
        ratios = "".join(f"{taken / least[floor]:>18.3f}" for floor in FLOORS)
        print(f"{name:20}{taken:>9.2f}{bench.cpu(name):>6.2f}{ratios}")


class Bench:
    """The same work, done in several ways against one server."""

    def __init__(self, url: str, queries: int, settings: TPOSettings) -> None:
        """Run once, to know the requests and to have everything loaded."""
        self._url = url
        self._settings = settings
        self.queries = [f"Say something useful about query #{n}." for n in range(queries)]
        self._cpu: dict[str, list[float]] = {}
        self._chains = self._timed("", self._recorded)

    def sides(self) -> dict[str, Callable[[], float]]:
        """Return the floors, then what is measured."""
        floors = (self._nothing, self._bare, self._openai, self._chat_openai)
        ours = {"TPORunnable.abatch": self._abatch, "tpo evaluate": self._evaluate}
        sides = {**dict(zip(FLOORS, floors, strict=True)), **ours}
        return {name: partial(self._timed, name, work) for name, work in sides.items()}

    def cpu(self, name: str) -> float:
        """Return the CPU seconds that a side took in this process."""
        return min(self._cpu[name])

    def _timed(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        httpx.post(f"{self._url.removesuffix('/v1')}/forget")
        since = time.process_time()
        result = asyncio.run(work())
        self._cpu.setdefault(name, []).append(time.process_time() - since)
        return result

    async def _recorded(self) -> list[Chain]:
        recorder = Recorder()
        async with DefaultAsyncHttpxClient(event_hooks=recorder.hooks) as client:
            tpo = self._tpo(client)
            runs = (recorder.run(query, tpo.ainvoke(query)) for query in self.queries)
            await asyncio.gather(*map(asyncio.create_task, runs))
        return recorder.chains

    async def _nothing(self) -> float:
        model = PacedModel()
        return max(
            sum(max(model.completion(body)[0] for body in stage) for stage in chain)
            for chain in self._chains
        )

    async def _bare(self) -> float:
        async with DefaultAsyncHttpxClient(base_url=self._url) as client:
            return await replay(self._chains, plainly(client))

    async def _openai(self) -> float:
        async with AsyncOpenAI(base_url=self._url, api_key="-") as client:

            async def send(body: dict[str, Any]) -> Any:
                return await client.chat.completions.create(**body)

            return await replay(self._chains, send)

    async def _chat_openai(self) -> float:
        async with DefaultAsyncHttpxClient() as client:
            model = self._model(client)

            async def send(body: dict[str, Any]) -> Any:
                messages = convert_to_messages(body["messages"])
                return await model.agenerate([messages], n=body.get("n"))

            return await replay(self._chains, send)

    async def _abatch(self) -> float:
        async with DefaultAsyncHttpxClient() as client:
            tpo = self._tpo(client)
            since = time.perf_counter()
            await tpo.abatch(self.queries)
            return time.perf_counter() - since

    async def _evaluate(self) -> float:
        system = System(name="tpo", kind="tpo", settings=self._settings)
        rows = [Example(id=query, messages=(HumanMessage(query),)) for query in self.queries]
        with TemporaryDirectory() as folder, RecordFile(Path(folder) / "records") as file:
            async with DefaultAsyncHttpxClient() as client:
                parts = Parts(model=self._model(client), reward=as_reward_model(reward))
                since = time.perf_counter()
                requests = self._settings.width * len(rows)
                answerer = InProcess([system], parts, concurrency=requests)
                await run_evaluation(rows, [system], answerer, RecordWriter(file))
                return time.perf_counter() - since

    def _tpo(self, client: Any) -> TPORunnable:
        return TPORunnable(model=self._model(client), reward=reward, settings=self._settings)

    def _model(self, client: Any) -> ChatOpenAI:
        return ChatOpenAI(
            model="paced", base_url=self._url, api_key=SecretStr("-"), http_async_client=client
        )


async def reward(_prompt: str, response: str) -> float:
    """Like later draws better, without a thread and without waiting."""
    return response_number(response)


def response_number(response: str) -> float:
    """Read how many draws came before this one."""
    return float(response.partition(":")[0].rpartition(" ")[2])


if __name__ == "__main__":
    main()
