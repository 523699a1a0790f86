"""Rules on how many: words, sentences, paragraphs, bullet points, sections, placeholders.

How each is counted is in `layout_counts` and `sentence_counts`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions.answer_text import (
    is_mostly_unspaced,
    normalized,
)
from langchain_tpo.reward_models.verifiable_instructions.layout_counts import (
    bullet_counts,
    count_highlights,
    count_paragraphs,
    count_placeholders,
    count_sections,
    count_words,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict
from langchain_tpo.reward_models.verifiable_instructions.sentence_counts import sentence_counts

_COUNTS: Mapping[str, Callable[[str], Sequence[int]]] = MappingProxyType(
    {
        "word": lambda text: () if is_mostly_unspaced(text) else (count_words(text),),
        "sentence": sentence_counts,
        "paragraph": lambda text: (count_paragraphs(text),),
        "bullet point": bullet_counts,
        "section": lambda text: (count_sections(text),),
        "placeholder": lambda text: (count_placeholders(text),),
        "highlighted part": lambda text: (count_highlights(text),),
    }
)
"""How each thing is counted, by its name in the singular: every number that a reader may come to;
none where it cannot be counted."""

_FORMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sentence": (" (each line counts as one at least)",) * 2,
        "paragraph": (", with no empty line in it", ", with an empty line between them"),
        "bullet point": (
            ", on a line that begins with `- `",
            ", each on a line that begins with `- `",
        ),
        "section": (
            ", under a heading that begins with `# `",
            ", each under a heading that begins with `# `",
        ),
        "placeholder": (", in square brackets, such as [name]",) * 2,
        "highlighted part": (", between asterisks, like *this*",) * 2,
    }
)
"""How a writer makes one of what is counted, and several, where that needs saying."""


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
        """Count, and say how far the number is from the limit that it breaks.

        Of several numbers that a reader may come to, the one nearest to the limits is held.
        """
        plain = normalized(text)
        counts = _COUNTS[self.thing](plain)
        if not counts:
            words = f"{self.thing}s of a script without spaces, asked for {self._wish}"
            return Verdict(satisfaction=None, words=words)
        count = min(counts, key=self._distance)
        limit = self.at_least if count < self.at_least else self.at_most
        return verdict(
            not self._distance(count),
            f"{number_of(count, self.thing)}{self._how(plain, count)}, asked for {self._wish}",
            closeness=1 - self._distance(count) / max(1, limit or 0),
            advice=self._advice,
        )

    def _distance(self, count: int) -> int:
        above = 0 if self.at_most is None else count - self.at_most
        return max(self.at_least - count, above, 0)

    def _how(self, text: str, count: int) -> str:
        """Return what a writer may not expect of a number that is too high."""
        lines = self.thing == "sentence" and "\n" in text.strip()
        too_many = self.at_most is not None and count > self.at_most
        return " (each line counts as one at least)" if lines and too_many else ""

    @property
    def _wish(self) -> str:
        if self.at_most is None:
            return f"at least {self.at_least}"
        if self.at_most == 0:
            return "none"
        if self.at_most == self.at_least:
            return f"exactly {self.at_most}"
        return f"{self.at_least} to {self.at_most}" if self.at_least else f"at most {self.at_most}"

    @property
    def _advice(self) -> str:
        if self.at_most == 0:
            return f"write no {self.thing}s at all"
        limit = self.at_least if self.at_most is None else self.at_most
        things = self.thing if limit == 1 else f"{self.thing}s"
        return f"write {self._wish} {things}{self._form}"

    @property
    def _form(self) -> str:
        """Return how it is written: of several where there may be several."""
        one, several = _FORMS.get(self.thing, ("", ""))
        return one if self.at_most == 1 else several


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
    """Ask for a number of words; in a text of a script without spaces nothing is checked.

    Example:
        >>> words(at_least=1, at_most=2).check("Too many words").advice
        'write 1 to 2 words'
    """
    return _rule("word", exactly, at_least, at_most)


@types_checked()
def sentences(
    exactly: int | None = None, *, at_least: int = 0, at_most: int | None = None
) -> CountRule:
    """Ask for a number of sentences; each line counts as one at least."""
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
    r"""Ask for a number of lines that begin with `-`, `*`, `+`, `•` or the like, or with a number.

    Where both kinds stand, the more frequent one counts. Points within points may be counted or
    not: either number may keep the rule.

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


def number_of(count: int, thing: str) -> str:
    """Return how many of a thing there are, in words for a remark.

    Args:
        count: How many.
        thing: One of them, by a noun whose plural ends in `s`.

    Example:
        >>> number_of(1, "word"), number_of(2, "word")
        ('1 word', '2 words')
    """
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
