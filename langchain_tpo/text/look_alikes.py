"""What a reader could take a character for: a letter, a bracket, a space, or nothing at all.

Models and people read past accents, widths, styles, other alphabets and what cannot be seen. The
Unicode database tells most of that; the table holds what it does not. Knows characters only.
"""

# ruff: noqa: RUF001 look-alikes are what this module is about

import re
import unicodedata
from functools import lru_cache

OPENING = {
    "<": "<\xab\u02c2\u1438\u16b2\u2039\u226a\u226e\u22d6\u2329\u25c1\u276c\u276e\u2770\u27e8\u27ea"
    "\u2991\u2993\u29fc\u3008\u300a\ufe3d\ufe3f\ufe64\uff1c\U0001d236",
    "[": "[\u2045\u2772\u27e6\u3010\u3014\u3016\u3018\u301a\ufe39\ufe3b\ufe47\ufe5d\uff3b",
    "{": "{\u2774\ufe37\ufe5b\uff5b",
}
"""What looks like a bracket that opens a tag."""

CLOSING = {
    "<": ">\xbb\u02c3\u1433\u203a\u226b\u232a\u25b7\u276d\u276f\u2771\u27e9\u27eb\u29fd\u3009\u300b"
    "\ufe3e\ufe40\ufe65\uff1e",
    "[": "]\u2046\u2773\u27e7\u3011\u3015\u3017\u3019\u301b\ufe3a\ufe3c\ufe48\ufe5e\uff3d",
    "{": "}\u2775\ufe38\ufe5c\uff5d",
}
"""The other half, by the ASCII bracket that opens."""

_ALIKE = {
    "a": "ɑαΑᎪᗅ⍺𖽀",
    "b": "ΒβВвЬьᏏᏴᑲᖯᗷꓐƄꞴ𐊡𐌁",
    "c": "ϲϹСсᏟⲤⲥꓚꮯ𐊢𐌂𐐕𐐽𐔜𑣲🝌𑣩",
    "d": "ԁᎠᏧᑯᗞᗪꓒꓓ",
    "e": "ΕεЕеҽᎬ℮⋿ⴹ𐊆𑢦𑢮",
    "f": "ſϜքᖴẝꓝ𐊇𐊥𐔥𑢢𑣂𝈓",
    "g": "ƍԌցᏀᏳꓖ",
    "h": "ΗНнһհᎻᏂᕼⲎꓧ𐋏",
    "i": "lɩ˛ιΙіІӏӀᎥ⍳ꙇꭵ1|ͺ𑣃",
    "j": "ͿϳЈјᎫᒍꓙ",
    "k": "ΚκКкᏦᛕⲔꓗ𐔘",
    "l": "iI1|ƖǀΙІӏӀᏞᒪᛁ∣⏽ⲒⳐⵏꓡꓲ\u0627￨𐊊𐌉𐌠𐐛𐔦𑢣𑢲𖼖𖼨𝈪",
    "m": "ΜϺМмᎷᗰᛖⲘꓟ𐊰𐌑",
    "n": "ΝηпоոռⲚꓠ𐔓",
    "o": "0ΟοσՕօᅌوہەഠဝჿዐⵔ〇ଠంಂംං𐊒𑢵𑣈𑣗۵",
    "p": "ΡρРрᏢᑭ⍴Ⲣⲣꓑ𐊕",
    "q": "ԚԛգզⵕϙϘ",
    "r": "ƦгᎡᏒᖇᴦⲅꓣꭇꮁ𐒴𖼵𝈖",
    "s": "5ƽЅѕՏᏕᏚꓢꮪ𐐠𐑈𑣁𖼺",
    "t": "ΤτТтᎢ⊤⟙Ⲧꓔ†𐊱𐌕𑢼𖼊🝨",
    "u": "ʋΥυՍսሀᑌ∪⋃ꞟци𑢸𑣘𖽂",
    "v": "νѴѵᏙᐯ∨⋁ⴸꓦꛟꮩ𐔝𑜆𑢠𑣀𖼈𝈍۷",
    "w": "ɯωѡԜԝաᎳᏔꓪꮃшщ𑜊𑜎𑜏𑣯𑣦",
    "x": "×ΧχХхᕁᕽ᙭᙮ᚷ╳⤫⤬⨯ⲬⵝꓫꞳ𐊐𐌗𐌢𐔧𑣬",
    "y": "ɣΥγУуҮүᎩᎽᶌⲨꓬყ𐊲𑢤𑣜𖽃",
    "z": "ΖᏃꓜꮓ𐋵𑢩𑣄𑣥",
    "/": "\u1735\u2041\u2044\u2215\u2571\u27cb\u29f8\u3033\u30ce\u31d3\u4e3f\u2cc6\U0001d23a",
    "\\": "\u2216\u27cd\u29f5\u29f9\u2572\u31d4\u4e36",
    "!": "\u01c3\u2d51",
    "?": "\u0294\u0241\u097d\u13ae\ua6eb",
    ":": "\u02d0\u02f8\u0589\u05c3\u0703\u0704\u16ec\u1803\u1809\u205a\u2236\ua4fd\ua789\ufe30",
    "_": "\u02cd\u203f\u2040\u2054",
    "-": "\u02d7\u06d4\u2010\u2012\u2013\u2014\u2212\u2796\u2cba",
}
"""Characters of other alphabets and symbols by the ASCII character that they look like."""

