"""How chat services are asked and how they answer: one format for each family of them.

A format reads a request into what every format asks for, and writes replies in its own shape. Knows
bodies; knows nothing of sockets, of rules, or of who says what.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request asks for."""

    messages: list[BaseMessage]
    n: int = 1
    tools: Mapping[str, Any] = field(default_factory=dict)
    """Schemas of the arguments, by the tools' names."""
    must_call: bool = False
    schema: Mapping[str, Any] | None = None
    """What a reply in JSON has to look like."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One reply: words, or a call of a tool."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return 2 * len((self.text or json.dumps(self.arguments)).split())


@dataclass(frozen=True, kw_only=True)
class Format:
    """One family of services."""

    read: Callable[[Body], Asked]
    write: Callable[[Body, list[Said]], Body]
    chunks: Callable[[Body], Iterator[str]] | None = None
    """Lines of a stream that says the same as a whole answer."""


PROMPT_TOKENS = 9

_ROLES: Mapping[str, Callable[[str], BaseMessage]] = {
    "system": SystemMessage,
    "developer": SystemMessage,
    "assistant": AIMessage,
    "model": AIMessage,
}


def said_in(content: object) -> str:
    """Return the words of a message's content, whatever its blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(block.get("text") or "" for block in blocks if isinstance(block, dict))


def conversation(messages: list[Body], *, system: object = None) -> list[BaseMessage]:
    first = [SystemMessage(said_in(system))] if system else []
    rest = [
        _ROLES.get(one.get("role", "user"), HumanMessage)(said_in(one.get("content", "")))
        for one in messages
    ]
    return [*first, *rest]


def _openai_tools(body: Body) -> dict[str, Any]:
    functions = [tool.get("function", tool) for tool in body.get("tools") or []]
    return {one["name"]: one.get("parameters") for one in functions if "name" in one}


def read_openai(body: Body) -> Asked:
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") or form.get("value")
    return Asked(
        messages=conversation(body["messages"]),
        n=body.get("n") or 1,
        tools=_openai_tools(body),
        must_call=body.get("tool_choice") not in (None, "auto", "none"),
        schema=schema,
    )


def _call(said: Said) -> Body:
    arguments = json.dumps(said.arguments)
    named = {"name": said.tool, "arguments": arguments}
    return {"id": "call00001", "type": "function", "function": named}


def _usage(replies: list[Said]) -> Body:
    written = sum(said.tokens for said in replies)
    total = PROMPT_TOKENS + written
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": written,
        "total_tokens": total,
    }


def write_openai(body: Body, replies: list[Said]) -> Body:
    choices = []
    for index, said in enumerate(replies):
        message: Body = {"role": "assistant", "content": said.text}
        if said.tool:
            message |= {"content": None, "tool_calls": [_call(said)]}
        finish = "tool_calls" if said.tool else "stop"
        choices.append(
            {"index": index, "message": message, "finish_reason": finish, "logprobs": None}
        )
    head = {"id": "c", "object": "chat.completion", "created": 0, "model": body.get("model")}
    return {**head, "system_fingerprint": None, "choices": choices, "usage": _usage(replies)}


def openai_chunks(answer: Body) -> Iterator[str]:
    head = {**answer, "object": "chat.completion.chunk"}
    usage = head.pop("usage")
    choice = answer["choices"][0]
    message = choice["message"]
    calls = [{**call, "index": 0} for call in message.get("tool_calls") or []]
    words = re.findall(r"\S+\s*", message["content"] or "")
    deltas = [{"role": "assistant", "content": word} for word in words]
    deltas += [{"role": "assistant", "tool_calls": calls}] if calls else []
    for delta in deltas:
        part = {"index": 0, "delta": delta, "finish_reason": None}
        yield f"data: {json.dumps({**head, 'choices': [part]})}\n\n"
    last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield f"data: {json.dumps({**head, 'choices': [last]})}\n\n"
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


def read_responses(body: Body) -> Asked:
    given = body["input"]
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    form = (body.get("text") or {}).get("format") or {}
    return Asked(
        messages=conversation(messages, system=body.get("instructions")),
        tools=_openai_tools(body),
        must_call=body.get("tool_choice") not in (None, "auto", "none"),
        schema=form.get("schema"),
    )


def write_responses(body: Body, replies: list[Said]) -> Body:
    (said,) = replies
    words = {"type": "output_text", "text": said.text, "annotations": []}
    output: Body = {"type": "message", "id": "msg_1", "role": "assistant", "content": [words]}
    if said.tool:
        arguments = json.dumps(said.arguments)
        output = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": said.tool}
        output["arguments"] = arguments
    usage = {
        "input_tokens": PROMPT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": said.tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": PROMPT_TOKENS + said.tokens,
    }
    head = {"id": "resp_1", "object": "response", "created_at": 0, "model": body["model"]}
    empty = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}}
    rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "temperature": 1}
    output["status"] = "completed"
    said_so = {"status": "completed", "output": [output], "usage": usage, "top_p": 1}
    return {**head, **empty, **rest, **said_so}


