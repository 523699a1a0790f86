"""What a refused request says about a model: which part of it cannot be taken.

Reads the words of providers and of LangChain's own clients. Pure; never sends anything.
"""

import inspect
import re
from collections.abc import Collection, Mapping

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelRefusalError,
    ModelTimeoutError,
    OutputParserException,
)
from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from langchain_tpo.text.shown import as_text

OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "max_new_tokens",
        "num_predict",
        "maxOutputTokens",
        "maxTokens",
    ),
    "seed": ("seed", "random_seed"),
    "n": ("n", "candidate_count", "candidateCount"),
}
"""How providers and LangChain's classes call what LangChain's users call by the first name."""

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

_ABOUT_ARGUMENTS = re.compile(
    r"unexpected keyword argument|multiple values for|extra_forbidden|Extra inputs are not"
)
"""What Python and pydantic say of the arguments of a request; what they say of an answer that
cannot be read is another thing, and that answer has been paid for."""

_CODES = re.compile(
    r"error code: \d+|['\"]?(?:code|status)['\"]?\s*[:=]\s*['\"]?\d+", re.IGNORECASE
)
"""Numbers that an error message gives of itself."""

_IN_BRACKETS = re.compile(r"\[(\d{3})\]")
"""Where NVIDIA's client keeps the status, and nowhere else."""

_ONE_ANSWER = re.compile(
    r"""
      completion\ choice                 # llama.cpp
    | multiple\ candidates               # Gemini
    | (?<![\w\\/.\-])n(?![\w/.\-']\w)(?=\W|$)  # all others name it
    """,
    re.IGNORECASE | re.VERBOSE,
)

_STREAMS = re.compile(
    r"only\s+supports?\s+stream|stream\s*=\s*true|(?:must|requires?|enable)\b[^.]{0,40}\bstream",
    re.IGNORECASE,
)

_SYSTEM = re.compile(
    r"\bsystem\b[\s'\"`]*(?:role|message|prompt|instruction)"
    r"|\brole\b[^.]{0,60}['\"`]system['\"`]"
    r"|developer\s+instruction",
    re.IGNORECASE,
)

_IMAGES = re.compile(
    r"\bimages?\b|image_url|vision|multi-?modal|content\b.{0,40}\b(?:string|text)", re.IGNORECASE
)

_FORM = re.compile(
    r"tool|function|response_?format|json|schema|structured|grammar|guided|output_config",
    re.IGNORECASE,
)

_TOO_LONG = re.compile(
    r"""
      context_length_exceeded                                 # OpenAI and its imitators
    | exceeds\ the\ context\ window                           # OpenAI's Responses API
    | maximum\ (?:context|prompt)\ length                     # vLLM, SGLang, Mistral; xAI
    | model's\ context\ length                                # vLLM
    | exceed_context_size_error                               # llama.cpp
    | exceeds\ the\ available\ context\ size                  # llama.cpp
    | input\ length\ exceeds\ the\ context\ length            # Ollama
    | inputs`?\ tokens\ \+\ `?max_new_tokens`?\ must\ be\ <=  # TGI
    | inputs`?\ must\ have\ less\ than\ \d+\ tokens            # TGI, the prompt alone
    | prompt\ is\ too\ long                                   # Anthropic
    | exceed\ context\ limit                                  # Anthropic, with `max_tokens`
    | exceeds\ the\ maximum\ number\ of\ tokens\ allowed       # Gemini
    | input\ is\ too\ long\ for\ requested\ model             # Bedrock
    | reduce\ the\ length\ of\ the\ (?:messages|input)        # Groq
    """,
    re.IGNORECASE | re.VERBOSE,
)

_WINDOW = re.compile(
    r"(?:context (?:length|window|size)|prompt length|context limit"
    r"|\+ `?max_new_tokens`? must be <=)"
    r"[^\d]{0,40}(?P<window>\d+)",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    r"(?P<prompt>\d+)(?: tokens)? (?:(?:in|from) the (?:messages|input|prompt)"
    r"|(?:input|prompt) tokens|`?inputs`? tokens)",
    re.IGNORECASE,
)
_SUMS = (
    re.compile(r"(?P<prompt>\d+) \+ \d+ > (?P<window>\d+)"),
    re.compile(r"\d+ > (?P<window>\d+) - (?P<prompt>\d+)"),
)
"""How a window's sum does not work out: Anthropic's, vLLM's."""

_MOST = re.compile(
    r"""
      (?:at\ most|<=|≤|less\ than\ or\ equal\ to|no\ more\ than|up\ to|cannot\ exceed|limit\ of)
      [^\d.]{0,12}(?P<most>\d+)
    | maximum(?:\ \w+){0,3}\ (?:is|of)\ [^\d.]{0,4}(?P<maximum>\d+)
    | \[\s*\d+\s*,\s*(?P<range>\d+)\s*\]
    | \bto\ (?P<exclusive>\d+)\ \(exclusive\)
    | (?:lower|less)\ than\ (?P<below>\d+)
    | \d\ >\ (?P<sum>\d+)(?!\ -)
    | \w+\ >\ (?P<condition>\d+)
    """,
    re.IGNORECASE | re.VERBOSE,
)


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
    if isinstance(error, _NO_REFUSAL):
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


