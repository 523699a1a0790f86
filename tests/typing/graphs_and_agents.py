"""What is written around graphs and agents; both type checkers read it strictly."""

from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]  # its own
from langchain.agents.middleware import ModelRequest
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.middleware import TPOMiddleware


@tool
def search(query: str) -> str:
    """Search."""
    return query


def longer(prompt: str, response: str) -> float:
    """Score by length."""
    return float(len(response))


def worth_it(request: ModelRequest[Any], reply: AIMessage) -> bool:
    """Optimize what looks something up."""
    return bool(reply.tool_calls) and len(request.messages) < 20


def by_length(request: ModelRequest[Any]) -> TPOSettings:
    """Spend less on long threads."""
    return TPOSettings(width=5 if len(request.messages) < 20 else 2)


model: BaseChatModel = init_chat_model("openai:gpt-4.1-mini")
tpo = TPORunnable(model=model, reward=longer, width=3, depth=1)
middleware = [
    TPOMiddleware(
        reward=longer,
        optimize="tool_calls",
        should_optimize=worth_it,
        settings=by_length,
    )
]
agent = create_agent(model, [search], middleware=middleware)
state = agent.invoke({"messages": [HumanMessage("Oak?")]})
rewards: list[float | None] = state["tpo_rewards"]

builder = StateGraph(MessagesState)
builder.add_node("answer", tpo.as_node())
builder.add_edge(START, "answer")
graph = builder.compile(checkpointer=InMemorySaver())
out = graph.invoke({"messages": [HumanMessage("Oak?")]})

loop = build_tpo_graph(model, longer).compile()
final = loop.invoke({"messages": [HumanMessage("Oak?")]}, context=TPOSettings(width=3))
outer = StateGraph(MessagesState).add_node("tpo", loop).add_edge(START, "tpo").compile()
