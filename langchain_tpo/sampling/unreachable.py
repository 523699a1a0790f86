"""A model that cannot be reached, or not like this: which key, name or address to look at.

An error of a provider keeps its type and its words; what to check is a note on it. Pure.
"""

import re

from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
)

from langchain_tpo.sampling.refusals import status_of
from langchain_tpo.text.shown import WHAT_TO_CHECK, what_to_check

_TYPED = (
    (ModelAuthenticationError, 401),
    (ModelPermissionDeniedError, 403),
    (ModelNotFoundError, 404),
)
"""What LangChain's own errors stand for where their clients keep no status."""

_UNREACHED = re.compile(r"ConnectError$|APIConnectionError$|EndpointConnectionError$")
"""Errors of clients that found nobody; a line that breaks off is another thing."""


_ENDS_IN_V1 = frozenset(
    {
        "ChatFireworks",
        "ChatLiteLLM",
        "ChatMistralAI",
        "ChatNVIDIA",
        "ChatOpenAI",
        "ChatOpenRouter",
        "ChatTogether",
        "ChatXAI",
    }
)
"""Classes that add no `/v1` of their own to the URL that they are given."""


def note_what_to_check(error: Exception, name: str) -> None:
    """Add a note to an error that a wrong key, model or address explains; to any other none.

    Args:
        error: What a model's client raised.
        name: The model, by class, name and address.

    Example:
        >>> error = ConnectionRefusedError("refused")
        >>> note_what_to_check(error, "ChatOllama m at http://127.0.0.1:1")
        >>> what_to_check(error).partition(",")[0]
        'To check: `ChatOllama m at http://127.0.0.1:1` could not be reached. Is this its URL'
    """
    if what_to_check(error):
        return
    advice = _advice(error, name)
    if advice is not None:
        error.add_note(f"{WHAT_TO_CHECK}{advice}")


def _advice(error: Exception, name: str) -> str | None:
    typed = (status for kind, status in _TYPED if isinstance(error, kind))
    status = status_of(error) or next(typed, None)
    if status in (401, 403):
        return f"`{name}` answered {status}. Is the API key right, and is it one for this URL?"
    if status in (404, 405):
        return f"`{name}` answered {status}. {_of_address(name)}"
    unreached = status is None and _UNREACHED.search(type(error).__name__)
    if isinstance(error, ModelConnectionError | ConnectionRefusedError) or unreached:
        return f"`{name}` could not be reached. Is this its URL, and does the server run?"
    return None


def _of_address(name: str) -> str:
    kind = name.partition(" ")[0]
    if kind in _ENDS_IN_V1 and " at " in name and "/v1" not in name:
        return (
            "Is the URL right (it has no `/v1`, in which those of OpenAI-compatible servers end), "
            "and is the model's name?"
        )
    return "Are the URL and the model's name right?"
