"""Rules on what a text holds: words that must or must not stand in it, case, start, end, JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

JSON_ALONE = "send valid JSON and nothing else"


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
        counts = {phrase: occurrences(phrase, text) for phrase in self.phrases}
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
        if self.at_most == self.times:
            return f" exactly {'once' if self.times == 1 else f'{self.times} times'}"
        return (
            f" {self.times} to {self.at_most} times"
            if self.times
            else f" at most {self.at_most} times"
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
            f"{listed(there)} there though forbidden"
            if there
            else f"no {listed(self.phrases)}, as asked for"
        )
        return verdict(
            not there,
            words,
            closeness=1 / (1 + sum(counts.values())),
            advice=f"leave {listed(there)} out, other forms of the word too",
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
            f"{count} comma{'' if count == 1 else 's'}, asked for none",
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
        plain = re.sub(r"\A\s*```\w*\n(.*)\n```\s*\Z", r"\1", text, flags=re.DOTALL)
        try:
            json.loads(plain)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep"
            return verdict(False, f"not valid JSON ({reason})", advice=JSON_ALONE)
        return verdict(True, "valid JSON, as asked for")


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


def listed(phrases: Sequence[str]) -> str:
    """Return phrases as a sentence shows them.

    Example:
        >>> listed(["oil", "wax"])
        '`oil`, `wax`'
    """
    return ", ".join(f"`{phrase}`" for phrase in phrases)
