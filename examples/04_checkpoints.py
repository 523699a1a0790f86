"""A run that breaks off goes on where it stopped, and repeats nothing that had finished."""

import contextlib

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.sqlite import SqliteSaver
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPOSettings, build_tpo_graph

stand_in = StandInModel()
calls: list[str] = []


def breaks_at_the_fourth(messages: list[BaseMessage]) -> str:
    """Answer, but for the fourth call: the first textual loss."""
    calls.append("call")
    if len(calls) == 4:  # noqa: PLR2004 three draws came before
        raise ConnectionError("The server went away.")
    return stand_in.invoke(messages).text


thread = {"configurable": {"thread_id": "table"}}
question = {"messages": [HumanMessage("How do I care for a wooden table?")]}
settings = TPOSettings(width=3, depth=1, on_error="raise")

with SqliteSaver.from_conn_string(":memory:") as saver:
    loop = build_tpo_graph(RunnableLambda(breaks_at_the_fourth), tips_in, settings=settings)
    graph = loop.compile(checkpointer=saver)
    with contextlib.suppress(ConnectionError):
        graph.invoke(question, thread)
    print(f"broke off before {graph.get_state(thread).next} after {len(calls)} calls")
    state = graph.invoke(None, thread)

print(f"done after {len(calls)} calls: {state['messages'][-1].text}")
