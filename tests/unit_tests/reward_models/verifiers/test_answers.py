"""Verifiers that compare: answers, JSON, quotations."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, field_validator

from langchain_tpo.errors import RewardTypeError, SettingsError
from langchain_tpo.reward_models import Citations, ExactAnswer, JsonSchema, Verifier
from langchain_tpo.reward_models.interface import ScoreRequest


def request(*responses: str, **context: Any) -> ScoreRequest:
    return {"messages": [HumanMessage("?")], "responses": list(responses), "context": context}


def scored(verifier: Verifier, response: str, **context: Any) -> tuple[Any, str]:
    (score,) = verifier.invoke(request(response, **context))
    assert isinstance(score, dict)
    return score["reward"], score["rationale"]


@pytest.mark.parametrize(
    ("reference", "response", "right"),
    [
        ("Paris", "Paris", True),
        ("Paris", "The capital of France is Paris.", True),
        ("Paris", "**Paris**", True),
        ("Paris", "Rome", False),
        ("Paris", "Paris is lovely, but the capital is Rome", False),
        ("B", "The answer is (B).", True),
        ("B", "**B**", True),
        ("B", "Answer: B", True),
        ("B", "B. Paris", True),
        ("C", r"\boxed{C}", True),
        ("B", "The correct answer is A.", False),
        ("B", "Bread is nice", False),
        ("yes", "Yes, it is.", True),
        ("yes", "No, it is not.", False),
        ("33", "The answer is 33.", True),
        ("1,000", "It costs $1,000.", True),
        ("Janet sells 9.\n#### 18", "She makes 18", True),
        ("18.5", "The answer is 18.5", True),
        ("18.5", "The answer is 185", False),
        ("10:5", "10:5", True),
        (r"True", r"\boxed{\text{True}}", True),
        ("Paris", "The answer is not Paris.", False),
        ("Paris", "It isn't Paris", False),
        ("Paris", "It is certainly not the beautiful Paris", False),
        ("Paris", "Rome or Paris", False),
        ("Paris", "Both Rome and Paris.", False),
        ("Paris", "Rome rather than Paris", False),
        ("Paris", "Anything but Paris", False),
        ("Paris", "It is neither Rome nor Paris", False),
        ("Paris", "Not Rome but Paris", True),
        ("Paris", "I was not sure at first, but it is Paris", True),
        ("Paris", "the city of Paris", True),
        ("not guilty", "The verdict: not guilty", True),
        ("rock and roll", "It is rock and roll", True),
        ("42", "42.0", True),
        ("1.10", "1.1", False),
        ("True", "The statement is true.", True),
        ("True", "The statement is not true.", False),
        ("no", "Yes, no doubt.", False),
        ("vitamin A", "It is vitamin A.", True),
        ("vitamin A", "Vitamin.", False),
        ("The", "The", True),
        ("C#", "It is C#.", True),
        ("C#", "C", False),
        ("x>5", "x<5", False),
        ("x<=5", "x \N{LESS-THAN OR EQUAL TO} 5", True),
        ("5", "x > 5", False),
        ("a&b", "a|b", False),
        ("3", "2^3", False),
        ("42", "6 x 7 => 42", True),
        ("Paris", "> Paris", True),
        ("!", "", False),
        ("!", "!", True),
    ],
)
def test_answers_are_compared_for_what_they_say(
    reference: str,
    response: str,
    right: bool,  # noqa: FBT001
) -> None:
    assert scored(ExactAnswer(reference=reference), response)[0] == float(right)


APART = [
    *("(0,1)|[0,1]", "(0,1]|[0,1]", "[0, 1)|(0, 1]", "{0,1}|(0,1)", "]0,1[|[0,1]", "(0,100)|100"),
    *("f'(x)|f(x)", "f''|f'", "5'|5\"", "x\u0304|x", "5!|4!", "5%|5", "5\u2030|5", "90\xb0|90'"),
    *("5\u20ac|5$", "\xa35|$5", "5 euros|$5", "50 cents|$50", "20\xb0C|20\xb0F"),
    *("-5|5", "\u22125|5", "\u20135|5", "\xb15|5", ".5|5", "\u221e|-\u221e", "5|x = - 5"),
    *(
        "\u221a2|2",
        "x\xb2|x2",
        "2\xb3|23",
        "2\xbd|21/2",
        "2*3|23",
        "\u2202x|x",
        "C\u266f|C",
        "C#|C",
    ),
    *("\xacp|p", "~p|p", "A\u222aB|A\u2229B", "p\u2227q|p\u2228q", "A\u2192B|A\u2190B"),
    *("CO|Co", "CO2|Co2", "5 mW|5 MW", "5mW|5MW", "5 Mg|5 mg", "x|X", "pA|Pa", "mHz|MHz", "A+|A-"),
    "\u0915\u093f|\u0915\u093e",
    "\U0001f44d|\U0001f44e",
    "a and b|b",
]
"""What tells answers apart, each with another answer."""


@pytest.mark.parametrize("pair", APART)
def test_what_tells_answers_apart_is_no_punctuation(pair: str) -> None:
    one, other = pair.split("|")
    assert scored(ExactAnswer(reference=one), other)[0] == 0.0
    assert scored(ExactAnswer(reference=other), one)[0] == 0.0
    assert scored(ExactAnswer(reference=one), f"The answer is {one}.")[0] == 1.0


@pytest.mark.parametrize(
    "response",
    [
        *("6 - 5", "2 + 5", "3 x 5", "3*5", "3 * 5", "1/5", "3 to 5", "3-5", "3\u20135", "3 and 5"),
        *("1,5", "\u221a5", "log 5", "sqrt(5)", "at least 5", "x > 5", "The answer is -5."),
    ],
)
def test_the_last_number_of_a_longer_expression_is_not_its_answer(response: str) -> None:
    assert scored(ExactAnswer(reference="5"), response)[0] == 0.0


@pytest.mark.parametrize(
    ("reference", "response"),
    [
        *(
            ("(0,1)", r"\boxed{(0,1)}"),
            ("(0,1]", r"$\left(0, 1\right]$"),
            ("{0,1}", r"\boxed{\{0,1\}}"),
        ),
        *(
            ("2, 3", "(2, 3)"),
            ("2, 3", "2 and 3"),
            ("(1,100)", "(1, 100)"),
            ("[0,1]", r"\[ [0,1] \]"),
        ),
        *(
            ("5\u20ac", "5 euros"),
            ("$5", "5 dollars"),
            ("$1,000", "1000 USD"),
            ("5", r"It is $5$."),
        ),
        *(("$5", "5"), ("5", r"\$5"), ("5", r"\(5\)"), ("50%", "50 percent"), ("50%", r"50\%")),
        *(("90\xb0", "90 degrees"), ("90\xb0", "90"), ("5 km", "5km"), ("5 km", "5 KM")),
        *(("-5", "x = - 5"), ("-5", "\u22125"), ("5", "+5"), ("5", "- 5"), ("42", "Answer - 42")),
        *(("\xbd", "1/2"), ("0.5", ".5"), ("x^2", "x\xb2"), ("H2O", "H_2O"), ("H2O", "h2o")),
        *(("\u221e", "The limit is \u221e."), ("2*3", "2 * 3"), ("5", "It is 5!"), ("5!", "5!")),
        *(
            ("Paris", "Pa\u200bris"),
            ("Paris", "'Paris'"),
            ("Paris", "PARIS"),
            ("Paris", "Paris \u2728"),
        ),
        *(("it's", "it\u2019s"), ("f'(x)", "It is f\u2032(x)."), ("42", 'He says "it is 42"')),
        *(("no", "No."), ("UK", "uk"), ("vitamin C", "vitamin c"), ("b", "B"), ("b", "it is b")),
    ],
)
def test_one_answer_may_be_written_in_many_ways(reference: str, response: str) -> None:
    assert scored(ExactAnswer(reference=reference), response)[0] == 1.0


@pytest.mark.parametrize("response", ["C#", "C\u266f", "C+", "C++"])
def test_a_letter_with_a_sign_is_no_choice(response: str) -> None:
    assert scored(ExactAnswer(reference="C"), response)[0] == 0.0


@pytest.mark.parametrize(
    "response",
    [
        *(
            "A",
            "A.",
            "(A)",
            "A) Paris",
            "The answer is A.",
            r"\boxed{A}",
            "I think A.",
            "Option A.",
        ),
        *("I think it's A.", "I'd go with (A).", "A is correct.", "I think A because B is not."),
        *("I am not sure, but I think **A**", "B is wrong, so I choose A", "I say B. No, I say A."),
    ],
)
def test_a_letter_is_chosen_in_the_ways_people_say_it(response: str) -> None:
    assert scored(ExactAnswer(reference="A"), response)[0] == 1.0


@pytest.mark.parametrize(
    "response",
    [
        *(
            "I don't think A.",
            "The wrong one is A.",
            "I think A or B.",
            "I wouldn't pick A.",
            "a cat",
        ),
        *("Which one is A?", "We can rule out A", "A is incorrect. I pick B.", "I think a cat."),
    ],
)
def test_a_letter_that_is_only_mentioned_is_not_chosen(response: str) -> None:
    assert scored(ExactAnswer(reference="A"), response)[0] == 0.0


def test_the_reference_is_the_rows_under_any_of_its_names() -> None:
    assert scored(ExactAnswer(), "42", answer="42") == (
        1.0,
        "The answer is `42`, as it should be.",
    )
    assert scored(ExactAnswer(), "48", expected=["42", "forty-two"]) == (
        0.0,
        "Expected `42` or `forty-two`.",
    )
    with pytest.raises(RewardTypeError, match="`ExactAnswer` has no reference"):
        ExactAnswer().invoke(request("42"))


class Care(BaseModel):
    """What to do with wood."""

    oil: str
    times: int


def test_json_is_held_against_a_schema() -> None:
    reward = JsonSchema(Care)

    assert scored(reward, '```json\n{"oil": "linseed", "times": 2}\n```')[0] == 1.0
    assert scored(reward, '{"oil": 1, "times": 2}') == (0.5, "$.oil: 1 is not of type 'string'.")
    assert scored(reward, '{"oil": 1}')[0] == 0.25
    assert scored(reward, "oil: linseed") == (0.0, "The response is no JSON (Expecting value).")
    assert scored(reward, "[" * 100_000)[0] == 0.0


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="`schema` of JsonSchema is none"):
        JsonSchema({"type": "wood"})


SOURCE = "Linseed oil protects the wood well, and\nit dries slowly."


@pytest.mark.parametrize(
    ("response", "reward"),
    [
        ('As they say, "Linseed oil protects the wood".', 1.0),
        ("As they say, \u201cit dries  slowly.\u201d", 1.0),
        ('It says "oil protects ... dries slowly".', 1.0),
        ('It says "dries slowly ... oil protects".', 0.0),
        ('It says "oil protects the wood" and "wax is no good".', 0.5),
        ("> Linseed oil protects the wood", 1.0),
        ("Linseed oil protects the wood.", 0.0),
        ('So-called "oil".', 0.0),
        ("Sie sagen: \u201elinseed oil protects\u201c.", 1.0),
        ("Ils disent \u00ab oil protects the wood \u00bb.", 1.0),
    ],
)
def test_quotations_are_looked_up(response: str, reward: float) -> None:
    assert scored(Citations(), response, documents=[SOURCE])[0] == reward


def test_sources_may_be_documents() -> None:
    quote = 'It says "wax is no good".'

    assert scored(Citations(), quote, documents=[Document(SOURCE)]) == (
        0.0,
        "0 of 1 quotations stand in the sources. `wax is no good` does not.",
    )
    assert scored(Citations(), quote, context=[{"text": "Wax is no good."}])[0] == 1.0
    assert scored(Citations(at_least=0), "No quotation.", context=SOURCE)[0] == 1.0
    with pytest.raises(RewardTypeError, match="`Citations` has no sources"):
        Citations().invoke(request(quote))


OTHER = "Oil protects the wood well [3]. It was *not* used before 1900. Concat is hereby done."


@pytest.mark.parametrize(
    ("response", "right"),
    [
        ('"oil protects the wood"', True),
        ('"oil protects the wo"', False),
        ('"cat is hereby"', False),
        ('"? ? ?"', False),
        ('> "Oil protects the wood well."', True),
        ("\u2018Oil protects the wood\u2019", True),
        ("He said \u2018it was not used\u2019, didn\u2019t he?", True),
        ('"Oil **protects** the wood well"', True),
        ('"Oil protects the wood well. It was not used"', True),
        ('"Oil protects\nthe wood" and then they say "it was not used"', True),
        ('"Oil protects ... before 1900"', True),
        ('"Oil protects the ... wax is dear"', False),
        ('"It was used before 1900"', False),
    ],
)
def test_a_quotation_stands_word_for_word(response: str, right: bool) -> None:  # noqa: FBT001
    documents = [OTHER, "Wax is dear."]
    assert scored(Citations(), response, documents=documents)[0] == float(right)


class Even(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _is_even(cls, n: int) -> int:
        if n % 2:
            raise ValueError("odd")
        return n


@pytest.mark.parametrize(
    ("response", "reward", "words"),
    [
        ('{"n": 2}', 1.0, "fits"),
        ('<think>{"n": 1}</think>{"n": 2}', 1.0, "fits"),
        ('{"n": 3}', 0.5, "breaks a rule: n: Value error, odd"),
        ('{"n": NaN}', 0.0, "`NaN` is no number of JSON"),
        ('{"n": 2} {"n": 2}', 0.0, "Extra data"),
    ],
)
def test_json_is_held_against_the_rules_of_its_class(
    response: str, reward: float, words: str
) -> None:
    got, said = scored(JsonSchema(Even), response)
    assert (got, words in said) == (reward, True)
