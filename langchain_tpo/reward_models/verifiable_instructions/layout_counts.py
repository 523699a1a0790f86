"""How many words, paragraphs, bullet points, sections and marked parts a text has, by its layout.

Each takes a `normalized` text. No language model is asked.
"""

import re
from itertools import groupby

from langchain_tpo.reward_models.verifiable_instructions.answer_text import without_code
from langchain_tpo.reward_models.verifiable_instructions.sentence_counts import LIST_MARK

SHORTEST_DIVIDER = 3
"""Marks of a line across the page."""

_BETWEEN_WORDS = re.compile(r"\s+|[\u2014\u2015]+|--+")
_BULLET = re.compile(
    r"([ \t>]*)(?:(\d{1,3}[.)][ \t]+)|[-*+\u2013][ \t]+"
    r"|[\u2022\u25e6\u00b7\u2023\u25aa\u25cf\u25cb][ \t]*)\S"
)
_LABEL = r"\d+|[ivxlc]+|[a-z]|one|two|three|four|five|six|seven|eight|nine|ten"
_SECTION = re.compile(
    r"^[ \t*_]*+(?:#++[ \t]+\S|(?:section|part|chapter)[ \t]+"
    rf"(?:{_LABEL})(?:[ \t]*$|[ \t]*[:.)*_\u2013\u2014-]|(?<=\d)[ \t]+(?-i:[A-Z])))",
    re.IGNORECASE | re.MULTILINE,
)
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9_])\[(?![ \t]*x?[ \t]*\]|[\d \t,;\u2013-]*\]|\^)[^\[\]\n]+\]"
    r"(?!\(|:[ \t]*\w{2,8}://)",
    re.IGNORECASE,
)
_HIGHLIGHT = re.compile(r"(?<![A-Za-z0-9*])(\*{1,3})(?=[^*\s])[^*\n]+\1(?![A-Za-z0-9])")


def count_words(text: str) -> int:
    """Count what stands between spaces or dashes and holds a letter or digit; no list numbers.

    Example:
        >>> count_words("1. Well-made, isn't it?")
        3
    """
    tokens = _BETWEEN_WORDS.split(LIST_MARK.sub("", text))
    return sum(1 for token in tokens if _has_word(token))


def count_paragraphs(text: str) -> int:
    """Count blocks with a blank line or a divider (`***`, `---`) between them."""
    blocks = groupby(text.split("\n"), key=lambda line: bool(line.strip()) and not _divides(line))
    return sum(1 for filled, lines in blocks if filled and any(map(_has_word, lines)))


def bullet_counts(text: str) -> tuple[int, int]:
    r"""Count bullet points: those that lie in none, and with them those of their kind that do.

    A line begins with `-`, `*`, `+`, `•` or a mark like these, or with a number: what counts is
    the kind that more of the outer lines have. Dividers and lines of code are none.

    Example:
        >>> bullet_counts("1. one\n   - its part\n2. two\n\n- a note")
        (2, 2)
    """
    lines = (line for line in without_code(text).split("\n") if not _divides(line))
    marks = [(len(mark[1]), bool(mark[2])) for mark in map(_BULLET.match, lines) if mark]
    outer = min((depth for depth, _ in marks), default=0)
    kinds = [numbered for depth, numbered in marks if depth == outer]
    numbered = sum(kinds) > len(kinds) / 2
    return kinds.count(numbered), sum(1 for _, kind in marks if kind is numbered)


def count_sections(text: str) -> int:
    r"""Count Markdown headings and lines that begin like `Section 1` or `Part two:`.

    Example:
        >>> count_sections("# One\nPart of it.\n\n**Section 2: Two**")
        2
    """
    return len(_SECTION.findall(without_code(text)))


def count_placeholders(text: str) -> int:
    """Count words in square brackets that are no link, check box, citation or index.

    Example:
        >>> count_placeholders("- [x] Write [name], as in [1] and [here](a.b).")
        1
    """
    return len(_PLACEHOLDER.findall(without_code(text)))


def count_highlights(text: str) -> int:
    r"""Count parts between asterisks; those of a product, of code or behind a `\` are none.

    Example:
        >>> count_highlights("*One* and **two**, 2*3*4 and `*code*`")
        2
    """
    return len(_HIGHLIGHT.findall(without_code(text).replace(r"\*", "")))


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _divides(line: str) -> bool:
    bare = "".join(line.split())
    return len(bare) >= SHORTEST_DIVIDER and bare[0] in "*-_" and bare == bare[0] * len(bare)
