"""Keeps keys and passwords out of what is written down: manifests, failures, representations.

A key that is given as `api_key` is a `SecretStr` and shows itself nowhere. This is for the rest:
options that carry one under a telling name, and errors of servers that repeat what they were sent.
It knows what keys look like; it does not know the keys.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

HIDDEN = "(hidden)"
"""Stands where a secret was."""

_TELLING = re.compile(
    r"key|secret|passw|auth|credential|cookie|(^|[_-])token$|(?<!^session_)headers?$|query$",
    re.IGNORECASE,
)
"""Names of options that are, or hold, secrets; `session_header` of the settings names a header."""

_VALUE = r"(?!\(hidden\))[^\s'\"&,;)}\]]"
"""One character of a secret that is not hidden yet: hiding twice changes nothing."""

_IS = r"['\"]?(?:\s*+(?:[:=]|%3[AaDd]|provided:|is:?\s))\s*+['\"]?"

_KINDS = "account|api|access|auth|client|private|secret|session|shared|signing|subscription"

_PRIVATE_KEY = r"[A-Z ]{0,40}PRIVATE KEY-----"

_CREDENTIALS = (
    (
        re.compile(
            rf"(-----BEGIN {_PRIVATE_KEY})(?!\(hidden\)).*?(?:-----END {_PRIVATE_KEY}|\Z)",
            re.DOTALL,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(://)[^/\s?#@'\"]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"([?&;](?:[\w.-]{0,40}[_.-])?(?:api_?key|key|token|sig|signature|code|secret|password|pwd"
            r"|auth|credential)=)(?!\(hidden\))[^\s'\"&#;)]++",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"(\b(?:proxy-)?authorization{_IS})(?:(bearer|basic|token|digest|apikey)\s++)?{_VALUE}+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(bearer|basic)\s++[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
    (
        re.compile(
            r"\b(?:sk|pk|rk|hf|gsk|xai|gh[opsur]|github_pat|glpat|lsv2|AIza|nvapi|r8|pplx|fw|tvly|xox[abps]"
            r"|dapi|csk|jina|tgp)[-_]?[\w-]{16,}"
        ),
        HIDDEN,
    ),
    (
        re.compile(
            rf"((?:(?:{_KINDS})[ _-]?(?:key|token)|secret|passw(?:ord|d)|passphrase|\bpwd"
            rf"|\b(?:set-)?cookie){_IS}){_VALUE}{{3}}[^\s'\"&,;)}}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"((?<![a-z])(?:key|token|sig|signature|credential){_IS})(?=[^\s'\"]*\d){_VALUE}{{16,}}",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
"""What keys and passwords look like in a URL, a header and a sentence."""


def without_credentials(text: str) -> str:
    """Return a text with everything hidden that looks like a key or a password.

    Args:
        text: An error's message, say.

    Example:
        >>> without_credentials("401: Incorrect API key provided: abcd1234, http://me:pw@host/v1")
        '401: Incorrect API key provided: (hidden), http://(hidden)@host/v1'
    """
    for pattern, shown in _CREDENTIALS:
        text = pattern.sub(shown, text)
    return text


@contextmanager
def keys_hidden() -> Iterator[None]:
    """Let an error out of this block with its keys hidden; type and attributes stay.

    What a node or a task raises, LangGraph writes into the checkpoint.

    Example:
        >>> with keys_hidden():
        ...     raise ValueError("401: Incorrect API key provided: abcd1234")
        Traceback (most recent call last):
        ValueError: 401: Incorrect API key provided: (hidden)
    """
    try:
        yield
    except Exception as error:
        error.args = tuple(
            without_credentials(part) if isinstance(part, str) else part for part in error.args
        )
        raise


def without_secrets(value: object) -> Any:  # noqa: ANN401 JSON
    """Return a JSON value with everything hidden that a name gives away as a secret.

    Args:
        value: Options, as a settings file or a caller gave them.

    Example:
        >>> without_secrets({"temperature": 0.7, "extra": {"api_key": "hush", "max_tokens": 9}})
        {'temperature': 0.7, 'extra': {'api_key': '(hidden)', 'max_tokens': 9}}
    """
    if isinstance(value, Mapping):
        return {
            name: HIDDEN
            if _TELLING.search(str(name)) and part is not None
            else without_secrets(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    if isinstance(value, str):
        return without_credentials(value)
    return value if isinstance(value, int | float | bool | None) else str(value)
