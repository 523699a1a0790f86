"""Verifiers that compare: answers, JSON, quotations."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

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
