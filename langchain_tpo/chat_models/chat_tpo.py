"""`ChatTPO`: the loop wherever LangChain expects a chat model.

Knows LangChain's chat-model contract; what is optimized, and how, is the business of
`TPORunnable`, which is the better choice in a chain: its traces and token counts are simpler.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import uuid4

from langchain_core.caches import BaseCache
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, patch_config
from langchain_core.runnables.config import merge_configs, set_config_context
from langchain_core.runnables.graph import Graph
from pydantic import ConfigDict, Field

from langchain_tpo.chat_models.cached_answers import key_of, set_by_call
from langchain_tpo.chat_models.child_runs import child_config, uncounted_context
from langchain_tpo.chat_models.one_chunk import HeldAnswer, streamed
from langchain_tpo.chat_models.routing import Answerer, answerer
from langchain_tpo.chat_models.structured import structured
from langchain_tpo.loop.answer_streams import as_chunk
from langchain_tpo.loop.call_arguments import with_arguments
from langchain_tpo.loop.parts import LoopParts
from langchain_tpo.loop.run_options import EXTRA
from langchain_tpo.reward_models.coercion import RewardLike
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.bound_arguments import Tool, tool_arguments
from langchain_tpo.sampling.call_config import with_configurable
from langchain_tpo.sampling.usage import UsageCounter, as_usage_metadata
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    innermost,
    model_name,
)
from langchain_tpo.settings import TPOSettings


class ChatTPO(LoopParts, BaseChatModel):
    """A chat model that optimizes its final answers at test time, structured ones included.

    With tools bound, a reply that calls them passes through untouched, and only an answer in words
    is optimized; `optimize="tool_calls"` optimizes both. Keyword arguments of a
    call, such as `temperature` or `stop`, reach the draws and the revisions. A stream is the final
    answer in one chunk.

    `usage_metadata` is the total of all inner calls under the wrapped model's name, and a
    `UsageMetadataCallbackHandler` hears of that total only. `response_metadata["tpo"]` holds the
    figures of the run.

    (Long, since a chat model has six doors and each wants a method here.)

    Raises:
        ConfigurationError: At construction, in one line, when something cannot work.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Dust it, then oil it."])
        >>> chat = ChatTPO(model=model, reward=lambda prompt, response: 1.0, width=2, depth=1)
        >>> chat.invoke("How do I care for a wooden table?").text
        'Dust it, then oil it.'
    """

    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    temperature: float | None = Field(default=None, ge=0, frozen=True)
    """Randomness of draws and revisions: wins over `settings`."""
    max_tokens: int | None = Field(default=None, ge=1, frozen=True)
    """Longest draw or revision, in tokens: wins over `settings`."""
    stop: list[str] | None = Field(default=None, frozen=True)
    """Texts at which a draw or a revision ends."""
    optimize: Literal["answers", "tool_calls"] = Field(default="answers", frozen=True)
    """What is optimized where tools are bound: answers alone, or replies that call tools as well.
    Candidates are whole replies then, and the reward may ask for their `tool_calls`."""
    max_concurrency: int | None = Field(default=None, ge=1, frozen=True)
    """How many requests of a run may be on their way at once. A `max_concurrency` in the config
    of a call does not reach a chat model."""

    cache: BaseCache | bool | None = Field(default=False, exclude=True)
    """Whether LangChain's cache may answer: not unless you say so. A cache knows a model by what
    can be written down of its parts, and of a function that is only its name. Where the config of a
    call sets something at run time, no cache is asked."""

    disable_streaming: bool | Literal["tool_calling"] = True
    """A stream is one chunk in any case. LangChain tells `_stream` nothing of the run that it
    belongs to, so inner calls would be missing from traces and token counts."""

    if TYPE_CHECKING:  # what the validators take is more than what the fields hold

        def __init__(
            self,
            *,
            model: ChatModel | Sequence[ChatModel],
            reward: RewardLike,
            critic: ChatModel | None = None,
            settings: TPOSettings | None = None,
            width: int | None = None,
            depth: int | None = None,
            optimize: Literal["answers", "tool_calls"] = "answers",
            **options: Any,
        ) -> None: ...

    def _resolve_model_profile(self) -> ModelProfile | None:
        inner = innermost(self.model)
        return inner.profile if isinstance(inner, BaseChatModel) else None

    @property
    def _llm_type(self) -> str:
        return "tpo"

    @property
    def model_name(self) -> str:
        """The wrapped model's name: what traces and token counts are filed under."""
        return model_name(self.model)

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "model_name": self.model_name,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "reward": self.reward.get_name(),
            "width": self.settings.width,
            "depth": self.settings.depth,
            "optimize": self.optimize,
            "settings": self.settings.model_dump(mode="json", exclude_defaults=True, exclude=EXTRA),
            "parts": self.fingerprint,
        }

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen characters that differ where model, critic, reward or settings do."""
        return key_of([self.model, self.critic, self.reward, self.settings])

    def get_graph(self, config: RunnableConfig | None = None, *, xray: int | bool = False) -> Graph:
        """Return the model as a graph to draw; with `xray`, the five steps inside it."""
        return self.loop.get_graph(config, xray=xray) if xray else super().get_graph(config)

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools as the wrapped model does; replies that call one pass through untouched.

        Args:
            tools: As for the wrapped model.
            tool_choice: As for the wrapped model.
            kwargs: As for the wrapped model.

        Raises:
            ModelTypeError: When the wrapped model, or a fallback of it, takes other arguments.
        """
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        return self.bind(**tool_arguments(self.model, tools, {**choice, **kwargs}))

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return structured output, optimized: the best of N answers that fit the schema.

        Rewards and critics read an answer as JSON. One that does not fit the schema loses to any
        that does, and the critic is told why it does not. Each of several models, or of fallbacks,
        may write it in a form of its own. Of a model that makes it in another way than with a
        parser behind it, it is that model's own, which a warning says.

        Args:
            schema: As for the wrapped model.
            include_raw: As for the wrapped model.
            kwargs: As for the wrapped model.
        """
        settings = with_arguments(self.settings, self._arguments(None, {}))
        loop = self.loop.model_copy(update={"settings": settings})
        best = structured(loop, schema, {"include_raw": include_raw, **kwargs})
        return best.with_config(max_concurrency=self.max_concurrency)

    def get_token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text as the wrapped model counts them."""
        model = innermost(self.model)
        if self.custom_get_token_ids is not None or not isinstance(model, BaseChatModel):
            return super().get_token_ids(text)
        return model.get_token_ids(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Tool] | None = None
    ) -> int:
        """Return the tokens of messages as the wrapped model counts them."""
        model = innermost(self.model)
        given = {} if tools is None else {"tools": tools}
        if self.custom_get_token_ids is not None or not isinstance(model, BaseChatModel):
            return super().get_num_tokens_from_messages(messages, **given)
        return model.get_num_tokens_from_messages(messages, **given)

    @cached_property
    def loop(self) -> TPORunnable:
        """The loop behind this chat model; `loop.optimize(...)` gives everything it found out."""
        return TPORunnable(
            model=self.model, reward=self.reward, critic=self.critic, settings=self.settings
        )

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer.

        What the config sets at run time (`configurable`) reaches the wrapped model as well, which
        LangChain's chat models leave to chains.
        """
        told = with_configurable(config)
        with set_config_context(told) as context:
            invoke = super(ChatTPO, self._cached_for(told)).invoke
            return context.run(partial(invoke, input, config, stop=stop, **kwargs))

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Return the answer as `invoke` does, without blocking the event loop."""
        told = with_configurable(config)
        ainvoke = super(ChatTPO, self._cached_for(told)).ainvoke
        answer = ainvoke(input, config, stop=stop, **kwargs)
        with set_config_context(told) as context:
            return await asyncio.get_running_loop().create_task(answer, context=context)

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Return the answer in one chunk."""
        yield as_chunk(self.invoke(input, config, stop=stop, **kwargs))

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Return the answer in one chunk."""

        def answer(held: HeldAnswer) -> Awaitable[AIMessage]:
            told = merge_configs(config, RunnableConfig(callbacks=[held]))
            return self.ainvoke(input, told, stop=stop, **kwargs)

        async with aclosing(streamed(answer, as_chunk)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = self._answered(messages, stop, run_manager, kwargs)
        if run_manager is not None:
            chunk = _chunk_of(result)
            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = await self._aanswered(messages, stop, run_manager, kwargs)
        if run_manager is not None:
            chunk = _chunk_of(result)
            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield _chunk_of(self._answered(messages, stop, run_manager, kwargs))  # LangChain tells it

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        yield _chunk_of(await self._aanswered(messages, stop, run_manager, kwargs))

    def _answered(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run: CallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
    ) -> ChatResult:
        way = self._way(stop, kwargs)
        counter = UsageCounter()
        config = self._bounded(child_config(run, counter))
        return self._result(uncounted_context().run(way.invoke, messages, config), counter)

    async def _aanswered(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run: AsyncCallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
    ) -> ChatResult:
        way = self._way(stop, kwargs)
        counter = UsageCounter()
        answer = way.ainvoke(messages, self._bounded(child_config(run, counter)))
        task = asyncio.get_running_loop().create_task(answer, context=uncounted_context())
        return self._result(await task, counter)

    def _cached_for(self, config: RunnableConfig) -> Self:
        """Return the model without its cache where a call sets what no cache is told."""
        parts = (self.model, self.critic, self.reward)
        if self.cache is False or not set_by_call(config.get("configurable", {}), parts):
            return self
        return self.model_copy(update={"cache": False})

    def _way(self, stop: list[str] | None, kwargs: dict[str, Any]) -> Answerer:
        whole = self.optimize == "tool_calls"
        return answerer(self.loop, self._arguments(stop, kwargs), tool_calls=whole)

    def _arguments(self, stop: list[str] | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        own = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stop": stop or self.stop,
        }
        return {name: value for name, value in own.items() if value is not None} | kwargs

    def _bounded(self, config: RunnableConfig) -> RunnableConfig:
        return patch_config(config, max_concurrency=self.max_concurrency)

    def _result(self, message: AIMessage, counter: UsageCounter) -> ChatResult:
        """File an optimized answer under the wrapped model's name; any other gets its usage back.

        What passes through has lost it on the way, so that no trace counts it twice.
        """
        changes: dict[str, Any] = {}
        if "tpo" in message.response_metadata:
            metadata = {"model_name": self.model_name, **message.response_metadata}
            changes["response_metadata"] = metadata
        elif counter.usage["requests"]:
            changes["usage_metadata"] = as_usage_metadata(counter.usage)
        changes["id"] = message.id or str(uuid4())  # the same in the chunk and in the message
        message = message.model_copy(update=changes)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def __copy__(self) -> Self:
        """Copy without what belongs to the fields it was made from."""
        clone = super().__copy__()
        for made in ("loop", "fingerprint"):
            clone.__dict__.pop(made, None)
        return clone

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy deeply without the loop."""
        return super(ChatTPO, copy(self)).__deepcopy__(memo)


def _chunk_of(result: ChatResult) -> ChatGenerationChunk:
    """Return the answer as the one chunk that listeners to a stream get."""
    return ChatGenerationChunk(message=as_chunk(result.generations[0].message))
