"""Settings of one call, and how many requests all loops of one run may have on their way."""

from threading import Barrier
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import SettingsError
from langchain_tpo.middleware import TPOMiddleware
from tests.support.fakes import ScriptedModel, last_number, obedient
from tests.support.tool_fakes import ScriptedAgentModel

QUESTION = "How do I care for a wooden table?"
BY_FOUR: Any = {"configurable": {"tpo_settings": {"width": 4, "depth": 0}}}
DOORS = ("link", "node", "graph", "chat model", "chat model with tools", "agent")


def door(name: str, model: ScriptedModel, **options: Any) -> Any:
    """Return something that answers messages in a state, by one of the doors."""
    apart = TPOSettings(one_request=False)
    chosen = {"reward": last_number, "settings": apart, "width": 2, "depth": 1, **options}
    if name == "link":
        return _in_messages(TPORunnable(model=model, **chosen))
    if name == "node":
        builder = StateGraph(MessagesState)
        builder.add_node("tpo", TPORunnable(model=model, **chosen).as_node())
        return builder.add_edge(START, "tpo").compile()
    if name == "graph":
        settings = apart.with_changes(width=chosen["width"], depth=chosen["depth"])
        return build_tpo_graph(model, last_number, settings=settings).compile()
    if name == "agent":
        return create_agent(model, [], middleware=[TPOMiddleware(**chosen)])
    chat = ChatTPO(model=model, **chosen)
    return _in_messages(chat.bind_tools([last_number]) if "tools" in name else chat)


def _in_messages(link: Any) -> Any:
    def answer(state: dict[str, Any]) -> Any:
        return state["messages"]

    return answer | link | (lambda message: {"messages": [message]})


def in_use(model: ScriptedModel) -> int:
    """Return the completions that answered the conversation itself."""
    return sum(call.n for call in model.notebook.calls if call.step == "sample")


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("name", DOORS)
async def test_one_call_sets_its_own_settings_at_every_door(name: str, *, sync: bool) -> None:
    model = ScriptedAgentModel()
    what = door(name, model)
    asked = {"messages": [HumanMessage(QUESTION)]}

    state = what.invoke(asked, BY_FOUR) if sync else await what.ainvoke(asked, BY_FOUR)

    first = 1 if name in ("agent", "chat model with tools") else 0
    assert in_use(model) == first + 4
    assert set(model.notebook.steps()) == {"sample"}
    assert state["messages"][-1].text.startswith("sample")


def test_settings_of_a_call_go_no_further_than_that_call() -> None:
    model = ScriptedAgentModel()
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=0)

    tpo.invoke(QUESTION, BY_FOUR)
    assert len(tpo.optimize(QUESTION).pool) == 2


def test_a_loop_inside_a_loop_keeps_its_own() -> None:
    model = ScriptedAgentModel()
    inner = ChatTPO(model=model, reward=last_number, width=3, depth=0)
    outer = TPORunnable(model=inner, reward=last_number, width=2, depth=0)

    result = outer.optimize(QUESTION, {"configurable": {"tpo_settings": {"width": 4}}})

    assert len(result.pool) == 4
    assert in_use(model) == 4 * 3


@pytest.mark.parametrize("given", [{"call_budget": 3}, TPOSettings(width=2, depth=0)])
def test_a_budget_has_to_go_with_the_settings_that_there_are(given: Any) -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number, width=2, depth=2)

    result = tpo.optimize(QUESTION, {"configurable": {"tpo_settings": given}})

    assert result.stop_reason == ("call_budget" if isinstance(given, dict) else "depth")
    assert len(result.pool) == 2


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"widht": 3}, "do you mean `width`"),
        ({"width": 0}, "`width` of TPOSettings"),
        ("cheap", "must be a dict or a TPOSettings, got str"),
        ({"sample": {"extra": {"model": "dearer"}}}, "`sample.extra` cannot be set"),
        ({"prompts": {"name": "mine"}}, "must be a name, got a dict"),
    ],
)
def test_settings_of_a_call_that_cannot_work_are_refused(given: Any, line: str) -> None:
    model = ScriptedModel()
    tpo = TPORunnable(model=model, reward=last_number)

    with pytest.raises(SettingsError, match=line):
        tpo.invoke(QUESTION, {"configurable": {"tpo_settings": given}})
    assert model.notebook.calls == []


def test_a_resumed_run_keeps_the_settings_of_its_call() -> None:
    broken = [True]

    def failing_once(step: str, messages: Any, number: int) -> str:
        if step == "textual_loss" and broken:
            broken.clear()
            raise ConnectionError("reset by peer")
        return f"<IMPROVED_VARIABLE>{step} {number}</IMPROVED_VARIABLE>"

    model = ScriptedModel(reply=failing_once)
    settings = TPOSettings(width=2, depth=1, on_error="raise")
    graph = build_tpo_graph(model, last_number, settings=settings).compile(
        checkpointer=InMemorySaver()
    )
    thread: Any = {"configurable": {"thread_id": "1"}}
    own: Any = {"configurable": {"thread_id": "1", "tpo_settings": {"width": 3}}}
    with pytest.raises(ConnectionError):
        graph.invoke({"messages": [HumanMessage(QUESTION)]}, own)

    state = graph.invoke(None, thread)

    assert len(state["tpo"]["pool"]) == 6


