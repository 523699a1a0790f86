"""A crash after any write repeats no call that had been kept, whatever door the run came by.

The checkpointer is copied after every write, and the run is taken up again from each copy: what was
asked before the copy and what is asked after it are together what an undisturbed run asks. Requests
of one step that end at the same time are kept one after the other: between two such writes a crash
costs those that come later.
"""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import ChatTPO, TPOMiddleware, TPORunnable, TPOSettings
from tests.support.crashes import CopyingSaver, continued
from tests.support.fakes import ScriptedModelWithN, last_number

SETTINGS = TPOSettings(width=3, depth=2)
THREAD: Any = {"configurable": {"thread_id": "1"}}
QUESTION: Any = {"messages": [HumanMessage("A wooden table?")]}


def in_a_node(link: Any, saver: InMemorySaver) -> Any:
    """Ask a link, or a chat model, in a node of a checkpointed graph."""

    def ask(state: MessagesState, config: RunnableConfig) -> Any:
        return {"messages": [link.invoke(state["messages"], config)]}

    async def aask(state: MessagesState, config: RunnableConfig) -> Any:
        return {"messages": [await link.ainvoke(state["messages"], config)]}

    builder = (
        StateGraph(MessagesState).add_node("ask", RunnableLambda(ask, aask)).add_edge(START, "ask")
    )
    return builder.compile(checkpointer=saver)


def chat_model(model: Any, saver: InMemorySaver) -> Any:
    return in_a_node(ChatTPO(model=model, reward=last_number, settings=SETTINGS), saver)


def runnable(model: Any, saver: InMemorySaver) -> Any:
    return in_a_node(TPORunnable(model=model, reward=last_number, settings=SETTINGS), saver)


def agent(model: Any, saver: InMemorySaver) -> Any:
    agents = pytest.importorskip("langchain.agents", reason="needs the extra `agents`")
    middleware = TPOMiddleware(reward=last_number, settings=SETTINGS)
    return agents.create_agent(model, [], middleware=[middleware], checkpointer=saver)


class Counting(CopyingSaver):
    """Knows how many calls had been finished when each copy was made."""

    def __init__(self, model: ScriptedModelWithN) -> None:
        super().__init__()
        self.model = model
        self.finished: list[int] = [0]

    def put(self, *args: Any, **kwargs: Any) -> Any:
        with self.one_at_a_time:
            written = super().put(*args, **kwargs)
            self.finished.append(self.done)
        return written

    def put_writes(self, *args: Any, **kwargs: Any) -> None:
        with self.one_at_a_time:
            super().put_writes(*args, **kwargs)
            self.finished.append(self.done)

    @property
    def done(self) -> int:
        return len(self.model.notebook.calls) - self.model.notebook.in_flight


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("door", [chat_model, runnable, agent])
async def test_a_crash_after_any_write_repeats_no_finished_call(
    door: Callable[[Any, InMemorySaver], Any], *, sync: bool
) -> None:
    async def run(graph: Any, given: Any) -> Any:
        if sync:
            return graph.invoke(given, THREAD, durability="sync")
        return await graph.ainvoke(given, THREAD, durability="sync")

    model = ScriptedModelWithN()
    saver = Counting(model)
    undisturbed = await run(door(model, saver), QUESTION)
    total = len(model.notebook.calls)
    assert len(saver.copies) == len(saver.finished) > total

    repeated = dict[int, int]()
    for copy, finished in zip(saver.copies[1:], saver.finished[1:], strict=True):
        again = ScriptedModelWithN()
        again.notebook.numbers = iter(range(3 * total, 9 * total))  # type: ignore[assignment]
        result = await run(door(again, continued(copy)), None)

        asked = [call.step for call in again.notebook.calls]
        repeated[finished] = finished + len(asked) - total
        assert 0 <= repeated[finished] < SETTINGS.width, asked
        assert len(result["messages"]) == len(undisturbed["messages"])

    steps = model.notebook.steps()
    ends = [at for at in range(1, total) if steps[at] != steps[at - 1]] + [total]
    assert [repeated[end] for end in ends] == [0] * len(ends)  # a step that is kept is kept whole
