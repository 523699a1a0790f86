"""Takes out of an answer the results that it says are none, as in "not 42". Pure."""

import re

_DENIES = r"(?:\b(?:not|never|cannot|neither|nor)\b|n['\u2019]t\b)"
_FILLS = (
    r"(?:\s+(?:be|been|have|has|equal|equals|to|exactly|actually|really|necessarily|the|number|value"
    r"|answer|result|solution|as))*"
)
"""Words that may stand between a denial and what it denies."""
_BOXED = r"\\boxed\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})+\}"
_RESULT = (
    rf"(?:\$[^$\n]{{1,200}}\$|\\\(.{{1,200}}?\\\)|\\\[.{{1,200}}?\\\]|{_BOXED}"
    r"|[^\s,;!?]{0,40}[\d\\\u221a\u03c0](?:[^\s,;!?]{0,40}[^\s,;!?.])?)"
)
_DENIED = re.compile(
    rf"{_DENIES}{_FILLS}\s+(?:[A-Za-z]\s*=\s*)?{_RESULT}(?:,?\s+n?or\s+{_RESULT})*"
    r"(?=[*.)]*(?:[,;!?.]|\s+[A-Za-z]{2,}|\s*(?:\n|\Z)))(?:,?\s+but(?:\s+rather)?(?=\s))?"
)


def without_denied(answer: str) -> str:
    """Return an answer without the results that it denies.

    Args:
        answer: What a model wrote.

    Example:
        >>> without_denied("The answer is not 42."), without_denied("It is not 3 but 4.")
        ('The answer is .', 'It is  4.')
        >>> without_denied("It does not matter: 42.")
        'It does not matter: 42.'
    """
    return _DENIED.sub("", answer)
