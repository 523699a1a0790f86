"""Rules on what a text holds: words that must or must not stand in it, case, start, end, JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions.answer_text import (
    comparable,
    cut,
    opening,
    whole_words,
)
from langchain_tpo.reward_models.verifiable_instructions.count_rules import number_of
from langchain_tpo.reward_models.verifiable_instructions.edge_rules import Edge, Quoted
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

JSON_ALONE = "send valid JSON and nothing else"

COMMAS = ",\uff0c\u3001\u060c\ufe50\uff64"
"""The commas of Latin, Chinese, Japanese and Arabic texts."""

_FENCE = re.compile(r"(```|~~~)(?:\w*\s)?")


@dataclass(frozen=True)
class Includes(Rule):
    """Every one of some words or phrases stands in the text, in any case, so many times."""

    phrases: tuple[str, ...]
    """What must be there."""
    times: int = 1
    """How often each at least."""
    at_most: int | None = None
    """How often each at most; None: as often as you like."""

    @property
    def topic(self) -> str:
        """The required phrases: more of them is another rule, not a correction."""
        return f"includes {self.phrases}"

    def check(self, text: str) -> Verdict:
        """Name what is missing, and what is there too often."""
        counts = occurrences(self.phrases, text)
        off = {phrase: self._distance(count) for phrase, count in counts.items()}
        wrong = [phrase for phrase in self.phrases if off[phrase]]
        return verdict(
            not wrong,
            self._words(counts, wrong),
            closeness=1
            - sum(min(1.0, far / max(1, self.times)) for far in off.values()) / len(off),
            advice=f"use {listed(wrong or self.phrases)}{self._often}",
        )

    def _distance(self, count: int) -> int:
        above = 0 if self.at_most is None else max(0, count - self.at_most)
        return max(0, self.times - count) or above

    def _words(self, counts: Mapping[str, int], wrong: list[str]) -> str:
        if not self._often:
            return f"{listed(wrong or self.phrases)} {'missing' if wrong else 'there'}"
        found = ", ".join(f"{counts[phrase]} of `{phrase}`" for phrase in wrong or self.phrases)
        return f"{found}, asked for it{self._often}"

    @property
    def _often(self) -> str:
        if self.at_most is None:
            return f" at least {self.times} times" if self.times > 1 else ""
        often = "once" if self.at_most == 1 else f"{self.at_most} times"
        if self.at_most == self.times:
            return f" exactly {often}"
        return f" {self.times} to {often}" if self.times else f" at most {often}"


@dataclass(frozen=True)
class Excludes(Rule):
    """None of some words or phrases stands in the text, in any case; other words may hold them."""

    phrases: tuple[str, ...]
    """What must not be there."""

    @property
    def topic(self) -> str:
        """The forbidden phrases."""
        return f"excludes {self.phrases}"

    def check(self, text: str) -> Verdict:
        """Name what should not be there."""
        counts = occurrences(self.phrases, text)
        there = [phrase for phrase, count in counts.items() if count]
        words = (
            f"{listed(there)} there though forbidden"
            if there
            else f"no {listed(self.phrases)}, as asked for"
        )
        return verdict(
            not there,
            words,
            closeness=1 / (1 + sum(counts.values())),
            advice=f"leave {listed(there or self.phrases)} out",
        )


@dataclass(frozen=True)
class Case(Rule):
    """All letters are of one case."""

    upper: bool
    """Capital letters if true, else small ones."""

    @property
    def topic(self) -> str:
        """The case of letters."""
        return "case"

    def check(self, text: str) -> Verdict:
        """Return the share of letters in the right case, and name a word with another."""
        cased = sum(1 for char in text if char.lower() != char.upper())
        wrong = self._wrong(text)
        wish = "all capital letters" if self.upper else "no capital letters"
        word = next((word for word in text.split() if self._wrong(word)), "")
        found = f"{wrong} of {cased} letters differ, as in `{cut(word)}`" if wrong else "so it is"
        return verdict(
            not wrong,
            f"asked for {wish}, {found}",
            closeness=1 - wrong / max(1, cased),
            advice=case_advice(upper=self.upper),
        )

    def _wrong(self, text: str) -> int:
        cased = (char for char in text if char.lower() != char.upper())
        return sum(1 for char in cased if char != (char.upper() if self.upper else char.lower()))


@dataclass(frozen=True)
class NoCommas(Rule):
    """No comma stands in the text."""

    marks: str = COMMAS
    """What is a comma."""

    @property
    def topic(self) -> str:
        """Commas."""
        return "commas"

    def check(self, text: str) -> Verdict:
        """Count the commas."""
        count = sum(map(text.count, self.marks))
        return verdict(
            not count,
            f"{number_of(count, 'comma')}, asked for none",
            closeness=1 / (1 + count),
            advice="use no comma at all, and short sentences instead",
        )


@dataclass(frozen=True)
class Json(Rule):
    """The whole text is one JSON value; a code fence around it is allowed."""

    @property
    def topic(self) -> str:
        """The format."""
        return "json"

    def check(self, text: str) -> Verdict:
        """Parse it."""
        plain = _unfenced(text)
        try:
            json.loads(plain, parse_constant=_refuse, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            return verdict(False, f"not valid JSON ({_reason(plain, error)})", advice=JSON_ALONE)
        return verdict(True, "valid JSON, as asked for")


def _unfenced(text: str) -> str:
    """Return what stands in a code fence that holds all of a text; else the text."""
    plain = text.strip().removeprefix("\ufeff").strip()
    fence = _FENCE.match(plain)
    if not fence or not plain.endswith(fence[1]):
        return plain
    return plain[fence.end() :].rstrip(fence[1][0])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"`{constant}` is no value in JSON")


def _reason(text: str, error: ValueError | RecursionError) -> str:
    """Say why a text is no JSON: where something stands around it, what that is."""
    if isinstance(error, RecursionError):
        return "too deep"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.msg == "Extra data":
        return f"`{opening(text[error.pos :])}` follows it"
    if error.pos == 0 and text:
        return (
            "a code fence around a part" if _FENCE.match(text) else f"begins with `{opening(text)}`"
        )
    return error.msg


@types_checked()
def includes(*phrases: str, times: int = 1, at_most: int | None = None) -> Includes:
    """Ask for words or phrases, each at least so many times, and at most so many.

    Example:
        >>> includes("oil", "wax").check("Linseed oil.").words
        '`wax` missing'
    """
    if times < (at_most is None):
        raise SettingsError(f"`times` must be at least 1, got `{times}`.")
    if at_most is not None and at_most < max(1, times):
        raise SettingsError(
            f"`at_most` must be at least 1 and no less than `times`, got `{at_most}` and `{times}`."
        )
    return Includes(_phrases(phrases), times, at_most)


@types_checked()
def excludes(*phrases: str) -> Excludes:
    """Forbid words or phrases.

    Example:
        >>> excludes("rock").check("Rock on").satisfaction
        0.25
    """
    return Excludes(_phrases(phrases))


@types_checked()
def starts_with(start: str) -> Edge:
    """Ask for the first words."""
    return Edge("start", _phrases((start,))[0])


@types_checked()
def ends_with(end: str) -> Edge:
    """Ask for the last words; a full stop or emphasis behind them does not count.

    Example:
        >>> ends_with("Any questions?").check("That is all. Any questions? ").kept
        True
    """
    return Edge("end", _phrases((end,))[0])


@types_checked()
def quoted() -> Quoted:
    """Ask for double quotation marks, straight or curly, around the whole text."""
    return Quoted()


@types_checked()
def lowercase() -> Case:
    """Ask for small letters only."""
    return Case(upper=False)


@types_checked()
def uppercase() -> Case:
    """Ask for capital letters only."""
    return Case(upper=True)


@types_checked()
def no_commas() -> NoCommas:
    """Forbid commas."""
    return NoCommas()


@types_checked()
def is_json() -> Json:
    """Ask for one JSON value and nothing else.

    Example:
        >>> is_json().check("{'single': 'quotes'}").kept
        False
    """
    return Json()


def case_advice(*, upper: bool) -> str:
    """Say how to write in one case."""
    if upper:
        return "WRITE EVERY LETTER OF EVERY WORD AS A CAPITAL"
    return "write every letter small, at the beginning of sentences and in names too"


def occurrences(phrases: Sequence[str], text: str) -> dict[str, int]:
    """Count each phrase as whole words, in any case and however its characters are written.

    Where words have no spaces between them a phrase may stand within any text.

    Example:
        >>> occurrences(["can't", "oil"], "I CAN\u2019T boil it.")
        {"can't": 1, 'oil': 0}
    """
    plain = comparable(text)
    return {phrase: len(whole_words(comparable(phrase)).findall(plain)) for phrase in phrases}


def _phrases(phrases: tuple[str, ...]) -> tuple[str, ...]:
    if not phrases or not all(map(comparable, phrases)):
        raise SettingsError(f"A rule on words needs words, got `{phrases}`.")
    return tuple(phrase.strip() for phrase in phrases)


def listed(phrases: Sequence[str]) -> str:
    """Return phrases as a sentence shows them.

    Example:
        >>> listed(["oil", "wax"])
        '`oil`, `wax`'
    """
    return ", ".join(f"`{phrase}`" for phrase in phrases)
