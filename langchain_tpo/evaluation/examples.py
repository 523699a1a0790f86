"""One example of a data set: what to answer, and what is known of a good answer.

Reads rows in the shapes of AlpacaEval, Arena-Hard, MT-Bench, XSTest, BeaverTails, HH-RLHF, MATH-500
and IFEval, and plain ones. Knows rows; knows no files.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages

from langchain_tpo.errors import ConversationError, DatasetError

ID_FIELDS = ("id", "uid", "question_id", "unique_id", "key", "idx")
"""Where data sets keep a row's identity, first match first."""

KEPT_FIELDS = (
    *("answer", "label", "type", "category", "categories", "cluster", "dataset", "level"),
    *("subject", "instruction_id_list", "kwargs", "is_safe", "source"),
)
"""What metrics and reports may want to know of a row."""

_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLES = {"Human": "human", "Assistant": "ai"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """Something to answer."""

    id: str
    """Its name, unique within the data set and the same in every run."""
    messages: tuple[BaseMessage, ...]
    """The conversation to answer; the last message is not the assistant's."""
    follow_ups: tuple[str, ...] = ()
    """What the user says after the answer, and after that one's answer (MT-Bench)."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What else the row holds that metrics and reports use."""


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that holds no example."""

    id: str
    """Which row."""
    reason: str
    """What is wrong with it."""


Row: TypeAlias = Example | BadRow
"""What a data set gives: an example, or why there is none."""


def example_of(row: object, *, number: int) -> Example:
    """Read one row of any known shape.

    Args:
        row: A text, or an object with a prompt under one of the known names.
        number: Its place in the data set, counted from 1: its name where it has none.

    Raises:
        DatasetError: In one line, when the shape is unknown.
        ConversationError: When there is nothing to answer.

    Example:
        >>> example_of({"instruction": "Name a colour.", "dataset": "helpful_base"}, number=3)
        ... # doctest: +ELLIPSIS
        Example(id='3', messages=(HumanMessage(content='Name a colour.'...), follow_ups=(), \
fields={'dataset': 'helpful_base'})
    """
    if isinstance(row, str):
        row = {"prompt": row}
    if not isinstance(row, Mapping):
        raise DatasetError(f"A row must be a text or an object, got {type(row).__name__}.")
    messages, follow_ups = _conversation(row)
    if not messages:
        raise ConversationError("The row holds no user message: there is nothing to answer.")
    return Example(
        id=_identity(row, number),
        messages=messages,
        follow_ups=follow_ups,
        fields={name: row[name] for name in KEPT_FIELDS if row.get(name) not in (None, "")},
    )


def transcript_messages(text: str) -> list[BaseMessage]:
    r"""Read a transcript as Anthropic's HH-RLHF writes it.

    Example:
        >>> [m.text for m in transcript_messages("\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: So?")]
        ['Hi', 'Hello', 'So?']
    """
    _, *parts = _SPEAKER.split(text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return convert_to_messages([(_ROLES[speaker], said.strip()) for speaker, said in pairs])


Conversation: TypeAlias = tuple[tuple[BaseMessage, ...], tuple[str, ...]]
"""Messages to answer, and what follows."""


def _conversation(row: Mapping[str, Any]) -> Conversation:
    for name, read in _SHAPES.items():
        if row.get(name) is not None:
            return read(row, row[name])
    known = ", ".join(f"`{name}`" for name in _SHAPES)
    seen = ", ".join(f"`{_short(name)}`" for name in list(row)[:6]) or "none"
    raise DatasetError(f"A row must have one of the fields {known}, got {seen}.")


def _one_prompt(row: Mapping[str, Any], value: object) -> Conversation:
    if isinstance(value, str):
        return _asked([HumanMessage(value)]), ()
    return _chat(row, value)


def _chat(_row: Mapping[str, Any], value: object) -> Conversation:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise DatasetError(f"Messages must be a list, got {type(value).__name__}.")
    try:
        return _asked(convert_to_messages(value)), ()
    except (NotImplementedError, ValueError, TypeError, KeyError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DatasetError(f"The messages of the row could not be read: {reason}.") from error


def _instruction(row: Mapping[str, Any], value: object) -> Conversation:
    context = row.get("input")
    text = f"{value}\n\n{context}" if isinstance(context, str) and context.strip() else value
    return _one_prompt(row, text)


def _turns(_row: Mapping[str, Any], value: object) -> Conversation:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise DatasetError(f"`turns` must be a list of texts, got `{_short(value)}`.")
    texts = [turn.get("content") if isinstance(turn, Mapping) else turn for turn in value]
    said = [text for text in texts if isinstance(text, str)]
    if len(said) < len(texts):
        raise DatasetError("`turns` must be a list of texts.")
    return _asked([HumanMessage(said[0])]), tuple(said[1:])


def _transcript(_row: Mapping[str, Any], value: object) -> Conversation:
    messages = transcript_messages(str(value))
    if not messages:
        raise DatasetError("The transcript must begin with `Human:`, as HH-RLHF writes it.")
    return _asked(messages), ()


def _asked(messages: Sequence[BaseMessage]) -> tuple[BaseMessage, ...]:
    """Leave out what the assistant said last: that is what will be written."""
    listed = list(messages)
    while listed and listed[-1].type == "ai":
        listed.pop()
    if any(message.type == "human" and message.text.strip() for message in listed):
        return tuple(listed)
    return ()


def _short(value: object) -> str:
    return " ".join(str(value).split())[:40]


def _identity(row: Mapping[str, Any], number: int) -> str:
    for name in ID_FIELDS:
        if isinstance(row.get(name), str | int) and str(row[name]).strip():
            return str(row[name])
    return str(number)


_SHAPES: Mapping[str, Callable[[Mapping[str, Any], Any], Conversation]] = {
    "messages": _chat,
    "turns": _turns,  # MT-Bench, Arena-Hard 2
    "prompt": _one_prompt,  # Arena-Hard 0.1, XSTest, BeaverTails, IFEval, TRL
    "instruction": _instruction,  # AlpacaEval, Alpaca
    "problem": _one_prompt,  # MATH-500
    "question": _one_prompt,
    "context": _transcript,  # HH-RLHF without its answers
    "chosen": _transcript,  # HH-RLHF as published
}
"""Where a row keeps what to answer, first match first."""
