"""A thread in hands of its own: edited, forked, resumed, in graphs whose keys mean other things."""

import operator
from collections.abc import Sequence
from typing import Annotated, Any, get_args

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import ConversationError, RunError
from langchain_tpo.settings import SamplingOptions
from langchain_tpo.state import StepName
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number, obedient

THREAD: Any = {"configurable": {"thread_id": "1"}}
QUESTION: Any = {"messages": [HumanMessage("Wood?")]}
STEPS: Sequence[StepName] = get_args(StepName)
AFTER = dict(zip(STEPS, [*STEPS[1:], "reward"], strict=True))


def loop(model: ScriptedModel, **settings: Any) -> Any:
    chosen = TPOSettings(**{"width": 2, "depth": 2, **settings})
    return build_tpo_graph(model, last_number, settings=chosen).compile(
        checkpointer=InMemorySaver()
    )


async def go_on(graph: Any, config: Any, *, sync: bool, **kwargs: Any) -> Any:
    if sync:
        return graph.invoke(None, config, **kwargs)
    return await graph.ainvoke(None, config, **kwargs)


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
@pytest.mark.parametrize("node", STEPS)
async def test_a_run_edited_at_any_node_goes_on_to_an_answer(node: StepName, *, sync: bool) -> None:
    model = ScriptedModelWithN()
    graph = loop(model)
    graph.invoke(QUESTION, THREAD)
    before = next(s for s in graph.get_state_history(THREAD) if s.next == (AFTER[node],))
    rounds = [
        {**one, "textual_loss": "EDITED", "textual_gradient": "EDITED"}
        for one in before.values["tpo"]["rounds"]
    ]
    asked = len(model.notebook.calls)

    edited = graph.update_state(before.config, {"tpo": {"rounds": rounds}}, as_node=node)

    assert graph.get_state(edited).next == (AFTER[node],)
    state = await go_on(graph, edited, sync=sync)
    assert state["messages"][-1].type == "ai"
    assert state["tpo"]["stop_reason"] == "depth"
    assert state["tpo"]["question"] == before.values["tpo"]["question"]
    if node == "textual_gradient":  # of the last round, which has nothing but the update to come
        (update,) = model.notebook.calls[asked:]
        assert "EDITED" in "".join(message.text for message in update.messages)


def test_fused_prompts_go_on_behind_an_edited_loss() -> None:
    graph = loop(ScriptedModelWithN(), strategy="fused")
    graph.invoke(QUESTION, THREAD)
    before = next(s for s in graph.get_state_history(THREAD) if s.next == ("update",))

    edited = graph.update_state(before.config, {"tpo": {"drops": []}}, as_node="textual_loss")

    assert graph.get_state(edited).next == ("update",)


def test_the_drawing_shows_where_a_run_can_stop() -> None:
    drawn = loop(ScriptedModelWithN()).get_graph().draw_mermaid()

    for step in STEPS:
        assert f"{step} -. &nbsp;stop&nbsp; .-> __end__" in drawn
    assert "__start__ --> sample" in drawn


class Mail(MessagesState):
    """An assistant's own state, whose keys have the names of a run's."""

    drafts: list[str]
    pool: Annotated[list[str], operator.add]
    steps: list[str]
    rounds: int
    stop_reason: str


MAIL: Any = {
    "messages": [HumanMessage("What is 2 + 2?")],
    "drafts": ["Dear Bob, about the contract 99"],
    "pool": ["swimming"],
    "steps": ["up"],
    "rounds": 3,
    "stop_reason": "rain",
}


@pytest.mark.parametrize("kind", ["as_node", "compiled graph"])
def test_a_graph_around_it_shares_nothing_but_messages(kind: str) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    node: Any = tpo.as_node() if kind == "as_node" else tpo.graph
    graph = StateGraph(Mail).add_node("tpo", node).add_edge(START, "tpo").compile()

    state = graph.invoke(MAIL)

    assert state["messages"][-1].text.startswith("revision")
    assert {key: state[key] for key in state if key != "messages"} == {
        key: MAIL[key] for key in MAIL if key != "messages"
    }


