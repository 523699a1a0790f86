"""Which words, ends, letters and formats a text has, however its characters are written."""

import pytest

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    ends_with,
    excludes,
    includes,
    is_json,
    lowercase,
    no_commas,
    quoted,
    starts_with,
    uppercase,
)
from langchain_tpo.reward_models.verifiable_instructions.named_rules import named_rule

KEPT: list[tuple[Rule, str]] = [
    (includes("don't"), "don\u2019t worry"),
    (includes("don\u2019t"), "Don't worry"),
    (includes("free shipping"), "free\nshipping"),
    (includes("free shipping"), "free\u00a0 shipping"),
    (includes("caf\u00e9"), "a cafe\u0301"),
    (includes("game-changer"), "a game\u2011changer"),
    (includes("stra\u00dfe"), "STRASSE"),
    (includes("\u0130stanbul"), "istanbul"),
    (includes("\u6c34"), "\u6211\u559d\u6c34\u4e86"),
    (includes("AI"), "\u4f7f\u7528AI\u6280\u672f"),
    (includes("C++", "#sale"), "I like C++. #SALE now"),
    (excludes("rock"), "rocks"),
    (excludes("AI"), "said"),
    (starts_with("Here's"), "Here\u2019s the plan"),
    (starts_with("Dear"), "\ufeff**Dear** Ann"),
    (starts_with("Hi there"), "\u00a0Hi\nthere"),
    (starts_with("Dear Ann,"), "Dear Ann,\r\n"),
    (starts_with("\u4f60"), "\u4f60\u597d"),
    (ends_with("The End"), "... The End."),
    (ends_with("The End"), '... **"The End."**'),
    (ends_with("Any questions?"), "**Any questions?**"),
    (ends_with("That's all"), "That\u2019s all!\r\n"),
    (quoted(), "\u201cYes.\u201d"),
    (quoted(), '"He said "stop" and left."'),
    (lowercase(), "it costs \u00df5"),
    (uppercase(), "CAF\u00c9 1ST \u2167"),
    (no_commas(), "a; b"),
    (is_json(), '```json\r\n{"a": 1}\r\n```'),
    (is_json(), '```json \n{"a": 1}\n```'),
    (is_json(), '```json\n{"a": 1}```'),
    (is_json(), '~~~\n{"a": 1}\n~~~'),
    (is_json(), '\ufeff {"a": "```"} '),
    (is_json(), "[" + "9" * 5_000 + "]"),
]

BROKEN: list[tuple[Rule, str]] = [
    (includes("oil"), "oil_can, boiled"),
    (includes("caf\u00e9"), "cafe"),
    (excludes("can't"), "I can\u2019t"),
    (excludes("in conclusion"), "In\nconclusion"),
    (excludes("rock"), "r\u200bock"),
    (excludes("\u6c34"), "\u6211\u559d\u6c34\u4e86"),
    (starts_with("Yes"), "Yesterday"),
    (ends_with("over"), "moreover"),
    (ends_with("Bye."), "Bye"),
    (ends_with("Any questions?"), "Any questions"),
    (quoted(), '"Yes." he said. "No."'),
    (quoted(), "\u201cYes.\u201d he said. \u201cNo.\u201d"),
    (quoted(), "'Yes.'"),
    (lowercase(), "\u01c5"),
    (no_commas(), "a\uff0cb"),
    (no_commas(), "a\u3001b"),
    (no_commas(), "a\u060c b"),
    (is_json(), "NaN"),
    (is_json(), '{"a": -Infinity}'),
    (is_json(), 'Here:\n```json\n{"a": 1}\n```'),
]


@pytest.mark.parametrize(("rule", "text"), KEPT)
def test_what_a_reader_sees_is_found(rule: Rule, text: str) -> None:
    verdict = rule.check(text)
    assert verdict.kept, verdict.words


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_what_a_reader_does_not_see_is_not_found(rule: Rule, text: str) -> None:
    assert not rule.check(text).kept


def test_ifevals_commas_are_latin_ones() -> None:
    assert named_rule("punctuation:no_comma", {}, "No commas.").check("a\uff0cb").kept


def test_a_phrase_that_cannot_be_seen_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs words"):
        includes("\u200b")
