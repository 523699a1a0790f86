"""Graphs with the loop inside, for a server: every door, alone and within a graph's subgraph."""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import ChatTPO, TPOMiddleware, TPORunnable, build_tpo_graph
from tests.support.fakes import Call, last_number
from tests.support.tool_fakes import ScriptedAgentModel


class Named(ScriptedAgentModel):
    """Gives every message an id, as providers do."""

    def _result(self, call: Call) -> ChatResult:
        result = super()._result(call)
        for generation in result.generations:
            number = generation.text.removesuffix("</IMPROVED_VARIABLE>").rsplit(maxsplit=1)[-1]
            generation.message.id = f"chatcmpl-{number}"
        return result


LOOP: dict[str, Any] = {"reward": last_number, "width": 2, "depth": 1}
PARTS: dict[str, Any] = {**LOOP, "model": Named()}


def around(node: Any) -> Any:
    """Return a graph of one node."""
    return StateGraph(MessagesState).add_node("answer", node).add_edge(START, "answer").compile()


def calling(link: Any) -> Any:
    """Return a graph whose node asks a link."""

    async def answer(state: MessagesState) -> dict[str, list[BaseMessage]]:
        return {"messages": [await link.ainvoke(state["messages"])]}

    return around(answer)


loop = build_tpo_graph(**PARTS).compile()
runnable = calling(TPORunnable(model=ScriptedAgentModel(), **LOOP))
chat_model = calling(ChatTPO(**PARTS))
as_node = around(TPORunnable(**PARTS).as_node())
middleware = create_agent(Named(), middleware=[TPOMiddleware(**LOOP)])
agent_without_ids = create_agent(ScriptedAgentModel(), middleware=[TPOMiddleware(**LOOP)])
agent = create_agent(ChatTPO(**PARTS))

loop_inside = around(loop)
agent_inside = around(agent)
middleware_inside = around(middleware)

GRAPHS = (
    *("loop", "runnable", "chat_model", "as_node", "middleware", "agent", "agent_without_ids"),
    *("loop_inside", "agent_inside", "middleware_inside"),
)
