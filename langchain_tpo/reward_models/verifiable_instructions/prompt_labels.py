"""Limits in the form of a label: "Word limit: 100", "Length: 100-150 words", "Max. sentences: 3".

Lists of requirements and filled-in templates say limits so. They are written out as wishes, which
`prompt_counts` reads. Data look alike ("Words: 520"), and so do sizes of parts ("Sentences: 10-15
words"): those are taken out.
"""

import re
from collections import defaultdict

from langchain_tpo.reward_models.verifiable_instructions.prompt_limits import (
    BEFORE,
    NUMBER,
    value,
)

_MOST = 5_000
"""A larger number is the size of something that exists already."""

_THING = "word|sentence|paragraph|bullet point|bullet"
_MARKS = r"[ \t*_#>\u2022-]{0,8}"
_LIMIT = rf"(?:{'|'.join(BEFORE.values())})"
_LABELLED = re.compile(
    rf"(?:\A|(?<=[.;,(\n]))(?P<marks>{_MARKS})"
    r"(?:(?P<first>max(?:imum)?|min(?:imum)?)\.? )?"
    r"(?:(?:(?P<aim>target|desired|required|expected|answer|response|output)|total|approximate) )?"
    rf"(?:(?:number of )?(?P<many>{_THING})s|(?P<one>{_THING}) "
    r"(?:(?P<last>limit|max(?:imum)?|min(?:imum)?)|count|length)|(?P<length>length))"
    rf"(?: \((?P<aside>max(?:imum)?|min(?:imum)?)\.?\))?[*_]{{0,2}}\s?(?P<sign>[:=])"
    rf"[*_]{{0,2}}[ \t]{{0,3}}(?P<said>{_LIMIT}(?: an?)? )?"
    rf"(?P<number>(?P<least>{NUMBER})(?P<to>(?: to |\s?[-\u2013]\s?){NUMBER})?(?P<plus>\+)?)"
    rf"(?: (?P<behind>{_THING})s?)?(?P<end>[*_]{{0,2}}\s*(?:[.;)\n]|,(?! ?\d)|\Z))",
    re.IGNORECASE,
)
_RELATION = {"lim": "at most ", "max": "at most ", "min": "at least "}
_BESIDE = r"^[ \t*_#>\u2022\d.)-]{0,12}(?:%s)\b[*_]{0,2}:"
_REQUIREMENT = re.compile(
    _BESIDE % r"tone|audience|style|format|topic|task|language|voice|role|reading level|key ?words"
    r"|spelling|(?:banned|forbidden) words",
    re.IGNORECASE | re.MULTILINE,
)
"""What is said beside a label that asks for something."""
_OF_DATA = re.compile(
    _BESIDE % r"due|deadline|author|title|genre|published|publisher|price|score|grade|isbn",
    re.IGNORECASE | re.MULTILINE,
)
"""What is said beside a label of something that exists already."""


def labels_written_out(text: str) -> str:
    r"""Return the text with each limit in the form of a label as a wish.

    Example:
        >>> labels_written_out("Word limit: 100. Why?")
        'Use at most 100 words. Why?'
        >>> labels_written_out("Words: 520\nIs that much?")
        '\nIs that much?'
    """
    labels = list(_LABELLED.finditer(text))
    asking = any(_is_limit(label) for label in labels) or _REQUIREMENT.search(text)
    asked_for = bool(asking) and not _OF_DATA.search(text)
    numbers = defaultdict(set)
    for label in labels:
        numbers[_way(label), _thing(label)].add(label["number"])

    def wish(label: re.Match[str]) -> str:
        thing = _thing(label)
        if thing is None:  # "Length: 100" may be in characters or pages
            return label[0]
        only_line = not label.start() and "\n" not in text.strip() and label["sign"] == ":"
        is_asked = _is_limit(label) or only_line or (asked_for and label["sign"] == ":")
        one = len(numbers[_way(label), thing]) == 1
        if not (is_asked and one and _fits(label)):
            return f"{label['marks']}{label['end']}"
        return f"{label['marks']}Use {_way(label)}{label['number']} {thing}s{label['end']}"

    return _LABELLED.sub(wish, text)


def _thing(label: re.Match[str]) -> str | None:
    """Return what is counted."""
    thing = label["behind"] or label["many"] or label["one"]
    return thing.lower() if thing else None


def _way(label: re.Match[str]) -> str:
    """Return how a number is meant, in words that stand before it."""
    way = label["first"] or label["last"] or label["aside"] or ""
    return label["said"] or ("" if label["to"] else _RELATION.get(way[:3].lower(), ""))


def _is_limit(label: re.Match[str]) -> bool:
    """Return whether a label says by itself that it asks for something."""
    said = ("first", "last", "aside", "aim", "said", "to", "plus", "length")
    return any(label[name] for name in said)


def _fits(label: re.Match[str]) -> bool:
    """Return whether a label is about the whole answer, and of a size that one may have."""
    named = label["many"] or label["one"]
    is_whole = not (named and label["behind"]) or named.lower() == label["behind"].lower()
    return is_whole and value(label["least"]) <= _MOST
