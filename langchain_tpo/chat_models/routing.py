"""Which way a chat model's call goes: straight through, into the loop, or reply first.

Knows the arguments of calls; the ways themselves are `TPORunnable` and `FirstReply`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.constants import TAG_NOSTREAM

from langchain_tpo.chat_models.first_reply import FirstReply, ReplyMessages
from langchain_tpo.loop.call_arguments import with_arguments
from langchain_tpo.loop.run_input import TPORequest
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.asking import asked
from langchain_tpo.sampling.bound_arguments import is_structured, offers_tools
from langchain_tpo.sampling.quiet import quiet
from langchain_tpo.sampling.wrappers import ChatModel


class Answerer(Protocol):
    """What answers a conversation with a message."""

    def invoke(self, asked: list[BaseMessage] | TPORequest, config: RunnableConfig, /) -> AIMessage:
        """Return the answer."""
        ...

    async def ainvoke(
        self, asked: list[BaseMessage] | TPORequest, config: RunnableConfig, /
    ) -> AIMessage:
        """Return the answer without blocking the event loop."""
        ...


def answerer(
    loop: TPORunnable, arguments: Mapping[str, Any], *, tool_calls: bool = False
) -> Answerer:
    """Choose the way for a call with these arguments.

    Args:
        loop: The loop around the model that is called.
        arguments: Keyword arguments of the call, `stop` and tools included.
        tool_calls: Whether replies that call tools are optimized too.
    """
    if is_structured(arguments):
        return _called(loop, arguments)
    if not arguments:
        return loop
    whole = tool_calls and offers_tools(arguments)
    settings = with_arguments(loop.settings, arguments, revised_with_tools=whole)
    tuned = loop.model_copy(update={"settings": settings, "whole_replies": whole})
    if whole or not offers_tools(arguments):
        return tuned
    seed = {} if loop.settings.seed is None else {"seed": loop.settings.seed}
    first = _called(loop, {**seed, **arguments}) | RunnableLambda(as_reply)
    return FirstReply(first.with_config(run_name="tpo:first_reply"), tuned)


def _called(loop: TPORunnable, arguments: Mapping[str, Any]) -> ChatModel:
    """Return the plain model, asked for what it can take.

    What it says reaches the caller whole, not token by token.
    """
    model = asked(quiet(loop.model, cache=True), loop.learned, arguments, cache=True)
    return model.with_config(tags=[TAG_NOSTREAM])


def as_reply(message: AIMessage) -> ReplyMessages:
    """Return the reply that a chat model's message is."""
    return ReplyMessages(messages=[message])
