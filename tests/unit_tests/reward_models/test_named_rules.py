"""The rules of IFEval and IFBench by their own names, against the benchmark's own checks."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import VerifiableInstructions
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.verifiable_instructions.ifeval_rules import IFEVAL, ifeval_rule
from langchain_tpo.reward_models.verifiable_instructions.named_rules import named_rule

PROMPT = "Tell me about oil."

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("keywords:existence", {"keywords": ["oil", "wax"]}, "Oil and WAX.", "Oil."),
    (
        "keywords:frequency",
        {"keyword": "oil", "frequency": 2, "relation": "at least"},
        "oil, oil",
        "oil",
    ),
    (
        "keywords:frequency",
        {"keyword": "oil", "frequency": 2, "relation": "less than"},
        "oil",
        "oil oil",
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "rocking on", "rock on"),
    (
        "keywords:letter_frequency",
        {"letter": "q", "let_frequency": 2, "let_relation": "at least"},
        "Qq",
        "q",
    ),
    (
        "language:response_language",
        {"language": "de"},
        "Das Holz wird mit Leinöl gepflegt, sagte der alte Mann.",
        "The wood is cared for with linseed oil, said the old man.",
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        "One sentence.",
        "One. Two. Three.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n\nb"),
    ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "a b c", "a b"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        'a\n\n"Then, b',
        "a\n\nNow b",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] [b]", "[a]"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "a\nP. S. b", "a b"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "a\nP.P.S b", "a\nP.S. b"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", "**a**\n- b"),
    ("detectable_format:constrained_response", {}, "My answer is yes.", "Yes."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* *b*", "*a* **"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Day", "num_sections": 2},
        "Day 1 a\nDay 2 b",
        "Day 1 a\nDay two b",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{'a': 1}"),
    ("detectable_format:title", {}, "<<Oil>>\nb", "<Oil>\nb"),
    ("combination:two_responses", {}, "a\n******\nb", "a\n******\na"),
    ("combination:repeat_prompt", {"prompt_to_repeat": PROMPT}, f"{PROMPT} It is.", "It is."),
    ("startend:end_checker", {"end_phrase": "Any questions?"}, 'a. "Any questions?"', "a."),
    ("startend:quotation", {}, '"a"', 'a "b"'),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "OIL and WAX",
        "OIL and wax",
    ),
    (
        "change_case:english_capital",
        {},
        "THE OLD MAN TOOK CARE OF THE WOOD WITH OIL",
        "The old man took care of the wood with oil",
    ),
    (
        "change_case:english_lowercase",
        {},
        "the old man took care of the wood with oil",
        "The old man took care of the wood with oil",
    ),
    ("punctuation:no_comma", {}, "a b", "a, b"),
]
"""Instruction, fields, a text that keeps it and one that breaks it."""

NEEDS_NLTK = {"length_constraints:number_sentences", "change_case:capital_word_frequency"}
"""Checks for which the benchmark's own code wants data to be downloaded."""


def test_every_instruction_of_ifeval_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(IFEVAL)


@pytest.mark.parametrize(("name", "fields", "kept", "broken"), CASES)
def test_ifeval_is_checked_by_its_own_names(
    name: str, fields: dict[str, Any], kept: str, broken: str
) -> None:
    rule = ifeval_rule(name, fields, PROMPT)
    assert rule is not None

    assert rule.check(kept).kept
    verdict = rule.check(broken)
    assert not verdict.kept
    assert verdict.satisfaction is not None
    assert verdict.satisfaction <= 0.5
    assert verdict.words
    assert verdict.advice


@pytest.mark.parametrize(("name", "fields", "kept", "broken"), CASES)
def test_verdicts_agree_with_the_published_checks(
    name: str, fields: dict[str, Any], kept: str, broken: str
) -> None:
    registry = pytest.importorskip("if_verifiable.ifeval.instructions_registry")
    if name in NEEDS_NLTK:
        pytest.skip("the published check needs NLTK's data")
    published = registry.INSTRUCTION_DICT[name](name)
    published.build_description(**fields)

    assert published.check_following(kept)
    assert not published.check_following(broken)


@pytest.mark.parametrize(
    ("name", "fields", "broken", "advice"),
    [
        (
            "keywords:frequency",
            {"keyword": "oil", "frequency": 2, "relation": "less than"},
            "oil oil",
            "use `oil` fewer than 2 times",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "then"},
            "a",
            "write exactly 3 paragraphs with an empty line between them, and begin paragraph 2 "
            "with the word `then`",
        ),
        (
            "change_case:english_lowercase",
            {},
            "The wood is cared for with linseed oil, said the old man.",
            "write every letter small, at the beginning of sentences and in names too",
        ),
        (
            "combination:repeat_prompt",
            {"prompt_to_repeat": "How do I oil oak? " * 9},
            "How do I oil oak?",
            f"first copy this, word for word, and then answer: `{('How do I oil oak? ' * 9)[:-1]}`",
        ),
    ],
)
def test_what_is_broken_comes_with_what_to_do(
    name: str, fields: dict[str, Any], broken: str, advice: str
) -> None:
    rule = ifeval_rule(name, fields, PROMPT)
    assert rule is not None

    assert rule.check(broken).advice == advice


