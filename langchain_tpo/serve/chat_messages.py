"""A conversation of OpenAI's chat API as LangChain's messages.

What a message holds reaches the policy or is refused by name; what LangChain would read besides,
such as its own serialized messages, is no message here.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import cast

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call
from pydantic import ValidationError

from langchain_tpo.loop.run_input import checked_messages
from langchain_tpo.serve.failures import bad_request
from langchain_tpo.serve.fields import Json, check_inside
from langchain_tpo.text.shown import shown

THOUGHTS = ("reasoning", "reasoning_content", "reasoning_details")
"""What a model thought in an earlier turn, as several servers call it; no part of an answer."""

FIELDS: Mapping[str, Collection[str]] = {
    "system": ("role", "content", "name"),
    "developer": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "refusal", "tool_calls", *THOUGHTS),
    "tool": ("role", "content", "name", "tool_call_id"),
}
"""What a message may hold, by who speaks."""


def conversation(messages: Sequence[Json], *, param: str = "messages") -> list[AnyMessage]:
    """Return a conversation as LangChain's messages.

    Args:
        messages: As OpenAI's chat API has them.
        param: The field that they come from.

    Raises:
        Exception: A refused request, when one of them cannot be read.
    """
    return checked_messages([_message(message, param) for message in messages])


def _message(message: Json, param: str) -> Json | AIMessage:
    role = message.get("role")
    if not isinstance(role, str) or role not in FIELDS:
        roles = ", ".join(f"`{known}`" for known in FIELDS)
        told = f"`{param}`: a role must be one of {roles}, got `{shown(message)}`."
        raise bad_request(told, param=param)
    known = [name for name in FIELDS[role] if name != "refusal" or not message.get("content")]
    check_inside(message, known, param=param)
    if role == "assistant":
        return _assistants(message, param)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        told = f"`{param}`: what a tool said must have a `tool_call_id`, got `{shown(message)}`."
        raise bad_request(told, param=param)
    return {name: value for name, value in message.items() if value is not None}


def _assistants(message: Json, param: str) -> AIMessage:
    """Return an earlier answer; calls whose arguments are no JSON stay as the model wrote them."""
    calls, broken = [], []
    for called in map(_called, message.get("tool_calls") or (), repeat(param)):
        arguments = _object(called["args"])
        if arguments is None:
            broken.append(invalid_tool_call(**called, error="The arguments are no JSON."))
        else:
            calls.append(tool_call(name=called["name"], args=arguments, id=called["id"]))
    content = message.get("content") or message.get("refusal") or ""
    try:
        return AIMessage(
            content, name=message.get("name"), tool_calls=calls, invalid_tool_calls=broken
        )
    except ValidationError:
        told = f"`{param}`: a message cannot be read, got `{shown(message)}`."
        raise bad_request(told, param=param) from None


def _called(call: object, param: str) -> dict[str, str]:
    told: Json = call if isinstance(call, dict) else {}
    check_inside(told, ("id", "type", "function", "index"), param=f"{param}.tool_calls")
    function = told.get("function")
    inside: Json = function if isinstance(function, dict) else {}
    check_inside(inside, ("name", "arguments"), param=f"{param}.tool_calls.function")
    called = {
        "id": told.get("id"),
        "name": inside.get("name"),
        "args": inside.get("arguments"),
    }
    if not all(isinstance(word, str) for word in called.values()):
        raise bad_request(
            f"`{param}`: a call of a tool must have an `id`, a `name` and `arguments`, all of them "
            f"texts, got `{shown(call)}`.",
            param=param,
        )
    return cast("dict[str, str]", called)


def _object(arguments: str) -> Json | None:
    """Return what arguments hold; None where they are no object."""
    try:
        found = json.loads(arguments or "{}", strict=False)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
