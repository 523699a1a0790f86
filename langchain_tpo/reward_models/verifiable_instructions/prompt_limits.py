"""How limits are said: numbers, and the words before and after them.

Knows English. One list serves all that is counted: words and sentences of an answer, and how often
it says a phrase.
"""

import re

from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import IMPERATIVE

SLACK = 0.2
"""How far off "about 100 words", or a bare "100 words", may be."""

_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = rf"[ -](?:{'|'.join(_NUMBER_WORDS[1:10])})\b"
_FROM_TWENTY = rf"(?:{'|'.join(_TENS)})(?:{_ONES}|(?!{_ONES}))"
_DIGITS = r"(?<![\d,])\d{1,3}(?:,\d{3}){1,3}|\d{1,5}"
NUMBER = rf"(?:{_DIGITS}|{_FROM_TWENTY}|{'|'.join(_NUMBER_WORDS)}|single)"
"""How numbers are written."""

_SIZE = (
    r"(?: (?:allowed|permitted))?(?: (?:length|size|number|limit|count))?"
    r"(?: (?:of|for) (?:your|the) \w+)?"
)
_BEING = r"(?: of| is| (?:should|must) be|:)"
_AT = r"(?:at|as) (?:an? |the )?(?:very )?"
BEFORE = {
    "at most": r"at (?:the )?(?:very )?most|(?:no|not) (?:more|longer) than|not exceed(?:ing)?"
    rf"|max(?:imum|\.)?{_SIZE}{_BEING}?|up to|within|limit(?:ed)? (?:\w+ ){{0,3}}to|limit{_BEING}"
    r"|(?:keep|cap|hold) (?:\w+ ){1,3}(?:to|at)",
    "at least": r"at (?:the )?(?:very )?least|(?:no|not) (?:less|fewer|shorter) than"
    rf"|min(?:imum|\.)?{_SIZE}{_BEING}?",
    "below": r"(?:less|fewer|shorter) than|under|below",
    "above": r"(?:more|longer) than|over|exceed(?:ing)?",
    "exactly": r"exactly|precisely|only|just",
    "about": r"about|around|approximately|approx\.?|roughly",
}
"""How a limit is said before its number, longest ways of saying it first."""

AFTER = {
    "at most": rf"or (?:less|fewer|under)|max(?:imum)?|{_AT}(?:most|max(?:imum)?)|tops|limit",
    "at least": rf"or (?:more|over)|min(?:imum)?|{_AT}(?:least|min(?:imum)?)",
    "exactly": r"exactly|precisely",
}
"""How a limit is said after its number."""

NEGATION = (
    r"\b(?:no|not|nothing|never|without|avoid\w*|refrain\w*(?: from)?|cannot|neither|nor"
    r"|\w+n['\u2019]t)\b"
)
"""What turns a limit into its opposite, or forbids something."""

NOT = {"above": "at most", "below": "at least"}
"""What "not above" and "not below" come to; of "not at least" nobody knows."""

_IN_FRONT = re.compile(
    rf"(?:\A|[,;:(]|\b(?:and|but|so)\b)\W*{_AT}(?P<way>most|max(?:imum)?|least|min(?:imum)?)"
    rf"(?:, |,? (?={IMPERATIVE}))[^.,;:\d\n]*\Z",
    re.IGNORECASE,
)


def value(number: str) -> int:
    """Return the number that digits, or a word of `NUMBER`, say.

    Example:
        >>> value("1,000"), value("twenty-five")
        (1000, 25)
    """
    lowered = number.lower().replace(",", "")
    if lowered.isdigit():
        return int(lowered)
    tens, _, ones = lowered.replace("-", " ").partition(" ")
    if tens in _TENS:
        return 10 * (_TENS.index(tens) + 2) + (_NUMBER_WORDS.index(ones) if ones else 0)
    return 1 if lowered == "single" else _NUMBER_WORDS.index(lowered)


def bounds(relation: str, first: int, last: int) -> tuple[int, int | None]:
    """Return the least and the most that a limit allows; None for no upper limit.

    Args:
        relation: One of `BEFORE`; any other asks for just these numbers.
        first: The number, or the lower one of two.
        last: The number, or the upper one of two.

    Example:
        >>> bounds("below", 50, 50), bounds("at least", 2, 3), bounds("", 2, 3)
        ((0, 49), (2, None), (2, 3))
    """
    return {
        "at most": (0, last),
        "below": (0, last - 1),
        "at least": (first, None),
        "above": (first + 1, None),
        "about": (round(first * (1 - SLACK)), round(last * (1 + SLACK))),
    }.get(relation, (first, last))


def relation_of(words: str) -> str:
    """Return what a way of saying a limit comes to.

    Args:
        words: What stands before a number or after it, one of the ways of `BEFORE` and `AFTER`.

    Example:
        >>> relation_of("No more than"), relation_of("or fewer"), relation_of("under")
        ('at most', 'at most', 'below')
    """
    return next(
        relation
        for relation, ways in (*AFTER.items(), *BEFORE.items())
        if re.fullmatch(ways, words, re.IGNORECASE)
    )


def relation_in_front(sentence: str) -> str | None:
    """Return what a limit comes to whose relation opens its sentence; None where none does.

    Args:
        sentence: What stands before the number.

    Example:
        >>> relation_in_front("At a maximum, use "), relation_in_front("Use ")
        ('at most', None)
    """
    found = _IN_FRONT.search(sentence)
    if found is None:
        return None
    return "at most" if found["way"].lower().startswith(("most", "max")) else "at least"
