"""What a refused request says about a model: which part of it cannot be taken.

Reads the words of providers and of LangChain's own clients. Pure; never sends anything.
"""

import re
from collections.abc import Collection, Mapping

from langchain_core.exceptions import ContextOverflowError, OutputParserException
from pydantic import ValidationError

from langchain_tpo.sampling.model_errors import is_refusal, status_of, words_of
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

_ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    "top_p": ("top-p", "nucleus"),
    "seed": ("randomSeed",),
    "n": (
        "num_generations",
        "num_return_sequences",
        "num_completions",
        "num_choices",
        "numChoices",
    ),
}
"""What only errors call them."""

_ONE_ANSWER = re.compile(
    r"""
      (?:completion|multiple|several|single|one|number\ of)  # llama.cpp; Gemini
      \ (?:response\ )?(?:choice|candidate|completion|generation|output\b(?!\ token))
    | candidate\ count
    | (?:^|:\ )n$                                                    # pydantic
    | [ax]rgument\w*\ supplied:\ n\b | \b(?:parameter|argument|option|field|property|invalid)\ n\b
    | \bparameters?\.n\b
    | (?<!model\ )['"`\[]n['"`\]](?!\s+not\ found)                      # all others name it
    | (?<![\w\\/.\-'"`?&])n(?:\s*[=<>≤:]|['"`]?\s+(?:must|should|can|has|is|was|value|param|to)\b)
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)

_OF_THE_PROMPT = re.compile(
    r"""
      \b(?:messages?|contents?|tools?|functions?)(?:\[\d|\.\d|\.\w+\.)  # a path into the request
    | schema\s+(?:for|must)\b | \w_schema\b | (?:json|function)\s?schema | ['"`.]properties\b
    | \btool_choice\b | \bimages?\b | \bcharacter\b
    | value\ ['"`]n['"`]
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What an error says that is about messages, images and tools, whose parts can have any name."""

_NOT_BOTH = re.compile(r"\bboth\b|only one|exclusive|together|\beither\b", re.IGNORECASE)

_STREAMS = re.compile(
    r"""
      only\s+(?:supports?\s+)?stream
    | stream['"`]?\s*=\s*true | stream\w*['"`]?\s+(?:must|has\ to|needs\ to|is\s+required)
    | (?:must|requires?|enable|use|set)\b[^.]{0,40}\bstream(?!\w*\s*(?:to|=)\s*false)
    | stream['"`]?\s*=\s*false['"`]?\s+(?:is|are)?\s*not | not\b[^.,]{0,40}\bstream\s*=\s*false
    | \bnon-?stream
    """,
    re.IGNORECASE | re.VERBOSE,
)

_SYSTEM = re.compile(
    r"""
      (?<!optional\ )\bsystem\b[\s'"`]*(?:role|message|prompt|instruction|field)
    | system_instruction
    | \broles?\b[^.\n]{0,60}\bsystem\b | ['"`]system['"`]\s+is\s+not
    | developer\s+instruction
    | only\s+user[^.]{0,30}\broles | (?<!system\ message,\ conversation\ )roles\s+must\s+alternate
    | (?:start|begin)\w*\s+with\s+a\s+user | first\s+message\s+must\b[^.]{0,40}\buser
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Folding the system message into the user's mends all of these, where there is one."""

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
    | max\ length\ exceeded                                   # Moonshot
    | exceeds?\ (?:the\ )?context\ (?:length|size|window|limit)  # llama-cpp-python and others
    | (?:over|exceeds?|beyond)\ the\ (?:model's\ )?context\ (?:length|size|window|limit)
    | greater\ than\ max_model_len                            # vLLM
    """,
    re.IGNORECASE | re.VERBOSE,
)

_WINDOW = re.compile(
    r"(?:context (?:length|window|size|limit)|prompt length|max length:|max_model_len"
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
      (?:at\ most|<=|≤|less\ than\ or\ equal\ to|no\ more\ than|up\ to|not\ exceed|limit\ of|above
        |(?:not|cannot)\ be\ (?:greater|larger|more)\ than|exceeds?\ the\ limit)
      [^\d.]{0,12}(?P<most>\d+)
    | exceeds?\b[^\d.]{0,20}\bmaximum\b[^\d.]{0,20}(?P<exceeded>\d+)
    | (?P<or_less>\d+)\ or\ (?:less|fewer)
    | (?:between|range(?:\ of)?)\ \d+\s*(?:and|to|-|\.\.)\s*(?P<between>\d+)(?!\ \(excl)
    | maximum(?:\ \w+){0,3}\ (?:is|of)\ [^\d.]{0,4}(?P<maximum>\d+)
    | \[\s*\d+\s*,\s*(?P<range>\d+)\s*\]
    | \bto\ (?P<exclusive>\d+)\ \(exclusive\)
    | (?:lower|less)\ than\ (?P<below>\d+)
    | \d\ >\ (?P<sum>\d+)(?!\ -)
    | \w+\ >\ (?P<condition>\d+)
    """,
    re.IGNORECASE | re.VERBOSE,
)


_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b(?!\s*[\])]))")
"""Commas inside numbers, and not between those of a range."""


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
    words = words_of(error)
    if not _ONE_ANSWER.search(words) and not _names(words, "n"):
        return None
    if _OF_THE_PROMPT.search(words):
        return None
    if n > _OPENAI_MOST and "greedy" not in words:
        return max(_limits(words, below=n), default=_OPENAI_MOST)
    return max(_limits(words, below=n), default=1)


_OPENAI_MOST = 128
"""OpenAI names no number when `n` is above it."""


def wants_stream(error: Exception) -> bool:
    """Return whether an error says that the model answers in streams only."""
    return _STREAMS.search(words_of(error)) is not None


def wants_no_system(error: Exception) -> bool:
    """Return whether an error says that the model knows no system messages.

    Example:
        >>> wants_no_system(ValueError("System role not supported"))
        True
    """
    return _SYSTEM.search(words_of(error)) is not None


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
    return is_refusal(error) and (not failed or _FORM.search(words_of(error)) is not None)


def wants_no_images(error: Exception) -> bool:
    """Return whether an error says that the model sees no images.

    Example:
        >>> wants_no_images(ValueError("This model does not support image input."))
        True
    """
    return _IMAGES.search(words_of(error)) is not None


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
    words = _THOUSANDS.sub("", words_of(error))
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
    words = words_of(error)
    named = _names(words, "max_tokens") or re.search("(?:max|maximum|completion) tokens", words)
    return max(_limits(words, below=asked), default=None) if named else None


def refused_options(error: Exception, options: Collection[str]) -> list[str]:
    """Return which of the options an error is about.

    Of two that exclude each other the first stays.

    Example:
        >>> both = ValueError("`temperature` and `top_p` cannot both be specified")
        >>> refused_options(both, ["temperature", "top_p", "max_tokens"])
        ['top_p']
    """
    words = words_of(error)
    if _OF_THE_PROMPT.search(words):
        return []
    named = [name for name in options if _names(words, name)]
    return named[1:] if len(named) > 1 and _NOT_BOTH.search(words) else named


def _names(words: str, option: str) -> bool:
    called = OTHER_NAMES.get(option, (option,)) + _ALSO_CALLED.get(option, ())
    names = "|".join(re.escape(name) for name in called if len(name) > 1)
    return re.search(rf"(?<![A-Za-z0-9_\\])(?:{names})(?![A-Za-z0-9_])", words) is not None


def _limits(words: str, *, below: int) -> list[int]:
    found = []
    for match in _MOST.finditer(_THOUSANDS.sub("", words)):
        for name, value in match.groupdict().items():
            if value is not None:
                found.append(int(value) - (name in {"exclusive", "below"}))
    return [limit for limit in found if 0 < limit < below]
