"""Anthropic's `/v1/messages`: what its requests mean here, and how it is answered."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage
from pydantic import Field

from langchain_tpo.events import TPOEvent
from langchain_tpo.serve.anthropic_messages import Blocks
from langchain_tpo.serve.asked import Answered, Asked
from langchain_tpo.serve.failures import Failure, bad_request
from langchain_tpo.serve.fields import (
    ApiRequest,
    Json,
    NoUse,
    TpoFields,
    check_fields,
    check_inside,
    check_schema,
    given,
    tool_choice,
    word,
)
from langchain_tpo.serve.presets import Presets, check_length
from langchain_tpo.serve.replies import Reply, data, finish_of, spent
from langchain_tpo.text.shown import shown

PASSED = ("temperature", "top_p", "top_k")
"""Fields that the policy takes under the same name."""

OPERATORS = "the operator's account decides"

REFUSED: Mapping[str, NoUse] = {
    "thinking": NoUse(
        "whether the model thinks is set where the server is started", [{"type": "disabled"}]
    ),
    "service_tier": NoUse(OPERATORS, ["auto", "standard_only"]),
    "container": NoUse("nothing is kept"),
    "mcp_servers": NoUse("offer `tools`", [[]]),
    "context_management": NoUse("the conversation is taken as it is", [{}]),
    "inference_geo": NoUse(OPERATORS),
    "output_format": NoUse("say `output_config.format`"),
}
"""Fields of Anthropic's that have no use here, and why."""

STOPS = {"length": "max_tokens", "content_filter": "refusal", "refusal": "refusal"}
"""Ends of answers that are not complete, in Anthropic's words."""

CHOICES = {"any": "any", "none": "none"}
"""Choices of tools that LangChain has a word for."""


class MessagesRequest(ApiRequest):
    """A request of Anthropic's API, with `tpo` beside its own fields."""

    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[Json] = Field(min_length=1)
    system: str | list[Json] | None = None
    stream: bool | None = None
    temperature: float | None = Field(None, ge=0, le=1)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    stop_sequences: list[str] | None = None
    metadata: Json | None = None
    tools: list[Json] | None = None
    tool_choice: Json | None = None
    output_config: Json | None = None
    cache_control: Json | None = None
    tpo: TpoFields | None = None

    def asked(self, presets: Presets) -> Asked:
        """Return what is asked.

        Args:
            presets: What model names stand for.

        Raises:
            Exception: A refused request, when something in it cannot work here.
        """
        check_fields(self, REFUSED)
        tpo = self.tpo or TpoFields()
        settings = presets.settings_of(self.model, tpo.settings())
        check_length(self.max_tokens, presets.limits, param="max_tokens")
        arguments = {**given(self, PASSED), "max_tokens": self.max_tokens}
        if self.stop_sequences:
            arguments["stop"] = self.stop_sequences
        blocks = Blocks(own=presets.anthropics)
        arguments |= {**blocks.mark(self.cache_control), **self._effort()}
        tools = [blocks.tool(tool) for tool in self.tools or ()]
        return Asked(
            model=self.model,
            messages=blocks.conversation(self.system, self.messages),
            settings=settings,
            arguments=arguments,
            tools=tools,
            tool_options=self._tool_options(tools),
            schema=self._schema(),
            metadata=self.metadata or {},
            unused=sorted(blocks.unused),
            tpo=tpo,
        )

    def _tool_options(self, tools: Sequence[Json]) -> Json:
        choice = self.tool_choice or {}
        kind = choice.get("type", "auto")
        if kind != "auto" and not self.tools:
            raise bad_request(
                "`tool_choice` goes with `tools`, and there are none.", param="tool_choice"
            )
        options: Json = {}
        if kind == "tool":
            options |= tool_choice(choice, tools)
        elif isinstance(kind, str) and kind in CHOICES:
            options["tool_choice"] = CHOICES[kind]
        elif kind != "auto":
            told = (
                f"`tool_choice` must be `auto`, `any`, `none` or a `tool`, got `{shown(choice)}`."
            )
            raise bad_request(told, param="tool_choice")
        if choice.get("disable_parallel_tool_use"):
            options["parallel_tool_calls"] = False
        return options

    def _effort(self) -> Json:
        effort = word((self.output_config or {}).get("effort"), "output_config.effort")
        return {} if effort is None else {"reasoning_effort": effort}

    def _schema(self) -> Json | None:
        check_inside(self.output_config or {}, ("format", "effort"), param="output_config")
        form = (self.output_config or {}).get("format")
        if form is None:
            return None
        if self.tools:
            raise bad_request("`output_config.format` and `tools` do not go together here.")
        kind = form.get("type") if isinstance(form, dict) else None
        return check_schema(form if kind == "json_schema" else {}, param="output_config.format")


