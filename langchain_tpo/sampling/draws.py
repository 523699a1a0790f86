"""N responses from one chat model: in one request where it can, in N concurrent ones otherwise.

Each of several requests is a LangGraph task, so a checkpointed run that was killed repeats none
that had finished. Knows models and their cost; knows nothing of pools, prompts or rewards.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, NotRequired, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.runnables.config import merge_configs
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from langgraph.func import task
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Reply
from langchain_tpo.sampling.replies import read_reply
from langchain_tpo.sampling.request_limit import aplace, place
from langchain_tpo.sampling.time_limit import in_time
from langchain_tpo.sampling.usage import (
    FAILED_REQUEST,
    Usage,
    UsageCounter,
    total_usage,
    usage_of,
)
from langchain_tpo.sampling.wrappers import ChatModel, many_at_once, quiet
from langchain_tpo.text.secrecy import keys_hidden


class DrawRequest(TypedDict):
    """What is drawn: `n` responses to the same messages."""

    messages: list[BaseMessage]
    n: int
    at_least: int
    """With fewer answered requests than this, the first failure is raised."""
    options: dict[str, Any]
    """Sampling options, sent with every request."""
    first_seed: int | None
    """Seed of draw 0; draw i gets `first_seed + i` where it is a request of its own."""
    first: NotRequired[int]
    """Number of the first of these draws among all of their step; 0 where it is not given."""
    one_request: bool
    """Whether to ask for all at once where the model can."""
    labels: dict[str, Any]
    """What the requests' traces say of themselves."""


class ModelRequest(TypedDict):
    """One request to the model."""

    messages: list[BaseMessage]
    n: int
    options: dict[str, Any]
    labels: dict[str, Any]


class ModelReply(TypedDict):
    """What one request brought, as plain values that a checkpoint can hold."""

    replies: list[Reply]
    usage: Usage


Outcome: TypeAlias = ModelReply | BaseException
"""A reply, or the error that came in its place."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The replies, what failed, and what it cost."""

    replies: list[Reply]
    failures: list[Exception]
    usage: Usage
    left_out: int = 0
    """Characters of quoted text that the prompt had no room for."""


