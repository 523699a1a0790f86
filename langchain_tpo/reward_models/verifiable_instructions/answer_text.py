"""The text of an answer as the checks read it: without what only an editor or a typesetter sees.

Line ends, spaces and quotation marks have several code points each, and models write all of them.
"""

import re

UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Characters of scripts that put no space between words, as a range of a regular expression: Thai,
Lao, Tibetan, Burmese, Khmer, Japanese, Chinese."""

FEW_LETTERS = 8
"""So few letters of such a script are a name or a word."""

_LINE_END = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_SPACES = {ord(space): " " for space in "\u00a0\u2007\u202f"}
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
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
