"""What kind of error a chat model's client raised: a refusal, a fault, a broken line.

Reads errors of providers and of LangChain's own clients. Pure; what a refusal is about is read in
`refusals`.
"""

import inspect
import re
from collections.abc import Mapping

from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelRefusalError,
    ModelTimeoutError,
)
from langgraph.errors import GraphBubbleUp

from langchain_tpo.text.shown import as_text

_REFUSING = frozenset({400, 404, 405, 413, 422, 500, 501})
"""Statuses of servers that cannot do what they are asked; llama.cpp's says so with a 500."""

_NO_REFUSAL = (
    ModelAuthenticationError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelConnectionError,
    ModelTimeoutError,
    ModelRefusalError,
    GraphBubbleUp,
)

_NEVER_SENT = ("UnsupportedParamsError", "ParamValidationError")
"""Errors that LiteLLM and Boto raise before they send anything."""

_NOT_OF_THE_MODEL = re.compile(
    r"""
      content[\s_]?(?:filter|management|policy|moderation) | flagged | usage\s+polic | moderation
    | inappropriate | DataInspectionFailed
    | rate[\s_-]?limit | quota | billing | insufficient\s+(?:balance|credit|funds)
    | overloaded | at\s+capacity | too\s+many\s+requests
    | no\s+such\s+model | model\b.{0,80}\b(?:does\s+not\s+exist|not\s+found)
    | <!doctype\s+html | <html
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What is said of a prompt's content, of an account, of a busy service or of a wrong name, whatever
else is quoted beside it; and pages for people."""

_ABOUT_ARGUMENTS = re.compile(
    r"unexpected keyword argument|multiple values for|extra_forbidden|Extra inputs are not"
)
"""What Python and pydantic say of the arguments of a request; what they say of an answer that
cannot be read is another thing, and that answer has been paid for."""

_CODES = re.compile(
    r"error code: \d+|['\"]?(?:code|status)['\"]?\s*[:=]\s*['\"]?\d+", re.IGNORECASE
)
"""Numbers that an error message gives of itself."""

_QUOTED = re.compile(
    r"""
      ['"]input['"]\s*:\s*[{\[].*            # pydantic, of a whole body
    | input_value=\{.*?(?=,\ input_type|$)
    | https?://\S+
    """,
    re.DOTALL | re.VERBOSE,
)
"""The request itself, which names every option that there is, and addresses."""

_IN_BRACKETS = re.compile(r"\[(\d{3})\]")
"""Where NVIDIA's client keeps the status, and nowhere else."""

_FAILURES = range(400, 600)
"""Statuses of HTTP that say that something failed; other whole numbers are codes of their own."""

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_AWAITED = ("_agenerate", "_astream")
"""What a chat model's class has for async; some raise at once, before there is a coroutine."""


def is_refusal(error: Exception) -> bool:
    """Return whether an error may mean that a request asks for what the model cannot do.

    A wrong key, a full queue or a broken line say nothing of the kind.

    Example:
        >>> is_refusal(TypeError("chat() got an unexpected keyword argument 'seed'"))
        True
        >>> is_refusal(ConnectionError("reset by peer"))
        False
    """
    if isinstance(error, _NO_REFUSAL) or _NOT_OF_THE_MODEL.search(as_text(error)):
        return False
    status = status_of(error)
    if status is None:  # a broken line; requests' and Hugging Face's own errors have a status
        return not isinstance(error, OSError)
    return status in _REFUSING


def is_never_sent(error: BaseException) -> bool:
    """Return whether an error was raised by a client that has not sent its request."""
    if type(error).__name__ in _NEVER_SENT:
        return True
    kinds = isinstance(error, TypeError) or type(error).__name__ == "ValidationError"
    return kinds and _ABOUT_ARGUMENTS.search(as_text(error)) is not None


def cannot_be_awaited(error: Exception) -> bool:
    """Return whether a class says that it has no async, and not what it calls in a thread."""
    if not isinstance(error, NotImplementedError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code if trace is not None else None
    return code is not None and (bool(code.co_flags & _ASYNC) or code.co_name in _AWAITED)


def words_of(error: Exception) -> str:
    """Return what an error says of a request, without numbers and quotations of its own."""
    body = getattr(error, "body", None)  # an SDK's error does not always quote it
    said = as_text(error)
    whole = f"{said} {body}" if isinstance(body, dict | list | str) else said
    return _QUOTED.sub("", _CODES.sub("", whole))


def status_of(error: BaseException) -> int | None:
    """Find the HTTP status of an error, wherever its client keeps it."""
    response = getattr(error, "response", None)
    places = [
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
        getattr(error, "status", None),
    ]
    if isinstance(response, Mapping):  # Boto's
        places.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    if bracketed := _IN_BRACKETS.match(as_text(error)):
        places.append(int(bracketed[1]))
    return next((place for place in places if isinstance(place, int) and place in _FAILURES), None)
