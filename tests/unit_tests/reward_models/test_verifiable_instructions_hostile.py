"""Long answers of one thing over and over, as degenerate models write: checked in passing."""

import pytest

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
    paragraphs,
    placeholders,
    quoted,
    sections,
    sentences,
    starts_with,
)

LENGTH = 100_000
"""Characters: what takes time with the square of them takes minutes."""

RULES: tuple[Rule, ...] = (
    max_words(4),
    sentences(2),
    paragraphs(2),
    bullets(2),
    sections(2),
    placeholders(2),
    highlights(2),
    includes("...", "a a"),
    excludes("a b"),
    starts_with("# #"),
    ends_with("a ..."),
    quoted(),
    lowercase(),
    is_json(),
)


@pytest.mark.parametrize(
    "part",
    [
        "#",
        ".",
        '."',
        "A. ",
        " ",
        "\n ",
        "*",
        "* ",
        "[1",
        "````\n```\n",
        "a\u0301\u0323\u0301",
    ],
)
def test_a_long_answer_is_checked_in_passing(part: str) -> None:
    text = part * (LENGTH // len(part)) + "x"
    verdicts = [rule.check(text) for rule in RULES]
    assert not all(verdict.kept for verdict in verdicts)


def test_accents_without_end_are_read_in_passing() -> None:
    accents = "a" + "\u0301\u0323" * (LENGTH // 2)
    assert not includes("\xe1").check(accents).kept
