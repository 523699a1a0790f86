"""LangChain's own counters, LangSmith's tracer, the message and the result say what was spent."""

import uuid
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler, get_usage_metadata_callback
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.sampling.inner_calls import TellOnce
from tests.support.fakes import ScriptedModel, ScriptedModelWithN

PROMPT, WORDS = 7, 3
"""Tokens of every prompt and of every completion of the counted models."""


def report(n: int) -> dict[str, Any]:
    """One request's total, with reasoning and a cache that was written."""
    return {
        "input_tokens": PROMPT,
        "output_tokens": WORDS * n,
        "total_tokens": PROMPT + WORDS * n,
        "input_token_details": {"cache_creation": 2},
        "output_token_details": {"reasoning": n},
    }


def told(result: ChatResult) -> ChatResult:
    """Report as ChatOpenAI does: the total on every message, the name only where there is one."""
    n = len(result.generations)
    for generation in result.generations:
        assert isinstance(generation.message, AIMessage)
        generation.message.usage_metadata = report(n)  # type: ignore[assignment]
        if n == 1:
            generation.message.response_metadata["model_name"] = "counted"
    return ChatResult(generations=result.generations, llm_output={"model_name": "counted"})


class Counted(ScriptedModel):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return told(super()._generate(*args, **kwargs))

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return told(await super()._agenerate(*args, **kwargs))


class CountedWithN(ScriptedModelWithN):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return told(super()._generate(*args, **kwargs))

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return told(await super()._agenerate(*args, **kwargs))


def reported(run: Run) -> list[int]:
    """Return what the messages of a run report."""
    found = [0, 0]
    for listed in (run.outputs or {})["generations"]:
        for generation in listed:
            usage = generation["message"]["kwargs"].get("usage_metadata")
            if usage:
                found = [found[0] + usage["input_tokens"], found[1] + usage["output_tokens"]]
    return found


class Spans(BaseTracer):
    """Adds up what every run of a model reports, as LangSmith does."""

    run_inline = True

    def __init__(self) -> None:
        super().__init__()
        self.spent = [0, 0]

    def _persist_run(self, run: Run) -> None:
        """Keep nothing."""

    def _on_llm_end(self, run: Run) -> None:
        read, written = reported(run)
        self.spent = [self.spent[0] + read, self.spent[1] + written]


class AsyncSpans(AsyncBaseTracer):
    """Adds up without blocking the event loop."""

    run_inline = True

    def __init__(self) -> None:
        super().__init__()
        self.spent = [0, 0]

    async def _persist_run(self, run: Run) -> None:
        """Keep nothing."""

    async def _on_llm_end(self, run: Run) -> None:
        read, written = reported(run)
        self.spent = [self.spent[0] + read, self.spent[1] + written]


def reward(prompt: str, response: str) -> float:
    return float(response.rsplit(maxsplit=1)[-1])


def spent(model: Any) -> list[int]:
    return [PROMPT * len(model.notebook.calls), WORDS * model.notebook.completions()]


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
@pytest.mark.parametrize("model", [Counted, CountedWithN])
@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_every_counter_says_what_the_server_counted(
    door: Any, model: Any, depth: int, *, asynchronous: bool
) -> None:
    policy = model()
    tpo = door(model=policy, reward=reward, settings=TPOSettings(width=3, depth=depth))
    handler, spans = UsageMetadataCallbackHandler(), Spans()
    with get_usage_metadata_callback() as context:
        config = {"callbacks": [handler, spans]}
        answer = await tpo.ainvoke("Wood?", config) if asynchronous else tpo.invoke("Wood?", config)

    total = spent(policy)
    assert [answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]] == total
    for counter in (handler, context):
        counts = list(counter.usage_metadata.values())
        assert [[one["input_tokens"], one["output_tokens"]] for one in counts] == [total]
    assert spans.spent == total
    details = answer.usage_metadata["output_token_details"]
    assert details == {"reasoning": policy.notebook.completions()}
    created = answer.usage_metadata["input_token_details"]
    assert created == {"cache_creation": 2 * len(policy.notebook.calls)}