def test_a_draft_of_a_question_that_failed_answers_no_other() -> None:
    def down_at_first(step: str, messages: list[Any], number: int) -> str:
        if step == "sample" and len(messages) == 1:
            raise ConnectionError("down")
        return obedient(step, messages, number)

    graph = loop(ScriptedModel(reply=down_at_first), depth=1, on_error="raise")
    with pytest.raises(ConnectionError):
        graph.invoke({**QUESTION, "tpo_drafts": ["A confidential draft 99"]}, THREAD)

    state = graph.invoke({"messages": [HumanMessage("And metal?")]}, THREAD)

    assert not any("confidential" in one["text"] for one in state["tpo"]["pool"])
    assert len(state["tpo"]["pool"]) == 4


def test_a_resumed_first_step_still_has_its_drafts() -> None:
    outages = iter([True, True])

    def down_once(step: str, messages: list[Any], number: int) -> str:
        if next(outages, False):
            raise ConnectionError("down")
        return obedient(step, messages, number)

    graph = loop(ScriptedModel(reply=down_once), depth=1, on_error="raise")
    with pytest.raises(ConnectionError):
        graph.invoke({**QUESTION, "tpo_drafts": ["A draft 99"]}, THREAD)

    assert graph.invoke(None, THREAD)["messages"][-1].text == "A draft 99"


def test_a_run_does_not_go_on_with_another_question() -> None:
    graph = loop(ScriptedModelWithN())
    graph.invoke(QUESTION, THREAD, interrupt_after=["reward"])
    asked = graph.get_state(THREAD).values["messages"][0]
    graph.update_state(THREAD, {"messages": [HumanMessage("Metal?", id=asked.id)]}, "reward")

    with pytest.raises(RunError, match=r"^The conversation has changed since this run began"):
        graph.invoke(None, THREAD)


@pytest.mark.parametrize("key", ["steps", "question", "options"])
def test_a_checkpoint_of_another_version_is_one_line(key: str) -> None:
    graph = loop(ScriptedModelWithN())
    graph.invoke(QUESTION, THREAD, interrupt_after=["sample"])
    state = graph.get_state(THREAD).values
    run = {name: value for name, value in state["tpo"].items() if name != key}
    node = graph.nodes["reward"].bound

    with pytest.raises(RunError, match=f"^This checkpoint lacks `{key}` of its run"):
        node.invoke({**state, "tpo": run})


def test_a_resumed_run_keeps_the_settings_it_began_with() -> None:
    model = ScriptedModelWithN()
    graph = loop(model, depth=1)
    context = TPOSettings(
        width=4,
        depth=2,
        strategy="fused",
        update=SamplingOptions(temperature=0.5, extra={"api_key": "secret"}),
    )
    graph.invoke(QUESTION, THREAD, context=context, interrupt_after=["reward"])

    state = graph.invoke(None, THREAD)

    assert model.notebook.steps() == ["sample", *["textual_loss", "update"] * 2]
    assert [call.n for call in model.notebook.calls if call.step == "update"] == [4, 4]
    assert state["tpo"]["options"]["update"] == {
        "temperature": 0.5,
        "top_p": None,
        "max_tokens": None,
    }
    assert "secret" not in str(graph.get_state(THREAD).values)


def test_the_context_of_a_resuming_call_goes_first() -> None:
    model = ScriptedModelWithN()
    graph = loop(model, depth=1)
    graph.invoke(QUESTION, THREAD, context=TPOSettings(width=4), interrupt_after=["reward"])

    graph.invoke(None, THREAD, context=TPOSettings(width=3))

    assert [call.n for call in model.notebook.calls if call.step == "update"] == [3]


