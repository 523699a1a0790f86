"""Rules on how many: words, sentences, paragraphs, bullet points, sections, placeholders.

Each counts in one documented way, by layout and punctuation; no language model is asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

_BULLET = re.compile(r"^[ \t]*[-*+•][ \t]+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]+\S", re.MULTILINE)
_LIST_MARK = re.compile(r"^[ \t]*(?:[-*+•]|#{1,6}|\d{1,3}[.)])[ \t]+", re.MULTILINE)
_DIVIDER = re.compile(r"\n[ \t]*(?:\n|(?:\*[ \t]?){3,}\n|-{3,}[ \t]*\n)")
_SECTION = re.compile(
    r"^[ \t*_#]*(?:#+[ \t]+\S|(?:section|part|chapter)[ \t]+\w+)", re.IGNORECASE | re.MULTILINE
)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\](?!\()")
_HIGHLIGHT = re.compile(r"\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*\*")
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|st|[a-z])\.(?=\s+\S)", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?]+[\"')\]\u201d*]*(?:\s+|$)|\n+")


def count_words(text: str) -> int:
    """Count what stands between spaces and holds a letter or digit.

    Example:
        >>> count_words("- Well-made, isn't it?")
        3
    """
    return sum(1 for token in text.split() if any(map(str.isalnum, token)))


def count_sentences(text: str) -> int:
    """Count what ends in `.`, `!`, `?` or a line break.

    Example:
        >>> count_sentences("Dr. Who came. So did I, e.g. by bus!")
        2
    """
    plain = _ABBREVIATION.sub("", _LIST_MARK.sub("", text))
    return sum(1 for part in _SENTENCE_END.split(plain) if any(map(str.isalnum, part)))


def count_paragraphs(text: str) -> int:
    """Count blocks with a blank line or a divider (`***`, `---`) between them."""
    return sum(1 for part in _DIVIDER.split(text) if any(map(str.isalnum, part)))


def count_bullets(text: str) -> int:
    r"""Count lines that begin with `-`, `*`, `+` or `•`; where there is none, numbered lines.

    Example:
        >>> count_bullets("1. one\n2. two"), count_bullets("1. one\n   - its part")
        (2, 1)
    """
    return len(_BULLET.findall(text)) or len(_NUMBERED.findall(text))


_COUNTS: Mapping[str, Callable[[str], int]] = MappingProxyType(
    {
        "word": count_words,
        "sentence": count_sentences,
        "paragraph": count_paragraphs,
        "bullet point": count_bullets,
        "section": lambda text: len(_SECTION.findall(text)),
        "placeholder": lambda text: len(_PLACEHOLDER.findall(text)),
        "highlighted part": lambda text: len(_HIGHLIGHT.findall(text)),
    }
)
"""How each thing is counted, by its name in the singular."""

_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "paragraph": "with an empty line between them",
        "bullet point": "each on a line that begins with `- `",
        "section": "each under a heading that begins with `# `",
        "placeholder": "in square brackets, such as [name]",
        "highlighted part": "between asterisks, like *this*",
    }
)
"""How a writer makes what is counted, where that needs saying."""


@dataclass(frozen=True, kw_only=True)
class CountRule(Rule):
    """So many of one thing: at least, at most, or both.

    Example:
        >>> CountRule(thing="word", at_most=3).check("one two three four five six").words
        '6 words, asked for at most 3'
    """

    thing: str
    """What is counted, in the singular."""
    at_least: int = 0
    """The lower limit; 0 for none."""
    at_most: int | None = None
    """The upper limit; None for none."""

    def __post_init__(self) -> None:
        """Refuse limits that nothing can keep.

        Raises:
            SettingsError: They contradict each other, or ask for nothing.
        """
        if self.thing not in _COUNTS:
            raise SettingsError(f"`thing` must be one of {sorted(_COUNTS)}, got `{self.thing}`.")
        if self.at_least < 0 or (self.at_most is not None and self.at_most < self.at_least):
            raise SettingsError(
                f"A number of {self.thing}s needs 0 <= `at_least` <= `at_most`, got "
                f"`{self.at_least}` and `{self.at_most}`."
            )
        if self.at_most is None and not self.at_least:
            raise SettingsError(
                f"A rule on {self.thing}s needs a limit: `exactly`, `at_least` or `at_most`."
            )

    @property
    def topic(self) -> str:
        """The thing that is counted."""
        return self.thing

    def check(self, text: str) -> Verdict:
        """Count, and say how far the number is from the limit that it breaks."""
        count = _COUNTS[self.thing](text)
        limit = self.at_least if count < self.at_least else self.at_most
        kept = count >= self.at_least and (self.at_most is None or count <= self.at_most)
        closeness = 1 - abs(count - limit) / max(1, limit) if limit is not None else 1.0
        return verdict(
            kept,
            f"{_number(count, self.thing)}, asked for {self._wish}",
            closeness=closeness,
            advice=self._advice,
        )

    @property
    def _wish(self) -> str:
        if self.at_most is None:
            return f"at least {self.at_least}"
        if self.at_most == self.at_least:
            return f"exactly {self.at_most}"
        return f"{self.at_least} to {self.at_most}" if self.at_least else f"at most {self.at_most}"

    @property
    def _advice(self) -> str:
        limit = self.at_least if self.at_most is None else self.at_most
        things = self.thing if limit == 1 else f"{self.thing}s"
        form = f", {_FORMS[self.thing]}" if self.thing in _FORMS else ""
        return f"write {self._wish} {things}{form}"


@types_checked()
def max_words(limit: int) -> CountRule:
    """Ask for at most so many words.

    Example:
        >>> max_words(3).check("Oil protects wood.").kept
        True
    """
    return words(at_most=limit)


@types_checked()
def min_words(limit: int) -> CountRule:
    """Ask for at least so many words."""
    return words(at_least=limit)


@types_checked()
def words(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of words.

    Example:
        >>> words(at_least=1, at_most=2).check("Too many words").advice
        'write 1 to 2 words'
    """
    return _rule("word", exactly, at_least, at_most)


@types_checked()
def sentences(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of sentences."""
    return _rule("sentence", exactly, at_least, at_most)


@types_checked()
def paragraphs(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of paragraphs, with blank lines or dividers between them."""
    return _rule("paragraph", exactly, at_least, at_most)


@types_checked()
def bullets(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    r"""Ask for a number of lines that begin with `-`, `*`, `+` or `•`, or else with a number.

    Example:
        >>> bullets(2).check("- one\n- two").kept
        True
    """
    return _rule("bullet point", exactly, at_least, at_most)


@types_checked()
def sections(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of Markdown headings or lines like `Section 1`."""
    return _rule("section", exactly, at_least, at_most)


@types_checked()
def placeholders(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of placeholders in square brackets, such as `[name]`."""
    return _rule("placeholder", exactly, at_least, at_most)


@types_checked()
def highlights(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of parts in `*emphasis*` or `**bold**`."""
    return _rule("highlighted part", exactly, at_least, at_most)


def _rule(thing: str, exactly: int | None, at_least: int, at_most: int | None) -> CountRule:
    if exactly is not None:
        if at_least or at_most is not None:
            raise SettingsError(
                f"A rule on {thing}s takes `exactly` or limits, not both: got `{exactly}`, "
                f"`{at_least}` and `{at_most}`."
            )
        at_least = at_most = exactly
    return CountRule(thing=thing, at_least=at_least, at_most=at_most)


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
