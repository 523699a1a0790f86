"""OpenAI's `/v1/responses`: what its requests mean here, and how it is answered.

Nothing is kept: each request brings its whole conversation.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage
from pydantic import Field

from langchain_tpo.events import TPOEvent
from langchain_tpo.serve.asked import Answered, Asked
from langchain_tpo.serve.chat_completions import openai_message
from langchain_tpo.serve.chat_messages import conversation
from langchain_tpo.serve.failures import Failure, bad_request
from langchain_tpo.serve.fields import (
    ApiRequest,
    Json,
    NoUse,
    TpoFields,
    check_fields,
    check_inside,
    check_schema,
    check_tool_fields,
    function_tool,
    given,
    strictness,
    tool_choice,
    word,
)
from langchain_tpo.serve.presets import Presets, check_length
from langchain_tpo.serve.replies import Reply, data, finish_of, spent
from langchain_tpo.serve.response_items import chat_messages
from langchain_tpo.text.shown import shown

PASSED = ("temperature", "top_p", "user", "prompt_cache_key", "safety_identifier")
"""Fields that the policy takes under the same name."""

NOTHING_KEPT = "nothing is kept: send the whole conversation in `input`"

TAKEN_AS_IT_IS = "the conversation is taken as it is"

REFUSED: Mapping[str, NoUse] = {
    "previous_response_id": NoUse(NOTHING_KEPT),
    "conversation": NoUse(NOTHING_KEPT),
    "store": NoUse(NOTHING_KEPT, [False]),
    "background": NoUse(NOTHING_KEPT, [False]),
    "prompt": NoUse(NOTHING_KEPT),
    "include": NoUse("there is nothing more to include", [[], ["reasoning.encrypted_content"]]),
    "top_logprobs": NoUse("the answer is chosen among whole ones", [0]),
    "max_tool_calls": NoUse("no tool is called here"),
    "service_tier": NoUse("the operator's account decides", ["auto", "default"]),
    "truncation": NoUse(TAKEN_AS_IT_IS, ["disabled"]),
    "stream_options": NoUse("streams are not padded", [{}, {"include_obfuscation": False}]),
    "context_management": NoUse(TAKEN_AS_IT_IS, [[]]),
    "prompt_cache_retention": NoUse("caching is set where the server is started"),
}
"""Fields of OpenAI's that have no use here, and why."""

INCOMPLETE = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}
"""Ends of answers that are not complete, in OpenAI's words."""


class ResponsesRequest(ApiRequest):
    """A request of OpenAI's Responses API, with `tpo` beside its own fields."""

    model: str = Field(min_length=1)
    input: str | list[Json]
    instructions: str | None = None
    stream: bool | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_output_tokens: int | None = Field(None, ge=1)
    user: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    text: Json | None = None
    reasoning: Json | None = None
    tpo: TpoFields | None = None

    def asked(self, presets: Presets) -> Asked:
        """Return what is asked.

        Args:
            presets: What model names stand for.

        Raises:
            Exception: A refused request, when something in it cannot work here.
        """
        check_fields(self, REFUSED)
        check_tool_fields(self)
        tpo = self.tpo or TpoFields()
        settings = presets.settings_of(self.model, tpo.settings())
        schema, form = self._form()
        arguments = {**given(self, PASSED), **self._told(), **form}
        tools = [_tool(tool) for tool in self.tools or ()]
        if self.max_output_tokens is not None:
            check_length(self.max_output_tokens, presets.limits, param="max_output_tokens")
            arguments["max_tokens"] = self.max_output_tokens
        return Asked(
            model=self.model,
            messages=conversation(self._conversation(), param="input"),
            settings=settings,
            arguments=arguments,
            tools=tools,
            tool_options={
                **tool_choice(self.tool_choice, tools),
                **given(self, ["parallel_tool_calls"]),
            },
            schema=schema,
            schema_options=strictness((self.text or {}).get("format")),
            metadata=self.metadata or {},
            unused=["reasoning.summary"] if (self.reasoning or {}).get("summary") else [],
            tpo=tpo,
        )

    def _conversation(self) -> list[Json]:
        system = [{"role": "system", "content": self.instructions}] if self.instructions else []
        if isinstance(self.input, str):
            return [*system, {"role": "user", "content": self.input}]
        return [*system, *chat_messages(self.input)]

    def _told(self) -> Json:
        """Return what the policy is told of its effort and its length."""
        reasoning, text = dict(self.reasoning or {}), dict(self.text or {})
        told = {
            "reasoning_effort": word(reasoning.pop("effort", None), "reasoning.effort"),
            "verbosity": word(text.pop("verbosity", None), "text.verbosity"),
        }
        check_inside(reasoning, ("summary",), param="reasoning")
        check_inside(text, ("format",), param="text")
        return {name: value for name, value in told.items() if value is not None}

    def _form(self) -> tuple[Json | None, Json]:
        form = (self.text or {}).get("format") or {"type": "text"}
        kind = form.get("type") if isinstance(form, dict) else None
        if kind == "text":
            return None, {}
        if kind == "json_object":
            return None, {"response_format": {"type": "json_object"}}
        return check_schema(form if kind == "json_schema" else {}, param="text.format"), {}


