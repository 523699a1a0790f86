"""Each rule by itself: what it counts, what it says, what a broken one still earns."""

from collections.abc import Callable

import pytest

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    bullets,
    ends_with,
    excludes,
    highlights,
    includes,
    is_json,
    lowercase,
    max_words,
    min_words,
    no_commas,
    paragraphs,
    placeholders,
    quoted,
    sections,
    sentences,
    starts_with,
    uppercase,
    words,
)

KEPT_AND_BROKEN: list[tuple[Rule, str, str, float, str]] = [
    (max_words(4), "One two, three four!", "a b c d e", 0.375, "5 words, asked for at most 4"),
    (min_words(4), "a b c d", "a b c", 0.375, "3 words, asked for at least 4"),
    (words(2), "well-made things", "one", 0.25, "1 word, asked for exactly 2"),
    (words(at_least=2, at_most=4), "a - b", "a", 0.25, "1 word, asked for 2 to 4"),
    (sentences(2), "Dr. Who came. Why?", "One.", 0.25, "1 sentence, asked for exactly 2"),
    (sentences(at_most=3), "- one\n- two", "Ah. Be! See? Done.", 1 / 3,
     "4 sentences, asked for at most 3"),
    (paragraphs(2), "One\nstill one\n\nTwo", "One\nstill one", 0.25,
     "1 paragraph, asked for exactly 2"),
    (paragraphs(2), "One\n***\nTwo", "A\n\nB\n\nC", 0.25, "3 paragraphs, asked for exactly 2"),
    (bullets(2), "So:\n- a\n  * b", "1 a\n2 b", 0.0, "0 bullet points, asked for exactly 2"),
    (bullets(at_least=1), "• a", "-a", 0.0, "0 bullet points, asked for at least 1"),
    (sections(2), "# A\nx\n## B\ny", "Section 1\nx", 0.25, "1 section, asked for exactly 2"),
    (placeholders(at_least=2), "[name], [city]", "[link](url) [name]", 0.25,
     "1 placeholder, asked for at least 2"),
    (highlights(at_least=2), "*one* and **two**", "* a bullet\n*one*", 0.25,
     "1 highlighted part, asked for at least 2"),
    (includes("Oil"), "oil.", "oiled", 0.0, "`Oil` missing"),
    (includes("oil", times=2), "Oil, oil", "oil", 0.25,
     "1 of `oil`, asked for it at least 2 times"),
    (includes("oil", at_most=1), "Oil", "oil, oil", 0.0,
     "2 of `oil`, asked for it exactly once"),
    (includes("oil", times=0, at_most=2), "wax", "oil " * 3, 0.0,
     "3 of `oil`, asked for it at most 2 times"),
    (includes("oil", times=2, at_most=3), "oil, oil", "oil " * 4, 0.25,
     "4 of `oil`, asked for it 2 to 3 times"),
    (excludes("rock"), "rocky", "Rock and rock", 0.5 / 3, "`rock` there though forbidden"),
    (starts_with("Dear"), " dear all", "Hello", 0.0,
     "asked for the start `Dear`, found `Hello`"),
    (ends_with("Any questions?"), "So. Any questions?\n", "Any?", 0.0,
     "asked for the end `Any questions?`, found `Any?`"),
    (quoted(), '"Yes."', '"', 0.0,
     "asked for double quotation marks around the whole text, none at the end"),
    (lowercase(), "no capitals, 3!", "Abcd", 0.375,
     "asked for no capital letters, 1 of 4 letters differ, as in `Abcd`"),
    (uppercase(), "OK 3", "OKay", 0.25,
     "asked for all capital letters, 2 of 4 letters differ, as in `OKay`"),
    (no_commas(), "none", "a, b", 0.25, "1 comma, asked for none"),
    (is_json(), '```json\n{"a": [1]}\n```', "{'a': 1}", 0.0,
     "not valid JSON (Expecting property name enclosed in double quotes)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "kept", "broken", "earned", "said"), KEPT_AND_BROKEN)
def test_a_rule_knows_kept_from_broken_and_says_why(
    rule: Rule, kept: str, broken: str, earned: float, said: str
) -> None:
    assert rule.check(kept).satisfaction == 1
    verdict = rule.check(broken)
    assert not verdict.kept
    assert verdict.satisfaction == pytest.approx(earned)
    assert verdict.words == said


@pytest.mark.parametrize("rule", [case[0] for case in KEPT_AND_BROKEN])
@pytest.mark.parametrize(
    "text", ["", "\n", "[" * 5_000, "*" * 5_000, "{" * 100_000, "漢字 🙂", "a. " * 999]
)
def test_any_text_gets_a_verdict_between_0_and_1(rule: Rule, text: str) -> None:
    verdict = rule.check(text)
    assert 0 <= verdict.satisfaction <= 1
    assert verdict.kept or verdict.satisfaction <= 0.5
    assert "\n" not in verdict.words


def test_closer_earns_more() -> None:
    rule = words(10)
    earned = [rule.check("w " * count).satisfaction for count in (3, 6, 9, 10, 11, 14, 17, 99)]
    assert earned[:4] == sorted(earned[:4])
    assert earned[3:] == sorted(earned[3:], reverse=True)
    assert earned[-1] == 0


def test_none_at_all_can_be_asked_for() -> None:
    assert bullets(0).check("plain").kept
    assert not bullets(0).check("- one").kept


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (words, "needs a limit"),
        (lambda: words(3, at_most=5), "not both"),
        (lambda: words(at_least=5, at_most=3), "`5` and `3`"),
        (lambda: max_words(-1), "`-1`"),
        (includes, "needs words"),
        (lambda: includes("oil", times=0), "`times`"),
        (lambda: excludes(" "), "needs words"),
        (lambda: starts_with(""), "needs words"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_in_one_line(
    build: Callable[[], Rule], named: str
) -> None:
    with pytest.raises(SettingsError, match=named) as refused:
        build()
    assert "\n" not in str(refused.value)
