"""What a run was given, or has paid for before it draws, is its answer where the draws fail."""

import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import (
    ChatTPO,
    TPOMiddleware,
    TPOResult,
    TPORunnable,
    TPOSettings,
    build_tpo_graph,
)
from langchain_tpo.errors import NoResponseError
from langchain_tpo.state import FirstSamples
from tests.support.fakes import ScriptedModel, obedient
from tests.support.tool_fakes import ToolLog, ToolUse, VaryingAgentModel

ANSWER = "Oil it twice a year."


def by_length(response: str) -> float:
    return float(len(response))


def fading(fate: str) -> VaryingAgentModel:
    """Give a good first reply to who offers tools; what is drawn afterwards is of no use."""

    def act(number: int) -> ToolUse | str:
        return ANSWER if number == 0 else useless(fate)

    return VaryingAgentModel(act=act)


def useless(fate: str) -> ToolUse | str:
    if fate == "fails":
        raise ConnectionError("429: slow down")
    return ("find_oil", {"wood": "oak"}) if fate == "calls" else " "


Run = Callable[[str, int], dict[str, Any]]


def in_an_agent(fate: str, depth: int) -> dict[str, Any]:
    tpo = TPOMiddleware(reward=by_length, width=2, depth=depth)
    agent = create_agent(fading(fate), ToolLog().tools, middleware=[tpo])
    state = agent.invoke({"messages": [HumanMessage("Wood?")]})
    return {"text": state["messages"][-1].text, **state["tpo"]}


def in_a_chat_model(fate: str, depth: int) -> dict[str, Any]:
    chat = ChatTPO(model=fading(fate), reward=by_length, width=2, depth=depth)
    message = chat.bind_tools(ToolLog().tools).invoke("Wood?")
    return {"text": message.text, **message.response_metadata["tpo"]}


def with_a_draft(fate: str, depth: int) -> dict[str, Any]:
    model = fading(fate)
    next(model.notebook.numbers)  # the reply that the others get first
    policy = model.bind_tools(ToolLog().tools)
    tpo = TPORunnable(model=policy, reward=by_length, width=2, depth=depth)
    message = tpo.invoke({"messages": "Wood?", "drafts": [ANSWER]})
    return {"text": message.text, **message.response_metadata["tpo"]}


DOORS: tuple[Run, ...] = (in_an_agent, in_a_chat_model, with_a_draft)
SAYS = {
    "fails": ("ConnectionError", "429: slow down"),
    "calls": ("NoResponseError", "1 of 3 first responses held any text, 2 needed (2 calls of"),
    "is empty": ("NoResponseError", "1 of 3 first responses held any text, 2 needed (2 empty)"),
}


@pytest.mark.parametrize("fate", SAYS)
@pytest.mark.parametrize("door", DOORS)
def test_an_answer_at_hand_ends_a_run_whose_draws_are_of_no_use(
    door: Run, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "langchain_tpo"):
        found = door(fate, 2)

    kind, message = SAYS[fate]
    assert (found["text"], found["stop_reason"], found["rounds"]) == (ANSWER, "error", 0)
    assert found["candidates"] == 1
    assert found["dropped"] in (1, 2)  # two draws may be one request
    assert (found["failure"]["step"], found["failure"]["round"]) == ("sample", 0)
    assert found["failure"]["type"] == kind
    assert found["failure"]["message"].startswith(message)
    (warning,) = caplog.records
    assert "`sample` failed in round 0" in warning.getMessage()


@pytest.mark.parametrize("fate", SAYS)
@pytest.mark.parametrize("door", DOORS)
def test_best_of_n_of_such_draws_is_the_answer_at_hand_as_before(door: Run, fate: str) -> None:
    found = door(fate, 0)
    assert (found["text"], found["stop_reason"], found["failure"]) == (ANSWER, "depth", None)


def failing(*_: Any) -> str:
    raise ConnectionError("down")


