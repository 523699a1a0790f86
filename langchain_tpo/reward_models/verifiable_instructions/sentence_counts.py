"""How many sentences a text has, by its stops, its line breaks and a list of abbreviations."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

LIST_MARK = re.compile(
    r"^[ \t>]*(?:[-*+\u2013\u2022\u25e6\u00b7\u2023\u25aa\u25cf\u25cb]|#{1,6}|\d{1,3}[.)])[ \t]+",
    re.MULTILINE,
)
"""What begins a line of a list or a heading, and is no word."""

_QUOTES = "\"'\u2019\u201d\u00bb"
_CLOSERS = rf"(?:[{_QUOTES})\]*_`\u300d\u300f\uff09]|\[\d{{1,3}}\])*+"
_STOP = re.compile(
    rf"\n+|[\u3002\uff0e\uff01\uff1f\uff61\u0964\u0965\u061f\u06d4]++{_CLOSERS}"
    rf"|(?<![.!?\u2026])[.!?\u2026]++{_CLOSERS}(?=\s|\Z)"
)
"""A line break; a stop that needs no space behind it, as in Chinese and Hindi; any other stop."""
_FOLLOWING = re.compile(r"[^\S\n]*+[*_(\[]*+(\w{0,12})")
_PRECEDING = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*\Z")
_LONGEST = 12
"""Letters that are looked at in front of a stop: more than any abbreviation has."""

_NEVER_ENDS = re.compile(
    r"(?i:mrs?|ms|mx|dr|prof|mt|vs|cf|viz|approx|e\.g|i\.e)"
    r"|Gen|Sen|Rep|Rev|Hon|Col|Capt|Lt|Sgt"
)
_BEFORE_A_NUMBER = re.compile(
    r"nos?|figs?|eqs?|vol|pp?|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec", re.IGNORECASE
)
_MAY_END = re.compile(
    r"etc|st|jr|sr|inc|ltd|co|corp|dept|al|[^\W\d_]|(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"(?:a|an|the|this|that|these|those|it|he|she|we|they|you|i|his|her|its|our|my|your|their"
    r"|there|here|then|now|when|while|if|but|and|so|in|on|at|as|for|after|before|what|who|how|why"
    r"|yes|no|however)",
    re.IGNORECASE,
)
"""A word with which a sentence begins, and hardly a name."""


def count_sentences(text: str) -> int:
    """Count what ends in a stop or a line break; each line with a word counts as one at least.

    Example:
        >>> count_sentences('Dr. Who came at 5 p.m. sharp. "So what?" she said, e.g. to me.')
        2
    """
    return sentence_counts(text)[0]


def sentence_counts(text: str) -> range:
    """Return how many sentences there may be: an abbreviation can end one and can stand in one.

    Example:
        >>> list(sentence_counts("Oranges hold vitamin C. Lemons do too."))
        [1, 2]
    """
    plain = LIST_MARK.sub("", text)
    stops = list(_stops(plain))
    fewest = _parts(plain, [end for end, sure in stops if sure])
    return range(fewest, _parts(plain, [end for end, _ in stops]) + 1)


def _parts(text: str, ends: Sequence[int]) -> int:
    borders = pairwise((0, *ends, len(text)))
    return sum(any(map(str.isalnum, text[begin:end])) for begin, end in borders)


def _stops(text: str) -> Iterator[tuple[int, bool]]:
    """Yield where a sentence may end, and whether it surely does."""
    small = text.islower()
    for stop in _STOP.finditer(text):
        sure = _is_end(text, stop, small=small)
        if sure is not None:
            yield stop.end(), sure


def _is_end(text: str, stop: re.Match[str], *, small: bool) -> bool | None:
    """Return whether a stop ends a sentence; None for surely not.

    In front of a small letter it ends none, unless the text has small letters only.
    """
    if stop[0][0] not in ".!?\u2026":
        return True
    following = _FOLLOWING.match(text, stop.end())
    word = following[1] if following else ""
    if word[:1].islower() and (not small or any(mark in stop[0] for mark in _QUOTES)):
        return None
    return _is_full_stop(text, stop, word) if stop[0] == "." else True


def _is_full_stop(text: str, stop: re.Match[str], following: str) -> bool | None:
    """Return whether a point ends a sentence and not only an abbreviation; None for surely not."""
    found = _PRECEDING.search(text[max(0, stop.start() - _LONGEST) : stop.start()])
    word = found[0] if found else ""
    if _NEVER_ENDS.fullmatch(word):
        return None
    if following[:1].isdigit() and _BEFORE_A_NUMBER.fullmatch(word):
        return None
    return not _MAY_END.fullmatch(word) or bool(_BEGINS.fullmatch(following))
