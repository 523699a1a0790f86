"""The loop as a node of somebody's own graph."""

from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from langgraph.types import Command
from pydantic import BaseModel

from langchain_tpo import RewardError, RunError, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.chat_models.chat_tpo import ChatTPO
from langchain_tpo.errors import ConversationError
from langchain_tpo.reward_models.human.human import HumanReward
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number
from tests.support.tool_fakes import TWO_TOOLS, ScriptedAgentModel, ToolLog

QUESTION = {"messages": [HumanMessage("Wood?")]}
THREAD = {"configurable": {"thread_id": "1"}}


def around(node: Any, **schema: Any) -> StateGraph[Any, Any]:
    """Put a node between a greeting and a farewell."""
    builder = StateGraph(MessagesState, **schema)
    builder.add_node("greet", lambda _: {"messages": [AIMessage("Welcome.")]})
    builder.add_node("tpo", node)
    builder.add_node("part", lambda _: {"messages": [AIMessage("Farewell.")]})
    builder.add_edge(START, "greet").add_edge("greet", "tpo").add_edge("tpo", "part")
    return builder


NODES = {
    "compiled graph": lambda model: build_tpo_graph(model, last_number).compile(),
    "as_node": lambda model: TPORunnable(model=model, reward=last_number).as_node(),
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
async def test_a_node_reads_and_writes_messages(node: Any) -> None:
    graph = around(node(ScriptedModelWithN())).compile()

    sync, unsync = graph.invoke(QUESTION), await graph.ainvoke(QUESTION)

    for state in (sync, unsync):
        texts = [message.text.split()[0] for message in state["messages"]]
        assert texts == ["Wood?", "Welcome.", "revision", "Farewell."]
        assert list(state) == ["messages"]


class Modelled(BaseModel):
    messages: Annotated[list[Any], add_messages]


@dataclass
class Data:
    messages: Annotated[list[Any], add_messages]


class Keyed(TypedDict):
    messages: Annotated[list[Any], add_messages]


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
@pytest.mark.parametrize("schema", [Modelled, Data, Keyed])
async def test_the_state_around_may_be_of_any_kind(node: Any, schema: Any) -> None:
    builder = StateGraph(schema).add_node("tpo", node(ScriptedModelWithN()))
    graph = builder.add_edge(START, "tpo").compile()

    for state in (graph.invoke(QUESTION), await graph.ainvoke(QUESTION)):
        assert [message.type for message in state["messages"]] == ["human", "ai"]


async def test_a_state_without_messages_is_refused() -> None:
    class Without(TypedDict):
        question: str

    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number)
    graph = StateGraph(Without).add_node("tpo", tpo.as_node()).add_edge(START, "tpo").compile()

    with pytest.raises(ConversationError, match=r"\(dict\) has no `messages`"):
        graph.invoke({"question": "Wood?"})
    with pytest.raises(ConversationError, match="has no `messages`"):
        await graph.ainvoke({"question": "Wood?"})


async def test_an_answer_may_say_whose_it_is() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number)
    graph = around(tpo.as_node(name="carpenter")).compile()

    for state in (graph.invoke(QUESTION), await graph.ainvoke(QUESTION)):
        assert [message.name for message in state["messages"]] == [None, None, "carpenter", None]
    assert around(tpo.as_node()).compile().invoke(QUESTION)["messages"][2].name is None


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_subgraphs_and_drawings_see_inside(node: Any) -> None:
    graph = around(node(ScriptedModel())).compile()

    assert [name for name, _ in graph.get_subgraphs()] == ["tpo"]
    assert {"tpo:sample", "tpo:reward", "tpo:textual_loss", "tpo:update"} < set(
        graph.get_graph(xray=True).nodes
    )


def test_a_stream_of_subgraphs_shows_the_steps_and_their_progress() -> None:
    graph = around(TPORunnable(model=ScriptedModel(), reward=last_number, depth=1).as_node())
    parts = list(
        graph.compile().stream(QUESTION, stream_mode=["updates", "custom"], subgraphs=True)
    )

    inner = [(mode, data) for namespace, mode, data in parts if namespace]
    assert all(ns[0].startswith("tpo:") for ns, _, _ in parts if ns)
    updates = [next(iter(data)) for mode, data in inner if mode == "updates"]
    assert [name for name in updates if name != "model_call"] == [
        "sample",
        "reward",
        "textual_loss",
        "textual_gradient",
        "update",
        "reward",
    ]
    assert [data["event"] for mode, data in inner if mode == "custom"].count("tpo_round") == 2


def test_it_takes_the_outer_checkpointer_and_starts_every_question_afresh() -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=0)
    graph = around(tpo.as_node()).compile(checkpointer=InMemorySaver())

    graph.invoke(QUESTION, THREAD)
    state = graph.invoke({"messages": [HumanMessage("And ash?")]}, THREAD)

    assert [message.text for message in state["messages"]] == [
        *["Wood?", "Welcome.", "sample 1", "Farewell."],
        *["And ash?", "Welcome.", "sample 3", "Farewell."],
    ]
    assert tpo.graph.checkpointer is None


def test_a_node_in_a_chain_is_deep_enough() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=12)
    graph = around(tpo.as_node()).compile()

    state = (RunnableLambda(lambda text: {"messages": [text]}) | graph).invoke("Wood?")

    assert state["messages"][2].text.startswith("revision")
    assert state["messages"][2].response_metadata["tpo"]["rounds"] == 12


