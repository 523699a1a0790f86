"""`TPORunnable` as a citizen of LangChain: one behaviour through every door, nothing leaks."""

import asyncio
import copy
import gc
import pickle
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, Runnable, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number, obedient

ANSWER = "revision 18"


def always_the_same() -> ScriptedModelWithN:
    """Answer with texts that do not depend on what was asked before."""
    return ScriptedModelWithN()


async def _through(door: str, chain: Runnable[Any, Any], value: Any) -> Any:
    if door == "invoke":
        return chain.invoke(value)
    if door == "ainvoke":
        return await chain.ainvoke(value)
    if door == "batch":
        return chain.batch([value])[0]
    if door == "abatch":
        return (await chain.abatch([value]))[0]
    if door == "stream":
        (only,) = list(chain.stream(value))
        return only
    if door == "astream":
        (only,) = [chunk async for chunk in chain.astream(value)]
        return only
    events = [event async for event in chain.astream_events(value, version="v2")]
    return events[-1]["data"]["output"]


DOORS = ["invoke", "ainvoke", "batch", "abatch", "stream", "astream", "astream_events"]


@pytest.mark.parametrize("door", DOORS)
async def test_every_door_gives_the_same_answer(door: str) -> None:
    tpo = TPORunnable(model=always_the_same(), reward=last_number)
    prompt = ChatPromptTemplate([("human", "How do I care for {thing}?")])

    message = await _through(door, prompt | tpo, {"thing": "wood"})

    assert isinstance(message, AIMessage)
    assert message.content == ANSWER
    assert message.response_metadata["tpo"]["best_rewards"] == [4.0, 11.0, 18.0]


@pytest.mark.parametrize("door", DOORS)
async def test_a_chain_ends_in_plain_text(door: str) -> None:
    chain = TPORunnable(model=always_the_same(), reward=last_number) | StrOutputParser()

    assert await _through(door, chain, "Wood?") == ANSWER


@pytest.mark.parametrize("make", [ScriptedModel, ScriptedModelWithN])
async def test_no_inner_token_reaches_the_outer_stream(make: type[ScriptedModel]) -> None:
    chain = TPORunnable(model=make(), reward=last_number) | StrOutputParser()

    events = [event async for event in chain.astream_events("Wood?", version="v2")]

    assert not [event for event in events if event["event"] == "on_chat_model_stream"]
    inner = [event for event in events if event["event"].startswith("on_chat_model")]
    assert inner
    assert all("nostream" in event["tags"] for event in inner)


@pytest.mark.parametrize("make", [ScriptedModel, ScriptedModelWithN])
async def test_a_graph_around_it_streams_the_answer_and_nothing_else(
    make: type[ScriptedModel],
) -> None:
    tpo = TPORunnable(model=make(), reward=last_number)

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await tpo.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    app = graph.compile()

    streamed = [
        chunk.content
        async for chunk, _ in app.astream(
            {"messages": [HumanMessage("Wood?")]}, stream_mode="messages"
        )
    ]

    assert len(streamed) == 1
    assert streamed[0].startswith("revision")


@pytest.mark.parametrize("depth", [6, 10])
@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_a_deep_run_finishes_inside_a_chain(depth: int, door: str) -> None:
    tpo = TPORunnable(model=always_the_same(), reward=last_number, width=2, depth=depth)
    prompt = ChatPromptTemplate([("human", "{question}")])

    message = await _through(door, prompt | tpo, {"question": "Wood?"})

    assert message.response_metadata["tpo"]["rounds"] == depth


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_the_recursion_limit_is_exact(depth: int) -> None:
    settings = TPOSettings(depth=depth, width=2)
    graph = build_tpo_graph(always_the_same(), last_number, settings=settings).compile()
    question = {"messages": [HumanMessage("Wood?")]}

    steps = list(graph.stream(question, {"recursion_limit": settings.recursion_limit}))

    by_node = [name for update in steps for name in update if name != "model_call"]
    assert len(by_node) == 2 + 4 * depth
    with pytest.raises(GraphRecursionError):
        graph.invoke(question, {"recursion_limit": settings.recursion_limit - 1})


def test_a_link_is_drawn_with_the_steps_inside() -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number)
    assert {"sample", "reward", "update"} <= set(tpo.get_graph(xray=True).nodes)
    assert "sample" not in tpo.get_graph().nodes


def test_the_drawing_shows_the_five_steps_by_their_names() -> None:
    drawn = TPORunnable(model=always_the_same(), reward=last_number).graph.get_graph()

    assert set(drawn.nodes) == {
        "__start__",
        "sample",
        "reward",
        "textual_loss",
        "textual_gradient",
        "update",
        "__end__",
    }
    mermaid = drawn.draw_mermaid()
    for edge in ("sample -.-> reward", "reward -.-> textual_loss", "update -.-> reward"):
        assert edge in mermaid


