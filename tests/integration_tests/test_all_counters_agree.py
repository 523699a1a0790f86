"""A recording server, the message, LangChain's counters, LangSmith and OpenTelemetry agree."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import (
    BaseCallbackHandler,
    UsageMetadataCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Noul
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import ChatTPO, TPORunnable, build_tpo_graph
from tests.support.fakes import ScriptedModel
from tests.support.langsmith_double import Posted
from tests.support.servers.openai_double import OpenAIDouble, obedient_script

openai = pytest.importorskip("langchain_openai", reason="the extra `openai`")

pytestmark = pytest.mark.integration

Counts = tuple[int, int]
"""Tokens read and written."""

QUESTION: Any = {"messages": [HumanMessage("Wood?")]}


def length(prompt: str, response: str) -> float:
    return float(len(response)) + float(response.rsplit(maxsplit=1)[-1])


def tokens_of(runs: dict[str, dict[str, Any]]) -> Counts:
    """Return the sum of what model runs report, as LangSmith adds a tree up."""
    read = written = 0
    for run in runs.values():
        for usage in usages_in(run.get("outputs") if run.get("run_type") == "llm" else None):
            read, written = read + usage["input_tokens"], written + usage["output_tokens"]
    return read, written


def usages_in(outputs: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Return what the messages of a run report."""
    for listed in (outputs or {}).get("generations", []):
        for generation in listed:
            usage = generation["message"]["kwargs"].get("usage_metadata")
            if usage:
                yield usage