@pytest.mark.parametrize("kind", [TPORunnable, ChatTPO])
def test_a_copy_with_other_settings_is_one_line(kind: Any) -> None:
    tpo = kind(model=ScriptedModel(), reward=last_number, width=2, depth=2)

    other = tpo.with_settings(width=3, token_budget=4000)

    assert (other.settings.width, other.settings.depth, other.width) == (3, 2, 3)
    assert other.settings.token_budget == 4000
    assert (tpo.settings.width, tpo.settings.token_budget) == (2, None)
    assert type(other)(**{name: getattr(other, name) for name in ("model", "reward", "settings")})
    with pytest.raises(SettingsError, match="do you mean `width`"):
        tpo.with_settings(widht=3)


class Fan(TypedDict):
    """Questions to answer side by side."""

    questions: list[str]
    answers: Annotated[list[Any], lambda before, more: [*before, *more]]


class Branch(MessagesState):
    """One of them."""


def fan(name: str, model: ScriptedModel) -> Any:
    """Answer every question in a branch of its own, by one of the doors."""
    inner = door(name, model, width=4, depth=1)

    def branch(state: Any) -> Any:
        return {"answers": [inner.invoke(state)["messages"][-1].text]}

    async def abranch(state: Any) -> Any:
        return {"answers": [(await inner.ainvoke(state))["messages"][-1].text]}

    def spread(state: Fan) -> list[Send]:
        return [Send("branch", {"messages": [HumanMessage(one)]}) for one in state["questions"]]

    builder = StateGraph(Fan)
    builder.add_node("branch", RunnableLambda(branch, abranch), input_schema=Branch)
    builder.add_conditional_edges(START, spread, ["branch"])
    return builder.compile()


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("name", DOORS)
async def test_max_concurrency_bounds_the_requests_of_a_whole_graph(
    name: str, *, sync: bool
) -> None:
    model = ScriptedAgentModel(latency=0.01)
    asked: Any = {"questions": [f"What about {wood}?" for wood in ("oak", "ash", "elm", "fir")]}
    graph, config = fan(name, model), {"max_concurrency": 3}

    done = graph.invoke(asked, config) if sync else await graph.ainvoke(asked, config)

    assert len(done["answers"]) == 4
    assert model.notebook.most_in_flight <= 3


async def test_without_a_bound_loops_side_by_side_run_at_once() -> None:
    model = ScriptedAgentModel(latency=0.05)
    asked: Any = {"questions": ["oak", "ash", "elm"]}

    await fan("node", model).ainvoke(asked)

    assert model.notebook.most_in_flight == 12


@pytest.mark.parametrize("way", ["invoke", "stream_rounds"])
@pytest.mark.parametrize("most", [None, 3])
def test_the_threads_of_sync_loops_in_one_node_are_no_bound(way: str, most: int | None) -> None:
    together = Barrier(most or 12)  # each waits for the others, so that none is over too soon

    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        together.wait(timeout=60)
        return obedient(step, messages, number)

    model = ScriptedModel(reply=reply)
    tpo = TPORunnable(model=model, reward=last_number, width=4, depth=0)

    def ask(wood: str, config: RunnableConfig) -> Any:
        if way == "stream_rounds":
            return list(tpo.stream_rounds(wood, config))[-1].message()
        return tpo.invoke(wood, config)

    side_by_side: Any = RunnableParallel(dict.fromkeys(("oak", "ash", "elm"), ask))

    def node(_state: MessagesState, config: RunnableConfig) -> Any:
        return {"messages": list(side_by_side.invoke("?", config).values())}

    graph = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    graph.invoke({"messages": [HumanMessage(QUESTION)]}, {"max_concurrency": most})

    assert model.notebook.most_in_flight == (most or 12)


@pytest.mark.parametrize("budget", [100, 130])
def test_a_token_budget_that_cannot_afford_the_update_pays_for_no_critique(budget: int) -> None:
    def long(step: str, messages: Any, number: int) -> str:
        return " ".join([f"{step} {number}", *["word"] * 12, str(number)])

    model = ScriptedModel(reply=long)
    tpo = TPORunnable(model=model, reward=last_number, width=3, depth=1)

    result = tpo.with_settings(token_budget=budget).optimize(QUESTION)

    spent = result.usage
    assert result.stop_reason == "token_budget"
    assert spent["input_tokens"] + spent["output_tokens"] <= budget
    assert model.notebook.steps() == ["sample"] * 3