def test_a_second_question_on_a_checkpointed_thread_starts_clean() -> None:
    model = always_the_same()
    settings = TPOSettings(width=2, depth=1)
    graph = build_tpo_graph(model, last_number, settings=settings).compile(
        checkpointer=InMemorySaver()
    )
    thread = {"configurable": {"thread_id": "one"}}

    graph.invoke({"messages": [HumanMessage("First?")], "tpo_drafts": ["a draft 99"]}, thread)
    second = graph.invoke({"messages": [HumanMessage("Second?")]}, thread)

    assert len(second["tpo"]["pool"]) == 4
    assert len(second["tpo"]["rounds"]) == 1
    assert not any(candidate.get("draft") for candidate in second["tpo"]["pool"])
    assert [message.text for message in second["messages"]] == [
        "First?",
        "a draft 99",
        "Second?",
        second["messages"][-1].text,
    ]


def test_a_runs_context_sets_options_for_that_run_alone() -> None:
    model = always_the_same()
    settings = TPOSettings(width=3, depth=1, seed=7)
    graph = build_tpo_graph(model, last_number, settings=settings).compile()

    graph.invoke({"messages": [HumanMessage("Wood?")]}, context={"width": 2})
    graph.invoke({"messages": [HumanMessage("Wood?")]}, context={})

    draws = [call for call in model.notebook.calls if call.step == "sample"]
    assert [call.n for call in draws] == [2, 3]
    assert [call.kwargs["seed"] for call in draws] == [7, 7]


def test_usage_of_the_message_is_what_the_calls_cost() -> None:
    for model in (ScriptedModel(), ScriptedModelWithN()):
        counted = UsageMetadataCallbackHandler()
        tpo = TPORunnable(model=model, reward=last_number)

        message = tpo.invoke("How do I care for it?", {"callbacks": [counted]})

        read = sum(len(m.text.split()) for call in model.notebook.calls for m in call.messages)
        assert message.usage_metadata == {
            "input_tokens": read,
            "output_tokens": 19 * 2,
            "total_tokens": read + 19 * 2,
        }


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_a_global_cache_does_not_make_draws_alike(door: str) -> None:
    set_llm_cache(InMemoryCache())
    try:
        model = ScriptedModel()
        tpo = TPORunnable(model=model, reward=last_number, depth=0)
        await _through(door, tpo, "Wood?")
        result = tpo.optimize("Wood?")
    finally:
        set_llm_cache(None)

    assert len({candidate["text"] for candidate in result.pool}) == 5
    assert model.notebook.completions() == 10


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_max_concurrency_bounds_the_requests_of_a_run(door: str) -> None:
    model = ScriptedModel(latency=0.01)
    tpo = TPORunnable(model=model, reward=last_number, width=6, depth=1)

    await _through(door, tpo.with_config(max_concurrency=2), "Wood?")

    assert model.notebook.most_in_flight <= 2


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_all_draws_fly_together_by_default(door: str) -> None:
    model = ScriptedModel(latency=0.5)
    tpo = TPORunnable(model=model, reward=last_number, width=12, depth=0)

    await _through(door, tpo, "Wood?")

    assert model.notebook.most_in_flight == 12


def fails_once_per_prompt() -> ScriptedModel:
    seen: set[str] = set()

    def reply(step: str, messages: Any, number: int) -> str:
        if step not in seen:
            seen.add(step)
            raise ConnectionError("reset by peer")
        return obedient(step, messages, number)

    return ScriptedModel(reply=reply)


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_retries_around_the_model_work(door: str) -> None:
    model = fails_once_per_prompt()
    patient = model.with_retry(wait_exponential_jitter=False)

    message = await _through(door, TPORunnable(model=patient, reward=last_number, depth=1), "?")

    assert message.response_metadata["tpo"]["dropped"] == 0
    assert len(model.notebook.calls) == 12 + 4
    assert message.response_metadata["tpo"]["usage"]["requests"] == 12 + 4


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_fallbacks_around_the_model_work(door: str) -> None:
    def down(*_: Any) -> str:
        raise ConnectionError("down")

    spare = ScriptedModel()
    model = ScriptedModel(reply=down).with_fallbacks([spare])

    message = await _through(door, TPORunnable(model=model, reward=last_number, depth=1), "?")

    assert message.content.startswith("revision")
    assert len(spare.notebook.calls) == 12


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
async def test_retry_and_fallback_around_tpo_itself_work(door: str) -> None:
    tpo = TPORunnable(model=fails_once_per_prompt(), reward=last_number, width=1, depth=0)
    spare = TPORunnable(model=ScriptedModel(), reward=last_number, width=1, depth=0)

    again = await _through(door, tpo.with_retry(wait_exponential_jitter=False), "?")
    other = TPORunnable(model=fails_once_per_prompt(), reward=last_number, width=1, depth=0)
    instead = await _through(door, other.with_fallbacks([spare]), "?")

    assert (again.content, instead.content) == ("sample 1", "sample 0")


