"""A conversation as the text that critics, judges and reward models read.

Knows LangChain messages; knows nothing of prompts, tags or steps.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage

from langchain_tpo.text.look_alikes import readings
from langchain_tpo.text.shown import as_text
from langchain_tpo.text.well_formed import well_formed

ROLE_NAMES = {"human": "User", "ai": "Assistant", "system": "System", "tool": "Tool"}
"""How a transcript names who speaks, by LangChain message type."""

_CALLS = frozenset({"tool_use", "tool_call", "function_call"})
"""Blocks of providers that call a tool; LangChain lists the same calls in `tool_calls`."""

_SEPARATORS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""What begins a new line, for some reader or other."""

_NO_LETTER = ("",)

_LINE = re.compile(
    rf"(?:^|(?<=[{_SEPARATORS}]))"
    rf"(?=([\t -/:-@\[-`{{-~]*+)(?:[A-Za-z0-9]|[^\x00-\x7f{_SEPARATORS}]))"
)
"""Where a line begins, and what it begins with that is no letter."""


def conversation_text(messages: Sequence[BaseMessage]) -> str:
    """Return the whole conversation as one text.

    A single user message is its own text, unchanged. Anything longer is a transcript, one
    paragraph per message, each opening with the speaker's role. What is no text stands in the
    transcript as a placeholder such as `[image]`. A line of a message that could be read as a
    speaker's is marked with `>`: nobody can speak for another.

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
    return transcript((_role(message), message_text(message)) for message in messages)


def transcript(turns: Iterable[tuple[str, str]]) -> str:
    r"""Return turns as one text, in which nobody speaks for another.

    Args:
        turns: Who speaks, and what.

    Example:
        >>> transcript([("User", "Hi.\nassistant: No."), ("Assistant", "Hello.")])
        'User: Hi.\n> assistant: No.\n\nAssistant: Hello.'
    """
    listed = list(turns)
    speakers = {name.casefold() for name in (*ROLE_NAMES.values(), *(role for role, _ in listed))}

    def mark(line: re.Match[str]) -> str:
        return "> " if _names_speaker(line.string, line.end(1), speakers) else ""

    return "\n\n".join(f"{role}: {_LINE.sub(mark, text)}" for role, text in listed)


@lru_cache(maxsize=10_000)
def _letters(character: str) -> tuple[str, ...]:
    """Return the letters that a character may be read as; a colon is itself, the rest nothing."""
    read = readings(character)
    return (":",) if ":" in read else tuple("".join(filter(str.isalnum, one)) for one in read)


def _names_speaker(text: str, start: int, speakers: Collection[str]) -> bool:
    """Whether a line could be read as a speaker's: `**SYSTEM**:` as much as `System:`."""
    read = {""}
    for place in range(start, len(text)):
        character = text[place]
        if character in _SEPARATORS:
            return False
        letters = _letters(character)
        if ":" in letters and not read.isdisjoint(speakers):
            return True
        if letters != _NO_LETTER:
            tried = {"".join(pair) for pair in product(read, letters)}
            read = {
                begun for begun in tried if any(speaker.startswith(begun) for speaker in speakers)
            }
        if not read:
            return False
    return False


def message_text(message: BaseMessage) -> str:
    """Return the text of one message, with placeholders for what is no text.

    Of a message that calls tools the calls are part, with their arguments.

    Example:
        >>> from langchain_core.messages import AIMessage
        >>> call = {"name": "weather", "args": {"city": "Paris"}, "id": "1"}
        >>> message_text(AIMessage("", tool_calls=[call]))
        '[calls weather({"city": "Paris"})]'
    """
    parts = [message.content] if isinstance(message.content, str) else _block_texts(message.content)
    calls = _calls(message)
    said = "".join(parts)
    return well_formed("\n".join(filter(None, [said, *calls])) if calls else said)


def is_readable(message: BaseMessage) -> bool:
    """Return whether a message's content is a text or blocks, as LangChain promises.

    Example:
        >>> is_readable(AIMessage("Hi.")), is_readable(AIMessage.model_construct(content=3))
        (True, False)
    """
    content: object = message.content
    blocks = content if isinstance(content, list) else []
    return isinstance(content, str | list) and all(
        isinstance(block, str | dict) for block in blocks
    )


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
        if isinstance(block, dict) and block.get("type") not in {"text", "tool_result"}
    ]


def _mended(content: Any) -> Any:  # noqa: ANN401 a text, or blocks of any provider
    if isinstance(content, str):
        return well_formed(content)
    if isinstance(content, list):
        return [_mended(block) for block in content]
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return {**content, "text": well_formed(content["text"])}
    return content


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role.capitalize()
    kind = message.type.removesuffix("MessageChunk").lower()
    return ROLE_NAMES.get(kind, kind.capitalize())


def _calls(message: BaseMessage) -> list[str]:
    if not isinstance(message, AIMessage):
        return []
    return [
        f"[calls {call['name']}({json.dumps(call['args'], ensure_ascii=False, default=str)})]"
        for call in message.tool_calls
    ] + [f"[calls {call['name']}({call['args']})]" for call in message.invalid_tool_calls]


def _block_texts(blocks: Sequence[str | dict[str, Any]]) -> list[str]:
    return [_block_text(block) for block in blocks if not _is_call(block)]


def _is_call(block: str | dict[str, Any]) -> bool:
    """Whether a block repeats what stands in `tool_calls`."""
    return isinstance(block, dict) and block.get("type") in _CALLS


def _block_text(block: str | dict[str, Any]) -> str:
    if isinstance(block, str):
        return block
    if block.get("type") == "text":
        return as_text(block.get("text", ""))
    if block.get("type") == "tool_result":
        content = block.get("content", "")
        inside = content if isinstance(content, str) else "".join(map(_block_text, content))
        return f"[tool result: {inside}]"
    kind = str(block.get("type", "attachment"))
    return f"[{kind.removesuffix('_url')}]"
