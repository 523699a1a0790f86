"""What an observer sees: one tree with names that explain themselves, and events to follow."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, get_args

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import TPORunnable
from langchain_tpo.chat_models.chat_tpo import ChatTPO
from langchain_tpo.state import StepName
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number
from tests.support.langsmith_double import Posted
from tests.support.tool_fakes import ScriptedAgentModel, ToolLog


def last_number_of(prompt: str, response: str) -> float:
    return float(response.rsplit(maxsplit=1)[-1])


class Trees(BaseTracer):
    """Keeps finished trees."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.roots.append(run)


def paths(run: Run) -> Iterator[str]:
    """Return the path of names to every leaf; a name right below itself counts once."""
    for child in run.child_runs:
        for path in paths(child):
            yield path if path.split(" > ")[0] == run.name else f"{run.name} > {path}"
    if not run.child_runs:
        yield run.name


def brevity(_prompt: str, response: str) -> float:
    return last_number(_prompt, response)


LOOP = [
    "tpo_graph > sample > model_call > tpo:sample",
    "tpo_graph > reward > brevity",
    "tpo_graph > textual_loss > tpo:textual_loss",
    "tpo_graph > textual_gradient > tpo:textual_gradient",
    "tpo_graph > update > model_call > tpo:update",
    "tpo_graph > reward > brevity",
]


@pytest.mark.parametrize("kind", ["invoke", "ainvoke", "stream", "astream"])
async def test_one_tree_with_names_that_explain_themselves(kind: str) -> None:
    options: dict[str, Any] = {"reward": brevity, "width": 2, "depth": 1}
    tpo = TPORunnable(model=ScriptedAgentModel(), **options)
    chat = ChatTPO(model=ScriptedAgentModel(), **options)
    trees = Trees()

    for one in (tpo, chat, chat.bind_tools(ToolLog().tools)):
        config: Any = {"callbacks": [trees]}
        if kind == "ainvoke":
            await one.ainvoke("Wood?", config)
        elif kind == "astream":
            assert [chunk async for chunk in one.astream("Wood?", config)]
        else:
            assert (
                list(one.stream("Wood?", config)) if kind == "stream" else one.invoke("?", config)
            )

    first = "tpo > first_reply > tpo:first_reply"
    assert [list(paths(root)) for root in trees.roots] == [
        [f"tpo > {path}" for path in LOOP],
        [f"ChatTPO > tpo > {path}" for path in LOOP],
        [
            f"ChatTPO > {first}",
            f"ChatTPO > {first} > as_reply",
            *[f"ChatTPO > tpo > {path}" for path in LOOP],
        ],
    ]


def test_a_step_is_one_run_of_the_trace() -> None:
    trees = Trees()
    tpo = TPORunnable(model=ScriptedAgentModel(), reward=brevity, width=2, depth=1)

    tpo.invoke("Wood?", {"callbacks": [trees]})

    names = [run.name for run in every_run(trees.roots[0])]
    assert [name for name in names if name in get_args(StepName)] == [
        *("sample", "reward", "textual_loss", "textual_gradient", "update", "reward"),
    ]


def every_run(run: Run) -> Iterator[Run]:
    """Return a run and all below it, in order."""
    yield run
    for child in run.child_runs:
        yield from every_run(child)


def test_inner_calls_say_their_step_round_and_candidate() -> None:
    class Labels(BaseCallbackHandler):
        seen: list[tuple[Any, ...]] = []  # noqa: RUF012 one test's

        def on_chat_model_start(self, *_: Any, metadata: Any = None, **__: Any) -> None:
            keys = ("tpo_step", "tpo_round", "tpo_candidate")
            self.seen.append(tuple(metadata[key] for key in keys))

    from tests.support.fakes import ScriptedModel  # noqa: PLC0415 one request per draw

    tpo = TPORunnable(model=ScriptedModel(), reward=brevity, width=2, depth=1)
    tpo.invoke("Wood?", {"callbacks": [Labels()]})

    assert sorted(Labels.seen) == sorted(
        [
            *[("sample", 0, 0), ("sample", 0, 1)],
            *[("textual_loss", 1, 0), ("textual_gradient", 1, 0)],
            *[("update", 1, 0), ("update", 1, 1)],
        ]
    )


async def test_the_progress_of_a_chat_model_is_custom_events() -> None:
    chat = ChatTPO(model=ScriptedAgentModel(), reward=brevity, width=2, depth=1)

    events = [event async for event in chat.astream_events("Wood?", version="v2")]

    told = [event["data"] for event in events if event["name"] == "tpo_round"]
    assert [one["round"] for one in told] == [0, 1]
    assert {"rewards", "chosen", "rejected", "seconds", "usage"} <= set(told[0])
    assert not any("sample 0" in str(one) for one in told)