@pytest.mark.parametrize(
    "asked",
    [{"messages": []}, {"messages": [HumanMessage(" ")]}, {**QUESTION, "tpo_drafts": [" "]}],
    ids=["no message", "blank", "blank draft"],
)
def test_an_empty_submit_is_refused_before_any_call(asked: Any) -> None:
    model = ScriptedModelWithN()

    with pytest.raises(ConversationError):
        loop(model).invoke(asked, THREAD)
    assert model.notebook.calls == []


def test_a_single_draft_may_come_alone() -> None:
    state = loop(ScriptedModelWithN(), depth=0).invoke({**QUESTION, "tpo_drafts": "my 9"}, THREAD)

    assert [one["text"] for one in state["tpo"]["pool"]] == ["my 9", "sample 0", "sample 1"]


def test_an_unknown_key_of_the_input_is_named() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number)

    with pytest.raises(ConversationError, match=r"^The input has the key `docs`, which means"):
        tpo.invoke({"messages": "Oak?", "docs": ["x"]})  # type: ignore[typeddict-unknown-key]


def test_the_context_of_an_input_reaches_the_reward_and_no_model() -> None:
    model, seen = ScriptedModelWithN(), []

    def grounded(response: str, passages: list[str]) -> float:
        seen.append(passages)
        return last_number("", response)

    tpo = TPORunnable(model=model, reward=grounded, width=2, depth=1)
    tpo.invoke({"messages": "Oak?", "context": {"passages": ["Tung oil is right."]}})

    assert seen == [["Tung oil is right."]] * 4
    assert not any("Tung" in str(call.messages) for call in model.notebook.calls)


@pytest.mark.parametrize("node", STEPS)
@pytest.mark.parametrize("reason", ["depth", "error", "a word of mine", True])
def test_a_stop_reason_that_was_edited_in_ends_no_run_without_an_answer(
    node: StepName, reason: object
) -> None:
    graph = loop(ScriptedModelWithN(), depth=1)
    graph.invoke(QUESTION, THREAD)
    before = next(s for s in graph.get_state_history(THREAD) if s.next == (AFTER[node],))

    with pytest.raises(RunError, match=r"^`tpo.stop_reason` is `.*` and the run has no answer yet"):
        graph.update_state(before.config, {"tpo": {"stop_reason": reason}}, as_node=node)

    assert graph.invoke(None, before.config)["messages"][-1].type == "ai"


TYPOS: dict[str, tuple[Any, str]] = {
    "a key": ({"round": []}, "`tpo` has the key `round`, .*: do you mean `rounds`\\?"),
    "a key of a round": (
        {"textual_gradient": "Be short."},
        "`tpo` has the key `textual_gradient`, .*: it takes .*, rounds, .*\\.",
    ),
    "no text": ({7: []}, "`tpo` has the key `7`, .*: it takes .*\\."),
    "in a round": (
        {"rounds": [{"chosen": 1, "rejected": 0, "textual_gradent": "Be short."}]},
        "`tpo.rounds.0` has the key `textual_gradent`, .*: do you mean `textual_gradient`\\?",
    ),
    "in the pool": (
        {"pool": [{"text": "Oil it.", "rewards": 1.0, "round": 0}]},
        "`tpo.pool.0` has the key `rewards`, .*: do you mean `reward`\\?",
    ),
}


@pytest.mark.parametrize("typo", TYPOS)
@pytest.mark.parametrize("node", STEPS)
def test_an_edit_with_a_key_that_means_nothing_is_refused_at_once(
    node: StepName, typo: str
) -> None:
    changes, line = TYPOS[typo]
    graph = loop(ScriptedModelWithN(), depth=1)
    graph.invoke(QUESTION, THREAD)
    before = next(s for s in graph.get_state_history(THREAD) if s.next == (AFTER[node],))

    with pytest.raises(RunError, match=f"^{line}$") as told:
        graph.update_state(before.config, {"tpo": changes}, as_node=node)

    assert "\n" not in str(told.value)
    assert graph.invoke(None, before.config)["messages"][-1].type == "ai"