class Drawer:
    """Draws responses from one model; immutable, and usable inside a LangGraph run only."""

    def __init__(self, model: ChatModel, *, cache: bool) -> None:
        """Prepare a quiet copy of the model.

        Args:
            model: A chat model, wrapped or not.
            cache: Whether LangChain's cache may answer: draws that should differ say no.
        """
        self.model = quiet(model, cache=cache)
        self._many = many_at_once(self.model)

    def run(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw, with as many requests at once as the run's `max_concurrency` allows."""
        (draws,) = self.run_all([request], config)
        return enough(draws, request["at_least"])

    async def arun(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw as `run` does, without blocking the event loop."""
        (draws,) = await self.arun_all([request], config)
        return enough(draws, request["at_least"])

    def run_all(self, requests: Sequence[DrawRequest], config: RunnableConfig) -> list[Draws]:
        """Draw for several prompts, all requests at once; failures are kept, not raised."""
        if sum(request["n"] for request in requests) == 1:
            return [_collect([self._alone(requests[0], config)])]
        first = self._send_all([self.requests(request) for request in requests])
        more = self._send_all(list(map(_missing, requests, first)))
        return list(map(_collect, map(add, first, more)))

    async def arun_all(
        self, requests: Sequence[DrawRequest], config: RunnableConfig
    ) -> list[Draws]:
        """Draw for several prompts as `run_all` does, without blocking the event loop."""
        if sum(request["n"] for request in requests) == 1:
            return [_collect([await self._aalone(requests[0], config)])]
        first = await self._asend_all([self.requests(request) for request in requests])
        more = await self._asend_all(list(map(_missing, requests, first)))
        return list(map(_collect, map(add, first, more)))

    def requests(self, request: DrawRequest) -> list[ModelRequest]:
        """Return the requests that these draws take, unless a server brings too few."""
        if request["n"] > 1 and request["one_request"] and self._many is not None:
            return [_model_request(request, 0, n=request["n"])]
        return [_model_request(request, index) for index in range(request["n"])]

    def _alone(self, request: DrawRequest, config: RunnableConfig) -> Outcome:
        """Make the only call of a step; the step's own checkpoint keeps its reply."""
        try:
            return self.reply(_model_request(request, 0), config)
        except Exception as error:  # noqa: BLE001 see `_collect`
            return error

    async def _aalone(self, request: DrawRequest, config: RunnableConfig) -> Outcome:
        try:
            return await in_time(self.areply(_model_request(request, 0), config))
        except Exception as error:  # noqa: BLE001 as above
            return error

    def _send_all(self, batches: Sequence[Sequence[ModelRequest]]) -> list[list[Outcome]]:
        """Send every request before waiting for any: in one order, which a resumed run repeats."""
        sent = [[_SEND(request, self) for request in batch] for batch in batches]
        return [[_outcome(future) for future in futures] for futures in sent]

    async def _asend_all(self, batches: Sequence[Sequence[ModelRequest]]) -> list[list[Outcome]]:
        """Send as `_send_all` does; what is late is cancelled and counts as failed."""
        sent = [[in_time(_ASEND(request, self)) for request in batch] for batch in batches]
        waiting = [asyncio.gather(*futures, return_exceptions=True) for futures in sent]
        return [list(outcomes) for outcomes in await asyncio.gather(*waiting)]

    def reply(self, request: ModelRequest, config: RunnableConfig) -> ModelReply:
        """Send one request to the model."""
        counter = UsageCounter()
        inner = _inner_config(request, config, counter)
        if request["n"] == 1 or self._many is None:
            with place("model"):
                reply = self.model.invoke(request["messages"], inner, **request["options"])
            return _one(reply, counter)
        many = self._many
        arguments = _generate_arguments(many.kwargs, request, merge_configs(many.config, inner))
        with place("model"):
            result = many.model.generate([request["messages"]], **arguments)
        return _several(result, counter)

    async def areply(self, request: ModelRequest, config: RunnableConfig) -> ModelReply:
        """Send one request to the model without blocking the event loop."""
        counter = UsageCounter()
        inner = _inner_config(request, config, counter)
        if request["n"] == 1 or self._many is None:
            async with aplace("model"):
                reply = await self.model.ainvoke(request["messages"], inner, **request["options"])
            return _one(reply, counter)
        many = self._many
        arguments = _generate_arguments(many.kwargs, request, merge_configs(many.config, inner))
        async with aplace("model"):
            result = await many.model.agenerate([request["messages"]], **arguments)
        return _several(result, counter)


def model_call(request: ModelRequest, drawer: Drawer, config: RunnableConfig) -> ModelReply:
    """Send one of several requests of a step, as a task whose reply a checkpoint keeps."""
    with keys_hidden():
        return drawer.reply(request, config)


async def amodel_call(request: ModelRequest, drawer: Drawer, config: RunnableConfig) -> ModelReply:
    """Send one of several requests of a step, as `model_call` does."""
    with keys_hidden():
        return await drawer.areply(request, config)


# Functions of the module, not methods: LangGraph prepares such a task once, not at every call.
_as_task: Callable[[Any], Callable[..., Any]] = task(name="model_call")
_SEND = _as_task(model_call)
_ASEND = _as_task(amodel_call)


def _model_request(request: DrawRequest, index: int, *, n: int = 1) -> ModelRequest:
    number = request.get("first", 0) + index
    seed = request["first_seed"]
    seeded = {} if seed is None else {"seed": seed + number}
    return ModelRequest(
        messages=request["messages"],
        n=n,
        options={**request["options"], **seeded},
        labels={**request["labels"], "tpo_candidate": number},
    )


def _missing(request: DrawRequest, outcomes: Sequence[Outcome]) -> list[ModelRequest]:
    """Ask one by one for what a server that ignores `n` left out; a failed request stays one."""
    if len(outcomes) != 1 or isinstance(outcomes[0], BaseException):
        return []
    received = len(outcomes[0]["replies"])
    return [_model_request(request, index) for index in range(received, request["n"])]


def enough(draws: Draws, at_least: int) -> Draws:
    """Return the draws, unless so many failed that fewer than `at_least` are left.

    Raises:
        Exception: The first failure, then.
    """
    if draws.failures and len(draws.replies) < at_least:
        raise draws.failures[0]
    return draws


def _collect(outcomes: Sequence[Outcome]) -> Draws:
    answers, failures = [], []
    for outcome in outcomes:
        if not isinstance(outcome, BaseException):
            answers.append(outcome)
        elif isinstance(outcome, Exception) and not isinstance(outcome, GraphBubbleUp):
            failures.append(outcome)
        else:  # a cancelled task, or a graph that pauses for a person
            raise outcome
    return Draws(
        replies=[reply for answer in answers for reply in answer["replies"]],
        failures=failures,
        usage=total_usage(
            [answer["usage"] for answer in answers] + [FAILED_REQUEST] * len(failures)
        ),
    )


def _outcome(future: Any) -> Outcome:  # noqa: ANN401 LangGraph types task futures loosely
    try:
        reply: ModelReply = future.result()
    except Exception as error:  # noqa: BLE001 every failed draw is counted; see `_collect`
        return error
    return reply


def _inner_config(
    request: ModelRequest, config: RunnableConfig, counter: UsageCounter
) -> RunnableConfig:
    own = RunnableConfig(
        callbacks=[counter],
        tags=[TAG_NOSTREAM],
        metadata={"lc_source": "tpo", **request["labels"]},
    )
    return merge_configs(config, own)


def _generate_arguments(
    bound: dict[str, Any], request: ModelRequest, config: RunnableConfig
) -> dict[str, Any]:
    full = ensure_config(config)
    return {
        **bound,
        **request["options"],
        "n": request["n"],
        "callbacks": full.get("callbacks"),
        "tags": full.get("tags"),
        "metadata": full.get("metadata"),
        "run_name": full.get("run_name"),
    }


def _one(reply: object, counter: UsageCounter) -> ModelReply:
    read = read_reply(reply)
    usage = counter.usage
    if usage["completions"] == 0:  # a function, say: no model that LangChain could count
        message = reply if isinstance(reply, AIMessage) else AIMessage(read["text"])
        usage = usage_of(LLMResult(generations=[[ChatGeneration(message=message)]]))
    return ModelReply(replies=[read], usage=usage)


def _several(result: LLMResult, counter: UsageCounter) -> ModelReply:
    replies = [
        read_reply(
            generation.message if isinstance(generation, ChatGeneration) else generation.text
        )
        for generation in result.generations[0]
    ]
    return ModelReply(replies=replies, usage=counter.usage)
