"""A run's own place in the checkpoints of the node that it is called in.

LangGraph numbers the graphs that a node calls in the order of their calls. Where several run side
by side that order changes from one attempt to the next, and a resumed run would be handed the
checkpoint of another. Here the number comes from what is asked, and of whom. Knows LangGraph's
configs; knows nothing of steps.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextvars import copy_context
from typing import Any, TypeAlias, get_args

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackManager, CallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.channels import EphemeralValue
from langgraph.config import get_stream_writer
from langgraph.constants import TAG_HIDDEN
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.runtime import get_runtime
from langgraph.types import Durability, StreamWriter

from langchain_tpo.loop.run_state import fingerprint
from langchain_tpo.state import TPOInput

Graph: TypeAlias = CompiledStateGraph[Any, Any, TPOInput, Any]

_DURABILITIES = get_args(Durability)

MOST_ATTEMPTS = 10_000
"""Attempts of nodes whose equal questions are counted at the same time."""


def invoke_in_slot(
    graph: Graph, asked: TPOInput, config: RunnableConfig, *, who: Callable[[], str]
) -> Any:  # noqa: ANN401 a graph's output
    """Invoke a graph; in a node whose checkpoints are kept, it has a place of its own there.

    Args:
        graph: The graph.
        asked: Its input.
        config: Of the node, or of whatever calls.
        who: Tells links apart that are asked the same in one node; asked only there.
    """
    namespace = _namespace(asked, config, who)
    if namespace is None:
        return graph.invoke(asked, config)
    outputs, context = [], copy_context()  # as it is here: tags and callbacks are inherited by it

    def run(inner: RunnableConfig) -> None:
        placed = _placed(config, inner, namespace)
        outputs.append(context.run(graph.invoke, asked, placed))

    alone = _alone(config, CallbackManager([]))
    _FIRST_CALL.invoke(run, alone)
    return outputs[0]


async def ainvoke_in_slot(
    graph: Graph, asked: TPOInput, config: RunnableConfig, *, who: Callable[[], str]
) -> Any:  # noqa: ANN401 a graph's output
    """Invoke a graph as `invoke_in_slot` does, without blocking the event loop."""
    namespace = _namespace(asked, config, who)
    if namespace is None:
        return await graph.ainvoke(asked, config)
    outputs, context = [], copy_context()  # as above

    async def run(inner: RunnableConfig) -> None:
        answer = graph.ainvoke(asked, _placed(config, inner, namespace))
        outputs.append(await asyncio.get_running_loop().create_task(answer, context=context))

    alone = _alone(config, AsyncCallbackManager([]))
    await _FIRST_CALL.ainvoke(run, alone)
    return outputs[0]


def stream_in_slot(
    graph: Graph, asked: TPOInput, config: RunnableConfig, *, who: Callable[[], str]
) -> Iterator[Any]:
    """Stream what a graph's thread holds after every superstep, placed as by `invoke_in_slot`."""
    namespace = _namespace(asked, config, who)
    if namespace is None:
        yield from graph.stream(asked, config, stream_mode="values")
        return
    context = copy_context()  # as above

    def run(inner: RunnableConfig) -> None:
        context.run(forward, _placed(config, inner, namespace), get_stream_writer())

    def forward(placed: RunnableConfig, write: StreamWriter) -> None:
        for thread in graph.stream(asked, placed, stream_mode="values"):
            write(thread)

    alone = _alone(config, CallbackManager([]))
    yield from _FIRST_CALL.stream(run, alone, stream_mode="custom")


async def astream_in_slot(
    graph: Graph, asked: TPOInput, config: RunnableConfig, *, who: Callable[[], str]
) -> AsyncGenerator[Any]:
    """Stream as `stream_in_slot` does, without blocking the event loop."""
    namespace = _namespace(asked, config, who)
    if namespace is None:
        async for thread in graph.astream(asked, config, stream_mode="values"):
            yield thread
        return
    context = copy_context()  # as above

    async def run(inner: RunnableConfig) -> None:
        forwarded = forward(_placed(config, inner, namespace), get_stream_writer())
        await asyncio.get_running_loop().create_task(forwarded, context=context)

    async def forward(placed: RunnableConfig, write: StreamWriter) -> None:
        async for thread in graph.astream(asked, placed, stream_mode="values"):
            write(thread)

    alone = _alone(config, AsyncCallbackManager([]))
    async for thread in _FIRST_CALL.astream(run, alone, stream_mode="custom"):
        yield thread


class _Calling(Runnable[Callable[[RunnableConfig], Any], None]):
    """Calls a function with the config of its node."""

    def invoke(
        self,
        input: Callable[[RunnableConfig], None],
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> None:
        """Call it."""
        del kwargs
        input(config or RunnableConfig())

    async def ainvoke(
        self,
        input: Callable[[RunnableConfig], Awaitable[None]],
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> None:
        """Await it."""
        del kwargs
        await input(config or RunnableConfig())


# A graph of one node that keeps nothing: whatever that node calls is its first and only call, so
# LangGraph adds no number of its own to the place. Neither streams nor handlers are told of it.
_FIRST_CALL: Pregel[Any, Any, Any, Any] = Pregel(
    nodes={"call": NodeBuilder().subscribe_only("run").do(_Calling()).meta(TAG_HIDDEN)},
    channels={"run": EphemeralValue(object), "nothing": EphemeralValue(object)},
    input_channels="run",
    output_channels="nothing",
    checkpointer=False,
)


def _namespace(asked: TPOInput, config: RunnableConfig, who: Callable[[], str]) -> str | None:
    """Return the place of a run; None where nothing is kept of it, or outside of any graph."""
    node: Mapping[str, Any] = config.get("configurable", {})
    if not node.get("checkpoint_ns") or node.get("thread_id") is None:
        return None
    runtime = get_runtime()
    info = None if runtime is None else runtime.execution_info
    if info is None:
        return None
    said = [(message.type, message.content) for message in asked["messages"]]
    question = (said, asked.get("tpo_drafts"), asked.get("tpo_context"), who())
    attempt = (info.thread_id, info.task_id, info.node_attempt, info.node_first_attempt_time)
    digest = fingerprint(*question, _ORDINALS.next(fingerprint(*attempt, *question)))
    return f"{node['checkpoint_ns']}|{int(digest, 16)}"  # digits: a number like LangGraph's own


def _alone(config: RunnableConfig, silent: BaseCallbackManager) -> RunnableConfig:
    """Return a config of which nobody hears, and which does not say how checkpoints are written.

    With "sync", LangGraph would wait for one that is never written.
    """
    others = {
        name: value
        for name, value in config.get("configurable", {}).items()
        if not (isinstance(value, str) and value in _DURABILITIES)
    }
    return {**config, "configurable": others, "callbacks": silent}


def _placed(config: RunnableConfig, inner: RunnableConfig, namespace: str) -> RunnableConfig:
    own = {**config.get("configurable", {}), **inner.get("configurable", {})}
    return {**config, "configurable": {**own, "checkpoint_ns": namespace}}


class _Ordinals:
    """Counts equal questions of one attempt of a node: which of them is which makes no odds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def next(self, question: str) -> int:
        """Return how many times this question has come before."""
        with self._lock:
            before = self._seen.pop(question, 0)
            self._seen[question] = before + 1
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return before


_ORDINALS = _Ordinals(MOST_ATTEMPTS)
