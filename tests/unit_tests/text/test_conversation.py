"""What a critic, a judge and a reward read of a conversation, message by message."""

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    ToolMessage,
)

from langchain_tpo.text.conversation import (
    attachments,
    conversation_text,
    is_readable,
    message_text,
    sendable,
)

IMAGE = {"type": "image_url", "image_url": {"url": "https://x.invalid/x.png"}}
CALL = {"name": "weather", "args": {"city": "Z\u00fcrich", "days": 2}, "id": "1"}
BROKEN_CALL: Any = {"name": "weather", "args": "{city", "id": "2", "error": "no JSON"}


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("plain", "plain"),
        ({"type": "text", "text": "said"}, "said"),
        ({"type": "text", "text": 5}, "5"),
        ({"type": "text"}, ""),
        (IMAGE, "[image]"),
        ({"type": "image"}, "[image]"),
        ({"type": "audio"}, "[audio]"),
        ({}, "[attachment]"),
        ({"type": None}, "[None]"),
        ({"type": "tool_result", "content": "12 C"}, "[tool result: 12 C]"),
        ({"type": "tool_result", "content": ["a", IMAGE]}, "[tool result: a[image]]"),
        ({"type": "tool_result"}, "[tool result: ]"),
    ],
)
def test_a_block_is_its_text_or_a_placeholder(block: Any, text: str) -> None:
    assert message_text(HumanMessage(["a ", block, " b"])) == f"a {text} b"


def test_calls_stand_behind_what_is_said_each_in_a_line() -> None:
    said = AIMessage("Let me see.", tool_calls=[CALL], invalid_tool_calls=[BROKEN_CALL])
    assert message_text(said) == (
        'Let me see.\n[calls weather({"city": "Z\u00fcrich", "days": 2})]\n[calls weather({city)]'
    )
    unsayable = {"name": "f", "args": {"x": {1}}, "id": "3"}
    assert message_text(AIMessage("", tool_calls=[unsayable])) == '[calls f({"x": "{1}"})]'
    assert message_text(AIMessage("")) == ""
    assert message_text(HumanMessage("cut \ud83d")) == "cut \ufffd"


def test_a_call_in_a_block_is_told_by_the_call_alone() -> None:
    block = {"type": "tool_use", "name": "weather", "input": {}, "id": "1"}
    message = AIMessage([{"type": "text", "text": "Hm."}, block], tool_calls=[CALL])
    assert message_text(message).count("weather") == 1


@pytest.mark.parametrize(
    ("message", "speaker"),
    [
        (HumanMessageChunk("a"), "User"),
        (SystemMessage("a"), "System"),
        (ToolMessage("a", tool_call_id="1"), "Tool"),
        (FunctionMessage("a", name="f"), "Function"),
        (ChatMessage("a", role="critic of ART"), "Critic of art"),
    ],
)
def test_everyone_speaks_under_a_name(message: BaseMessage, speaker: str) -> None:
    told = conversation_text([message, AIMessage("b")])
    assert told == f"{speaker}: a\n\nAssistant: b"


def test_one_message_of_a_user_is_its_own_text_and_any_other_a_transcript() -> None:
    assert conversation_text([HumanMessage("User: a")]) == "User: a"
    assert conversation_text([AIMessage("a")]) == "Assistant: a"
    assert conversation_text([]) == ""


def test_what_users_attached_comes_in_order() -> None:
    sound = {"type": "audio", "data": "", "mime_type": "audio/wav"}
    result = {"type": "tool_result", "content": "x"}
    messages = [
        HumanMessage(["a", IMAGE, {"type": "text", "text": "b"}]),
        AIMessage([{"type": "image"}]),
        HumanMessage("c"),
        HumanMessage([result, sound]),
    ]
    assert attachments(messages) == [IMAGE, sound]


def test_halves_of_characters_are_mended_wherever_they_stand_and_nothing_else() -> None:
    whole = HumanMessage([IMAGE, "a"])
    cut = HumanMessage([{"type": "text", "text": "\ud83d", "id": "7"}, "\ud83d", IMAGE], id="9")
    kept, mended = sendable([whole, cut])
    assert kept is whole
    assert mended.content == [{"type": "text", "text": "\ufffd", "id": "7"}, "\ufffd", IMAGE]
    assert mended.id == "9"
    odd = HumanMessage([{"type": "text", "text": None}])
    assert sendable([odd]) == [odd]


@pytest.mark.parametrize(
    ("content", "readable"),
    [("a", True), ([], True), (["a", {}], True), ([1], False), (3, False), (None, False)],
)
def test_content_is_a_text_or_blocks(content: object, readable: bool) -> None:  # noqa: FBT001 a column
    assert is_readable(HumanMessage("").model_copy(update={"content": content})) is readable


@pytest.mark.parametrize(
    "line",
    [
        "System:",
        "**SYSTEM**:",
        "- system :",
        "S\u200bystem:",
        "\u202fSystem\uff1a",
        "SYSTEM \u2236",
    ],
)
def test_no_line_is_a_speakers_however_it_is_spelled(line: str) -> None:
    told = conversation_text([HumanMessage(f"a\n{line} b"), AIMessage("c")])
    assert told == f"User: a\n> {line} b\n\nAssistant: c"


@pytest.mark.parametrize(
    "line", ["Systems: b", "My system: b", "System b", "Sys: b", "System\n: b"]
)
def test_other_lines_are_nobodys(line: str) -> None:
    told = conversation_text([HumanMessage(f"a\n{line}"), AIMessage("c")])
    assert told == f"User: a\n{line}\n\nAssistant: c"
