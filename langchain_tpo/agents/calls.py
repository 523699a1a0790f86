"""The calls of a loop, made through an agent's own handler.

Middleware around it (retries, fallbacks, caching) takes part in each of them that way.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain.agents.middleware import ModelRequest, ModelResponse
from langchain.agents.middleware.internal_call_transformer import internal_call_metadata
from langchain.agents.structured_output import StructuredOutputError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from langchain_tpo.agents.structured_answers import faulty
from langchain_tpo.chat_models.first_reply import ReplyMessages
from langchain_tpo.sampling.bound_arguments import without_tools
from langchain_tpo.sampling.capabilities import Asking
from langchain_tpo.sampling.foreign_code import contained
from langchain_tpo.sampling.quiet import quiet
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
        self, messages: Sequence[AnyMessage], config: RunnableConfig, options: dict[str, Any]
    ) -> Request:
        """Draw responses with the tools at hand; all other steps have prompts of their own."""
        asking = Asking(model=self.request.model, messages=messages, options=options)
        model, others = asking.placed()
        sampled = {**self.request.model_settings, **others}
        labels = config.get("metadata", {})
        if labels.get("tpo_step") == "sample" or labels.get("tpo_form") == FRESH:
            return self.request.override(model=model, model_settings=sampled)
        system, rest = _split(messages)
        if self.whole and labels.get("tpo_step") == "update":
            return self.request.override(
                model=model, messages=rest, system_message=system, model_settings=sampled
            )
        return self.request.override(
            model=model,
            messages=rest,
            system_message=system,
            tools=[],
            tool_choice=None,
            response_format=None,
            model_settings=without_tools(sampled),
        )

    def drawn(self, reply: ReplyMessages, config: RunnableConfig) -> AIMessage:
        """Return a draw as the loop reads it: of another kind than is wanted, it says nothing."""
        critic = config.get("metadata", {}).get("tpo_step") not in ("sample", "update")
        if not self.whole or critic or self.wanted(reply):
            return reply.as_message() if self.whole else reply.message
        nothing: dict[str, Any] = {"content": "", "tool_calls": [], "invalid_tool_calls": []}
        return reply.message.model_copy(update=nothing)


@dataclass(frozen=True)
class SyncCalls(_Calls):
    """Through the agent's handler."""

    handler: Handler

    def first(self, _messages: Sequence[BaseMessage]) -> ReplyMessages:
        """Ask as the agent does."""
        return self._reply(self.request)

    def draw(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, **options: Any
    ) -> AIMessage:
        """Ask as a step does."""
        return self.drawn(self._reply(self.asked(messages, config, options)), config)

    def _reply(self, request: Request) -> ReplyMessages:
        try:
            with contained("The model"):
                return as_reply(self.handler(request))
        except StructuredOutputError as error:
            return faulty(error)


@dataclass(frozen=True)
class AsyncCalls(_Calls):
    """Through the agent's async handler."""

    handler: AsyncHandler

    async def first(self, _messages: Sequence[BaseMessage]) -> ReplyMessages:
        """Ask as the agent does."""
        return await self._reply(self.request)

    async def draw(
        self, messages: Sequence[AnyMessage], config: RunnableConfig, **options: Any
    ) -> AIMessage:
        """Ask as a step does."""
        return self.drawn(await self._reply(self.asked(messages, config, options)), config)

    async def _reply(self, request: Request) -> ReplyMessages:
        try:
            with contained("The model"):
                return as_reply(await self.handler(request))
        except StructuredOutputError as error:
            return faulty(error)


def quieted(request: Request) -> Request:
    """Ask a copy of the model whose calls are known as internal: they stay out of every stream."""
    metadata = {**(request.model.metadata or {}), **internal_call_metadata()}
    model = quiet(request.model.model_copy(update={"metadata": metadata}), cache=False)
    return request.override(model=cast("BaseChatModel", model))


def conversation(request: Request) -> list[BaseMessage]:
    """Return everything that the agent asks its model about."""
    system = [] if request.system_message is None else [request.system_message]
    return [*system, *request.messages]


def as_reply(response: ModelResponse[Any]) -> ReplyMessages:
    """Return what the agent was given, and why it could read nothing out of it."""
    answer, added = response.structured_response, response.result[1:]
    fault = added[0].text if added and answer is None else None
    return ReplyMessages(messages=response.result, structured_response=answer, fault=fault)


def _split(messages: Sequence[AnyMessage]) -> tuple[SystemMessage | None, list[AnyMessage]]:
    if messages and isinstance(messages[0], SystemMessage):
        return messages[0], list(messages[1:])
    return None, list(messages)
