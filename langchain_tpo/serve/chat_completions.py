"""OpenAI's `/v1/chat/completions`: what its requests mean here, and how it is answered."""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, convert_to_openai_messages
from pydantic import BaseModel, ConfigDict, Field

from langchain_tpo.events import TPOEvent
from langchain_tpo.sampling.usage import Usage, UsageDetails
from langchain_tpo.serve.asked import Answered, Asked
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
)
from langchain_tpo.serve.presets import Presets, check_length
from langchain_tpo.serve.replies import Reply, data, finish_of, spent
from langchain_tpo.serve.ways import check_several
from langchain_tpo.text.shown import shown

PASSED = (
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias"),
    *("user", "reasoning_effort", "verbosity", "prompt_cache_key", "safety_identifier"),
)
"""Fields that the policy takes under the same name."""

WHOLE = "the answer is chosen among whole ones"
TEXTS = "rewards read texts"

REFUSED: Mapping[str, NoUse] = {
    "logprobs": NoUse(WHOLE, [False]),
    "top_logprobs": NoUse(WHOLE, [0]),
    "functions": NoUse("offer `tools`", [[]]),
    "function_call": NoUse("offer `tools`, and say `tool_choice`", ["none", "auto"]),
    "audio": NoUse(TEXTS),
    "modalities": NoUse(TEXTS, [["text"]]),
    "prediction": NoUse("several answers are drawn"),
    "store": NoUse("nothing is kept", [False]),
    "service_tier": NoUse("the operator's account decides", ["auto", "default"]),
    "web_search_options": NoUse("offer a tool that searches"),
}
"""Fields of OpenAI's that have no use here, and why."""

STREAM_REFUSED: Mapping[str, NoUse] = {
    "include_obfuscation": NoUse("streams are not padded", [False])
}
"""The same for `stream_options`."""

FINISHES = {"length": "length", "content_filter": "content_filter", "refusal": "content_filter"}
"""Ends of answers that are not complete, in OpenAI's words."""


class StreamOptions(BaseModel):
    """How a stream is told."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class ChatCompletionRequest(ApiRequest):
    """A request of OpenAI's chat API, with `tpo` beside its own fields."""

    model: str = Field(min_length=1)
    messages: list[Json] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = Field(None, ge=0, le=2**53)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    n: int | None = Field(None, ge=1)
    user: str | None = None
    metadata: dict[str, str] | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    response_format: Json | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    tpo: TpoFields | None = None

    def asked(self, presets: Presets) -> Asked:
        """Return what is asked.

        Args:
            presets: What model names stand for.

        Raises:
            Exception: A refused request, when something in it cannot work here.
        """
        check_fields(self, REFUSED)
        check_fields(self.stream_options or StreamOptions(), STREAM_REFUSED)
        check_tool_fields(self)
        tpo = self.tpo or TpoFields()
        settings = presets.settings_of(self.model, tpo.settings())
        if self.seed is not None:
            settings = settings.with_changes(seed=self.seed)
        schema = _schema(self.response_format)
        tools = [_tool(tool) for tool in self.tools or ()]
        check_several(self.n or 1, settings.width, alone=bool(tools or schema))
        return Asked(
            model=self.model,
            messages=conversation(self.messages),
            settings=settings,
            arguments=self._arguments(presets, with_format=schema is None),
            tools=tools,
            tool_options={
                **tool_choice(self.tool_choice, tools),
                **given(self, ["parallel_tool_calls"]),
            },
            schema=schema,
            schema_options=strictness((self.response_format or {}).get("json_schema")),
            answers=self.n or 1,
            metadata=self.metadata or {},
            tpo=tpo,
        )

    def _arguments(self, presets: Presets, *, with_format: bool) -> Json:
        arguments = given(self, PASSED)
        longest = self.max_completion_tokens or self.max_tokens
        if self.max_tokens not in (None, longest):
            raise bad_request(
                f"`max_tokens` is {self.max_tokens} and `max_completion_tokens` {longest}: say one "
                "of them.",
                param="max_tokens",
            )
        if longest is not None:
            check_length(longest, presets.limits, param="max_tokens")
            arguments["max_tokens"] = longest
        if self.stop:
            arguments["stop"] = [self.stop] if isinstance(self.stop, str) else self.stop
        if with_format and (self.response_format or {"type": "text"})["type"] != "text":
            arguments["response_format"] = self.response_format
        return arguments


