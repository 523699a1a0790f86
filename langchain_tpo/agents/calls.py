"""The calls of a loop, made through an agent's own handler.

Middleware around it (retries, fallbacks, caching) takes part in each of them that way.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain.agents.middleware import ModelRequest, ModelResponse
from langchain.agents.middleware.internal_call_transformer import internal_call_metadata
from langchain.agents.structured_output import StructuredOutputError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.configurable import DynamicRunnable

from langchain_tpo.agents.failed_calls import CallWatch, watched
from langchain_tpo.agents.structured_answers import faulty
from langchain_tpo.chat_models.first_reply import ReplyMessages
from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.bound_arguments import (
    arguments_for_words,
    check_whole_replies,
    for_words,
)
from langchain_tpo.sampling.capabilities import without_system
from langchain_tpo.sampling.foreign_code import contained
from langchain_tpo.sampling.quiet import quiet
from langchain_tpo.sampling.wrappers import ChatModel, check_chat_model, mapped
from langchain_tpo.strategies import FRESH

Request = ModelRequest[Any]
Handler = Callable[[Request], ModelResponse[Any]]
AsyncHandler = Callable[[Request], Awaitable[ModelResponse[Any]]]


@dataclass(frozen=True)
class _Calls:
    """The agent's own request, as the loop makes it."""

    request: Request
    wanted: Callable[[ReplyMessages], bool]
    """Says of a draw whether it is of the kind that competes."""
    whole: bool
    """Whether whole replies compete, so that revisions have the tools at hand."""

    def asked(
        self,
        model: ChatModel,
        messages: Sequence[AnyMessage],
        config: RunnableConfig,
        options: dict[str, Any],
    ) -> Request:
        """Draw responses with the tools at hand; all other steps have prompts of their own."""
        own = {**self.request.model_settings, **options}
        labels = config.get("metadata", {})
        step = labels.get("tpo_step")
        fresh = step in ("first_reply", "sample") or labels.get("tpo_form") == FRESH
        asked = _asking(self.request, self._itself(messages) if fresh else messages)
        if fresh or (self.whole and step == "update"):
            return asked.override(model=_as_chat_model(model), model_settings=own)
        keep_format = step == "update"
        return asked.override(
            model=_as_chat_model(for_words(model, keep_format=keep_format)),
            tools=[],
            tool_choice=None,
            response_format=None,
            model_settings=arguments_for_words(own, keep_format=keep_format),
        )

    def _itself(self, messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
        """Return the agent's conversation, tools and all, as the model takes system messages."""
        whole = conversation(self.request)
        takes_system = messages and isinstance(messages[0], SystemMessage)
        folded = whole if takes_system else without_system(whole)
        return cast("Sequence[AnyMessage]", folded)

    def drawn(self, reply: ReplyMessages, config: RunnableConfig) -> AIMessage:
        """Return a draw as the loop reads it: of another kind than is wanted, it says nothing.

        Raises:
            Exception: What a call failed with whose error somebody has put into words.
        """
        if reply.failed_with is not None:
            raise reply.failed_with
        critic = config.get("metadata", {}).get("tpo_step") not in ("sample", "update")
        if not self.whole or critic or self.wanted(reply):
            return reply.as_message() if self.whole else reply.message
        nothing: dict[str, Any] = {"content": "", "tool_calls": [], "invalid_tool_calls": []}
        return reply.message.model_copy(update=nothing)


@dataclass(frozen=True)
class SyncCalls(_Calls):
    """Through the agent's handler."""

    handler: Handler

    def first(
        self,
        model: ChatModel,
        messages: Sequence[AnyMessage],
        config: RunnableConfig,
        **options: Any,
    ) -> ReplyMessages:
        """Ask as the agent does."""
        return self._reply(self.asked(model, messages, config, options))

    def draw(
        self,
        model: ChatModel,
        messages: Sequence[AnyMessage],
        config: RunnableConfig,
        **options: Any,
    ) -> AIMessage:
        """Ask as a step does."""
        return self.drawn(self._reply(self.asked(model, messages, config, options)), config)

    def _reply(self, request: Request) -> ReplyMessages:
        try:
            with contained("The model"), watched() as watch:
                return _reply_of(self.handler(request), watch)
        except StructuredOutputError as error:
            return faulty(error)


@dataclass(frozen=True)
class AsyncCalls(_Calls):
    """Through the agent's async handler."""

    handler: AsyncHandler

    async def first(
        self,
        model: ChatModel,
        messages: Sequence[AnyMessage],
        config: RunnableConfig,
        **options: Any,
    ) -> ReplyMessages:
        """Ask as the agent does."""
        return await self._reply(self.asked(model, messages, config, options))

    async def draw(
        self,
        model: ChatModel,
        messages: Sequence[AnyMessage],
        config: RunnableConfig,
        **options: Any,
    ) -> AIMessage:
        """Ask as a step does."""
        return self.drawn(await self._reply(self.asked(model, messages, config, options)), config)

    async def _reply(self, request: Request) -> ReplyMessages:
        try:
            with contained("The model"), watched() as watch:
                return _reply_of(await self.handler(request), watch)
        except StructuredOutputError as error:
            return faulty(error)


def quieted(request: Request, *, cache: bool = False) -> Request:
    """Ask a copy of the model whose calls are known as internal: they stay out of every stream.

    Args:
        request: What the agent asks.
        cache: Whether LangChain's cache may answer: not where several answers are drawn.
    """
    _check_model(request)
    internal = internal_call_metadata()

    def marked(model: ChatModel) -> ChatModel:
        if not isinstance(model, BaseChatModel):  # `init_chat_model(configurable_fields=...)`
            return model.with_config(metadata=internal)
        return model.model_copy(update={"metadata": {**(model.metadata or {}), **internal}})

    model = quiet(mapped(request.model, marked), cache=cache)
    return request.override(model=_as_chat_model(model))


def _check_model(request: Request) -> None:
    """Refuse what an agent cannot ask, in one line.

    Raises:
        ModelTypeError: When it is no chat model, or what is around that loses its calls of tools.
    """
    model = check_chat_model(request.model, field="model")
    check_whole_replies(model, "an agent's replies", instead="read the agent's last message")
    if request.tools and not (hasattr(model, "bind_tools") or isinstance(model, DynamicRunnable)):
        raise ModelTypeError(
            f"`model` is a {type(model).__name__}, to which an agent can offer no tools: pass the "
            "chat model itself, and what is around it as the agent's middleware "
            "(ModelRetryMiddleware, ModelFallbackMiddleware, ...)."
        )


def conversation(request: Request) -> list[BaseMessage]:
    """Return everything that the agent asks its model about."""
    system = [] if request.system_message is None else [request.system_message]
    return [*system, *request.messages]


def _reply_of(response: ModelResponse[Any], watch: CallWatch) -> ReplyMessages:
    """Return what the agent was given, and why it could read nothing out of it."""
    answer, added = response.structured_response, response.result[1:]
    fault = added[0].text if added and answer is None else None
    reply = ReplyMessages(messages=response.result, structured_response=answer, fault=fault)
    return replace(reply, failed_with=watch.error_behind(reply.message))


def _asking(request: Request, messages: Sequence[AnyMessage]) -> Request:
    """Return the request about another conversation; agents keep the system message apart."""
    if messages and isinstance(messages[0], SystemMessage):
        return request.override(messages=list(messages[1:]), system_message=messages[0])
    return request.override(messages=list(messages), system_message=None)


def _as_chat_model(model: ChatModel) -> BaseChatModel:
    """Hand on what an agent asks: its own model, changed, or wrapped as that was."""
    return cast("BaseChatModel", model)
