"""A conversation as the text that critics, judges and reward models read.

Knows LangChain messages; knows nothing of prompts, tags or steps.
"""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo.text.well_formed import well_formed

ROLE_NAMES = {"human": "User", "ai": "Assistant", "system": "System", "tool": "Tool"}
"""How a transcript names who speaks, by LangChain message type."""

_FORGED_ROLE = re.compile(
    rf"^(?=[^\S\n]*+(?:{'|'.join(ROLE_NAMES.values())})[^\S\n]*+:)", re.MULTILINE | re.IGNORECASE
)


def conversation_text(messages: Sequence[BaseMessage]) -> str:
    """Return the whole conversation as one text.

    A single user message is its own text, unchanged. Anything longer is a transcript, one
    paragraph per message, each opening with the speaker's role. What is no text stands in the
    transcript as a placeholder such as `[image]`. A line of a message that opens like a speaker's
    is marked with `>`: nobody can speak for another.

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
    return "\n\n".join(f"{_role(message)}: {_said(message)}" for message in messages)


def message_text(message: BaseMessage) -> str:
    """Return the text of one message, with placeholders for what is no text."""
    if isinstance(message.content, str):
        return well_formed(message.content)
    return well_formed("".join(_block_text(block) for block in message.content))


def sendable(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    r"""Return the messages as any provider's client can encode them.

    Args:
        messages: The conversation; texts that hold half of a surrogate pair are mended.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> ascii(sendable([HumanMessage("cut \ud83d")])[0].content)
        "'cut \\ufffd'"
    """
    return [
        message
        if (mended := _mended(message.content)) == message.content
        else message.model_copy(update={"content": mended})
        for message in messages
    ]


def attachments(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the images, sounds and files that users put into the conversation, in order."""
    return [
        block
        for message in messages
        if isinstance(message, HumanMessage) and not isinstance(message.content, str)
        for block in message.content
        if isinstance(block, dict) and block.get("type") != "text"
    ]


def _said(message: BaseMessage) -> str:
    return _FORGED_ROLE.sub("> ", message_text(message))


def _mended(content: Any) -> Any:  # noqa: ANN401 a text, or blocks of any provider
    if isinstance(content, str):
        return well_formed(content)
    if isinstance(content, list):
        return [_mended(block) for block in content]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return {**content, "text": well_formed(content["text"])}
    return content


def _role(message: BaseMessage) -> str:
    return ROLE_NAMES.get(message.type, message.type.capitalize())


def _block_text(block: str | dict[str, Any]) -> str:
    if isinstance(block, str):
        return block
    if block.get("type") == "text":
        return str(block.get("text", ""))
    kind = str(block.get("type", "attachment"))
    return f"[{kind.removesuffix('_url')}]"
