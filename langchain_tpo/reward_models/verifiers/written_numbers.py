"""Writes numbers and lists of results as `math-verify` reads them.

It reads the 1 of 1e3, the 10 of 3 x 10^5 and the last of "x = 2 or x = 5" alone. Pure.
"""

import re
import unicodedata
from fractions import Fraction

_LIST_BREAK = r"(?:,?\s+(?:or|and)\s+|[,;]\s+)"
_VALUE = r"\$?[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?%?\$?"
_NAMED = rf"\$?([A-Za-z])\s*=\s*{_VALUE}(?:{_LIST_BREAK}\$?\1\s*=\s*{_VALUE})+"
_BARE = rf"(?:{_VALUE},\s+)*{_VALUE},?\s+or\s+{_VALUE}"
_SIGNED = rf"\$?(?:\b[A-Za-z]\s*=\s*)?(?:\\pm|\+/-)\s*(?P<both>{_VALUE})"
_ALTERNATIVES = re.compile(rf"(?<![\w.$])(?:{_NAMED}|{_BARE}|{_SIGNED})[\s.!)*]*\Z")
"""Several results at the end of a text: with one name, with "or" between them, with both signs."""

_SPELLED = str.maketrans({"\u2212": "-", "\u00b1": r"\pm "})
_SUPERSCRIPT = re.compile("[\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_TIMES_TEN = r"\s*(?:\\times|\\cdot|[\u00d7\u00b7x*])\s*10\s*(?:\^|\*\*)\s*"
_SCIENTIFIC = re.compile(
    rf"(?<![\w.^/*])(\d+(?:\.\d+)?)(?:(?:e|{_TIMES_TEN})([+-]?\d{{1,2}})(?![\w^!{{]|\.\d)"
    rf"|{_TIMES_TEN}\{{([+-]?\d{{1,2}})\}})",
    re.IGNORECASE,
)
_LARGE_ONES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_LARGE = re.compile(
    rf"(?<![\w.,])(\d[\d,]*(?:\.\d+)?)\s(?:\\text\{{\s?)?({'|'.join(_LARGE_ONES)})\b\}}?"
)
_DASHED_MINUS = re.compile(r"(?<![\w)\]}])\u2013\s?(?=[\d.(\\\u221a\u03c0])")
"""A dash for a minus before a number or a formula: "x = \u20133", and not that of "5\u201310"."""
_SPACED_MINUS = re.compile(r"(?<==)\s*-\s+(?=\d)")
_AREA = re.compile(
    r"(?<=\d)(?:\s|\\[ ,;])*(?:\\(?:text|mathrm)\{\s*)?(?:[mck]?m|in|ft|yd|mi)\}?\s*\^\{?[23]\}?"
)
"""A unit with an exponent, which would be read as a power of its letters."""
_VULGAR = re.compile("(\\d*)\\s?([\u00bc-\u00be\u2150-\u215e])")
_MIXED = re.compile(r"(?<!\d )(?<![\w.,/])(\d+) (\d{1,2})/(\d{1,2})(?![\w/])")
_MONEY = re.compile(r"\\\$(?=\s?\d)")


def readable(text: str) -> str:
    r"""Return a text with its numbers written out.

    Example:
        >>> readable("1.5e3 or 2 \\times 10^{-2} or 3 1/2")
        '1500 or 0.02 or 7/2'
    """
    plain = _MONEY.sub("", text.translate(_SPELLED))
    plain = _LARGE.sub(lambda said: _decimal(said[1].replace(",", ""), _LARGE_ONES[said[2]]), plain)
    plain = _DASHED_MINUS.sub("-", plain)
    plain = _SPACED_MINUS.sub("-", plain)
    plain = _SUPERSCRIPT.sub(lambda raised: f"^{unicodedata.normalize('NFKC', raised[0])}", plain)
    plain = plain.replace("^\u2212", "^-")
    plain = _SCIENTIFIC.sub(lambda said: _decimal(said[1], int(said[2] or said[3])), plain)
    plain = _VULGAR.sub(_as_fraction, plain)
    plain = _AREA.sub("", plain)
    return _MIXED.sub(_as_one_fraction, plain)


def alternatives(text: str) -> list[str]:
    r"""Return the results that a text ends in where it names several; none where it names one.

    Example:
        >>> alternatives("So x = 3 or x = -3."), alternatives(r"It is \pm 2"), alternatives("x = 3")
        (['3', '-3'], ['2', '-2'], [])
    """
    if "\\boxed" in text or (found := _ALTERNATIVES.search(text)) is None:
        return []
    if both := found["both"]:
        value = both.strip("$").replace(",", "")
        return [value, f"-{value}"]
    return [value.strip("$").replace(",", "") for value in re.findall(_VALUE, found[0])]


def _decimal(digits: str, power: int) -> str:
    value = Fraction(digits) * Fraction(10) ** power
    places = max(0, len(digits.partition(".")[2]) - power)
    scaled = value * 10**places
    whole = str(int(scaled)).rjust(places + 1, "0")
    return f"{whole[:-places]}.{whole[-places:]}" if places else whole


def _as_fraction(written: re.Match[str]) -> str:
    value = Fraction(unicodedata.numeric(written[2])).limit_denominator(10)
    total = int(written[1] or 0) + value
    return f"{total.numerator}/{total.denominator}"


def _as_one_fraction(written: re.Match[str]) -> str:
    whole, above, below = map(int, written.groups())
    return f"{whole * below + above}/{below}" if 0 < above < below else written[0]