def test_what_is_unknown_is_told_to_nobody() -> None:
    messages = [AIMessage("a b c", usage_metadata=None), AIMessage("d", usage_metadata=None)]
    generations: Any = [[ChatGeneration(message=message) for message in messages]]
    TellOnce().on_llm_end(LLMResult(generations=generations), run_id=uuid.uuid4())
    assert [message.usage_metadata for message in messages] == [None, None]


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
def test_a_message_that_a_model_hands_out_again_keeps_its_usage(door: Any) -> None:
    usage: Any = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    said = AIMessage("<IMPROVED_VARIABLE>Oil 1</IMPROVED_VARIABLE>", usage_metadata=usage)
    model = FakeMessagesListChatModel(responses=[said])

    answers = [
        door(model=model, reward=lambda _prompt, _response: 1.0, width=2, depth=0).invoke("Wood?")
        for _ in range(2)
    ]

    assert [answer.usage_metadata["total_tokens"] for answer in answers] == [20, 20]
    assert said.usage_metadata == usage


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_a_cache_answers_costs_nothing_anywhere(
    door: Any, *, asynchronous: bool
) -> None:
    policy, judge = CountedWithN(), Counted(cache=InMemoryCache())

    def judged(prompt: str, response: str) -> float:
        judge.invoke(prompt)  # the same for every response
        return reward(prompt, response)

    async def ajudged(prompt: str, response: str) -> float:
        await judge.ainvoke("Wood?")
        return reward(prompt, response)

    judge.invoke("Wood?")
    before = len(judge.notebook.calls)
    tpo = door(model=policy, reward=ajudged if asynchronous else judged, width=3, depth=0)
    handler, spans = UsageMetadataCallbackHandler(), Spans()
    config = {"callbacks": [handler, spans]}
    answer = await tpo.ainvoke("Wood?", config) if asynchronous else tpo.invoke("Wood?", config)

    total, (counts,) = spent(policy), handler.usage_metadata.values()
    assert len(judge.notebook.calls) == before
    assert [answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]] == total
    assert [counts["input_tokens"], counts["output_tokens"]] == spans.spent == total


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_retries_around_a_model_leave_the_order_of_handlers(
    door: Any, *, asynchronous: bool
) -> None:
    for _ in range(8):  # merged through a set, they come in any order
        policy = Counted()
        tpo = door(model=policy.with_retry(), reward=reward, width=2, depth=1)
        spans = Spans()
        config = {"callbacks": [spans]}
        await tpo.ainvoke("Wood?", config) if asynchronous else tpo.invoke("Wood?", config)

        assert spans.spent == spent(policy)


JUDGES: dict[str, Any] = {
    "retries": lambda judge: judge.with_retry(),
    "chain": lambda judge: RunnablePassthrough() | judge.bind(stop=["."]) | StrOutputParser(),
    "fallbacks": lambda judge: judge.with_fallbacks([judge.with_retry()]),
}


@pytest.mark.parametrize("door", [TPORunnable, ChatTPO])
@pytest.mark.parametrize("wrapped", JUDGES)
@pytest.mark.parametrize("tracer", [Spans, AsyncSpans])
async def test_a_judge_that_a_function_calls_in_any_way_is_told_once(
    door: Any, wrapped: str, tracer: Any
) -> None:
    async def judged(prompt: str, response: str) -> float:
        await asking.ainvoke(prompt)
        return reward(prompt, response)

    for _ in range(6):  # merged through a set, handlers come in any order
        policy, judge, spans = Counted(), Counted(), tracer()
        asking = JUDGES[wrapped](judge)
        tpo = door(model=policy, reward=judged, width=2, depth=0)
        await tpo.ainvoke("Wood?", {"callbacks": [spans]})

        both = zip(spent(policy), spent(judge), strict=True)
        assert spans.spent == [mine + its for mine, its in both]
