"""What each count holds for a word, a sentence, a paragraph, a point, by example."""

import pytest

from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    VerifiableInstructions,
    bullets,
    highlights,
    max_words,
    paragraphs,
    placeholders,
    sections,
    sentences,
    words,
)

KEPT: list[tuple[Rule, str]] = [
    # words
    (words(4), "Fast\u2014really fast\u2014cars"),
    (words(3), "so--he said"),
    (words(3), "1. one\n2) two\n> 3. three"),
    (words(3), "state-of-the-art tools work"),
    (words(2), "Hello\u00a0world \U0001f642"),
    (words(2), "one\r\ntwo"),
    # stops that end no sentence
    (sentences(1), "It was 5 p.m. when he left."),
    (sentences(1), "The U.S. economy grew."),
    (sentences(1), "J. R. R. Tolkien wrote it."),
    (sentences(1), "Prof. Smith and Jr. staff met approx. ten people."),
    (sentences(1), "Mt. Everest vs. K2, cf. Fig. 3."),
    (sentences(2), "He is No. 1 today. She is No. 2."),
    (sentences(2), "We met in St. Moritz on Jan. 5. It rained."),
    (sentences(1), "He said \u201cStop!\u201d and left."),
    (sentences(1), '"Why?" she asked.'),
    (sentences(1), "Wait\u2026 what happened."),
    (sentences(1), "See www.example.com for $3.50."),
    # stops that end one
    (sentences(2), "I know it is plan B. Then I left."),
    (sentences(2), "It was I. You know it."),
    (sentences(2), "He lives in the U.S. He likes it."),
    (sentences(2), "Oranges hold vitamin C. Lemons do too."),
    (sentences(2), "Use it etc. Then stop."),
    (sentences(2), "The answer is no. Then we left."),
    (sentences(2), "It is so.[12] It was so before."),
    (sentences(2), "It is `a`. `b` is none."),
    (sentences(2), "_One is here._ _Two is here._"),
    (sentences(2), "**One is here.** **Two is here.**"),
    (sentences(2), "\u2018One.\u2019 \u2018Two.\u2019"),
    (sentences(2), "\u00abOne.\u00bb \u00abTwo.\u00bb"),
    (sentences(2), "Great! \U0001f389 Thanks. \U0001f389"),
    (sentences(3), "One\u3002\u4e8c\u3002\u4e09\u3002"),
    (sentences(2), "\u092f\u0939 \u090f\u0915\u0964 \u092f\u0939 \u0926\u094b\u0964"),
    (sentences(3), "it is raining. we stay in, e.g. in bed. fine!"),
    # paragraphs
    (paragraphs(2), "One.\r\n\r\nTwo."),
    (paragraphs(2), "One.\r\n---\r\nTwo."),
    (paragraphs(2), "One.\n\u00a0\nTwo."),
    (paragraphs(2), "One.\n* * *\nTwo."),
    (paragraphs(2), "One.\n\n\n***\n\nTwo.\n\n"),
    # bullet points
    (bullets(2), "\u2013 a\n\u2013 b"),
    (bullets(2), "\u25e6 a\n\u25e6 b"),
    (bullets(2), "\u00b7  a\n\u00b7 b"),
    (bullets(2), "\u2022a\n\u2022b"),
    (bullets(2), "-\u00a0a\r\n-\u00a0b\r\n"),
    (bullets(2), "> - a\n> - b"),
    (bullets(2), "- a\n***\n- b\n* * *\n- - -\n"),
    (bullets(2), "```\n- x\n- y\n```\n- `a`\n- b"),
    (bullets(3), "1. a\n   - x\n   - y\n   - z\n   - w\n2. b\n3. c"),
    (bullets(3), "Steps:\n1. a\n2. b\n3. c\n\n- Note: d"),
    (bullets(2), "- a\n  - its part\n- b"),
    (bullets(3), "- a\n  - its part\n- b"),
    # sections
    (sections(1), "```\n# comment\n```\n# A"),
    (sections(2), "**Section 1**\n\n**Section 2: End**"),
    (sections(2), "SECTION I\r\n\r\nChapter two\r\n"),
    (sections(1), "Section 1 Beginnings"),
    # placeholders
    (placeholders(2), "Dear [name],\r\nsee [[ city ]]"),
    # highlighted parts
    (highlights(1), "***a***"),
    (highlights(2), "* a point with *one*, **Title: **"),
]

BROKEN: list[tuple[Rule, str]] = [
    (sentences(1), "I like it. So do I."),
    (sentences(1), "No. Never."),
    (sentences(3), "The U.S. economy grew. It did."),
    (paragraphs(2), "One.\nstill one"),
    (bullets(1), "-a"),
    (bullets(1), "***"),
    (bullets(1), "*one* and two"),
    (sections(1), "Part of the work is done."),
    (sections(1), "Part I think is done."),
    (sections(1), "#hashtag"),
    (placeholders(1), "- [ ] to do\n- [x] done"),
    (placeholders(1), "As shown [1], [2, 3] and [4\u20136][^7]."),
    (placeholders(1), "x = arr[i]"),
    (placeholders(1), "[name]: http://x.y"),
    (placeholders(1), "`[name]`"),
    (highlights(1), "2*3*4 and 2 * 3 * 4"),
    (highlights(1), "** **"),
    (highlights(1), r"\*a\*"),
    (highlights(1), "```\n*a*\n```\n`**kwargs` and `**x`"),
]


@pytest.mark.parametrize(("rule", "text"), KEPT)
def test_what_a_reader_counts_is_counted(rule: Rule, text: str) -> None:
    verdict = rule.check(text)
    assert verdict.kept, verdict.words


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_what_a_reader_does_not_count_is_not(rule: Rule, text: str) -> None:
    assert not rule.check(text).kept


CHINESE = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u6211\u4eec\u51fa\u53bb\u8d70\u8d70"


def test_words_without_spaces_between_them_are_not_counted() -> None:
    """They would be one word, and any upper limit kept."""
    verdict = max_words(2).check(f"{CHINESE}, OK")
    assert verdict.satisfaction is None
    assert verdict.words == "words of a script without spaces, asked for at most 2"

    assert max_words(2).check(f"{CHINESE} is how one says it in Chinese").satisfaction == 0

    reward = VerifiableInstructions(rules=(max_words(2), sentences(1)))
    (score,) = reward.invoke({"messages": [], "responses": [f"{CHINESE}\u3002"]})
    assert score == {
        "reward": 1.0,
        "rationale": "Kept: 1 sentence, asked for exactly 1. "
        "Not checked: words of a script without spaces, asked for at most 2.",
    }
