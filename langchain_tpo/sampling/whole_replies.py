"""Replies that compete as they are: tool calls, and answers that have to fit a schema.

Knows LangChain's messages; knows nothing of pools, rewards or agents.
"""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.messages import AIMessage

from langchain_tpo.candidate_pool import MessageParts, Reply
from langchain_tpo.sampling.replies import CALLS, plain, read_reply
from langchain_tpo.text.conversation import message_text


def unreadable_call(message: AIMessage) -> str | None:
    """Say which call of a message has arguments that cannot be read; None where all can.

    Args:
        message: What a model sent.

    Example:
        >>> unreadable_call(AIMessage("")) is None
        True
    """
    for call in message.invalid_tool_calls:
        return f"The arguments of the call of `{call['name']}` are no JSON: {call['error']}"
    return None


@dataclass(frozen=True, kw_only=True)
class WholeReplies:
    """How a whole reply is read: as what text it competes, and whether it can be used at all."""

    text: Callable[[AIMessage], str] = message_text
    """What rewards and critics read of a reply that calls tools."""
    fault: Callable[[AIMessage], str | None] = unreadable_call
    """Says why a reply cannot be used, for the critic to read; None where it can."""

    def read(self, reply: object) -> Reply:
        """Return what a model returned as plain values, the tools that it calls included.

        Args:
            reply: A message or a text.

        Raises:
            ModelTypeError: When it is neither.

        Example:
            >>> call = {"name": "weather", "args": {"city": "Paris"}, "id": "1"}
            >>> WholeReplies().read(AIMessage("", tool_calls=[call]))["text"]
            '[calls weather({"city": "Paris"})]'
        """
        if not isinstance(reply, AIMessage):
            return read_reply(reply)
        calls = {name: plain(getattr(reply, name)) for name in CALLS if getattr(reply, name)}
        read = read_reply(reply.model_copy(update={name: [] for name in CALLS}))
        if calls:
            parts = MessageParts(content=read["text"])
            read["message"] = {**parts, **read.get("message", {}), **calls}  # type: ignore[typeddict-item]  # keys of `CALLS`
            read["text"] = self.text(reply)
            read.pop("instead", None)
        if fault := self.fault(reply):
            read["fault"] = fault
        return read
