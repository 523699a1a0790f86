"""The text of an answer as the checks read it: without what only an editor or a typesetter sees.

Line ends, spaces and quotation marks have several code points each, and models write all of them.
"""

import re
import unicodedata

UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Characters of scripts that put no space between words, as a range of a regular expression: Thai,
Lao, Tibetan, Burmese, Khmer, Japanese, Chinese."""

FEW_LETTERS = 8
"""So few letters of such a script are a name or a word."""

_SHOWN_WORDS = 4
_SHOWN = 40
"""Words and characters of an answer that a remark shows."""

_LETTER = rf"[^\W{UNSPACED}]"
_IS_LETTER = re.compile(_LETTER)
_LINE_END = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_SPACES = {ord(space): " " for space in "\u00a0\u2007\u202f"}
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
_LOOKS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011"), "-"),
}
_PIECE = re.compile(r"\S{1,1000}")
"""Composing takes time with the square of a run of accents: words are composed piece by piece."""
_UNSPACED_LETTER = re.compile(rf"[{UNSPACED}]")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_INLINE_CODE = re.compile(r"`[^`\n]+`")


def normalized(text: str) -> str:
    r"""Return the text with plain line ends and spaces, and nothing that cannot be seen.

    Example:
        >>> normalized("\ufeffOne.\r\n\u00a0\r\nTwo.")
        'One.\n \nTwo.'
    """
    return _LINE_END.sub("\n", text).translate({**_SPACES, **_UNSEEN})


def comparable(text: str) -> str:
    r"""Return the text as one line of small letters, each character written in one way.

    Example:
        >>> comparable("Don\u2019t\n  use a cafe\u0301") == "don't use a caf\xe9"
        True
    """
    composed = _PIECE.sub(lambda piece: unicodedata.normalize("NFKC", piece[0]), normalized(text))
    small = composed.translate(_LOOKS).casefold().replace("i\u0307", "i")  # of a Turkish capital
    return " ".join(small.split())


def without_code(text: str) -> str:
    r"""Return the text with code blocks and code in lines emptied.

    Example:
        >>> without_code("Run `a[0]`:\n~~~\n# not a heading\n~~~\nDone.")
        'Run ``:\n\n\n\nDone.'
    """
    kept, opened = [], ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        kept.append("" if mark or opened else line)
        if mark and not opened:
            opened = mark[1]
        elif mark and mark[1].startswith(opened) and not line[mark.end() :].strip():
            opened = ""
    return _INLINE_CODE.sub("``", "\n".join(kept))


def is_mostly_unspaced(text: str) -> bool:
    """Return whether most letters belong to scripts that put no space between words."""
    unspaced = len(_UNSPACED_LETTER.findall(text))
    return unspaced > max(FEW_LETTERS, sum(map(str.isalpha, text)) / 2)


def whole_words(phrase: str) -> re.Pattern[str]:
    """Return what finds a phrase that is no part of a longer word; both `comparable`.

    Where words have no spaces between them a phrase may stand within any text.
    """
    left = f"(?<!{_LETTER})" if _IS_LETTER.match(phrase[0]) else ""
    right = f"(?!{_LETTER})" if _IS_LETTER.match(phrase[-1]) else ""
    return re.compile(f"{left}{re.escape(phrase)}{right}")


def opening(text: str) -> str:
    """Return the first words of a text, as a remark shows them.

    Example:
        >>> opening("Here is the JSON that you asked for")
        'Here is the JSON...'
    """
    first = text.split(None, _SHOWN_WORDS)
    return cut(" ".join(first[:_SHOWN_WORDS])) + ("..." if first[_SHOWN_WORDS:] else "")


def ending(text: str) -> str:
    """Return the last words of a text, as a remark shows them."""
    return cut(" ".join(text.rsplit(None, _SHOWN_WORDS)[-_SHOWN_WORDS:]))


def cut(text: str) -> str:
    """Return no more of a text than a remark has room for, without the marks around it."""
    plain = text.replace("`", "'")
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."
