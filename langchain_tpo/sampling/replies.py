"""What a model sent, as plain values: its text, how it ended, and all that came with it.

Knows the words by which providers say that a reply was cut, filtered or refused, and LangChain's
messages; knows nothing of pools or rewards.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, cast

from langchain_core.messages import LC_ID_PREFIX, AIMessage, BaseMessage
from pydantic_core import to_jsonable_python

from langchain_tpo.candidate_pool import Candidate, Finish, MessageParts, Reply
from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.text_blocks import with_text
from langchain_tpo.text.conversation import is_readable
from langchain_tpo.text.shown import shown
from langchain_tpo.text.thinking import split_thinking
from langchain_tpo.text.well_formed import well_formed

REASONING = "reasoning_content"
"""Where LangChain's own chat models keep what a model thought, in `additional_kwargs`."""


CALLS: tuple[Literal["tool_calls"], Literal["invalid_tool_calls"]] = (
    "tool_calls",
    "invalid_tool_calls",
)
"""What of a message calls tools."""

_WORDS: Mapping[str, Finish] = {
    "length": "length",  # OpenAI, Groq, Fireworks, Together, TGI, Ollama's `done_reason`
    "max_tokens": "length",  # Anthropic, Bedrock, Cohere; Gemini in capitals
    "max_output_tokens": "length",  # OpenAI's Responses API, in `incomplete_details`
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Anthropic, Bedrock
    "token_limit": "length",  # watsonx, and the next two
    "time_limit": "length",
    "cancelled": "length",
    "token_limit_reached": "length",  # Azure's model catalogue
    "error_limit": "length",  # Cohere
    "timeout": "length",
    "max_len": "length",  # xAI, and the next
    "max_context": "length",
    "insufficient_system_resource": "length",  # DeepSeek
    "abort": "length",  # vLLM, SGLang
    "error": "length",  # Mistral, OpenRouter, vLLM: what broke off is cut as well
    "network_error": "length",  # Zhipu
    "content_filter": "content_filter",  # OpenAI, Azure
    "content_filtered": "content_filter",  # Bedrock
    "guardrail_intervened": "content_filter",  # Bedrock
    "error_toxic": "content_filter",  # Cohere
    "sensitive": "content_filter",  # Zhipu
    "safety": "content_filter",  # Gemini, to the end of the list
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",
    "model_armor": "content_filter",
    "image_safety": "content_filter",
    "image_prohibited_content": "content_filter",
    "image_recitation": "content_filter",
    "refusal": "refusal",  # Anthropic
}
"""How a reply ended, by the providers' own words as `_plain` has them. Ends of a turn, calls of
tools and words that nobody has seen yet stand for a complete reply."""

_THINKING = ("thinking", "reasoning", "redacted_thinking", "reasoning_content")
"""Content blocks of what a model thought."""

_FIELDS = (
    "finish_reason",
    "stop_reason",
    "stopReason",
    "finishReason",
    "done_reason",
    "finish_reason_name",
)
"""Where the word stands in `response_metadata`."""


def reply_text(reply: object) -> str:
    """Return the text of what a model returned, whatever its content blocks.

    A reply that calls tools is no response: what it says beside the calls counts for nothing.

    Raises:
        ModelTypeError: When it is neither a message nor a text.
    """
    if isinstance(reply, AIMessage) and reply.tool_calls:
        return ""
    if isinstance(reply, BaseMessage) and is_readable(reply):
        return well_formed(str(reply.text))
    if isinstance(reply, str):
        return well_formed(reply)
    raise ModelTypeError(
        f"`model` returned {type(reply).__name__} `{shown(reply, quoted=True)}`, "
        "expected a message with a text or blocks: pass the chat model itself, without an output "
        "parser."
    )


def read_reply(reply: object) -> Reply:
    """Return what a model returned as plain values, whatever its content blocks.

    Thinking at the head of the text is taken apart from the answer, as providers do that have a
    parser for it. A reply that was cut while it still thought holds no text. The text of a refusal
    is what the provider gives as its explanation.

    Args:
        reply: A message or a text.

    Raises:
        ModelTypeError: When it is neither.

    Example:
        >>> read_reply(AIMessage("Oil", response_metadata={"finish_reason": "length"}))["finish"]
        'length'
    """
    thought, text = split_thinking(reply_text(reply))
    read = Reply(text=text)
    if not isinstance(reply, AIMessage):
        return read
    refused, (finish, word) = _refusal(reply), _finish(reply.response_metadata)
    if refused is not None:
        finish = "refusal"
    if finish is not None:
        read["finish"] = finish
    if refused and not text.strip():
        read["text"] = well_formed(refused)
    parts = _parts(reply, thought, text)
    if parts:
        read["message"] = parts
    if not read["text"].strip() and refused is None:
        read["instead"] = _instead(reply, thought, finish, word)
    return read


