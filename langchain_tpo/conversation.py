"""A conversation as the text that critics, judges and reward models read.

Knows LangChain messages; knows nothing of prompts, tags or steps.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

ROLE_NAMES = {"human": "User", "ai": "Assistant", "system": "System", "tool": "Tool"}
"""How a transcript names who speaks, by LangChain message type."""


def conversation_text(messages: Sequence[BaseMessage]) -> str:
    """Give the whole conversation as one text.

    A single user message is its own text, unchanged. Anything longer is a transcript, one
    paragraph per message, each opening with the speaker's role. What is no text stands in the
    transcript as a placeholder such as `[image]`.

    Args:
        messages: The conversation, oldest first.

    Example:
        >>> from langchain_core.messages import HumanMessage, SystemMessage
        >>> print(conversation_text([SystemMessage("Be brief."), HumanMessage("Why is it blue?")]))
        System: Be brief.
        <BLANKLINE>
        User: Why is it blue?
    """
    if len(messages) == 1 and isinstance(messages[0], HumanMessage):
        return message_text(messages[0])
    return "\n\n".join(f"{_role(message)}: {message_text(message)}" for message in messages)


def message_text(message: BaseMessage) -> str:
    """Give the text of one message, with placeholders for what is no text."""
    if isinstance(message.content, str):
        return message.content
    return "".join(_block_text(block) for block in message.content)


def attachments(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Give the images, sounds and files that users put into the conversation, in order."""
    return [
        block
        for message in messages
        if isinstance(message, HumanMessage) and not isinstance(message.content, str)
        for block in message.content
        if isinstance(block, dict) and block.get("type") != "text"
    ]


def _role(message: BaseMessage) -> str:
    return ROLE_NAMES.get(message.type, message.type.capitalize())


def _block_text(block: str | dict[str, Any]) -> str:
    if isinstance(block, str):
        return block
    if block.get("type") == "text":
        return str(block.get("text", ""))
    kind = str(block.get("type", "attachment"))
    return f"[{kind.removesuffix('_url')}]"