_READ_AS: dict[str, tuple[str, ...]] = {}
for _letter, _others in _ALIKE.items():
    for _other in _others:
        _READ_AS[_other] = (*_READ_AS.get(_other, ()), _letter)

_BLANK = frozenset("\u115f\u1160\u2800\ufffd\U0001d159")
"""Letters and symbols that show nothing, and what stands for a character that was lost."""

_MEANINGLESS = frozenset({"Cs", "Co", "Cn"})
"""Categories of what is no character: halves of surrogate pairs, private and unassigned ones."""

_NOTHING = _MEANINGLESS | {"Mn", "Mc", "Me", "Cc", "Cf"}
"""Categories of what is overlooked: that, marks, controls and joiners."""

_LETTER_NAME = re.compile(r".*(?:LETTER|SYMBOL)(?: [A-Z]{2,})* ([A-Z])(?: WITH .*)?")
"""Names such as "LATIN LETTER SMALL CAPITAL Q" and "NEGATIVE CIRCLED LATIN CAPITAL LETTER Q"."""

UNSEEN_ASCII = 0xE0000
"""From a printable ASCII character to its invisible copy, which language models read as well."""


@lru_cache(maxsize=10_000)
def readings(character: str) -> tuple[str, ...]:
    r"""Return what a reader could take a character for, the plainest reading first.

    Letters come in lower case and without marks, whatever separates words as a space, and what a
    reader overlooks as an empty text.

    Args:
        character: One character of any alphabet.

    Example:
        >>> readings("Q"), readings("\uff31"), readings("\u200b"), readings("\n")
        (('q',), ('q',), ('',), (' ',))
        >>> ascii(readings("\u041e"))  # the Cyrillic letter O
        "('\\u043e', 'o')"
    """
    if character.isspace():
        return (" ",)
    if unicodedata.category(character) in _MEANINGLESS:
        return ("",)
    parts = [part for part in unicodedata.normalize("NFKD", character) if not _is_nothing(part)]
    plain = "".join(parts).casefold()
    others = ["".join(filter(str.isalnum, plain)) or plain]  # a letter in parentheses is a letter
    for part in (character, *parts) if len(parts) == 1 else character:
        others += [*_READ_AS.get(part, ()), *_named(part)]
    if digit := str(unicodedata.decimal(character, "")):
        others += [digit, *_READ_AS.get(digit, ())]
    if ord(character) - UNSEEN_ASCII in range(0x21, 0x7F):
        others.append(chr(ord(character) - UNSEEN_ASCII).lower())
    return tuple(dict.fromkeys([plain, *others]))


def _is_nothing(character: str) -> bool:
    return unicodedata.category(character) in _NOTHING or character in _BLANK


def _named(character: str) -> list[str]:
    named = _LETTER_NAME.fullmatch(unicodedata.name(character, ""))
    return [named[1].lower()] if named else []
