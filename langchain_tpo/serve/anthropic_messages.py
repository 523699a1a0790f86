"""A conversation of Anthropic's API as LangChain's messages.

A policy of Anthropic's own takes blocks and tools as they come, with all that they hold. Any other
gets texts, images, calls of tools and their results; what else there is, is refused by name. Marks
that change no answer are left out for it, and named in the answer's head.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from pydantic import ValidationError

from langchain_tpo.loop.run_input import checked_messages
from langchain_tpo.sampling.wrappers import ChatModel, models_inside
from langchain_tpo.serve.failures import bad_request
from langchain_tpo.serve.fields import DIRECT, NOTHING, Json, check_inside, function_tool
from langchain_tpo.text.shown import shown

THOUGHTS = ("thinking", "redacted_thinking")
"""Blocks of earlier turns that are no part of an answer."""

MARKS = ("cache_control", "citations")
"""What a block may hold beside its content: what is worth a place in a cache, and where an earlier
answer came from."""

FIELDS: Mapping[str, Collection[str]] = {
    "text": ("type", "text", *MARKS),
    "image": ("type", "source", *MARKS),
    "tool_use": ("type", "id", "name", "input", *MARKS),
    "tool_result": ("type", "tool_use_id", "content", "is_error", *MARKS),
}
"""What a block may hold, by its kind."""

TOOL_FIELDS = ("type", "name", "description", "input_schema", "strict", "cache_control")
"""What a tool may have for any policy."""


class Blocks:
    """Reads what a request holds, for one policy; notes which marks it cannot pass on."""

    def __init__(self, *, own: bool) -> None:
        """Take the policy's kind.

        Args:
            own: Whether the policy is one of Anthropic's.
        """
        self._own = own
        self.unused: set[str] = set()

    def conversation(
        self, system: str | Sequence[Json] | None, messages: Sequence[Json]
    ) -> list[AnyMessage]:
        """Return a conversation as LangChain's messages.

        Args:
            system: The system prompt.
            messages: The turns.

        Raises:
            Exception: A refused request, when something in it cannot be read.
        """
        try:
            told = [SystemMessage(self._content(system))] if system else []
            read = [part for message in messages for part in self._message(message)]
        except ValidationError as error:
            said = shown(error.errors()[0]["msg"])
            raise bad_request(f"`messages` cannot be read ({said}).", param="messages") from None
        return checked_messages([*told, *read])

    def tool(self, tool: Json) -> Json:
        """Return a tool as `bind_tools` takes it.

        Args:
            tool: As Anthropic's API has it.

        Raises:
            Exception: A refused request, when it is none.
        """
        if tool.get("type", "custom") != "custom" or not isinstance(tool.get("input_schema"), dict):
            raise bad_request(
                f"`tools`: only tools with an `input_schema` are offered to the model, got "
                f"`{shown(tool.get('name') or tool.get('type'))}`.",
                param="tools",
            )
        told = {name: tool.get(name) for name in ("name", "description", "strict")}
        plain = function_tool({**told, "parameters": tool["input_schema"]})
        if self._own and tool.get("description"):  # without one LangChain takes it for OpenAI's
            return {name: value for name, value in tool.items() if value is not None}
        check_inside(tool, TOOL_FIELDS, param="tools")
        self._note(tool)
        return plain

    def mark(self, cache_control: Json | None) -> Json:
        """Return the mark of a whole request as arguments of the policy's call."""
        if cache_control and self._own:
            return {"cache_control": cache_control}
        self._note({"cache_control": cache_control})
        return {}

    def _message(self, message: Json) -> Iterator[AnyMessage]:
        """Yield the results of tools before the rest of a message, as other APIs want them."""
        role = message.get("role")
        if role not in ("user", "assistant"):
            raise _unreadable("a role must be `user` or `assistant`", message)
        check_inside(message, ("role", "content"), param="messages")
        listed = _listed(message.get("content"))
        yield from map(self._result, _of_kind(listed, "tool_result"))
        used = ("tool_use",) if role == "assistant" else ()
        left_out = (*THOUGHTS, "tool_result", *used)
        content = self._content([block for block in listed if block.get("type") not in left_out])
        if role == "assistant":
            yield AIMessage(content, tool_calls=list(map(self._use, _of_kind(listed, "tool_use"))))
        elif content or not listed:
            yield HumanMessage(content)

    def _content(self, told: str | Sequence[Json]) -> Any:  # noqa: ANN401 what a message may hold
        """Return what a message holds: as it is for Anthropic's own, else as other APIs have it."""
        listed = _listed(told)
        if isinstance(told, str) or self._own:
            return told if isinstance(told, str) else listed
        parts = [self._part(block) for block in listed]
        if all(part["type"] == "text" for part in parts):
            return "\n".join(part["text"] for part in parts)
        return parts

    def _part(self, block: Json) -> Json:
        kind = self._checked(block, ("text", "image"))
        self._note(block)
        if kind == "image":
            return {"type": "image_url", "image_url": {"url": _link(block.get("source"))}}
        if not isinstance(block.get("text"), str):
            raise _unreadable("a `text` must hold one", block)
        return {"type": "text", "text": block["text"]}

    def _result(self, block: Json) -> ToolMessage:
        self._checked(block, ("tool_result",))
        content = _listed(block.get("content") or "")
        if content and block.get("cache_control") and self._own:
            mark = {"cache_control": block["cache_control"]}
            content[-1] = content[-1] | mark  # LangChain's way
        else:
            self._note(block)
        status = "error" if block.get("is_error") else "success"
        called = block.get("tool_use_id")
        if not isinstance(called, str):
            raise _unreadable("a `tool_result` must have a `tool_use_id`", block)
        return ToolMessage(self._content(content), tool_call_id=called, status=status)

    def _use(self, block: Json) -> Any:  # noqa: ANN401 LangChain's ToolCall
        self._checked(block, ("tool_use",))
        self._note(block)  # LangChain has no place for marks of a call
        name, known, arguments = block.get("name"), block.get("id"), block.get("input")
        if not isinstance(name, str) or not isinstance(known, str):
            raise _unreadable("a `tool_use` must have an `id` and a `name`", block)
        if not isinstance(arguments, dict):
            raise _unreadable("the `input` of a `tool_use` must be an object", block)
        return tool_call(name=name, args=arguments, id=known)

    def _checked(self, block: Json, kinds: Collection[str]) -> str:
        kind = block.get("type")
        if kind not in kinds or not isinstance(kind, str):
            raise bad_request(
                f"`messages`: a block of the type `{shown(kind)}` has no use here.",
                param="messages",
                code="unsupported_parameter",
            )
        harmless = (*NOTHING, DIRECT)
        check_inside(block, FIELDS[kind], param=f"messages.{kind}", harmless=harmless)
        return kind

    def _note(self, told: Json) -> None:
        self.unused |= {name for name in MARKS if told.get(name)}


