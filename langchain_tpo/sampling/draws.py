"""N responses from one chat model: in one request where it can, in N concurrent ones otherwise.

Each of several requests is a LangGraph task, so a checkpointed run that was killed repeats none
that had finished. Knows models and their cost; knows nothing of pools, prompts or rewards.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.errors import GraphBubbleUp
from langgraph.func import task
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Reply
from langchain_tpo.errors import RunError
from langchain_tpo.sampling.asking import Asker, asked
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.foreign_code import contained
from langchain_tpo.sampling.inner_calls import in_order, inner_config
from langchain_tpo.sampling.quiet import quiet, unheard
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
from langchain_tpo.sampling.whole_replies import WholeReplies
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    direct,
    models_inside,
)
from langchain_tpo.text.secrecy import keys_hidden
from langchain_tpo.text.shown import named


class ModelReply(TypedDict):
    """What one request brought, as plain values that a checkpoint can hold."""

    replies: list[Reply]
    usage: Usage


ReplyOrError: TypeAlias = ModelReply | BaseException
"""A reply, or the error that came in its place."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The replies, what failed, and what it cost."""

    replies: list[Reply]
    failures: list[Exception]
    usage: Usage
    left_out: int = 0
    """Characters of quoted text that the prompt had no room for."""
    unseeded: bool = False
    """Whether a seed was to be used that the model does not take."""


_CRITIQUES = ("textual_loss", "textual_gradient")
"""Steps whose model need not see what the user showed."""