class ResponsesReply(Reply):
    """An answer as OpenAI's Responses API gives it."""

    prefix = "resp_"

    def __init__(self, asked: Asked, request: ResponsesRequest) -> None:
        """Take what was asked, which the answer repeats in part."""
        super().__init__(asked)
        self._request = request
        self._number = -1
        self._place = 0
        self._thought: list[str] = []
        self._thought_id = f"rs_{secrets.token_hex(12)}"

    def whole(self, answered: Answered) -> dict[str, Any]:
        """Return the body of an answer that is no stream."""
        return self._ended(answered, list(self._items(answered.message)))

    def opening(self) -> bytes:
        """Return the first events: a response that is in progress."""
        begun = self._response("in_progress", [])
        told = self._event("response.created", response=begun)
        return told + self._event("response.in_progress", response=begun)

    def thought(self, line: str) -> bytes:
        """Return a line of progress as a part of a summary of reasoning."""
        told = b""
        if not self._thought:
            item = {"id": self._thought_id, "type": "reasoning", "summary": []}
            told += self._event("response.output_item.added", output_index=0, item=item)
            part = {"type": "summary_text", "text": ""}
            told += self._summary("part.added", part=part)
        self._thought.append(line)
        return told + self._summary("text.delta", delta=line)

    def so_far(self, text: str, event: TPOEvent) -> bytes:
        """Return the best answer so far, in an event of our own."""
        return self._event("response.tpo.best_so_far", text=text, round=cast("Any", event)["round"])

    def closing(self, answered: Answered) -> bytes:
        """Return the answer item by item, and the whole response at last."""
        told, items = self._thought_told()
        for item in self._items(answered.message):
            told += self._item_told(item)
            items.append(item)
            self._place += 1
        response = self._ended(answered, items)
        return told + self._event(f"response.{response['status']}", response=response)

    def failed(self, failure: Failure) -> bytes:
        """Return the error, which OpenAI's clients raise."""
        error = failure.openai()
        return self._event("error", **error, **error["error"] | {"type": "error"})

    def _thought_told(self) -> tuple[bytes, list[Json]]:
        if not self._thought:
            return b"", []
        part = {"type": "summary_text", "text": "".join(self._thought)}
        item = {"id": self._thought_id, "type": "reasoning", "summary": [part]}
        told = self._summary("text.done", text=part["text"]) + self._summary("part.done", part=part)
        told += self._event("response.output_item.done", output_index=0, item=item)
        self._place = 1
        return told, [item]

    def _summary(self, what: str, **fields: Any) -> bytes:
        place = {"item_id": self._thought_id, "output_index": 0, "summary_index": 0}
        return self._event(f"response.reasoning_summary_{what}", **place, **fields)

    def _item_told(self, item: Json) -> bytes:
        at = {"output_index": self._place}
        place = {"item_id": item["id"], **at}
        empty: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        begun = {**item, **empty, "status": "in_progress"}
        told = self._event("response.output_item.added", **at, item=begun)
        if item["type"] == "message":
            told += self._text_told(item["content"][0], place)
        else:
            told += self._call_told(item, place)
        return told + self._event("response.output_item.done", **at, item=item)

    def _call_told(self, item: Json, place: Json) -> bytes:
        kind, arguments = "response.function_call_arguments", item["arguments"]
        told = self._event(f"{kind}.delta", **place, delta=arguments)
        return told + self._event(f"{kind}.done", **place, arguments=arguments, name=item["name"])

    def _text_told(self, part: Json, place: Json) -> bytes:
        where = {**place, "content_index": 0}
        told = self._event("response.content_part.added", **where, part={**part, "text": ""})
        told += self._event("response.output_text.delta", **where, delta=part["text"], logprobs=[])
        told += self._event("response.output_text.done", **where, text=part["text"], logprobs=[])
        return told + self._event("response.content_part.done", **where, part=part)

    def _items(self, message: AIMessage) -> Iterator[Json]:
        converted = openai_message(message)
        text, calls = converted.get("content") or "", converted.get("tool_calls", [])
        if text or not calls:
            part: Json = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            yield {
                "id": f"msg_{secrets.token_hex(12)}",
                "type": "message",
                "role": "assistant",
                "status": "incomplete" if finish_of(message) else "completed",
                "content": [part],
            }
        for call in calls:
            yield {
                "id": f"fc_{secrets.token_hex(12)}",
                "type": "function_call",
                "call_id": call["id"],
                "status": "completed",
                **call["function"],
            }

    def _ended(self, answered: Answered, items: list[Json]) -> Json:
        finish = finish_of(answered.message)
        status = "completed" if finish is None else "incomplete"
        why = None if finish is None else {"reason": INCOMPLETE[finish]}
        response = self._response(status, items)
        return {
            **response,
            "incomplete_details": why,
            "usage": _usage(answered),
            "tpo": answered.tpo or None,
        }

    def _response(self, status: str, items: list[Json]) -> Json:
        asked = self._request
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": self.asked.model,
            "output": items,
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None, **(asked.reasoning or {})},
            "store": False,
            "temperature": asked.temperature,
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "tools": asked.tools or [],
            "top_p": asked.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": asked.user,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return data({"type": kind, **fields, "sequence_number": self._number}, event=kind)


def _usage(answered: Answered) -> Json | None:
    usage = answered.usage
    read, written = usage["input_tokens"], usage["output_tokens"]
    if read is None or written is None:
        return None
    details = usage.get("details")
    thought = 0 if details is None else details["output"].get("reasoning", 0)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": usage["cached_tokens"] or 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + written,
        "tpo": spent(answered),
    }


def _tool(tool: Json) -> Json:
    if tool.get("type") != "function":
        raise bad_request(
            f"`tools`: only functions are offered to the model, got `{shown(tool.get('type'))}`.",
            param="tools",
        )
    return function_tool({name: value for name, value in tool.items() if name != "type"})