async def test_the_progress_of_an_agent_is_in_its_custom_stream() -> None:
    pytest.importorskip("langchain.agents", reason="the extra `agents`")
    from langchain.agents import create_agent  # noqa: PLC0415

    from langchain_tpo.middleware import TPOMiddleware  # noqa: PLC0415

    tpo = TPOMiddleware(reward=brevity, width=2, depth=1)
    agent = create_agent(ScriptedAgentModel(), middleware=[tpo])
    question: Any = {"messages": [HumanMessage("Wood?")]}

    parts = list(agent.stream(question, stream_mode="custom", subgraphs=True))

    assert [data["round"] for _, data in parts if data["event"] == "tpo_round"] == [0, 1]


@pytest.mark.parametrize("model", [ScriptedModel, ScriptedModelWithN])
async def test_inner_models_go_by_their_step_and_the_answer_is_one_chunk(model: Any) -> None:
    chat = ChatTPO(model=model(), reward=brevity, width=2, depth=1)

    inside = RunnableLambda(chat.ainvoke)
    events = [event async for event in inside.astream_events("Wood?", version="v2")]

    starts = [event for event in events if event["event"] == "on_chat_model_start"]
    inner = [event for event in starts if event["name"] != "ChatTPO"]
    assert {(event["name"], event["metadata"]["tpo_round"]) for event in inner} == {
        ("tpo:sample", 0),
        *((f"tpo:{step}", 1) for step in ("textual_loss", "textual_gradient", "update")),
    }
    chunks = [event for event in events if event["event"] == "on_chat_model_stream"]
    assert [(one["name"], one["data"]["chunk"].text[:8]) for one in chunks] == [
        ("ChatTPO", "revision"),
    ]
    scoring = [event for event in events if event["name"] == "brevity"]
    assert {event["metadata"]["tpo_round"] for event in scoring} == {0, 1}


@pytest.mark.parametrize("streaming", [True, False, "tool_calling"])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("cached", [True, False])
async def test_a_listener_to_streams_gets_the_answer_as_one_chunk(
    *, streaming: Any, inside: bool, cached: bool
) -> None:
    chat = ChatTPO(
        model=ScriptedModel(),
        reward=brevity,
        width=2,
        depth=1,
        disable_streaming=streaming,
        cache=InMemoryCache() if cached else False,
    )

    source: Any = RunnableLambda(chat.ainvoke) if inside else chat
    events = [event async for event in source.astream_events("Wood?", version="v2")]

    told = [one for one in events if one["event"].startswith("on_chat_model_")]
    outer = [(one["event"], one["name"]) for one in told if one["name"] == "ChatTPO"]
    assert outer == [(f"on_chat_model_{what}", "ChatTPO") for what in ("start", "stream", "end")]
    chunk = next(one["data"]["chunk"] for one in told if one["event"].endswith("stream"))
    end = told[-1]["data"]["output"]
    assert (chunk.text, chunk.id, chunk.usage_metadata) == (end.text, end.id, end.usage_metadata)


async def test_a_cached_answer_is_streamed_too() -> None:
    chat = ChatTPO(model=ScriptedModel(), reward=brevity, width=2, depth=1, cache=InMemoryCache())

    first, second = [[one.text async for one in chat.astream("Wood?")] for _ in range(2)]

    assert first == second
    assert len(first) == 1


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("inside", [False, True])
async def test_the_events_of_a_cached_answer_are_its_start_and_its_end(
    *, shared: bool, inside: bool
) -> None:
    cache = InMemoryCache()
    before = get_llm_cache()
    set_llm_cache(cache if shared else None)
    try:
        chat = ChatTPO(
            model=ScriptedModel(),
            reward=brevity,
            width=2,
            depth=1,
            cache=True if shared else cache,
        )
        first = await chat.ainvoke("Wood?")
        source: Any = RunnableLambda(chat.ainvoke) if inside else chat
        events = [event async for event in source.astream_events("Wood?", version="v2")]
    finally:
        set_llm_cache(before)

    told = [event for event in events if event["event"].startswith(("on_chat", "on_custom"))]
    assert [event["event"] for event in told] == ["on_chat_model_start", "on_chat_model_end"]
    answer = told[-1]["data"]["output"]
    assert (answer.text, answer.id) == (first.text, first.id)


async def test_whoever_leaves_the_stream_early_leaves_no_run_behind() -> None:
    before = asyncio.all_tasks()
    chat = ChatTPO(model=ScriptedModel(), reward=brevity, width=2, depth=1)

    async with aclosing(chat.astream("Wood?")) as chunks:
        async for _ in chunks:
            break

    assert asyncio.all_tasks() == before


async def test_a_failure_reaches_whoever_reads_the_stream() -> None:
    def broken(*_: Any) -> str:
        raise TimeoutError("too slow")

    chat = ChatTPO(model=ScriptedModel(reply=broken), reward=brevity, width=2, depth=1)

    with pytest.raises(Exception, match="too slow"):
        assert [one async for one in chat.astream("Wood?")]


