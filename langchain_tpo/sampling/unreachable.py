"""A model that cannot be reached, or not like this: which key, name or address to look at.

An error of a provider keeps its type and its words; what to check is a note on it. Pure.
"""

import json
import re

from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
)

from langchain_tpo.sampling.model_errors import status_of
from langchain_tpo.text.shown import WHAT_TO_CHECK, as_text, what_to_check

_TYPED = (
    (ModelAuthenticationError, 401),
    (ModelPermissionDeniedError, 403),
    (ModelNotFoundError, 404),
)
"""What LangChain's own errors stand for where their clients keep no status."""

_UNREACHED = re.compile(r"ConnectError$|APIConnectionError$|EndpointConnectionError$")
"""Errors of clients that found nobody; a line that breaks off is another thing."""


_NO_REPLY = re.compile(
    r"""
      ^'str'\ object\ has\ no\ attribute\ '(?:model_dump|choices|error)'  # clients of OpenAI's kind
    | Unexpected\ response\ (?:type|received)                             # ChatOpenAI; OpenRouter
    | Unable\ to\ get\ json\ response                                    # LiteLLM
    | No\ 'output'\ key\ found                                           # Bedrock
    | <!doctype\ html | <html
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What clients say of a page for people, or of nothing, where a reply should be."""

_WANTS_V1 = re.compile(
    r"(?:Chat(?:DeepSeek|MistralAI|OpenAI|OpenRouter|Together|XAI)"
    r"|ChatLiteLLM (?:openai|hosted_vllm)/.*) "
)
"""Classes that add no `/v1` of their own to the URL that they are given."""

_ADDS_ITS_OWN = re.compile(
    r"(?:AzureChatOpenAI"
    r"|Chat(?:Anthropic|BedrockConverse|Cohere|Fireworks|GoogleGenerativeAI|Groq|Ollama)"
    r"|ChatLiteLLM (?:anthropic|ollama|ollama_chat)/.*) "
)
"""Classes that want no `/v1`: they add it, or another version."""

_VERSION = re.compile(r"/v\d|/deployments/")
_ENDPOINT = re.compile(
    r"(?:/chat/completions|/v\d\w*/(?:responses|messages|chat)|/api/(?:chat|generate))/?$"
)
"""Ends of addresses at which services answer, and which their classes add."""


_SYNC_ONLY = (
    "`{name}` has no async of its own, and an agent awaits its model: call the agent's `invoke`, "
    "or remove the class's `_agenerate`."
)


def note_what_to_check(error: Exception, name: str, *, awaited: bool = False) -> None:
    """Add a note to an error that a wrong key, model or address explains; to any other none.

    Args:
        error: What a model's client raised.
        name: The model, by class, name and address.
        awaited: Whether the error says that its class has no async.

    Example:
        >>> error = ConnectionRefusedError("refused")
        >>> note_what_to_check(error, "ChatOllama m at http://127.0.0.1:1")
        >>> what_to_check(error).partition(",")[0]
        'To check: `ChatOllama m at http://127.0.0.1:1` could not be reached. Is this its URL'
    """
    if what_to_check(error):
        return
    advice = _SYNC_ONLY.format(name=name) if awaited else _advice(error, name)
    if advice is not None:
        error.add_note(f"{WHAT_TO_CHECK}{advice}")


def _advice(error: Exception, name: str) -> str | None:
    typed = (status for kind, status in _TYPED if isinstance(error, kind))
    status = status_of(error) or next(typed, None)
    if status in (401, 403):
        return f"`{name}` answered {status}. Is the API key right, and is it one for this URL?"
    if status in (404, 405):
        odd = _what_is_odd(name)
        return f"`{name}` answered {status}. Are the URL{odd} and the model's name right?"
    if _is_no_reply(error, status):
        odd = _what_is_odd(name)
        return f"`{name}` answered with what is no chat model's reply. Is the URL{odd} right?"
    unreached = status is None and _UNREACHED.search(type(error).__name__)
    if isinstance(error, ModelConnectionError | ConnectionRefusedError) or unreached:
        return f"`{name}` could not be reached. Is this its URL, and does the server run?"
    return None


def _is_no_reply(error: Exception, status: int | None) -> bool:
    if status not in (None, 200, 500):
        return False
    at_once = isinstance(error, json.JSONDecodeError) and error.pos <= 1
    return at_once or _NO_REPLY.search(as_text(error)) is not None


def _what_is_odd(name: str) -> str:
    _, found, address = name.rpartition(" at ")
    if not found:
        return ""
    if endpoint := _ENDPOINT.search(address):
        return f" (it ends in `{endpoint[0]}`, which the class adds itself)"
    if _WANTS_V1.match(name) and not _VERSION.search(address):
        return " (it has no `/v1`, in which those of OpenAI-compatible servers end)"
    if _ADDS_ITS_OWN.match(name) and address.rstrip("/").endswith("/v1"):
        return " (it ends in `/v1`, which this class adds itself or does not want)"
    return ""