def is_anthropics(model: ChatModel) -> bool:
    """Return whether a policy takes the blocks of Anthropic's API as they are.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> is_anthropics(FakeListChatModel(responses=["Oil it."]))
        False
    """
    return all(
        any(kind.__name__.startswith("ChatAnthropic") for kind in type(inside).__mro__)
        for inside in models_inside(model)
    )


def _listed(content: object) -> list[Json]:
    """Return the blocks of a message."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise _unreadable("the content must be a text or a list of blocks", content)
    return list(content)


def _of_kind(blocks: Sequence[Json], kind: str) -> list[Json]:
    return [block for block in blocks if block.get("type") == kind]


def _link(source: object) -> str:
    """Return an image as a link, which may hold the image itself."""
    told: Json = source if isinstance(source, dict) else {}
    if told.get("type") == "url" and isinstance(told.get("url"), str):
        return str(told["url"])
    if told.get("type") == "base64" and told.get("data") and told.get("media_type"):
        return f"data:{told['media_type']};base64,{told['data']}"
    raise _unreadable("an image must have a `source` that is `base64` or a `url`", source)


def _unreadable(why: str, seen: object) -> Exception:
    """Return the error of a request whose messages are not as they have to be."""
    return bad_request(f"`messages`: {why}, got `{shown(seen)}`.", param="messages")