@pytest.mark.parametrize("hidden", [False, True])
def test_payloads_can_be_left_out_of_langsmiths_traces(*, hidden: bool) -> None:
    posted = Posted()
    tracer = posted.tracer(hide_inputs=hidden, hide_outputs=hidden)
    tpo = TPORunnable(model=ScriptedAgentModel(), reward=brevity, width=2, depth=1)

    tpo.invoke("Is oak hard?", {"callbacks": [tracer]})

    sent = "\n".join(posted.bodies)
    assert "textual_gradient" in sent
    assert ("Is oak hard?" in sent) is not hidden
    assert ("revision 5" in sent) is not hidden


async def test_every_event_comes_once_with_n_in_one_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number_of, width=2, depth=1)
    events = [event async for event in tpo.astream_events("Wood?", version="v2")]

    ends = [event["run_id"] for event in events if event["event"] == "on_chat_model_end"]
    assert len(ends) == len(set(ends)) == 4
    assert [line for line in caplog.messages if "Error in" in line] == []


def test_the_trace_of_a_step_holds_figures_and_no_text() -> None:
    inputs: list[Any] = []

    class Inputs(BaseTracer):
        def _persist_run(self, run: Run) -> None:
            """Keep nothing."""

        def _on_chain_start(self, run: Run) -> None:
            if run.name in ("sample", "reward", "textual_loss", "textual_gradient", "update"):
                inputs.append(run.inputs)
            if run.name == "model_call":
                inputs.append(run.inputs)

    tpo = TPORunnable(model=ScriptedModel(), reward=last_number_of, width=2, depth=1)
    tpo.invoke("What is a canary?", {"callbacks": [Inputs()]})

    assert len(inputs) == 6 + 4
    assert json.dumps(inputs)
    assert "canary" not in json.dumps(inputs)


def as_node(**loop: Any) -> Any:
    node = TPORunnable(**loop).as_node()
    return StateGraph(MessagesState).add_node("answer", node).add_edge(START, "answer").compile()


def agent(model: Any, **loop: Any) -> Any:
    agents = pytest.importorskip("langchain.agents", reason="the extra `agents`")
    from langchain_tpo.middleware import TPOMiddleware  # noqa: PLC0415 an extra

    return agents.create_agent(model, middleware=[TPOMiddleware(**loop)])


DOORS: dict[str, Any] = {
    "TPORunnable": TPORunnable,
    "ChatTPO": ChatTPO,
    "TPOMiddleware": agent,
    "as_node": as_node,
}


def traced(door: str, model: ScriptedModel, question: str) -> list[dict[str, Any]]:
    """Return the runs of a question's trace, as they are posted."""
    posted = Posted()
    loop = DOORS[door](model=model, reward=brevity, width=3, depth=2)
    asked: Any = question if door in ("TPORunnable", "ChatTPO") else [HumanMessage(question)]
    given = asked if isinstance(asked, str) else {"messages": asked}
    loop.invoke(given, {"callbacks": [posted.tracer()]})
    return list(posted.runs.values())


@pytest.mark.parametrize("door", DOORS)
def test_a_trace_is_at_most_four_times_what_the_requests_carry(door: str) -> None:
    model = ScriptedAgentModel() if door == "TPOMiddleware" else ScriptedModelWithN()

    runs = traced(door, model, "context " * 2500)

    carried = sum(len(dumps(call.messages)) for call in model.notebook.calls)
    assert sum(len(json.dumps(run)) for run in runs) <= 4 * carried


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("model", [ScriptedAgentModel, ScriptedModelWithN])
def test_every_run_of_a_round_says_which(door: str, model: Any) -> None:
    runs = traced(door, model(), "Wood?")

    below = [run for run in runs if _is_below(run, "tpo_graph", runs)]
    inside = [run for run in below if run["name"] != "tpo_graph"]
    rounds = [(run["name"], _round(run)) for run in inside]
    assert {number for _, number in rounds} == {0, 1, 2}
    for step in ("textual_loss", "tpo:textual_loss", "tpo:update", "update"):
        assert {number for name, number in rounds if name == step} == {1, 2}
    assert not [run["name"] for run in inside if " object at 0x" in str(run["inputs"])]


def _round(run: dict[str, Any]) -> object:
    """Return what a run says: models and rewards in their metadata, steps among their figures."""
    inputs = run["inputs"]
    labels = [run["extra"]["metadata"], inputs, inputs.get("_labels", {})]
    return next(
        one.get("tpo_round", one.get("round"))
        for one in labels
        if one.keys() & {"tpo_round", "round"}
    )


def _is_below(run: dict[str, Any], name: str, runs: list[dict[str, Any]]) -> bool:
    by_id = {one["id"]: one for one in runs}
    above = by_id.get(run.get("parent_run_id") or "")
    return above is not None and (above["name"] == name or _is_below(above, name, runs))