def test_the_outer_context_sets_options_for_the_node() -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=last_number)
    graph = around(tpo.as_node(), context_schema=TPOSettings).compile()

    graph.invoke(QUESTION, context=TPOSettings(width=3, depth=0))

    assert [call.n for call in model.notebook.calls] == [3]


def test_an_outer_context_of_another_kind_is_left_alone() -> None:
    @dataclass
    class Mine:
        width: str = "broad"

    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=0)

    around(tpo.as_node(), context_schema=Mine).compile().invoke(QUESTION, context=Mine())

    assert [call.n for call in model.notebook.calls] == [2]


@pytest.mark.parametrize("kind", ["invoke", "ainvoke"])
async def test_a_run_that_nothing_keeps_cannot_wait_for_a_person(kind: str) -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=HumanReward())
    agent = ChatTPO(model=ScriptedAgentModel(), reward=HumanReward()).bind_tools(ToolLog().tools)

    async def ask(one: Any, config: Any) -> Any:
        return one.invoke("Wood?", config) if kind == "invoke" else await one.ainvoke("?", config)

    for one in (tpo, agent):
        with pytest.raises(RewardError, match="compile the graph around it with a checkpointer"):
            await ask(one, {})
    with pytest.raises(RunError, match=r"^The run paused for a person and nothing keeps it: "):
        await ask(tpo, THREAD)


@pytest.mark.parametrize("make", [TPORunnable, ChatTPO], ids=["TPORunnable", "ChatTPO"])
@pytest.mark.parametrize("kind", ["invoke", "ainvoke"])
async def test_a_person_chooses_in_a_node_of_a_checkpointed_graph(make: Any, kind: str) -> None:
    model = ScriptedAgentModel()
    tpo = make(model=model, reward=HumanReward(mode="score"), width=2, depth=1)
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [tpo.invoke(state["messages"])]})
    if kind == "ainvoke":

        async def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [await tpo.ainvoke(state["messages"])]}

        builder = StateGraph(MessagesState).add_node("answer", answer)
    graph = builder.add_edge(START, "answer").compile(checkpointer=InMemorySaver())

    async def run(value: Any) -> Any:
        return (
            graph.invoke(value, THREAD) if kind == "invoke" else await graph.ainvoke(value, THREAD)
        )

    paused = await run(QUESTION)
    asked_again = await run(Command(resume="the first"))
    second_round = await run(Command(resume=[1, 4]))
    state = await run(Command(resume=[9, 2]))

    assert len(paused["__interrupt__"][0].value["candidates"]) == 2
    assert "neither a number nor" in asked_again["__interrupt__"][0].value["problem"]
    assert second_round["__interrupt__"][0].value["problem"] is None
    assert state["messages"][-1].text.startswith("revision")
    assert state["messages"][-1].response_metadata["tpo"]["best_rewards"] == [4.0, 9.0]
    assert model.notebook.completions() == 6


async def test_a_person_chooses_for_a_chat_model_with_tools() -> None:
    model = ScriptedAgentModel()
    chat = ChatTPO(model=model, reward=HumanReward(mode="score"), width=2, depth=0)
    bound = chat.bind_tools(ToolLog().tools)
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph = builder.add_edge(START, "answer").compile(checkpointer=InMemorySaver())

    graph.invoke(QUESTION, THREAD)
    before = len(model.notebook.calls)
    state = graph.invoke(Command(resume=[1, 5, 3]), THREAD)

    assert before == len(model.notebook.calls) == 2
    assert state["messages"][-1].response_metadata["tpo"]["reward"] == 5.0


@pytest.mark.parametrize("subgraphs", [False, True])
def test_a_chat_tpo_in_a_node_streams_its_answer_and_nothing_else(*, subgraphs: bool) -> None:
    chat = ChatTPO(model=ScriptedAgentModel(), reward=last_number, width=2, depth=1)
    bound = chat.bind_tools(ToolLog().tools)
    builder = StateGraph(MessagesState)
    builder.add_node("plain", lambda state: {"messages": [chat.invoke(state["messages"][:1])]})
    builder.add_node("tools", lambda state: {"messages": [bound.invoke(state["messages"][:1])]})
    graph = builder.add_edge(START, "plain").add_edge("plain", "tools").compile()

    parts = list(graph.stream(QUESTION, stream_mode="messages", subgraphs=subgraphs))

    messages = [part[1][0] if subgraphs else part[0] for part in parts]
    texts = [m.text for m in messages if isinstance(m, AIMessage | AIMessageChunk) and m.text]
    assert set(texts) == {"revision 5", "revision 12"}
    if not subgraphs:
        assert texts == ["revision 5", "revision 12"]


def test_a_plan_of_tools_is_untouched_by_the_loop_in_a_chat_model_agent() -> None:
    from langchain.agents import create_agent  # noqa: PLC0415 the extra `agents`

    model, log = ScriptedAgentModel(plan=TWO_TOOLS), ToolLog()
    chat = ChatTPO(model=model, reward=last_number, width=2, depth=1)

    state = create_agent(chat, log.tools).invoke(QUESTION)

    assert log.calls == list(TWO_TOOLS)
    assert [m.type for m in state["messages"]] == ["human", "ai", "tool", "ai", "tool", "ai"]
    assert state["messages"][-1].response_metadata["tpo"]["rounds"] == 1
    assert len(model.notebook.calls) == 2 + 1 + 1 + 2 + 1