def is_too_long(error: Exception) -> bool:
    """Return whether an error of a model's means that the prompt does not fit its window.

    LangChain's own `ContextOverflowError` says so by its type; other errors by their words.

    Example:
        >>> is_too_long(ValueError("This model's maximum context length is 4096 tokens."))
        True
        >>> is_too_long(ValueError("Rate limit reached: 30000 tokens per minute."))
        False
    """
    return isinstance(error, ContextOverflowError) or _TOO_LONG.search(as_text(error)) is not None


def most_answers(error: Exception, n: int) -> int | None:
    """Return how many answers one request may ask for, when an error says that `n` are too many.

    Example:
        >>> most_answers(ValueError("'n' : number must be at most 1"), 5)
        1
        >>> most_answers(ValueError("candidateCount must be in the range [1, 8]."), 20)
        8
        >>> most_answers(ValueError("`temperature` is deprecated"), 5) is None
        True
    """
    words = _words(error)
    if not _ONE_ANSWER.search(words) and not _names(words, "n"):
        return None
    if n > _OPENAI_MOST and "greedy" not in words:
        return max(_limits(words, below=n), default=_OPENAI_MOST)
    return max(_limits(words, below=n), default=1)


_OPENAI_MOST = 128
"""OpenAI names no number when `n` is above it."""


def wants_stream(error: Exception) -> bool:
    """Return whether an error says that the model answers in streams only."""
    return _STREAMS.search(_words(error)) is not None


def wants_no_system(error: Exception) -> bool:
    """Return whether an error says that the model knows no system messages.

    Example:
        >>> wants_no_system(ValueError("System role not supported"))
        True
    """
    return _SYSTEM.search(_words(error)) is not None


def refuses_form(error: Exception) -> bool:
    """Return whether an error may mean that a model cannot be made to fill in a form.

    Servers say so in many words, so that any refusal may mean it; of a server that fails it has to
    name a form.

    Example:
        >>> refuses_form(ValueError("deepseek-reasoner does not support this tool_choice"))
        True
        >>> refuses_form(TimeoutError("read timed out"))
        False
    """
    if isinstance(error, OutputParserException | ValidationError) or is_too_long(error):
        return False
    failed = status_of(error) in (None, 500)
    return is_refusal(error) and (not failed or _FORM.search(_words(error)) is not None)


def wants_no_images(error: Exception) -> bool:
    """Return whether an error says that the model sees no images.

    Example:
        >>> wants_no_images(ValueError("This model does not support image input."))
        True
    """
    return _IMAGES.search(_words(error)) is not None


def room_left(error: Exception, *, prompt: int) -> tuple[int, int] | None:
    """Return the window that an error names, and what it leaves to a completion.

    Args:
        error: The refusal.
        prompt: An estimate of the prompt's tokens, for errors that do not say how many these are.

    Example:
        >>> said = "maximum context length is 4096 tokens, 808 in the messages, 8192 in the"
        >>> room_left(ValueError(said), prompt=700)
        (4096, 3288)
    """
    words = _words(error)
    for form in _SUMS:
        if exact := form.search(words):
            window = int(exact["window"])
            return window, window - int(exact["prompt"])
    if not (named := _WINDOW.search(words)):
        return None
    counted = _PROMPT.search(words)
    window = int(named["window"])
    return window, window - (int(counted["prompt"]) if counted else prompt)


def most_tokens(error: Exception, asked: int) -> int | None:
    """Return the longest completion that an error allows, when `asked` is too long.

    Example:
        >>> most_tokens(ValueError("max_tokens: 8192 > 4096, which is the maximum allowed"), 8192)
        4096
        >>> most_tokens(ValueError("Unsupported parameter: 'max_tokens'"), 8192) is None
        True
    """
    words = _words(error)
    named = _names(words, "max_tokens") or re.search("maximum tokens|completion tokens", words)
    return max(_limits(words, below=asked), default=None) if named else None


def refused_options(error: Exception, options: Collection[str]) -> list[str]:
    """Return which of the options an error is about.

    Of two that exclude each other the first stays.

    Example:
        >>> both = ValueError("`temperature` and `top_p` cannot both be specified")
        >>> refused_options(both, ["temperature", "top_p", "max_tokens"])
        ['top_p']
    """
    words = _words(error)
    named = [name for name in options if _names(words, name)]
    exclusive = len(named) > 1 and re.search(r"\bboth\b|only one", words)
    return named[1:] if exclusive else named


def _names(words: str, option: str) -> bool:
    names = "|".join(map(re.escape, OTHER_NAMES.get(option, (option,))))
    return re.search(rf"(?<![A-Za-z0-9_\\])(?:{names})(?![A-Za-z0-9_])", words) is not None


def _limits(words: str, *, below: int) -> list[int]:
    found = []
    for match in _MOST.finditer(words):
        for name, value in match.groupdict().items():
            if value is not None:
                found.append(int(value) - (name in {"exclusive", "below"}))
    return [limit for limit in found if 0 < limit < below]


def _words(error: Exception) -> str:
    body = getattr(error, "body", None)  # an SDK's error does not always quote it
    said = as_text(error)
    return _CODES.sub("", f"{said} {body}" if isinstance(body, dict | list | str) else said)


def status_of(error: Exception) -> int | None:
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
    return next((place for place in places if isinstance(place, int)), None)
