"""Asks a chat model for what it can take, and again without what it refuses.

`Asker` stands in a model's place inside retries, fallbacks, bindings and sequences, so that none of
them sees a refusal that says only how to ask. Knows models and what is known of them; knows nothing
of draws.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config, run_in_executor

from langchain_tpo.sampling.capabilities import Asking, Learned, Lessons
from langchain_tpo.sampling.inner_calls import named
from langchain_tpo.sampling.wrappers import ChatModel, mapped

MOST_REFUSALS = 8
"""More refusals of one request than a model can have reasons for."""

ReplyT = TypeVar("ReplyT")


def ask(lessons: Lessons, asking: Asking, send: Callable[[Asking], ReplyT]) -> ReplyT | None:
    """Send a request as the model can take it; None where it asks for too many answers.

    Args:
        lessons: What the model has taught, and learns more from.
        asking: The request as it is wanted.
        send: Sends what it is handed.

    Raises:
        Exception: The provider's own.
    """
    for _ in range(MOST_REFUSALS):
        if _too_many(lessons, asking):
            return None
        attempt = lessons.known.fit(asking)
        try:
            return send(attempt)
        except Exception as error:  # noqa: BLE001 raised again unless it says how to ask
            asking = lessons.learn(attempt, error)
    return send(lessons.known.fit(asking))


async def aask(
    lessons: Lessons, asking: Asking, send: Callable[[Asking], Awaitable[ReplyT]]
) -> ReplyT | None:
    """Send a request as `ask` does, without blocking the event loop."""
    for _ in range(MOST_REFUSALS):
        if _too_many(lessons, asking):
            return None
        attempt = lessons.known.fit(asking)
        try:
            return await send(attempt)
        except Exception as error:  # noqa: BLE001 as above
            asking = lessons.learn(attempt, error)
    return await send(lessons.known.fit(asking))


def _too_many(lessons: Lessons, asking: Asking) -> bool:
    return lessons.known.answers is not None and asking.n > lessons.known.answers


class Asker(Runnable[Any, Any]):
    """One model, asked for what it can take only; immutable but for what it learns."""

    def __init__(
        self,
        model: ChatModel,
        lessons: Lessons,
        options: Mapping[str, Any],
        *,
        cache: bool,
        words_will_do: bool = False,
    ) -> None:
        """Take what is asked, and how.

        Args:
            model: A quiet chat model without wrappers, or a Runnable that stands for one.
            lessons: What it has taught so far.
            options: Sampling options of this request; they win over what is bound to the model.
            cache: Whether LangChain's cache may answer.
            words_will_do: Whether images may be left out for a model that sees none.
        """
        self._words_will_do = words_will_do
        self._model = model
        self._lessons = lessons
        self._options = options
        self._cache = cache
        self.name = model.get_name()

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as of any Runnable
        """Ask for one answer."""

        def send(asking: Asking) -> Any:  # noqa: ANN401 a message of the model's own kind
            model, rest = asking.placed()
            return model.invoke(asking.messages, named(config), **rest)

        return ask(self._lessons, self._asking(input, kwargs), send)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as above
        """Ask for one answer without blocking the event loop."""

        async def send(asking: Asking) -> Any:  # noqa: ANN401 as above
            model, rest = asking.placed()
            if not self._lessons.known.takes_async:
                call = partial(model.invoke, asking.messages, named(config), **rest)
                return await run_in_executor(config, call)
            return await model.ainvoke(asking.messages, named(config), **rest)

        return await aask(self._lessons, self._asking(input, kwargs), send)

    def generate(
        self, messages: list[BaseMessage], n: int, config: RunnableConfig, kwargs: Mapping[str, Any]
    ) -> LLMResult | None:
        """Ask for `n` answers in one request; None where the model has refused so many."""

        def send(asking: Asking) -> LLMResult:
            model, rest = asking.placed()
            result: LLMResult = model.generate([asking.messages], **_run(config), **rest)
            return result

        return ask(self._lessons, self._asking(messages, kwargs, n), send)

    async def agenerate(
        self, messages: list[BaseMessage], n: int, config: RunnableConfig, kwargs: Mapping[str, Any]
    ) -> LLMResult | None:
        """Ask for `n` answers as `generate` does, without blocking the event loop."""

        async def send(asking: Asking) -> LLMResult:
            model, rest = asking.placed()
            if not self._lessons.known.takes_async:
                call = partial(model.generate, [asking.messages], **_run(config), **rest)
                return await run_in_executor(config, call)
            result: LLMResult = await model.agenerate([asking.messages], **_run(config), **rest)
            return result

        return await aask(self._lessons, self._asking(messages, kwargs, n), send)

    def _asking(self, messages: Any, bound: Mapping[str, Any], n: int = 1) -> Asking:  # noqa: ANN401 see `Asking`
        if not self._cache and not isinstance(self._model, BaseChatModel):
            messages = _uncached(messages)
        options = {**bound, **self._options}
        return Asking(
            model=self._model,
            messages=messages,
            options=options,
            n=n,
            words_will_do=self._words_will_do,
        )


def asked(
    model: ChatModel,
    learned: Learned,
    options: Mapping[str, Any],
    *,
    cache: bool,
    words_will_do: bool = False,
) -> ChatModel:
    """Return the wrappers of a model around models that are asked for what they can take only."""

    def asker(one: ChatModel) -> ChatModel:
        return Asker(one, learned.of(one), options, cache=cache, words_will_do=words_will_do)

    return mapped(model, asker)


def _run(config: RunnableConfig) -> dict[str, Any]:
    """Return a config as the arguments that `generate` takes in its place."""
    full = ensure_config(named(config))
    return {name: full.get(name) for name in ("callbacks", "tags", "metadata", "run_name")}


def _uncached(messages: Any) -> Any:  # noqa: ANN401 see `Asking`
    """Mark a conversation where only a cache looks, so that none has seen it before.

    Of what is not known to wrap a chat model no cache can be switched off.
    """
    if get_llm_cache() is None or not isinstance(messages, list) or not messages:
        return messages
    mark = {**messages[-1].response_metadata, "tpo_draw": uuid.uuid4().hex}
    return [*messages[:-1], messages[-1].model_copy(update={"response_metadata": mark})]