def read_ollama(body: Body) -> Asked:
    form = body.get("format")
    return Asked(
        messages=conversation(body["messages"]),
        tools=_openai_tools(body),
        schema=form if isinstance(form, dict) else None,
    )


def write_ollama(body: Body, replies: list[Said]) -> Body:
    (said,) = replies
    message: Body = {"role": "assistant", "content": said.text}
    if said.tool:
        message["tool_calls"] = [{"function": {"name": said.tool, "arguments": said.arguments}}]
    return {
        "model": body["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": message,
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": PROMPT_TOKENS,
        "eval_count": said.tokens,
    }


def read_anthropic(body: Body) -> Asked:
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Asked(
        messages=conversation(body["messages"], system=body.get("system")),
        tools={tool["name"]: tool.get("input_schema") for tool in body.get("tools") or []},
        must_call=(body.get("tool_choice") or {}).get("type") in ("any", "tool"),
        schema=form.get("schema"),
    )


def write_anthropic(body: Body, replies: list[Said]) -> Body:
    (said,) = replies
    block: Body = {"type": "text", "text": said.text}
    if said.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": said.tool, "input": said.arguments}
    return {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [block],
        "stop_reason": "tool_use" if said.tool else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": said.tokens},
    }


def read_google(body: Body) -> Asked:
    wanted = body.get("generationConfig") or {}
    turns = [{**one, "content": one.get("parts")} for one in body["contents"]]
    named = [one for tool in body.get("tools") or [] for one in tool["functionDeclarations"]]
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    return Asked(
        messages=conversation(turns, system=(body.get("systemInstruction") or {}).get("parts")),
        n=wanted.get("candidateCount") or 1,
        tools={one["name"]: _any_schema(one, "parameters") for one in named},
        must_call=calling.get("mode") == "ANY",
        schema=_any_schema(wanted, "response"),
    )


def _any_schema(place: Body, name: str) -> Any:
    return place.get(f"{name}JsonSchema") or place.get(f"{name}Schema") or place.get(name)


def write_google(body: Body, replies: list[Said]) -> Body:
    candidates = []
    for index, said in enumerate(replies):
        called = {"functionCall": {"name": said.tool, "args": said.arguments}}
        parts = [called if said.tool else {"text": said.text}]
        content = {"role": "model", "parts": parts}
        candidates.append({"content": content, "finishReason": "STOP", "index": index})
    written = sum(said.tokens for said in replies)
    usage = {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": written}
    usage["totalTokenCount"] = PROMPT_TOKENS + written
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": "m"}


def read_converse(body: Body) -> Asked:
    offered = body.get("toolConfig") or {}
    tools = [tool["toolSpec"] for tool in offered.get("tools") or [] if "toolSpec" in tool]
    return Asked(
        messages=conversation(body["messages"], system=body.get("system")),
        tools={tool["name"]: tool["inputSchema"]["json"] for tool in tools},
        must_call=bool({"any", "tool"} & (offered.get("toolChoice") or {}).keys()),
    )


def write_converse(_body: Body, replies: list[Said]) -> Body:
    (said,) = replies
    called = {"toolUseId": "tool_1", "name": said.tool, "input": said.arguments}
    content = [{"toolUse": called} if said.tool else {"text": said.text}]
    total = PROMPT_TOKENS + said.tokens
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if said.tool else "end_turn",
        "usage": {
            "inputTokens": PROMPT_TOKENS,
            "outputTokens": said.tokens,
            "totalTokens": total,
        },
        "metrics": {"latencyMs": 1},
    }


def read_cohere(body: Body) -> Asked:
    form = body.get("response_format") or {}
    return Asked(
        messages=conversation(body["messages"]),
        tools=_openai_tools(body),
        must_call=body.get("tool_choice") == "REQUIRED",
        schema=form.get("json_schema") or form.get("schema"),
    )


def write_cohere(_body: Body, replies: list[Said]) -> Body:
    (said,) = replies
    message: Body = {"role": "assistant", "content": [{"type": "text", "text": said.text}]}
    if said.tool:
        message = {"role": "assistant", "tool_calls": [_call(said)], "tool_plan": "I call it."}
    counted = {"input_tokens": PROMPT_TOKENS, "output_tokens": said.tokens}
    return {
        "id": "c",
        "finish_reason": "TOOL_CALL" if said.tool else "COMPLETE",
        "message": message,
        "usage": {"billed_units": counted, "tokens": counted},
    }


FORMATS: Mapping[str, Format] = {
    "openai": Format(read=read_openai, write=write_openai, chunks=openai_chunks),
    "responses": Format(read=read_responses, write=write_responses),
    "ollama": Format(
        read=read_ollama,
        write=write_ollama,
        chunks=lambda answer: iter([json.dumps(answer) + "\n"]),
    ),
    "anthropic": Format(read=read_anthropic, write=write_anthropic),
    "google": Format(read=read_google, write=write_google),
    "converse": Format(read=read_converse, write=write_converse),
    "cohere": Format(read=read_cohere, write=write_cohere),
}