def test_bound_arguments_and_configs_reach_a_request_for_n() -> None:
    model = ScriptedModelWithN()
    bound = model.bind(stop=["END"]).with_config(tags=["mine"]).bind(user="u1")

    TPORunnable(model=bound, reward=last_number, depth=0).invoke("Wood?")

    assert [(call.n, call.kwargs["user"]) for call in model.notebook.calls] == [(5, "u1")]


@pytest.mark.parametrize("door", DOORS)
async def test_arguments_of_a_call_reach_draws_and_revisions_alone(door: str) -> None:
    model = always_the_same()
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=1)

    await _through(door, tpo.bind(top_k=5, temperature=0.3), "Wood?")

    told = {call.step: call.kwargs for call in model.notebook.calls}
    for step in ("sample", "update"):
        assert (told[step]["top_k"], told[step]["temperature"]) == (5, 0.3)
    for step in ("textual_loss", "textual_gradient"):
        assert {"top_k", "temperature"}.isdisjoint(told[step])
    model.notebook.calls.clear()
    tpo.invoke("Wood?")
    assert all("top_k" not in call.kwargs for call in model.notebook.calls), "for one call alone"


def test_configurable_fields_set_width_and_depth_at_run_time() -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=last_number).configurable_fields(
        width=ConfigurableField(id="tpo_width"), depth=ConfigurableField(id="tpo_depth")
    )

    message = tpo.invoke("?", {"configurable": {"tpo_width": 3, "tpo_depth": 1}})

    assert message.response_metadata["tpo"]["candidates"] == 6


def test_width_and_depth_win_over_settings() -> None:
    settings = TPOSettings.paper(width=9, depth=9)
    tpo = TPORunnable(
        model=ScriptedModel(), reward=last_number, settings=settings, width=2, depth=1
    )

    assert (tpo.settings.width, tpo.settings.depth) == (2, 1)
    assert tpo.settings.sample.temperature == 0.7


@pytest.mark.parametrize("used_before", [False, True])
def test_it_pickles_and_copies_deeply(used_before: bool) -> None:  # noqa: FBT001 a parameter
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)
    if used_before:
        tpo.invoke("Wood?")

    for clone in (pickle.loads(pickle.dumps(tpo)), copy.deepcopy(tpo), copy.copy(tpo)):  # noqa: S301 our own
        assert clone.settings == tpo.settings
        assert clone.invoke("Wood?").content.startswith("revision")


def test_a_changed_copy_runs_with_the_change() -> None:
    first, second = ScriptedModelWithN(), ScriptedModelWithN()
    tpo = TPORunnable(model=first, reward=last_number, width=2, depth=0)
    tpo.invoke("Wood?")

    tpo.model_copy(update={"model": second}).invoke("Wood?")

    assert (len(first.notebook.calls), len(second.notebook.calls)) == (1, 1)


def test_it_is_immutable() -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number)

    with pytest.raises(ValueError, match="frozen"):
        tpo.width = 3  # type: ignore[misc] # this is the point


def test_config_reaches_models_and_rewards() -> None:
    seen: dict[str, Any] = {}

    def reward(request: Any, config: Any) -> list[float]:
        seen.update(config["metadata"])
        return [last_number("", text) for text in request["responses"]]

    tpo = TPORunnable(model=ScriptedModel(), reward=RunnableLambda(reward), depth=0)

    tpo.with_config(metadata={"tenant": "acme"}).invoke("Wood?")

    assert seen["tenant"] == "acme"
    assert seen["tpo_step"] == "reward"


async def test_progress_is_told_as_custom_events() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=1)

    events = [
        event
        async for event in tpo.astream_events("Wood?", version="v2")
        if event["event"] == "on_custom_event"
    ]
    rounds = [event["data"] for event in events if event["name"] == "tpo_round"]

    assert [event["data"]["step"] for event in events if event["name"] == "tpo_step"] == [
        "sample",
        "reward",
        "textual_loss",
        "textual_gradient",
        "update",
        "reward",
    ]
    assert [(one["round"], one["rewards"], one["best_reward"]) for one in rounds] == [
        (0, [0.0, 1.0], 1.0),
        (1, [4.0, 5.0], 5.0),
    ]
    assert [one["stop_reason"] for one in rounds] == [None, "depth"]
    assert rounds[1]["usage"]["completions"] == 4


def test_progress_reaches_the_custom_stream_of_a_graph() -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=2, depth=0)

    told = list(tpo.graph.stream({"messages": [HumanMessage("Wood?")]}, stream_mode="custom"))

    assert [event["event"] for event in told] == [
        *("tpo_start", "tpo_step", "tpo_step", "tpo_round", "tpo_end"),
    ]


def test_queries_do_not_disturb_each_other() -> None:
    tpo = TPORunnable(model=ScriptedModel(latency=0.001), reward=last_number, width=3, depth=1)

    messages = tpo.batch([f"Question {number}?" for number in range(8)])
    gathered = asyncio.run(tpo.abatch([f"Question {number}?" for number in range(8)]))

    for message in [*messages, *gathered]:
        assert message.response_metadata["tpo"]["candidates"] == 6
    gc.collect()
