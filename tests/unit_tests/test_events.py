"""What a run tells while it goes on: typed, JSON, in every stream, and rounds one by one."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import ChatTPO, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.events import TPOEvent
from langchain_tpo.reward_models.human import HumanReward
from langchain_tpo.sampling.usage import total_usage
from tests.support.fakes import Notebook, ScriptedModel, ScriptedModelWithN, last_number
from tests.support.tool_fakes import ScriptedAgentModel

QUESTION: Any = {"messages": [HumanMessage("Wood?")]}
NAMES = ["tpo_start", "tpo_step", "tpo_step", "tpo_round"]
"""Up to the first scored round."""


def loop(**settings: Any) -> TPORunnable:
    chosen = TPOSettings(**{"width": 2, "depth": 1, **settings})
    return TPORunnable(model=ScriptedModelWithN(), reward=last_number, settings=chosen)


def told(tpo: TPORunnable) -> list[Any]:
    return list(tpo.graph.stream(QUESTION, stream_mode="custom"))


def kinds() -> dict[str, Any]:
    hints = {kind: get_type_hints(kind, include_extras=True) for kind in get_args(TPOEvent)}
    return {get_args(hint["event"])[0]: kind for kind, hint in hints.items()}


@pytest.mark.parametrize("texts", [False, True])
def test_every_event_is_what_its_type_says_and_json(*, texts: bool) -> None:
    def broken(step: str, _messages: Any, number: int) -> str:
        if step == "textual_gradient":
            raise TimeoutError("too slow")
        return f"{step} {number}"

    model = ScriptedModelWithN(reply=broken)
    settings = TPOSettings(width=2, depth=1, progress_text=texts)
    failing = TPORunnable(model=model, reward=last_number, settings=settings)

    for events in (told(failing), told(loop(progress_text=texts))):
        assert {event["event"] for event in events} == set(kinds())
        for event in events:
            kind = kinds()[event["event"]]
            assert set(event) - {"text"} >= kind.__required_keys__, event["event"]
            assert set(event) <= kind.__required_keys__ | kind.__optional_keys__
            assert ("text" in event) == (texts and event["event"] in ("tpo_round", "tpo_end"))
        assert json.loads(json.dumps(events, allow_nan=False)) == events


def test_a_run_begins_with_what_it_will_take() -> None:
    start, *rest = told(loop(width=3, depth=2))

    assert start == {
        "event": "tpo_start",
        "run": start["run"],
        "strategy": "tpo",
        "width": 3,
        "depth": 2,
        "completions": 13,
        "stages": 7,
    }
    assert {event["run"] for event in rest} == {start["run"]}
    assert told(loop())[0]["run"] != start["run"]


def test_the_best_so_far_can_be_shown_and_replaced() -> None:
    tpo = loop(progress_text=True)
    parts: list[Any] = list(tpo.graph.stream(QUESTION, stream_mode=["custom", "values"]))

    shown = [data["text"] for mode, data in parts if mode == "custom" and "text" in data]
    assert shown == ["sample 1", "revision 5", "revision 5"]
    answer = parts[-1][1]["messages"][-1]
    ends = [data for mode, data in parts if mode == "custom" and data["event"] == "tpo_end"]
    assert [(end["text"], end["answer_id"]) for end in ends] == [(answer.text, answer.id)]


# --- the custom stream of a graph, an agent, a chat model around the loop ---


def middleware_agent(**loop_options: Any) -> Any:
    pytest.importorskip("langchain.agents", reason="the extra `agents`")
    from langchain.agents import create_agent  # noqa: PLC0415

    from langchain_tpo.middleware import TPOMiddleware  # noqa: PLC0415

    return create_agent(ScriptedAgentModel(), middleware=[TPOMiddleware(**loop_options)])


def around(answer: Any) -> Any:
    return StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")


def node_of(link: Any) -> Any:
    def answer(state: MessagesState) -> Any:
        return {"messages": [link.invoke(state["messages"])]}

    async def aanswer(state: MessagesState) -> Any:
        return {"messages": [await link.ainvoke(state["messages"])]}

    return around(RunnableLambda(answer, aanswer))


DOORS: dict[str, Any] = {
    "TPORunnable": lambda **options: node_of(TPORunnable(**options)).compile(),
    "kept": lambda **options: node_of(TPORunnable(**options)).compile(InMemorySaver()),
    "ChatTPO": lambda **options: node_of(ChatTPO(**options)).compile(),
    "as_node": lambda **options: around(TPORunnable(**options).as_node()).compile(),
    "a chain": lambda **options: node_of(
        RunnableLambda(lambda messages: messages) | TPORunnable(**options)
    ).compile(),
    "TPOMiddleware": lambda model, **options: middleware_agent(**options),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("subgraphs", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_plain_custom_stream_carries_every_event_once(
    door: str, *, subgraphs: bool, asynchronous: bool
) -> None:
    graph = DOORS[door](model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    options: Any = {"stream_mode": "custom", "subgraphs": subgraphs}
    config: Any = {"configurable": {"thread_id": "wood"}}
    if asynchronous:
        parts = [part async for part in graph.astream(QUESTION, config, **options)]
    else:
        parts = list(graph.stream(QUESTION, config, **options))

    events = [data for _, data in parts] if subgraphs else parts
    first_reply = ["tpo_step"] if door == "TPOMiddleware" else []
    assert [event["event"] for event in events] == [
        *NAMES[:1],
        *first_reply,
        *NAMES[1:],
        *["tpo_step"] * 4,
        *["tpo_round", "tpo_end"],
    ]
    assert len({event["run"] for event in events}) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_agents_first_reply_is_a_step_of_the_run(*, asynchronous: bool) -> None:
    agent = DOORS["TPOMiddleware"](model=None, reward=last_number, width=2, depth=1)
    options: Any = {"stream_mode": ["custom", "values"]}
    parts = (
        [part async for part in agent.astream(QUESTION, **options)]
        if asynchronous
        else list(agent.stream(QUESTION, **options))
    )

    start, reply, *rest = [data for mode, data in parts if mode == "custom"]
    assert (start["completions"], start["stages"]) == (1 + 6, 1 + 4)
    assert (reply["step"], reply["round"], reply["usage"]["completions"]) == ("sample", 0, 1)
    assert "shared" not in reply
    steps = [reply, *(event for event in rest if event["event"] == "tpo_step")]
    whole = total_usage(step["usage"] for step in steps)
    assert parts[-1][1]["tpo"]["usage"] == whole == rest[-1]["usage"]
    first_round = next(event for event in rest if event["event"] == "tpo_round")
    assert first_round["usage"] == total_usage(step["usage"] for step in steps[:3])


def test_what_an_earlier_run_paid_for_is_not_told_as_a_step_of_this_one() -> None:
    earlier = loop(depth=0).optimize("Wood?")
    given: Any = {"candidates": list(earlier.pool), "steps": list(earlier.steps)}
    asked = {"messages": "Wood?", "first_samples": given}

    *_, result = rounds = list(loop().stream_rounds(asked))
    graph = loop().graph.stream({**QUESTION, "tpo_first_samples": given}, stream_mode="custom")

    assert [step.get("shared") for step in result.steps[:3]] == [True, True, None]
    assert len(rounds) == 3
    assert sum(event["event"] == "tpo_step" for event in graph) == 6


def test_a_loop_inside_a_reward_does_not_mix_its_events_in() -> None:
    inner = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=0)

    def reward(prompt: str, response: str) -> float:
        inner.invoke(prompt)
        return last_number(prompt, response)

    outer = TPORunnable(model=ScriptedModelWithN(), reward=reward, width=2, depth=0)
    parts = list(node_of(outer).compile().stream(QUESTION, stream_mode="custom"))

    assert [event["event"] for event in parts] == [*NAMES, "tpo_end"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("subgraphs", [False, True])
def test_the_answer_is_one_message_under_one_id(door: str, *, subgraphs: bool) -> None:
    graph = DOORS[door](model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    config: Any = {"configurable": {"thread_id": "wood"}}
    options: Any = {"stream_mode": ["messages", "values"], "subgraphs": subgraphs}

    parts = list(graph.stream(QUESTION, config, **options))
    shown = [part for part in parts if part[-2] == "messages"]
    last = next(
        part[-1] for part in reversed(parts) if part[-2] == "values" and part[0] in ((), part[-2])
    )

    answer = last["messages"][-1]
    assert [(part[-1][0].text, part[-1][0].id) for part in shown] == [(answer.text, answer.id)]
    assert not subgraphs or [part[0] for part in shown] == [()]


# --- rounds as they come ---


async def rounds_of(tpo: Any, asynchronous: bool, config: Any = None) -> list[Any]:  # noqa: FBT001
    if asynchronous:
        return [news async for news in tpo.astream_rounds("Wood?", config)]
    return list(tpo.stream_rounds("Wood?", config))


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_rounds_come_one_by_one_and_the_result_at_last(*, asynchronous: bool) -> None:
    first, second, result = await rounds_of(loop(), asynchronous)

    assert (first.number, first.answer, first.reward, len(first.pool)) == (0, "sample 1", 1.0, 2)
    assert (second.number, second.answer, len(second.pool)) == (1, "revision 5", 4)
    assert first.message().text == "sample 1"
    assert first.event["rewards"] == [0.0, 1.0]
    assert isinstance(result, TPOResult)
    assert result.pool == second.pool
    assert (result.answer, result.stop_reason) == ("revision 5", "depth")


def test_a_round_comes_before_the_next_one_is_asked_for() -> None:
    notebook = Notebook()
    tpo = TPORunnable(model=ScriptedModel(notebook=notebook), reward=last_number, width=2, depth=1)
    rounds = tpo.stream_rounds("Wood?")

    assert next(rounds).answer.startswith("sample")
    assert notebook.steps() == ["sample", "sample"]
    rounds.close()  # type: ignore[attr-defined] # a generator's own way to stop it
    assert notebook.steps() == ["sample", "sample"]


async def test_a_run_without_a_round_is_its_result_alone() -> None:
    from tests.unit_tests.loop.test_refusals_and_cuts import REFUSAL, Ended  # noqa: PLC0415

    model = Ended(message_for=lambda _number: REFUSAL)
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=1)

    (result,) = tpo.stream_rounds("Wood?")

    assert isinstance(result, TPOResult)
    assert result.stop_reason == "refusal"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_streamed_rounds_are_one_run_of_a_trace_with_its_tags(*, asynchronous: bool) -> None:
    from tests.unit_tests.test_traces import Trees, paths  # noqa: PLC0415

    streamed, plain = Trees(), Trees()

    await rounds_of(loop(), asynchronous, {"callbacks": [streamed]})
    loop().invoke("Wood?", {"callbacks": [plain]})

    (one,), (other,) = streamed.roots, plain.roots
    assert list(paths(one)) == list(paths(other))


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_rounds_streamed_in_a_node_are_kept_and_resumed(*, asynchronous: bool) -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=HumanReward(), width=2, depth=0)

    def answer(state: MessagesState) -> Any:
        return {"messages": [list(tpo.stream_rounds(state["messages"]))[-1].message()]}

    async def aanswer(state: MessagesState, config: RunnableConfig) -> Any:
        news: AsyncIterator[Any] = tpo.astream_rounds(state["messages"], config)
        return {"messages": [[one async for one in news][-1].message()]}

    from langgraph.types import Command  # noqa: PLC0415

    graph = around(RunnableLambda(answer, aanswer)).compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "wood"}}
    resume: Any = Command(resume=[1, 2])
    if asynchronous:
        await graph.ainvoke(QUESTION, thread)
        state = await graph.ainvoke(resume, thread)
    else:
        graph.invoke(QUESTION, thread)
        state = graph.invoke(resume, thread)

    assert state["messages"][-1].text in ("sample 0", "sample 1")
    assert model.notebook.steps() == ["sample"]


def test_the_page_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    fields = {name for kind in get_args(TPOEvent) for name in get_type_hints(kind)}

    assert [name for name in sorted({*fields, *kinds()}) if f"`{name}`" not in page] == []
