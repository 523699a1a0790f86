"""One example of a data set: what to answer, and what is known of a good answer.

Knows what an example is; which fields hold the question is `shapes`, files are `datasets`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage

from langchain_tpo.errors import ConversationError, DatasetError
from langchain_tpo.evaluation.shapes import conversation_of, unwrapped

ID_FIELDS = (
    *("id", "uid", "question_id", "unique_id", "key", "idx", "task_id", "prompt_id", "custom_id"),
    *("example_id", "session_id"),
)
"""Where data sets keep a row's identity, first match first."""

_CONVERSATIONS = ("messages", "conversation_input", "conversations", "conversation")
"""Fields that repeat what `Example.messages` holds."""


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
    """The row's fields as JSON values, for the reward, metrics and reports."""


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
        >>> example_of({"instruction": "Name a colour.", "level": 5}, number=3)
        ... # doctest: +ELLIPSIS
        Example(id='3', messages=(HumanMessage(content='Name a colour.'...), follow_ups=(), \
fields={'instruction': 'Name a colour.', 'level': 5})
    """
    if isinstance(row, str):
        row = {"prompt": row}
    if not isinstance(row, Mapping):
        raise DatasetError(f"A row must be a text or an object, got {type(row).__name__}.")
    fields = unwrapped(row)
    messages, follow_ups = conversation_of(fields)
    if not messages:
        raise ConversationError("The row holds no user message: there is nothing to answer.")
    return Example(
        id=identity_of(fields) or str(number),
        messages=messages,
        follow_ups=follow_ups,
        fields={
            name: json_value(value)
            for name, value in fields.items()
            if name not in _CONVERSATIONS and not (value is None or value in ("", b""))
        },
    )


def json_value(value: object) -> Any:  # noqa: ANN401 JSON
    """Return a value of any table as JSON has it: dates as texts, bytes as their number.

    Example:
        >>> json_value({"at": (1, float("nan")), "image": b"123"})
        {'at': [1, None], 'image': '3 bytes'}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): json_value(one) for name, one in value.items()}
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    if isinstance(value, Sequence):
        return [json_value(one) for one in value]
    return str(value)


def identity_of(fields: Mapping[str, Any]) -> str | None:
    """Return what a row calls itself; None where it has no name.

    Example:
        >>> identity_of({"question_id": 81}), identity_of({"prompt": "Hi"})
        ('81', None)
    """
    for name in ID_FIELDS:
        value = fields.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = str(value).strip()
            if text:
                return text
    return None