def test_a_first_word_that_is_right_is_not_called_wrong() -> None:
    fields = {"num_paragraphs": 3, "nth_paragraph": 1, "first_word": "then"}
    rule = ifeval_rule("length_constraints:nth_paragraph_first_word", fields, PROMPT)
    assert rule is not None

    assert rule.check("Then oil it.").words == (
        "1 paragraph, asked for exactly 3; paragraph 1 begins with `then`"
    )
    assert rule.check("Now\n\nThen\n\nOil it.").words == (
        "3 paragraphs, asked for exactly 3; paragraph 1 begins with `now`, not `then`"
    )


def test_a_request_that_is_repeated_has_to_be_answered_too() -> None:
    rule = ifeval_rule("combination:repeat_prompt", {"prompt_to_repeat": "Oak?"}, PROMPT)
    assert rule is not None

    hollow, answered = rule.check("oak? \n"), rule.check("Oak? Oil it.")

    assert (hollow.kept, hollow.words) == (False, "nothing behind `Oak?`")
    assert hollow.advice == "repeat the request, and then answer it"
    assert hollow.satisfaction is not None
    assert rule.check("Ash?").satisfaction == 0 < hollow.satisfaction < 1
    assert answered.kept


def test_last_words_alone_are_no_answer() -> None:
    rule = ifeval_rule("startend:end_checker", {"end_phrase": "Any questions?"}, PROMPT)
    assert rule is not None

    hollow, answered = rule.check('"any questions?"\n'), rule.check("Oil it. Any questions?")

    assert (hollow.kept, hollow.words) == (False, "nothing before `Any questions?`")
    assert hollow.advice == "write the whole answer before it"
    assert hollow.satisfaction is not None
    assert rule.check("Oil it.").satisfaction == 0 < hollow.satisfaction < 1
    assert answered.kept


def test_many_of_a_thing_are_told_in_the_plural() -> None:
    rule = ifeval_rule("detectable_format:number_bullet_lists", {"num_bullets": 3}, PROMPT)
    assert rule is not None

    assert rule.check("* a\n* b").words == "2 bullet points (`*` or `-`), asked for exactly 3"


def request(names: list[str], fields: list[dict[str, Any]], *texts: str) -> ScoreRequest:
    return {
        "messages": [HumanMessage(PROMPT)],
        "responses": list(texts),
        "context": {"instruction_id_list": names, "kwargs": fields},
    }


def test_a_row_names_its_rules() -> None:
    names = ["punctuation:no_comma", "length_constraints:number_words"]
    fields = [{}, {"num_words": 4.0, "relation": "at least", "keywords": None}]

    scores = VerifiableInstructions().invoke(request(names, fields, "a b c d", "a, b"))

    assert scores == [
        {
            "reward": 1.0,
            "rationale": "Kept: 0 commas, asked for none; 4 words, asked for at least 4.",
        },
        {
            "reward": 0.25,
            "rationale": "Broken: 1 comma, asked for none; 2 words, asked for at least 4. "
            "To do: use no comma at all, and short sentences instead; write at least 4 words.",
        },
    ]


def test_ifbench_is_checked_by_its_own_names() -> None:
    scores = VerifiableInstructions().invoke(
        request(
            ["format:options", "format:no_whitespace"], [{"options": "yes/no"}, {}], "yes", "I am"
        )
    )

    assert [score["reward"] for score in scores if isinstance(score, dict)] == [1.0, 0.0]
    assert "Broken: Answer with one of the following options: yes/no" in str(scores[1])


def test_what_needs_data_that_is_not_here_counts_neither_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = named_rule("words:start_verb", {}, PROMPT)

    def missing(*_: object) -> None:
        raise LookupError("Resource \x1b[93mpunkt_tab\x1b[0m not found.")

    monkeypatch.setattr("nltk.word_tokenize", missing)
    verdict = rule.check("Oil it.")

    assert verdict.satisfaction is None
    assert verdict.words == "words:start_verb (NLTK's `punkt_tab` is not installed)"
    names = ["words:start_verb", "punctuation:no_comma"]
    scores = VerifiableInstructions().invoke(request(names, [{}, {}], "Oil it."))
    assert "Not checked: words:start_verb" in str(scores[0])
    assert [score["reward"] for score in scores if isinstance(score, dict)] == [1.0]
    alone = VerifiableInstructions().invoke(request(names[:1], [{}], "Oil it."))
    assert [score["reward"] for score in alone if isinstance(score, dict)] == [None]


@pytest.mark.parametrize(
    ("names", "fields", "line"),
    [
        (["punctuation:no_commas"], [{}], "`punctuation:no_commas` is no instruction of IFEval"),
        (["punctuation:no_comma"], [], "one dict for each of 1 instructions, got 0"),
        ("punctuation:no_comma", [{}], "must be a list of names"),
    ],
)
def test_a_row_that_names_nonsense_is_refused(names: Any, fields: Any, line: str) -> None:
    with pytest.raises(RewardTypeError, match=line):
        VerifiableInstructions().invoke(request(names, fields, "a"))


def test_numbered_lists_are_bullet_points_where_the_prompt_says_so() -> None:
    five = "\n".join(f"{number}. Thing" for number in range(1, 6))
    asked: ScoreRequest = {
        "messages": [HumanMessage("What to pack? Give exactly 5 bullet points.")],
        "responses": [five, f"{five}\n6. Thing"],
    }

    scores = VerifiableInstructions().invoke(asked)

    assert [score["reward"] == 1.0 for score in scores if isinstance(score, dict)] == [True, False]
