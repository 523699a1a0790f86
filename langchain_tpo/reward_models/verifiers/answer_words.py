"""The words of an answer, without what makes no difference between two answers.

What may differ is dropped (punctuation, Markdown, articles); what tells answers apart is kept:
signs, primes, exponents, marks of any script. Currency, brackets of a list and degrees stand
beside their number: one that is left out is no difference, another one is. Pure.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

LIST_SIGN = ","
"""Stands between the numbers of a list."""


class Word(NamedTuple):
    """One word of an answer."""

    text: str
    """As it was written."""
    mark: str = ""
    """Currency, degrees or a list's bracket beside it."""


_Rewrite = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_FORMULA = r"\\[()\[\]]|(?<![\\\w])\${1,2}(?=\S)([^$\n]+?)(?<=\S)\${1,2}(?!\w)"
_OPEN, _CLOSE = "([{<\u27e8]", ")]}>\u27e9["
_KEPT_OPEN = str.maketrans(_OPEN, "\ue000\ue001\ue002\ue003\ue003\ue004")
_KEPT_CLOSE = str.maketrans(_CLOSE, "\ue010\ue011\ue012\ue013\ue013\ue014")
_ITEM = r"[+\-\u00b1\u221a]*(?:\d[\d./^\u221a]*[A-Za-z]?|[A-Za-z]\d?|pi|\u03c0|inf\w*|oo|\u221e)"
_LIST = re.compile(
    rf"(?<!\w)([{re.escape(_OPEN)}])\s*({_ITEM}(?:\s*[,;]\s*{_ITEM})+)\s*([{re.escape(_CLOSE)}])"
)
_CURRENCIES = {
    "$": r"\$|US\$|(?:US )?dollars?\b|USD\b",
    "\u20ac": r"\u20ac|euros?\b|EUR\b",
    "\xa3": r"\xa3|pounds? sterling\b|GBP\b",
    "\xa5": r"\xa5|yen\b|JPY\b",
    "\u20b9": r"\u20b9|rupees?\b|INR\b",
    "\xa2": r"\xa2|cents?\b",
}
_BEHIND = {**_CURRENCIES, "\xb0": r"\xb0|degrees?\b", "%": r"%|per ?cent\b"}
"""Signs, and how they are written behind a number; currencies stand before it, too."""
_UNITS = "km|cm|mm|nm|[km]g|ml|[kmg]?hz|[kmgt]b|[km]?wh?|mph|k?cal|[km]?pa"
"""Units that are written with and without a space."""
_NUMBER = r"-?(?:\d[\d,.]*)?\d"
_SUPERSCRIPTS = "\u2070\xb9\xb2\xb3\u2074-\u2079\u207a\u207b\u207f"
_FACTORIAL = "!"
_MARKS = "".join(sign for sign in _BEHIND if sign != "%") + _FACTORIAL