class Drawer:
    """Draws responses from one model, inside a LangGraph run; immutable but for `learned`."""

    def __init__(
        self,
        model: ChatModel,
        *,
        cache: bool,
        learned: Learned | None = None,
        whole: WholeReplies | None = None,
    ) -> None:
        """Prepare a quiet copy of the model: one, since a copy may have a state of its own.

        Args:
            model: A chat model, wrapped or not.
            cache: Whether LangChain's cache may answer: draws that should differ say no.
            learned: What its models have taught so far, and teach from now on.
            whole: How replies are read that may call tools; None where only words count.
        """
        self._read: Callable[[object], Reply] = read_reply if whole is None else whole.read
        self.model = quiet(model, cache=cache)
        self._cache = cache
        self._learned = Learned() if learned is None else learned
        self._direct = direct(self.model)

    def run(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw, with as many requests at once as the run's `max_concurrency` allows."""
        (draws,) = self.run_all([request], config)
        return enough(draws, request.at_least)

    async def arun(self, request: DrawRequest, config: RunnableConfig) -> Draws:
        """Draw as `run` does, without blocking the event loop."""
        (draws,) = await self.arun_all([request], config)
        return enough(draws, request.at_least)

    def run_all(self, requests: Sequence[DrawRequest], config: RunnableConfig) -> list[Draws]:
        """Draw for several prompts, all requests at once; failures are kept, not raised."""
        if sum(request.n for request in requests) == 1:
            outcome = self._alone(requests[0], config)
            return self._seeds_told(requests, [_collect([outcome])])
        sent, plans = _Sent(requests), [self.requests(request) for request in requests]
        while any(plans):
            sent.add(self._send_all(plans))
            plans = [self._missing(*one) for one in zip(requests, plans, sent.newest, strict=True)]
        return self._seeds_told(requests, sent.collected())

    async def arun_all(
        self, requests: Sequence[DrawRequest], config: RunnableConfig
    ) -> list[Draws]:
        """Draw for several prompts as `run_all` does, without blocking the event loop."""
        if sum(request.n for request in requests) == 1:
            outcome = await self._aalone(requests[0], config)
            return self._seeds_told(requests, [_collect([outcome])])
        sent, plans = _Sent(requests), [self.requests(request) for request in requests]
        while any(plans):
            sent.add(await self._asend_all(plans))
            plans = [self._missing(*one) for one in zip(requests, plans, sent.newest, strict=True)]
        return self._seeds_told(requests, sent.collected())

    def _seeds_told(self, requests: Sequence[DrawRequest], draws: Sequence[Draws]) -> list[Draws]:
        """Mark the draws of a model that takes no seed, where one was set."""
        if all(request.first_seed is None for request in requests):
            return [*draws]
        models = models_inside(self.model)
        unseeded = any("seed" in self._learned.of(model).known.refused for model in models)
        return [replace(draw, unseeded=unseeded) for draw in draws]

    def requests(self, request: DrawRequest) -> list[DrawRequest]:
        """Return the requests that these draws take, unless a server brings too few."""
        return self._parts(request, range(request.n))

    def _parts(self, request: DrawRequest, draws: range) -> list[DrawRequest]:
        """Ask for as many of these draws at once as the model is known to answer."""
        most = self._most_answers if request.one_request else 1
        return [
            request.part(first, n=min(most or len(draws), draws.stop - first))
            for first in draws[:: most or max(1, len(draws))]
        ]

    @property
    def _most_answers(self) -> int | None:
        if self._direct is None:
            return 1
        return self._learned.of(self._direct.model).known.answers

    def _missing(
        self, request: DrawRequest, plan: Sequence[DrawRequest], outcomes: Sequence[ReplyOrError]
    ) -> list[DrawRequest]:
        """Ask again for what a request for several answers left out; a failed one stays failed."""
        missing: list[DrawRequest] = []
        for part, outcome in zip(plan, outcomes, strict=True):
            if isinstance(outcome, BaseException) or part.n == 1:
                continue
            first = part.first - request.first
            draws = range(first + len(outcome["replies"]), first + part.n)
            refused = not outcome["replies"] and part.n > (self._most_answers or part.n)
            missing += (
                self._parts(request, draws) if refused else [request.part(draw) for draw in draws]
            )
        return missing

    def _alone(self, request: DrawRequest, config: RunnableConfig) -> ReplyOrError:
        """Make the only call of a step; the step's own checkpoint keeps its reply."""
        try:
            return self.reply(request.part(0), config)
        except Exception as error:  # noqa: BLE001 see `_collect`
            return error

    async def _aalone(self, request: DrawRequest, config: RunnableConfig) -> ReplyOrError:
        try:
            return await in_time(self.areply(request.part(0), config))
        except Exception as error:  # noqa: BLE001 as above
            return error

    def _send_all(self, batches: Sequence[Sequence[DrawRequest]]) -> list[list[ReplyOrError]]:
        """Send every request before waiting for any: in one order, which a resumed run repeats."""
        sent = [[self._sent(_SEND, request) for request in batch] for batch in batches]
        return [[_outcome(future) for future in futures] for futures in sent]

    def _sent(self, send: Callable[..., Any], request: DrawRequest) -> Any:  # noqa: ANN401 as `_outcome`
        """Begin a task whose trace has labels for its input, not the prompt once more.

        The request goes by the context, which LangGraph copies for every task.
        """
        token = _IN_HAND.set((self, request))
        try:
            return send({**request.trace_labels, "n": request.n})
        except RuntimeError as error:  # "can't start new thread": those that were sent go on
            return _not_sent(error)
        finally:
            _IN_HAND.reset(token)

    async def _asend_all(
        self, batches: Sequence[Sequence[DrawRequest]]
    ) -> list[list[ReplyOrError]]:
        """Send as `_send_all` does; what is late is cancelled and counts as failed."""
        sent = [[in_time(self._sent(_ASEND, request)) for request in batch] for batch in batches]
        waiting = [asyncio.gather(*futures, return_exceptions=True) for futures in sent]
        return [list(outcomes) for outcomes in await asyncio.gather(*waiting)]

    def reply(self, request: DrawRequest, config: RunnableConfig) -> ModelReply:
        """Send one request to the model."""
        counter = UsageCounter()
        inner = _inner_config(request, config, counter)
        if request.n == 1 or self._direct is None:
            model = self._asked(request)
            with place("model"), contained("The model"):
                return self._one(model.invoke(request.messages, inner), counter)
        asker, bound, inner = self._several_at_once(request, inner)
        with place("model"), contained("The model"):
            result = asker.generate(request.messages, request.n, inner, bound)
        return self._several(request, result, counter)

    async def areply(self, request: DrawRequest, config: RunnableConfig) -> ModelReply:
        """Send one request to the model without blocking the event loop."""
        counter = UsageCounter()
        inner = _inner_config(request, config, counter)
        if request.n == 1 or self._direct is None:
            model = self._asked(request)
            async with aplace("model"):
                with contained("The model"):
                    return self._one(await model.ainvoke(request.messages, inner), counter)
        asker, bound, inner = self._several_at_once(request, inner)
        async with aplace("model"):
            with contained("The model"):
                result = await asker.agenerate(request.messages, request.n, inner, bound)
        return self._several(request, result, counter)

    def _asked(self, request: DrawRequest) -> ChatModel:
        return asked(
            self.model,
            self._learned,
            request.seeded_options,
            cache=self._cache,
            words_will_do=request.labels.get("tpo_step") in _CRITIQUES,
        )

    def _one(self, reply: object, counter: UsageCounter) -> ModelReply:
        read = self._read(reply)
        usage = counter.usage
        if usage["completions"] == 0:  # a function, say: no model that LangChain could count
            message = reply if isinstance(reply, AIMessage) else AIMessage(read["text"])
            usage = usage_of(LLMResult(generations=[[ChatGeneration(message=message)]]))
        return ModelReply(replies=[read], usage=usage)

    def _several_at_once(
        self, request: DrawRequest, config: RunnableConfig
    ) -> tuple[Asker, dict[str, Any], RunnableConfig]:
        """Return what is asked for several answers, what is bound to it, and its config."""
        assert self._direct is not None  # noqa: S101 see `_most_answers`
        model, bound = self._direct.model, self._direct.kwargs
        lessons = self._learned.of(model)
        asker = Asker(model, lessons, request.seeded_options, cache=self._cache)
        return asker, bound, in_order(merge_configs(self._direct.config, config))

    def _several(
        self, request: DrawRequest, result: LLMResult | None, counter: UsageCounter
    ) -> ModelReply:
        """Read the answers of one request; none where the model does not take several."""
        generations = [] if result is None else result.generations[0]
        replies = [
            self._read(
                generation.message if isinstance(generation, ChatGeneration) else generation.text
            )
            for generation in generations
        ]
        if self._direct is not None and len(replies) == 1 < request.n:  # it ignores `n`
            self._learned.of(self._direct.model).answers_one()
        return ModelReply(replies=replies, usage=counter.usage)


_IN_HAND: ContextVar[tuple[Drawer, DrawRequest]] = ContextVar("tpo_request")
"""Who sends which request, in the context of its task."""


def model_call(_labels: dict[str, Any], config: RunnableConfig) -> ModelReply:
    """Send one of several requests of a step, as a task whose reply a checkpoint keeps."""
    drawer, request = _IN_HAND.get()
    with keys_hidden():
        return drawer.reply(request, config)


async def amodel_call(_labels: dict[str, Any], config: RunnableConfig) -> ModelReply:
    """Send one of several requests of a step, as `model_call` does."""
    drawer, request = _IN_HAND.get()
    with keys_hidden():
        return await drawer.areply(request, config)


# Functions of the module, not methods: LangGraph prepares such a task once, not at every call.
_as_task: Callable[[Any], Callable[..., Any]] = task(name="model_call")
_SEND = _as_task(model_call)
_ASEND = _as_task(amodel_call)


class _Sent:
    """What has come back for each prompt, in the order in which it was sent."""

    def __init__(self, requests: Sequence[DrawRequest]) -> None:
        self._outcomes: list[list[ReplyOrError]] = [[] for _ in requests]
        self.newest: list[list[ReplyOrError]] = []

    def add(self, outcomes: list[list[ReplyOrError]]) -> None:
        self.newest = outcomes
        self._outcomes = [
            [*before, *new] for before, new in zip(self._outcomes, outcomes, strict=True)
        ]

    def collected(self) -> list[Draws]:
        return [_collect(outcomes) for outcomes in self._outcomes]


def enough(draws: Draws, at_least: int) -> Draws:
    """Return the draws, unless so many failed that fewer than `at_least` are left.

    Raises:
        Exception: The first failure, then.
    """
    if draws.failures and len(draws.replies) < at_least:
        raise draws.failures[0]
    return draws


def _collect(outcomes: Sequence[ReplyOrError]) -> Draws:
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


def _not_sent(error: RuntimeError) -> "Future[ModelReply]":
    future: Future[ModelReply] = Future()
    future.set_exception(
        RunError(f"No request could be begun ({named(error)}): lower `max_concurrency` or `width`.")
    )
    return future


def _outcome(future: Any) -> ReplyOrError:  # noqa: ANN401 LangGraph types task futures loosely
    try:
        reply: ModelReply = future.result()
    except Exception as error:  # noqa: BLE001 every failed draw is counted; see `_collect`
        return error
    return reply


def _inner_config(
    request: DrawRequest, config: RunnableConfig, counter: UsageCounter
) -> RunnableConfig:
    return unheard(inner_config(config, counter, request.trace_labels))