class ChatCompletion(Reply):
    """An answer as OpenAI's chat API gives it."""

    prefix = "chatcmpl-"

    def __init__(self, asked: Asked, *, include_usage: bool) -> None:
        """Take what was asked, and whether a stream tells its usage."""
        super().__init__(asked)
        self._include_usage = include_usage

    def whole(self, answered: Answered) -> dict[str, Any]:
        """Return the body of an answer that is no stream."""
        choices = [
            {
                "index": index,
                "message": openai_message(message),
                "logprobs": None,
                "finish_reason": _finish(message),
            }
            for index, message in enumerate(answered.messages)
        ]
        body = self._head("chat.completion", choices)
        return {**body, "usage": usage_of(answered), "tpo": answered.tpo or None}

    def opening(self) -> bytes:
        """Return the first chunk: who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def thought(self, line: str) -> bytes:
        """Return a line of progress as a delta of reasoning."""
        return self._chunk({"reasoning_content": line})

    def so_far(self, text: str, event: TPOEvent) -> bytes:
        """Return the best answer so far, in a chunk without choices."""
        told = {"best_so_far": text, "round": cast("Any", event)["round"]}
        return data({**self._head("chat.completion.chunk", []), "tpo": told})

    def closing(self, answered: Answered) -> bytes:
        """Return the answer, its figures, and the end of the stream."""
        chunks = b""
        for index, message in enumerate(answered.messages):
            delta = {
                name: value for name, value in openai_message(message).items() if name != "role"
            }
            for place, call in enumerate(delta.get("tool_calls", [])):
                call["index"] = place
            chunks += self._chunk(delta, index=index)
            chunks += self._chunk({}, index=index, finish=_finish(message))
        if answered.tpo:
            chunks += data({**self._head("chat.completion.chunk", []), "tpo": answered.tpo})
        if self._include_usage:
            usage = usage_of(answered)
            chunks += data({**self._head("chat.completion.chunk", []), "usage": usage})
        return chunks + b"data: [DONE]\n\n"

    def failed(self, failure: Failure) -> bytes:
        """Return the error, which OpenAI's clients raise."""
        return data(failure.openai())

    def _chunk(self, delta: Json, *, index: int = 0, finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data(self._head("chat.completion.chunk", [choice]))

    def _head(self, kind: str, choices: list[Json]) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.asked.model,
            "choices": choices,
        }


def usage_of(answered: Answered) -> Json | None:
    """Return the tokens of a whole run in OpenAI's words; None where a provider counts none.

    `tpo` says which step took them.
    """
    usage: Usage = answered.usage
    read, written = usage["input_tokens"], usage["output_tokens"]
    if read is None or written is None:
        return None
    details = usage.get("details", UsageDetails(input={}, output={}))
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": usage["cached_tokens"] or 0},
        "completion_tokens_details": {"reasoning_tokens": details["output"].get("reasoning", 0)},
        "tpo": spent(answered),
    }


def openai_message(message: AIMessage) -> Json:
    """Return an answer as a message of OpenAI's chat API."""
    text = str(message.text)
    plain = message.model_copy(update={"content": text})
    converted: Any = convert_to_openai_messages(plain)
    told: Json = {"role": "assistant", "content": text or None, "refusal": None}
    if not converted.get("tool_calls"):
        return {**told, "content": text}
    return {**told, "tool_calls": converted["tool_calls"]}


def _finish(message: AIMessage) -> str:
    if message.tool_calls:
        return "tool_calls"
    return FINISHES.get(finish_of(message) or "", "stop")


def _schema(form: Json | None) -> Json | None:
    """Return the schema that an answer has to fit; None where any JSON, or any text, will do."""
    kind = form.get("type") if form else "text"
    if form and kind in ("text", "json_object"):
        check_inside(form, ("type",), param="response_format")
    if not form or kind in ("text", "json_object"):
        return None
    check_inside(form, ("type", "json_schema"), param="response_format")
    told = form.get("json_schema") if kind == "json_schema" else None
    return check_schema(told if isinstance(told, dict) else {}, param="response_format")


def _tool(tool: Json) -> Json:
    if tool.get("type") != "function":
        raise bad_request(
            f"`tools`: only functions are offered to the model, got `{shown(tool)}`.",
            param="tools",
        )
    check_inside(tool, ("type", "function"), param="tools")
    return function_tool(tool.get("function"))