async def test_an_async_run_ends_so_too() -> None:
    tpo = TPORunnable(model=ScriptedModel(reply=failing), reward=by_length)
    result = await tpo.aoptimize({"messages": "Wood?", "drafts": [ANSWER]})
    assert (result.answer, result.stop_reason, result.reward) == (ANSWER, "error", 20.0)


def test_two_answers_at_hand_are_enough_for_a_round() -> None:
    model = ScriptedModel(reply=lambda step, _messages, _number: " " if step == "sample" else step)
    tpo = TPORunnable(model=model, reward=by_length, width=2, depth=1)

    result = tpo.optimize({"messages": "Wood?", "drafts": [ANSWER, "Oil it."]})

    assert len(result.rounds) == 1
    assert result.failure is None


def test_first_samples_of_an_earlier_run_are_at_hand_too() -> None:
    given = FirstSamples(candidates=[{"text": ANSWER, "reward": 20.0, "round": 0}])
    tpo = TPORunnable(model=ScriptedModel(reply=failing), reward=by_length)
    result = tpo.optimize({"messages": "Wood?", "first_samples": given})
    assert (result.answer, result.stop_reason) == (ANSWER, "error")


@pytest.mark.parametrize("reply", [failing, lambda *_: " "])
def test_whoever_asks_for_errors_gets_them(reply: Any) -> None:
    settings = TPOSettings(on_error="raise", depth=1)
    tpo = TPORunnable(model=ScriptedModel(reply=reply), reward=by_length, settings=settings)
    with pytest.raises((ConnectionError, NoResponseError)):
        tpo.invoke({"messages": "Wood?", "drafts": [ANSWER]})


def test_a_response_that_somebody_adds_to_the_lone_one_lets_the_run_go_on() -> None:
    model = ScriptedModel(
        reply=lambda step, _messages, number: (
            " " if step == "sample" else f"<IMPROVED_VARIABLE>{step} {number}</IMPROVED_VARIABLE>"
        )
    )
    built = build_tpo_graph(model, by_length, width=2, depth=1)
    graph = built.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    asked: Any = {"messages": [HumanMessage("Wood?")], "tpo_drafts": [ANSWER]}
    run = graph.invoke(asked, thread, interrupt_after=["sample"])["tpo"]
    other = {"text": "Wax it.", "reward": None, "round": 0}
    graph.update_state(thread, {"tpo": {"responses": [*run["responses"], other]}}, "sample")

    result = TPOResult.from_state(graph.invoke(None, thread)["tpo"])

    assert (result.stop_reason, result.failure, len(result.rounds)) == ("depth", None, 1)


def test_a_lone_response_without_one_at_hand_goes_with_the_error_into_the_next_run() -> None:
    def once(step: str, messages: Any, number: int) -> str:
        return " " if number == 1 else obedient(step, messages, number)

    model = ScriptedModel(reply=once)
    tpo = TPORunnable(model=model, reward=by_length, width=2, depth=1)
    with pytest.raises(NoResponseError, match=r"^1 of 2 first responses held any text") as raised:
        tpo.invoke("Wood?")
    kept = pickle.loads(pickle.dumps(raised.value)).first_samples  # noqa: S301 our own bytes

    result = tpo.optimize({"messages": "Wood?", "first_samples": kept})

    assert result.pool[0]["text"] == "sample 0"
    assert model.notebook.steps().count("sample") == 3  # one more, beside the one that was kept
    assert result.usage["completions"] == len(model.notebook.calls)


def test_a_shortage_is_counted_as_it_was() -> None:
    """Drafts and draws are counted together, and a remedy names the door that has it."""
    model = fading("calls")
    next(model.notebook.numbers)
    tpo = TPORunnable(model=model.bind_tools(ToolLog().tools), reward=by_length, width=2, depth=1)
    with pytest.raises(NoResponseError) as raised:
        tpo.invoke("Wood?")
    said = str(raised.value)
    assert said.startswith("0 of 2 first responses held any text")
    assert '`whole_replies=True`; `optimize="tool_calls"` in `ChatTPO` and `TPOMiddleware`' in said