class MessagesReply(Reply):
    """An answer as Anthropic's API gives it."""

    prefix = "msg_"

    def __init__(self, asked: Asked) -> None:
        """Take what was asked."""
        super().__init__(asked)
        self._index = 0
        self._thinking = False

    def whole(self, answered: Answered) -> dict[str, Any]:
        """Return the body of an answer that is no stream."""
        message = answered.message
        content = list(_blocks(message))
        head = self._head(content, _stop(message), _usage(answered))
        return {**head, "tpo": answered.tpo or None}

    def opening(self) -> bytes:
        """Return the first event: an empty message."""
        nothing = {"input_tokens": 0, "output_tokens": 0}
        return _event("message_start", message=self._head([], None, nothing))

    def thought(self, line: str) -> bytes:
        """Return a line of progress as a part of the message's thinking."""
        block = {"type": "thinking", "thinking": "", "signature": ""}
        begin = b"" if self._thinking else self._block("start", content_block=block)
        self._thinking = True
        delta = {"type": "thinking_delta", "thinking": line}
        return begin + self._block("delta", delta=delta)

    def so_far(self, text: str, event: TPOEvent) -> bytes:
        """Return the best answer so far, in an event that Anthropic's clients pass over."""
        return _event("tpo_best_so_far", text=text, round=cast("Any", event)["round"])

    def closing(self, answered: Answered) -> bytes:
        """Return the answer block by block, its figures, and the end of the stream."""
        told = b""
        if self._thinking:
            told += self._block("stop")
            self._index += 1
        for block in _blocks(answered.message):
            told += self._told_block(block)
        ended = {"stop_reason": _stop(answered.message), "stop_sequence": None}
        usage, tpo = _usage(answered), answered.tpo or None
        told += _event("message_delta", delta=ended, usage=usage, tpo=tpo)
        return told + _event("message_stop")

    def failed(self, failure: Failure) -> bytes:
        """Return the error, which Anthropic's clients raise."""
        return data(failure.anthropic(), event="error")

    def _told_block(self, block: Json) -> bytes:
        if block["type"] == "text":
            empty: Json = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        told = self._block("start", content_block=empty) + self._block("delta", delta=delta)
        told += self._block("stop")
        self._index += 1
        return told

    def _block(self, what: str, **fields: Any) -> bytes:
        return _event(f"content_block_{what}", index=self._index, **fields)

    def _head(self, content: list[Json], stop: str | None, usage: Json) -> Json:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.asked.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }


def _event(kind: str, **fields: Any) -> bytes:
    return data({"type": kind, **fields}, event=kind)


def _blocks(message: AIMessage) -> Iterator[Json]:
    text = str(message.text)
    if text or not message.tool_calls:
        yield {"type": "text", "text": text}
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["args"]}


def _stop(message: AIMessage) -> str:
    if message.tool_calls:
        return "tool_use"
    return STOPS.get(finish_of(message) or "", "end_turn")


def _usage(answered: Answered) -> Json:
    """Return the tokens of a whole run in Anthropic's words; null where a provider counts none."""
    usage = answered.usage
    read, cached = usage["input_tokens"], usage["cached_tokens"] or 0
    return {
        "input_tokens": None if read is None else read - cached,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage["output_tokens"],
        "tpo": spent(answered),
    }
