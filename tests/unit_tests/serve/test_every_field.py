"""Every field that the SDKs of OpenAI and Anthropic can send reaches the policy or is named.

Which fields there are is read from the SDKs' own types, so that those of newer SDKs are held to it.
"""

import json
from importlib import import_module
from typing import Any, get_type_hints

import pytest

from tests.support.anthropic_policy import recorded_anthropic
from tests.support.sdk_fields import Fields, Variant
from tests.support.serving import HI, loop, openai_policy, served, transport

SAYS = '{"a": "x"}'
OBJECT: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION: dict[str, Any] = {"name": "find", "description": "Find.", "parameters": OBJECT}
PNG = "data:image/png;base64,AAAA"
CALLED = {"type": "function_call", "call_id": "t1", "name": "find", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "t1", "output": "oak"}
ONE = {"model": "oak:single"}

SAMPLES: dict[str, dict[str, Any]] = {
    "ChatCompletionUserMessageParam": {"role": "user", "content": "hi"},
    "ChatCompletionAssistantMessageParam": {"role": "assistant", "content": "hi"},
    "ChatCompletionContentPartTextParam": {"type": "text", "text": "hi"},
    "Function": {"name": "find", "arguments": "{}"},
    "FunctionDefinition": FUNCTION,
    "JSONSchema": {"name": "oil", "schema": OBJECT},
    "ImageURL": {"url": PNG},
    "FunctionCallOutput": RESULT,
    "ResponseFunctionToolCallParam": CALLED,
    "FunctionToolParam": {"type": "function", **FUNCTION, "strict": False},
    "ResponseFormatTextJSONSchemaConfigParam": {
        "type": "json_schema",
        "name": "oil",
        "schema": OBJECT,
    },
    "ResponseInputImageParam": {"type": "input_image", "image_url": PNG},
    "ResponseInputImageContentParam": {"type": "input_image", "image_url": PNG},
    "ToolParam": {"name": "find", "description": "Find.", "input_schema": OBJECT},
    "ToolUseBlockParam": {"type": "tool_use", "id": "t1", "name": "find", "input": {}},
    "ToolResultBlockParam": {"type": "tool_result", "tool_use_id": "t1", "content": "oak"},
    "Base64ImageSourceParam": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    "JSONOutputFormatParam": {"type": "json_schema", "schema": OBJECT},
}
"""What a server takes, by the names of the SDKs' types."""

ELSEWHERE = {
    "metadata": "goes into traces",
    "metadata.user_id": "the same",
    "stream": "how the answer comes",
    "stream_options.include_usage": "the same",
    "input.id": "what a server once kept of an item",
    "input.status": "the same",
    "messages.content.is_error": "LangChain's messages have it; OpenAI's API has no place for it",
    "messages.content.source.media_type": "a part of the image's link",
    "tool_choice.disable_parallel_tool_use": "`parallel_tool_calls` says the opposite",
}
"""Fields that reach no model's request by their name or value, and why that is right."""

NOTHING_ASKED = (
    *(False, "auto", "none", "default", "standard_only", "disabled", "text", "final_answer"),
    "reasoning.encrypted_content",
)
"""What asks for nothing that is not so already."""

APIS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": (
        "openai.types.chat.completion_create_params.CompletionCreateParams",
        "/v1/chat/completions",
        {**ONE, "messages": HI, "tools": [{"type": "function", "function": FUNCTION}]},
    ),
    "responses": (
        "openai.types.responses.response_create_params.ResponseCreateParams",
        "/v1/responses",
        {**ONE, "input": "How do I oil oak?", "tools": [SAMPLES["FunctionToolParam"]]},
    ),
    "messages": (
        "anthropic.types.message_create_params.MessageCreateParams",
        "/v1/messages",
        {**ONE, "messages": HI, "max_tokens": 9, "tools": [SAMPLES["ToolParam"]]},
    ),
    "beta messages": (
        "anthropic.types.beta.message_create_params.MessageCreateParams",
        "/v1/messages",
        {**ONE, "messages": HI, "max_tokens": 9, "tools": [SAMPLES["ToolParam"]]},
    ),
}
GO_WITH_TOOLS = ("tool_choice", "parallel_tool_calls")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("api", "policys"),
    [(api, "OpenAI") for api in APIS] + [("messages", "Anthropic")],
)
async def test_nothing_is_dropped_in_silence(api: str, policys: str) -> None:
    named, path, base = APIS[api]
    policy, asked = recorded(policys)
    app = served(loop(policy, width=8).model_copy(update={"reward": lambda *_: 1.0}))
    dropped, tried = [], 0
    async with transport(app) as client:
        for field, variant in variants_of(named):
            asked.clear()
            tried += 1
            got = await client.post(path, json=body_of(field, variant, base))
            place = ".".join([field, *variant.path])
            if not (named_in(got, place) or place in ELSEWHERE or arrived(asked, place, variant)):
                dropped.append(f"{place} = {variant.said!r}: {got.status_code} {got.text[:150]}")

    assert dropped == []
    assert tried > 100


def recorded(policys: str) -> tuple[Any, list[dict[str, Any]]]:
    if policys == "Anthropic":
        own = recorded_anthropic(says='{{"a": "x"}}')
        return own, own.bodies
    return openai_policy(lambda *_: SAYS)


def variants_of(named: str) -> Any:
    module, _, name = named.rpartition(".")
    kind = getattr(import_module(module), f"{name}NonStreaming")
    fields = Fields(samples=SAMPLES)
    for field, hint in get_type_hints(kind).items():
        if field != "model":
            yield from ((field, variant) for variant in fields.variants(hint))


def body_of(field: str, variant: Variant, base: dict[str, Any]) -> dict[str, Any]:
    body = {**base, field: variant.value, "stream": field == "stream_options"}
    return body if field in (*GO_WITH_TOOLS, "tools") else {**body, "tools": None}


def named_in(got: Any, place: str) -> bool:
    """Say whether an answer says what it does without: by refusing it, or in its head."""
    field, leaf = place.split(".", maxsplit=1)[0], place.rpartition(".")[2]
    noted = got.headers.get("x-tpo-unused", "")
    if got.status_code == 400:
        return field in got.text or leaf in got.text or "conversation is empty" in got.text
    return any(part in noted for part in place.split("."))


def arrived(asked: list[dict[str, Any]], place: str, variant: Variant) -> bool:
    """Say whether a request has it, or asks for nothing by it."""
    if not asked:
        return False
    wire, said = json.dumps(asked), variant.said
    leaf = place.rpartition(".")[2]
    told = str(said) if isinstance(said, str | int | float) else json.dumps(said)
    return said in NOTHING_ASKED or told in wire or f'"{leaf}"' in wire