class Spans(BaseCallbackHandler):
    """Writes spans of steps, as `examples/07_opentelemetry_spans.py` does."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 a development package
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
            InMemorySpanExporter,
        )

        self.memory = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self._tracer = provider.get_tracer("test")

    def on_custom_event(self, name: str, data: dict[str, Any], **_: Any) -> None:
        if name == "tpo_step":
            usage = {key: value for key, value in data["usage"].items() if value is not None}
            with self._tracer.start_as_current_span(f"tpo.{data['step']}") as span:
                span.set_attributes({f"tpo.{key}": value for key, value in usage.items()})

    def tokens(self) -> Counts:
        attributes: list[Any] = [span.attributes for span in self.memory.get_finished_spans()]
        read = sum(one["tpo.input_tokens"] for one in attributes)
        return read, sum(one["tpo.output_tokens"] for one in attributes)


def agent(**loop: Any) -> Any:
    agents = pytest.importorskip("langchain.agents", reason="the extra `agents`")
    from langchain_tpo.middleware import TPOMiddleware  # noqa: PLC0415 an extra

    return agents.create_agent(loop.pop("model"), middleware=[TPOMiddleware(**loop)])


def as_node(**loop: Any) -> Any:
    node = TPORunnable(**loop).as_node()
    return StateGraph(MessagesState).add_node("answer", node).add_edge(START, "answer").compile()


DOORS: dict[str, Any] = {
    "TPORunnable": TPORunnable,
    "ChatTPO": ChatTPO,
    "TPOMiddleware": agent,
    "as_node": as_node,
    "build_tpo_graph": lambda **loop: build_tpo_graph(**loop).compile(),
}


async def answered(door: Any, config: Any, *, asynchronous: bool) -> Any:
    """Ask, and return the message."""
    given: Any = "Wood?" if isinstance(door, TPORunnable | ChatTPO) else QUESTION
    answer = await door.ainvoke(given, config) if asynchronous else door.invoke(given, config)
    return answer["messages"][-1] if isinstance(answer, dict) else answer


def counted(usage: Any) -> Counts:
    return usage["input_tokens"], usage["output_tokens"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("with_n", [True, False])
async def test_spans_of_steps_agree_with_the_server(door: str, *, with_n: bool) -> None:
    pytest.importorskip("opentelemetry.sdk")
    spans = Spans()
    with OpenAIDouble(obedient_script, honours_n=with_n) as server:
        model = openai.ChatOpenAI(model="double", base_url=server.base_url, api_key="none")
        loop = DOORS[door](model=model, reward=length, width=3, depth=1)
        await answered(loop, {"callbacks": [spans]}, asynchronous=True)

    total = (server.tokens["prompt_tokens"], server.tokens["completion_tokens"])
    assert spans.tokens() == total


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("with_n", [True, False])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_all_counters_agree(
    door: str, *, with_n: bool, depth: int, asynchronous: bool
) -> None:
    handler, posted = UsageMetadataCallbackHandler(), Posted()
    with OpenAIDouble(obedient_script, honours_n=with_n) as server:
        model = openai.ChatOpenAI(model="double", base_url=server.base_url, api_key="none")
        chat = DOORS[door](model=model, reward=length, width=3, depth=depth)
        with get_usage_metadata_callback() as context:
            config = {"callbacks": [handler, posted.tracer()]}
            message = await answered(chat, config, asynchronous=asynchronous)

    total = (server.tokens["prompt_tokens"], server.tokens["completion_tokens"])
    first_reply = door == "TPOMiddleware"  # asked for before the loop, and a candidate in it
    assert server.completions == first_reply + 3 + depth * (2 + 3)
    told = message.response_metadata["tpo"]["usage"]
    assert {
        "message": counted(message.usage_metadata),
        "handler": [counted(usage) for usage in handler.usage_metadata.values()],
        "context": [counted(usage) for usage in context.usage_metadata.values()],
        "result": counted(told),
        "LangSmith": tokens_of(posted.runs),
        "requests": told["requests"],
    } == {
        "message": total,
        "handler": [total],
        "context": [total],
        "result": total,
        "LangSmith": total,
        "requests": len(server.requests),
    }


class Decider(BaseDecisionModel):
    """Judges."""

    model: str = "decider"
    usage: Any = None

    @property
    def _provider(self) -> str:
        return "test"

    def _classify(self, state: Any, questions: Any) -> ClassifierResponse:
        answers: Any = {name: {"type": "noul", "noul": 0.5} for name in questions}
        return ClassifierResponse(model="decider", answers=answers, usage=self.usage)


def decided_by(decider: Decider, *, asynchronous: bool = False) -> Any:
    """Return a reward function that asks a decision model, and rewards the length."""
    questions = {"good": Noul(instructions="Good?")}

    def decided(prompt: str, response: str) -> float:
        decider.invoke({"state": {"response": response}, "questions": questions})
        return length(prompt, response)

    async def adecided(prompt: str, response: str) -> float:
        await decider.ainvoke({"state": {"response": response}, "questions": questions})
        return length(prompt, response)

    return adecided if asynchronous else decided


TOLD = {"input_tokens": 700, "output_tokens": 3, "total_tokens": 703}


@pytest.mark.parametrize("usage", [None, TOLD])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_decision_inside_a_function_is_counted(usage: Any, *, asynchronous: bool) -> None:
    reward = decided_by(Decider(usage=usage), asynchronous=asynchronous)
    loop = TPORunnable(model=ScriptedModel(), reward=reward, width=2, depth=1)
    result = await loop.aoptimize("Wood?") if asynchronous else loop.optimize("Wood?")

    judging = result.by_step["reward"]["usage"]
    assert judging["requests"] == 4
    assert judging["input_tokens"] == (None if usage is None else 4 * 700)
    if usage is None:
        assert result.usage["input_tokens"] is None
        assert result.message().usage_metadata is None


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_langsmith_is_told_of_a_decision_once(door: Any, *, asynchronous: bool) -> None:
    posted, reward = Posted(), decided_by(Decider(usage=TOLD))
    loop = door(model=ScriptedModel(), reward=reward, width=2, depth=1)
    message = await answered(loop, {"callbacks": [posted.tracer()]}, asynchronous=asynchronous)

    noted = [usage_noted(run) for run in posted.runs.values()]
    known = [usage for usage in noted if usage]
    assert sum(usage["input_tokens"] for usage in known) == message.usage_metadata["input_tokens"]


def usage_noted(run: dict[str, Any]) -> Any:
    """Return what the metadata of a run say of its usage."""
    metadata: dict[str, Any] = (run.get("extra") or {}).get("metadata") or {}
    return metadata.get("usage_metadata")
