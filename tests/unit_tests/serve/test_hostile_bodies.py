"""Bodies that no client means to send: each is refused in the API's own form, or answered."""

import json
from typing import Any

import pytest

from tests.support.serving import HI, served, transport

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "oak", "messages": HI},
    RESPONSES: {"model": "oak", "input": "How do I oil oak?"},
    MESSAGES: {"model": "oak", "messages": HI, "max_tokens": 50},
}
HALF = "\ud83d"
"""Half of a surrogate pair, which JSON can hold and UTF-8 cannot."""


async def sent(path: str, **fields: Any) -> Any:
    return await sent_raw(path, json.dumps({**BODIES[path], **fields}))


async def sent_raw(path: str, body: str) -> Any:
    async with transport(served()) as client:
        return await client.post(path, content=body, headers={"content-type": "application/json"})


def check_refused(answer: Any, words: str, *, status: int = 400) -> None:
    assert answer.status_code == status
    error = answer.json()["error"]
    assert words in error["message"]
    assert "\n" not in error["message"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("levels", [150, 900, 50_000])
async def test_deep_nesting_is_refused(path: str, levels: int) -> None:
    hole = json.dumps({**BODIES[path], "tpo": {"context": "HOLE"}})
    answer = await sent_raw(path, hole.replace('"HOLE"', "[" * levels + "]" * levels))

    check_refused(answer, "nested" if levels < 1000 else "")


@pytest.mark.parametrize("path", BODIES)
async def test_deep_nesting_inside_a_message_is_refused(path: str) -> None:
    name = "input" if path == RESPONSES else "messages"
    hole = json.dumps(
        {**BODIES[path], name: [{"role": "user", "content": [{"type": "text", "text": "HOLE"}]}]}
    )
    check_refused(await sent_raw(path, hole.replace('"HOLE"', '{"a":' * 900 + "1" + "}" * 900)), "")


@pytest.mark.parametrize("path", BODIES)
async def test_half_a_surrogate_pair_is_mended_wherever_it_stands(path: str) -> None:
    noted: dict[str, Any] = {"metadata": {"a": HALF}}
    own = noted if path == MESSAGES else {**noted, "user": HALF}
    answer = await sent(path, **own, tpo={"context": {"reference": HALF}})

    assert answer.status_code == 200
    assert HALF not in answer.text


@pytest.mark.parametrize("path", BODIES)
async def test_an_error_may_quote_half_a_surrogate_pair(path: str) -> None:
    check_refused(await sent(path, model=f"oak{HALF}"), "There is no model", status=404)
    check_refused(await sent(path, **{HALF: 1}), "is no field")
    tools = [{"type": HALF, "name": HALF}]
    check_refused(await sent(path, tools=tools), "`tools`")


TOOLS: dict[str, Any] = {
    "nothing": {},
    "function that is a number": {"type": "function", "function": 3, "name": 3},
    "no name": {"type": "function", "function": {}, "input_schema": {}},
    "name that is empty": {"type": "function", "function": {"name": ""}, "name": ""},
    "name that is no text": {"type": "function", "function": {"name": {}}, "name": {}},
    "parameters that are no schema": {
        "type": "function",
        "name": "f",
        "parameters": "x",
        "input_schema": "x",
        "function": {"name": "f", "parameters": "x"},
    },
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
async def test_a_tool_that_is_none_is_refused_by_name(path: str, tool: dict[str, Any]) -> None:
    own = {name: value for name, value in tool.items() if path != MESSAGES or name != "type"}
    check_refused(await sent(path, tools=[own]), "`tools")


SCHEMA = {"type": "object", "properties": {}}
TOOL_OF: dict[str, dict[str, Any]] = {
    CHAT: {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
    RESPONSES: {"type": "function", "name": "f", "parameters": SCHEMA},
    MESSAGES: {"name": "f", "input_schema": SCHEMA},
}
CHOICES: dict[str, tuple[str, Any]] = {
    "a function that is a number": (CHAT, {"type": "function", "function": 3}),
    "a function that there is not": (CHAT, {"type": "function", "function": {"name": "g"}}),
    "a word that is none": (CHAT, "f"),
    "an empty word": (CHAT, ""),
    "a name that there is not": (RESPONSES, {"type": "function", "name": "g"}),
    "a name that is no text": (RESPONSES, {"type": "function", "name": ["f"]}),
    "a type that is no text": (MESSAGES, {"type": []}),
    "a tool that there is not": (MESSAGES, {"type": "tool", "name": "g"}),
    "a tool without a name": (MESSAGES, {"type": "tool"}),
}


@pytest.mark.parametrize(("path", "choice"), CHOICES.values(), ids=CHOICES)
async def test_a_choice_among_tools_that_is_none_is_refused_by_name(path: str, choice: Any) -> None:
    answer = await sent(path, tools=[TOOL_OF[path]], tool_choice=choice)

    check_refused(answer, "`tool_choice`")


async def test_an_effort_that_is_no_word_is_refused() -> None:
    check_refused(await sent(RESPONSES, reasoning={"effort": {}}), "`reasoning.effort`")
    check_refused(await sent(RESPONSES, text={"verbosity": 3}), "`text.verbosity`")


async def test_digits_of_other_scripts_are_no_preset() -> None:
    check_refused(await sent(CHAT, model="oak:best-of-\u0663"), "There is no model", status=404)
