"""Rules on what a text holds: words that must or must not stand in it, case, start, end, JSON."""

import json
import re
from dataclasses import dataclass

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

NO_COMMA = "use no comma at all, and short sentences instead"
JSON_ALONE = "send valid JSON and nothing else"


@dataclass(frozen=True)
class Includes(Rule):
    """Every one of some words or phrases stands in the text, in any case."""

    phrases: tuple[str, ...]
    """What must be there."""
    times: int = 1
    """How often each."""

    @property
    def topic(self) -> str:
        """The required phrases: more of them is another rule, not a correction."""
        return f"includes {self.phrases}"

    def check(self, text: str) -> Verdict:
        """Name what is missing."""
        counts = {phrase: occurrences(phrase, text) for phrase in self.phrases}
        missing = [phrase for phrase, count in counts.items() if count < self.times]
        found = sum(min(count, self.times) for count in counts.values())
        often = f" {self.times} times" if self.times > 1 else ""
        words = f"{_listed(missing or self.phrases)} {'missing' if missing else 'there'}{often}"
        return verdict(
            not missing,
            words,
            closeness=found / (self.times * len(counts)),
            advice=f"use {_listed(missing or self.phrases)}{often}",
        )


@dataclass(frozen=True)
class Excludes(Rule):
    """None of some words or phrases stands in the text, in any case."""

    phrases: tuple[str, ...]
    """What must not be there."""

    @property
    def topic(self) -> str:
        """The forbidden phrases."""
        return f"excludes {self.phrases}"

    def check(self, text: str) -> Verdict:
        """Name what should not be there."""
        counts = {phrase: occurrences(phrase, text) for phrase in self.phrases}
        there = [phrase for phrase, count in counts.items() if count]
        words = (
            f"{_listed(there)} there though forbidden"
            if there
            else (f"no {_listed(self.phrases)}, as asked for")
        )
        return verdict(
            not there,
            words,
            closeness=1 / (1 + sum(counts.values())),
            advice=f"leave {_listed(there)} out, other forms of the word too",
        )


@dataclass(frozen=True)
class Frame(Rule):
    """The text starts and ends as asked for, in any case; spaces around it do not count."""

    start: str = ""
    """How it starts."""
    end: str = ""
    """How it ends."""

    @property
    def topic(self) -> str:
        """Which end it is about."""
        return " and ".join(side for side in ("start", "end") if getattr(self, side))

    def check(self, text: str) -> Verdict:
        """Compare both ends."""
        plain = text.strip().casefold()
        starts = plain.startswith(self.start.casefold())
        ends = plain.endswith(self.end.casefold()) and len(plain) >= len(self.start + self.end)
        wishes = [f"{side} `{getattr(self, side)}`" for side in self.topic.split(" and ")]
        advice = (f"{side} with `{getattr(self, side)}`" for side in self.topic.split(" and "))
        return verdict(
            starts and ends,
            f"asked for the {' and the '.join(wishes)}",
            advice=" and ".join(advice),
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
        """Return the share of letters in the right case."""
        cased = [char for char in text if char.isupper() or char.islower()]
        wrong = sum(1 for char in cased if char.isupper() is not self.upper)
        wish = "all capital letters" if self.upper else "no capital letters"
        found = f"{wrong} of {len(cased)} letters differ" if wrong else "so it is"
        return verdict(
            not wrong,
            f"asked for {wish}, {found}",
            closeness=1 - wrong / len(cased or "-"),
            advice=case_advice(upper=self.upper),
        )


@dataclass(frozen=True)
class NoCommas(Rule):
    """No comma stands in the text."""

    @property
    def topic(self) -> str:
        """Commas."""
        return "commas"

    def check(self, text: str) -> Verdict:
        """Count the commas."""
        count = text.count(",")
        return verdict(
            not count,
            f"{count} commas, asked for none",
            closeness=1 / (1 + count),
            advice=NO_COMMA,
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
        plain = re.sub(r"\A\s*```\w*\n(.*)\n```\s*\Z", r"\1", text, flags=re.DOTALL)
        try:
            json.loads(plain)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep"
            return verdict(False, f"not valid JSON ({reason})", advice=JSON_ALONE)
        return verdict(True, "valid JSON, as asked for")


@types_checked()
def includes(*phrases: str, times: int = 1) -> Includes:
    """Ask for words or phrases, each at least so many times.

    Example:
        >>> includes("oil", "wax").check("Linseed oil.").words
        '`wax` missing'
    """
    if times < 1:
        raise SettingsError(f"`times` must be at least 1, got `{times}`.")
    return Includes(_phrases(phrases), times)


@types_checked()
def excludes(*phrases: str) -> Excludes:
    """Forbid words or phrases.

    Example:
        >>> excludes("rock").check("Rock on").satisfaction
        0.25
    """
    return Excludes(_phrases(phrases))


@types_checked()
def starts_with(start: str) -> Frame:
    """Ask for the first words."""
    return Frame(start=_phrases((start,))[0])


@types_checked()
def ends_with(end: str) -> Frame:
    """Ask for the last words.

    Example:
        >>> ends_with("Any questions?").check("That is all. Any questions? ").kept
        True
    """
    return Frame(end=_phrases((end,))[0])


@types_checked()
def quoted() -> Frame:
    """Ask for double quotation marks around the whole text."""
    return Frame(start='"', end='"')


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


def occurrences(phrase: str, text: str) -> int:
    """Count a phrase as whole words, in any case."""
    left = r"\b" if phrase[0].isalnum() else ""
    right = r"\b" if phrase[-1].isalnum() else ""
    return len(re.findall(f"{left}{re.escape(phrase)}{right}", text, re.IGNORECASE))


def _phrases(phrases: tuple[str, ...]) -> tuple[str, ...]:
    if not phrases or not all(phrase.strip() for phrase in phrases):
        raise SettingsError(f"A rule on words needs words, got `{phrases}`.")
    return tuple(phrase.strip() for phrase in phrases)


def _listed(phrases: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{phrase}`" for phrase in phrases)