def message_of(candidate: Candidate) -> AIMessage:
    """Return a candidate as the message that the model sent, with the candidate's own text.

    Content blocks other than text keep their place, with what the reply knew of itself:
    `response_metadata`, `additional_kwargs` and `id`. Token counts are the run's to report.

    Example:
        >>> message_of({"text": "Oil it.", "reward": 1.0, "round": 0}).text
        'Oil it.'
    """
    parts = candidate.get("message", {})
    calls: dict[str, Any] = {name: parts[name] for name in CALLS if name in parts}
    return AIMessage(
        content=parts.get("content", "") if calls else _content(candidate["text"], parts),
        **calls,
        id=parts.get("id"),
        name=parts.get("name"),
        response_metadata=dict(parts.get("response_metadata", {})),
        additional_kwargs=dict(parts.get("additional_kwargs", {})),
    )


def _content(text: str, parts: MessageParts) -> str | list[Any]:
    blocks = parts.get("content")
    return with_text(blocks, text) if isinstance(blocks, list) else text


def _finish(metadata: Mapping[str, Any]) -> tuple[Finish | None, str]:
    """Return how a reply ended, and the provider's own word for it."""
    words = [metadata.get(field) for field in _FIELDS]
    details = metadata.get("incomplete_details")
    if isinstance(details, Mapping):
        words.append(details.get("reason"))
    for word in words:
        name = str(getattr(word, "name", word)).rsplit(".", 1)[-1]
        if (plain_word := _plain(name)) in _WORDS:
            return _WORDS[plain_word], name
    feedback = metadata.get("prompt_feedback")  # Gemini's filter, where it ends a prompt
    blocked = feedback.get("block_reason") if isinstance(feedback, Mapping) else None
    return ("content_filter", str(getattr(blocked, "name", blocked))) if blocked else (None, "")


@lru_cache(maxsize=256)
def _plain(word: str) -> str:
    """Return a word in small letters and underscores, without the name of its enumeration."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[-\s]", "_", word).lower()
    return re.sub(r"^(?:finish_|stop_)?reason_", "", words)


def _instead(message: AIMessage, thought: str, finish: Finish | None, word: str) -> str:
    """Say what a reply without a text is, in the words of an error."""
    if message.tool_calls:
        return f"calls of `{message.tool_calls[0]['name']}`"
    if finish == "content_filter":
        return f"stopped by the provider's filter (`{word}`)"
    thinks = thought or any(key.startswith("reasoning") for key in message.additional_kwargs)
    thinks = thinks or any(
        isinstance(block, dict) and block.get("type") in _THINKING for block in message.content
    )
    held = "with reasoning only" if thinks else "empty"
    return f"{held} and cut by a limit of tokens" if finish == "length" else held


def _refusal(message: AIMessage) -> str | None:
    """Return a provider's explanation of a refusal, which may be empty; None where it is none."""
    blocks = message.content if isinstance(message.content, list) else []
    for block in blocks:
        if isinstance(block, dict) and block.get("type") == "refusal":
            return str(block.get("refusal") or "")
    if explained := message.additional_kwargs.get("refusal"):
        return str(explained)
    if message.response_metadata.get("stop_reason") == "refusal":
        details = message.response_metadata.get("stop_details")
        return str(details.get("explanation") or "") if isinstance(details, Mapping) else ""
    return None


def _parts(message: AIMessage, thought: str, text: str) -> MessageParts:
    """Keep what the text alone does not tell, as values that any checkpointer can hold."""
    kwargs = dict(message.additional_kwargs)
    if thought:
        kwargs.setdefault(REASONING, thought)
    found: dict[str, Any] = {
        "response_metadata": message.response_metadata,
        "additional_kwargs": kwargs,
        "id": None if str(message.id).startswith(LC_ID_PREFIX) else message.id,
        "name": message.name,
    }
    kept = cast("MessageParts", {name: plain(value) for name, value in found.items() if value})
    if isinstance(message.content, list):
        blocks = plain(message.content)
        kept["content"] = with_text(blocks, text) if thought else blocks
    return kept


def plain(value: object) -> Any:  # noqa: ANN401 JSON of any shape
    """Return a value as JSON of its kind, which any checkpointer can hold."""
    return to_jsonable_python(
        value, fallback=str, bytes_mode="base64", inf_nan_mode="constants", by_alias=False
    )
