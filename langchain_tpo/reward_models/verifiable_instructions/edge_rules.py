"""Rules on how a text starts and ends."""

from dataclasses import dataclass
from typing import Literal

from langchain_tpo.reward_models.verifiable_instructions.answer_text import (
    comparable,
    ending,
    opening,
    whole_words,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

_EMPHASIS = ' *_"'
_STOPS = ".!?"


@dataclass(frozen=True)
class Edge(Rule):
    """The text starts or ends with some words, in any case.

    Emphasis and quotation marks around the text do not count, nor does a stop behind the last
    word, unless they are asked for.
    """

    side: Literal["start", "end"]
    """Where the words stand."""
    phrase: str
    """The words."""

    @property
    def topic(self) -> str:
        """Which end it is about."""
        return self.side

    def check(self, text: str) -> Verdict:
        """Compare that end, and say what stands there instead."""
        plain, wanted = comparable(text), comparable(self.phrase)
        kept = _starts(plain, wanted) if self.side == "start" else _ends(plain, wanted)
        return verdict(
            kept,
            f"asked for the {self.side} `{self.phrase}`{'' if kept else self._found(text, plain)}",
            advice=f"{self.side} with `{self.phrase}`{self._alone}",
        )

    @property
    def _alone(self) -> str:
        return " and write nothing after it" if self.side == "end" else ""

    def _found(self, text: str, plain: str) -> str:
        if not plain:
            return ", found nothing"
        if self.side == "start":
            return f", found `{opening(text)}`"
        *_, rest = whole_words(comparable(self.phrase)).split(plain)
        return f", found `{ending(text)}`" if rest == plain else f", followed by `{opening(rest)}`"


@dataclass(frozen=True)
class Quoted(Rule):
    """The whole text stands in one pair of double quotation marks, straight or curly."""

    @property
    def topic(self) -> str:
        """The marks."""
        return "quotation marks"

    def check(self, text: str) -> Verdict:
        """Look at both ends, and for a mark that closes in between."""
        fault = _quotation_fault(comparable(text))
        return verdict(
            not fault,
            f"asked for double quotation marks around the whole text{fault and f', {fault}'}",
            advice='begin with `"`, end with `"` and write nothing outside of them',
        )


def _starts(text: str, wanted: str) -> bool:
    words = whole_words(wanted)
    return any(words.match(plain) for plain in (text, text.lstrip(_EMPHASIS)))


def _ends(text: str, wanted: str) -> bool:
    words = whole_words(wanted)
    plains = (text, text.rstrip(_EMPHASIS), text.rstrip(_EMPHASIS + _STOPS))
    return any(
        plain.endswith(wanted) and words.match(plain, len(plain) - len(wanted)) for plain in plains
    )


def _quotation_fault(text: str) -> str:
    if not text.startswith('"'):
        return "none at the start"
    if len(text) == 1 or not text.endswith('"'):
        return "none at the end"
    mark = text.find('"', 1, -1)
    return "they close before the end" if mark > 0 and _closes(text, mark) else ""


def _closes(text: str, mark: int) -> bool:
    """Return whether a mark closes what the first one opened: something ends there."""
    return not text[mark - 1].isspace() and not text[mark + 1].isalnum()
