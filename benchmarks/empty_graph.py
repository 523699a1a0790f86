"""What LangGraph and LangChain alone take of a run: the same graph with nothing in its nodes.

    python benchmarks/empty_graph.py [RUNS]

D0-N2 as `evaluation_throughput.py` runs it: a link, a graph of two nodes with conditional edges, a
task inside of the first, five custom events, one request of `n=2` and one function. Prints
milliseconds of processor time for it and for a run of `TPORunnable`, taking turns, and their ratio.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # last: a checkout in PYTHONPATH goes first

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.config import get_stream_writer
from langgraph.func import task
from langgraph.graph import END, START, MessagesState, StateGraph

from benchmarks.zero_latency import model, reward
from langchain_tpo import TPORunnable

ASKED = [HumanMessage("question")]
AT_ONCE = 15
"""Runs in flight, as of `tpo evaluate -j 8`."""


class State(MessagesState):
    """What the empty graph passes on."""

    run: dict[str, Any]


class Node(Runnable[State, dict[str, Any]]):
    """Does what it is handed, and changes nothing."""

    def __init__(self, work: Callable[[RunnableConfig], Awaitable[None]]) -> None:
        self.work = work
        self.name = work.__name__

    def invoke(self, input: State, config: RunnableConfig | None = None, **_: Any) -> Any:
        raise NotImplementedError

    async def ainvoke(self, input: State, config: RunnableConfig | None = None, **_: Any) -> Any:
        await self.work(config or RunnableConfig())
        return {"run": {}}


@task
async def request(_labels: dict[str, Any]) -> None:
    await model.agenerate([ASKED], n=2)


async def tell(config: RunnableConfig, events: int) -> None:
    for _ in range(events):
        get_stream_writer()({"event": "any"})
        await adispatch_custom_event("any", {"event": "any"}, config=config)


async def sample(config: RunnableConfig) -> None:
    await tell(config, 1)
    await request({})
    await tell(config, 1)


async def score(value: int) -> int:
    return value


async def scored(config: RunnableConfig) -> None:
    await SCORE.ainvoke(1, config)
    await tell(config, 3)


SCORE = RunnableLambda(lambda value: value, score)


def empty_graph() -> Callable[[], Awaitable[object]]:
    """Return a call of the empty graph inside of a link."""
    builder = StateGraph(State)
    builder.add_node("sample", Node(sample)).add_node("reward", Node(scored))
    builder.add_edge(START, "sample")
    builder.add_conditional_edges("sample", lambda _: "reward", {"reward": "reward", "stop": END})
    builder.add_conditional_edges("reward", lambda _: "stop", {"reward": "reward", "stop": END})
    graph = builder.compile()

    async def run(asked: list[HumanMessage], config: RunnableConfig) -> object:
        return await graph.ainvoke({"messages": asked, "run": {}}, config)

    link: Any = RunnableLambda(lambda asked: asked, run)
    return lambda: link.ainvoke(ASKED)


def milliseconds(call: Callable[[], Awaitable[object]], runs: int) -> float:
    """Return the processor time of a run."""

    async def several() -> None:
        for _ in range(runs // AT_ONCE):
            await call()

    async def all_of_them() -> None:
        await asyncio.gather(*(several() for _ in range(AT_ONCE)))

    since = time.process_time()
    asyncio.run(all_of_them())
    return 1000 * (time.process_time() - since) / (runs // AT_ONCE * AT_ONCE)


def main() -> None:
    """Print medians of nine turns and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=int, nargs="?", default=300)
    runs = parser.parse_args().runs
    tpo = TPORunnable(model=model, reward=reward, width=2, depth=0)
    calls = {"empty graph": empty_graph(), "TPORunnable": lambda: tpo.aoptimize(ASKED)}
    for call in calls.values():
        milliseconds(call, AT_ONCE)
    turns = [{name: milliseconds(call, runs) for name, call in calls.items()} for _ in range(9)]
    empty, ours = ([turn[name] for turn in turns] for name in calls)
    ratio = statistics.median(mine / other for mine, other in zip(ours, empty, strict=True))
    print(
        f"empty graph {statistics.median(empty):.2f} ms, TPORunnable {statistics.median(ours):.2f}"
    )
    print(f"ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
