"""What a rule says of a text and how it says what to do: a model reads both."""

import pytest

from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    bullets,
    ends_with,
    excludes,
    includes,
    is_json,
    lowercase,
    max_words,
    paragraphs,
    quoted,
    sections,
    sentences,
    starts_with,
)

WORDS: list[tuple[Rule, str, str]] = [
    (max_words(0), "a", "1 word, asked for none"),
    (bullets(0), "- a", "1 bullet point, asked for none"),
    (sentences(1), "- a\n- b",
     "2 sentences (each line counts as one at least), asked for exactly 1"),
    (sentences(3), "a\nb", "2 sentences, asked for exactly 3"),
    (includes("oil", times=0, at_most=1), "oil oil", "2 of `oil`, asked for it at most once"),
    (starts_with("Dear"), "Hello there, my very old friend",
     "asked for the start `Dear`, found `Hello there, my very...`"),
    (ends_with("Bye"), "Bye\nP.S. More", "asked for the end `Bye`, followed by `p.s. more`"),
    (ends_with("Bye"), "I will see you very soon",
     "asked for the end `Bye`, found `see you very soon`"),
    (ends_with("Bye"), "\n", "asked for the end `Bye`, found nothing"),
    (starts_with("Dear"), "x" * 99, f"asked for the start `Dear`, found `{'x' * 40}...`"),
    (quoted(), '"a', "asked for double quotation marks around the whole text, none at the end"),
    (quoted(), 'a"', "asked for double quotation marks around the whole text, none at the start"),
    (quoted(), '"a" b "c"',
     "asked for double quotation marks around the whole text, they close before the end"),
    (lowercase(), "so it is, iPhone",
     "asked for no capital letters, 1 of 12 letters differ, as in `iPhone`"),
    (is_json(), "Here: {}", "not valid JSON (begins with `Here: {}`)"),
    (is_json(), "```json\n{}\n```\nThat is it.", "not valid JSON (a code fence around a part)"),
    (is_json(), "{}\nThat is it.", "not valid JSON (`That is it.` follows it)"),
    (is_json(), '{"a": NaN}', "not valid JSON (`NaN` is no value in JSON)"),
]  # fmt: skip

ADVICE: list[tuple[Rule, str]] = [
    (bullets(0), "write no bullet points at all"),
    (sections(0), "write no sections at all"),
    (bullets(1), "write exactly 1 bullet point, on a line that begins with `- `"),
    (bullets(3), "write exactly 3 bullet points, each on a line that begins with `- `"),
    (paragraphs(1), "write exactly 1 paragraph, with no empty line in it"),
    (paragraphs(2), "write exactly 2 paragraphs, with an empty line between them"),
    (sentences(2), "write exactly 2 sentences (each line counts as one at least)"),
    (includes("oil", times=0, at_most=1), "use `oil` at most once"),
    (excludes("a", "rock"), "leave `a` out"),
    (ends_with("Bye"), "end with `Bye` and write nothing after it"),
]


@pytest.mark.parametrize(("rule", "text", "words"), WORDS)
def test_a_remark_is_true_and_says_what_was_found(rule: Rule, text: str, words: str) -> None:
    assert rule.check(text).words == words


@pytest.mark.parametrize(("rule", "advice"), ADVICE)
def test_advice_asks_for_what_is_checked(rule: Rule, advice: str) -> None:
    assert rule.check("- a\n- a\n\n# a").advice == advice