def _raised(found: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", found[0]).replace("\u2212", "-")


def _fraction(found: re.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", found[0]).replace("\u2044", "/")
    return f" {plain} "


def _listed(found: re.Match[str]) -> str:
    """Keep the brackets of a list, beside its first and its last item."""
    items = re.sub(r"\s*[,;]\s*", f" {LIST_SIGN} ", found[2])
    return f" {found[1].translate(_KEPT_OPEN)}{items}{found[3].translate(_KEPT_CLOSE)} "


def _rewrites(*pairs: tuple[str, str | Callable[[re.Match[str]], str]]) -> list[_Rewrite]:
    return [(re.compile(pattern, re.IGNORECASE | re.MULTILINE), new) for pattern, new in pairs]


_FROM_LATEX = _rewrites(
    (_FORMULA, lambda found: found[1] or " "),
    (r"\\(?:left|right|displaystyle|[,;:!])", ""),
    (r"\\(?:text|mathrm|mathbf)\{([^{}]*)\}", r"\1"),
    (r"\^?\{?\\circ\}?", "\xb0"),
    (r"\\infty\b|\binfinity\b", "\u221e"),
    (r"\\pm\b|\+/-", "\xb1"),
    (r"<=|\\leq?\b", "\u2264"),
    (r">=(?!>)|\\geq?\b", "\u2265"),
    (r"!=|\\neq?\b|=\u0338", "\u2260"),
    (r"\\times\b", "\xd7"),
    (r"\\([{}%$])", r"\1"),
    (r"(?<=[A-Za-z])_\{?(\d+)\}?", r"\1"),
)
_FROM_TYPOGRAPHY = _rewrites(
    (r"[\u2010-\u2013\u2212\ufe63\uff0d]", "-"),
    (r"[\u2018\u2019]", "'"),
    (r"[\u201c\u201d\u201e\xab\xbb]", '"'),
    (rf"[{_SUPERSCRIPTS}]+", _raised),
    ("[\xbc-\xbe\u2150-\u215e]", _fraction),
    ("[\u21d2\u27f9\u27f6\u2794\u279c]|[-=]+>", " \u2192 "),
)
_WITHOUT_QUOTES = _rewrites(
    (r"^\s*(?:>+|[*+\u2022-](?=\s))", " "),
    (r"(?<![\w'])'([^'\n]+)'(?!\w)", r" \1 "),
    (r'(?<!\w)"([^"\n]*)"(?!\w)', r" \1 "),
    (
        r"(?<![\w'\"])([A-Za-z])('{1,3})(?![\w'])",
        lambda found: found[1] + "\u2032" * len(found[2]),
    ),
    (r"(?<=\d)(?:''|\")(?![\w'\"])", "\u2032\u2032"),
    (r"(?<=\d)'(?![A-Za-z'\"])", "\u2032"),
)
_OPERAND = r"(?:(?<=[\d)])|(?<=\b[A-Za-z]))"
_NUMBERS = _rewrites(
    (_LIST.pattern, _listed),
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"(?<=\d)\s*(?:,|\band\b)\s*(?=-?\d)", f" {LIST_SIGN} "),
    *((rf"(-?)(?:{said})\s?({_NUMBER})", rf"\1\2{sign}") for sign, said in _CURRENCIES.items()),
    *((rf"(?<=\d)\s?(?:{said})", f"{sign} ") for sign, said in _BEHIND.items()),
    (rf"(?!{_OPERAND})!", " "),
    (r"(?<![\w.])\.(?=\d)", "0."),
    (r"(?<![\d.])(\d+)\.0+(?![\d.])", r"\1"),
    (r"(?<![\w)+])\+(?=\d)", ""),
    (r"(?:(?<=[=:(<>\u2264\u2265\u2248])|(?<=\bis)|(?<=\bequals))\s*-\s*(?=\d)", " -"),
    (rf"{_OPERAND}(?:\*{{1,2}}(?=\S)| \* )(?=[\d(]|[A-Za-z]\b)", " \xd7 "),
    (rf"(?<=\d)\s?({_UNITS})\b", r" \1"),
)
_DROPPED = re.compile(r"(?<!\d)\.|\.(?!\d)|(?<!\w)#|#(?=\w)|_")
_ARTICLES = re.compile(r"(?i:\b(?:an|the)\b(?=\s+\w)|\ba\b(?=\s+(?!and\b|or\b)[^\W\d_]{2}))")
"""What stands before a noun; the A of "vitamin A" does not, nor that of "a and b"."""
_INSIDE = frozenset(".%/:+#-@\u2030\u2032\u221e\u266d\u266e\u266f")
_WORD = re.compile(
    rf"([\ue000-\ue004]?)(.*?)((?:[\ue010-\ue014]|[{re.escape(_MARKS)}])?)", re.DOTALL
)


def words_of(text: str, *, pictures: bool = False) -> list[Word]:
    """Return the words of an answer.

    Args:
        text: What a model wrote, or a reference.
        pictures: Keep emoji and other signs that usually adorn an answer.

    Example:
        >>> words_of("The **$1,000**."), words_of("[0, 1)")[0].text
        ([Word(text='1000', mark='$')], '0')
        >>> [word.text for word in words_of("It's 5 m^2!")]
        ['It', 's', '5', 'm', '^', '2']
    """
    plain = _rewritten(text, _FROM_LATEX + _FROM_TYPOGRAPHY + _WITHOUT_QUOTES)
    plain = _rewritten(unicodedata.normalize("NFKC", plain), _NUMBERS)
    plain = "".join(map(partial(_kept, pictures=pictures), plain))
    plain = _ARTICLES.sub(" ", _DROPPED.sub(" ", plain))
    return [_word(one) for one in plain.split()]


def same_words(wanted: list[Word], given: list[Word]) -> bool:
    """Return whether two answers say the same, word by word.

    Example:
        >>> same_words(words_of("5 euros"), words_of("$5"))
        False
        >>> same_words(words_of("$5"), words_of("5"))
        True
        >>> same_words(words_of("CO"), words_of("Co"))
        False
    """
    if len(wanted) != len(given):
        return False
    spelled = any(map(_spelled, wanted))
    before = ["", *(word.text for word in wanted)]
    return all(
        one.text.casefold() == other.text.casefold()
        and _same_mark(one.mark, other.mark)
        and (spelled or _same_case(one.text, other.text, unit=last[-1:].isdigit()))
        for last, one, other in zip(before, wanted, given, strict=False)
    )


def _spelled(word: Word) -> bool:
    """Return whether this is a word rather than a symbol."""
    plain = word.text.islower() or word.text.istitle()
    return plain and len(word.text) > 2 and word.text.isalpha()  # noqa: PLR2004


def _same_mark(wanted: str, given: str) -> bool:
    """Believe a mark that one side leaves out; of "!" only that it was meant as an exclamation."""
    if _FACTORIAL in (wanted, given):
        return wanted in (given, "")
    return not wanted or not given or wanted == given


def _rewritten(text: str, rewrites: list[_Rewrite]) -> str:
    for pattern, new in rewrites:
        text = pattern.sub(new, text)
    return text


def _kept(char: str, *, pictures: bool) -> str:
    """Return a character as it counts: inside a word, as a word of its own, or as a space."""
    kind = unicodedata.category(char)
    if char.isalnum() or char in _INSIDE or kind[0] == "M" or kind == "Co" or char in _MARKS:
        return char
    if kind == "Cf":  # joins what stands around it, unseen
        return ""
    signs = kind == "Sm" or char in f"^&{LIST_SIGN}" or (pictures and kind == "So")
    return f" {char} " if signs else " "


def _word(token: str) -> Word:
    found = _WORD.fullmatch(token)
    return Word(found[2], found[1] + found[3]) if found and found[2] else Word(token)


_TWO_LETTERS = {
    *("am", "an", "as", "at", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me"),
    *("my", "no", "of", "oh", "ok", "on", "or", "so", "to", "up", "us", "we"),
}
"""Words, not symbols, though they are as short."""


def _same_case(wanted: str, given: str, *, unit: bool) -> bool:
    """Return whether a symbol whose letters are large here and small there means the same.

    Co and CO do not, mW and MW, x and X. All small is how people write in haste, and believed but
    of a unit: Mg and mg.
    """
    one, other = ("".join(filter(str.isalpha, text)) for text in (wanted, given))
    if one == other or one.casefold() in _TWO_LETTERS:
        return True
    if len(one) == 1:
        return False
    if one.islower() or other.islower():
        return not (unit and len(one) == 2 and (one.istitle() or other.istitle()))  # noqa: PLR2004
    mixed = not any(text.isupper() or text.istitle() for text in (one, other))
    return len(one) > 2 and not mixed  # noqa: PLR2004
