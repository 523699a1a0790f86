"""Words that a request does not have, as a rule more: against forms, titles and copies."""

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from langchain_tpo.cli.reward_strings import reward_model
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models import VerifiableInstructions
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.reward_models.verifiable_instructions import includes
from langchain_tpo.reward_models.verifiable_instructions.own_words import OwnWords

ASKED = "Write an article about oak. Do not use any commas."


def scored(reward: VerifiableInstructions, *responses: str, asked: str = ASKED) -> list[Score]:
    return reward.invoke({"messages": [HumanMessage(asked)], "responses": [*responses]})


def number(score: Score) -> float | None:
    return score["reward"] if isinstance(score, dict) else score


def test_what_the_request_says_itself_is_no_answer() -> None:
    reward = VerifiableInstructions(own_words=2)
    copy, bare, whole = scored(reward, ASKED, "Oak: an article.", "Oak wood is hard.")

    assert [number(copy), number(bare), number(whole)] == [0.5, 0.5, 1.0]
    assert isinstance(copy, dict)
    assert copy["rationale"].startswith(
        "Broken: 0 words beside those of the request, at least 2 make an answer. "
        "To do: write the whole answer, in words of your own."
    )


def test_some_words_of_its_own_are_better_than_none() -> None:
    none, one, two = scored(
        VerifiableInstructions(own_words=2), ASKED, "Oak lasts", "Oak lasts ages"
    )
    assert 0.5 == number(none) < (number(one) or 0) < (number(two) or 0) == 1.0


def test_nothing_is_asked_unless_someone_asks() -> None:
    assert number(scored(VerifiableInstructions(), ASKED)[0]) == 1.0


def test_it_goes_with_rules_of_ones_own_and_with_prompts_without_any() -> None:
    rules = VerifiableInstructions(rules=[includes("oak")], own_words=1)
    assert [number(one) for one in scored(rules, "Oak.", "Oak lasts.")] == [0.5, 1.0]
    bare = VerifiableInstructions(own_words=1)
    assert [number(one) for one in scored(bare, "oak?", "It lasts.", asked="Oak?")] == [0.0, 1.0]


def test_words_of_the_system_message_are_those_of_the_request() -> None:
    asked = [SystemMessage("Say hello."), HumanMessage("Oak?")]
    reward = VerifiableInstructions(own_words=1)
    (score,) = reward.invoke({"messages": asked, "responses": ["Hello oak say"]})
    assert number(score) == 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The oak, the OAK and the oak", 1),
        ("don't don\u2019t", 1),
        ("it_is 42 - *", 3),
        ("橡木很硬", 3),
        ("橡木", 1),
        ("cafe\u0301 caf\u00e9", 1),
        ("", 0),
    ],
)
def test_a_word_is_counted_once_however_it_is_written(text: str, words: int) -> None:
    found = OwnWords(at_least=9, request="Oak and 木?").check(text).words
    assert found.startswith(f"{words} word{'' if words == 1 else 's'} beside those")


def test_the_command_line_knows_it() -> None:
    assert reward_model("instructions?own_words=3") == VerifiableInstructions(own_words=3)
    with pytest.raises(SettingsError, match=r"own_words.*greater than or equal to 0, got `-1`"):
        reward_model("instructions?own_words=-1")
    with pytest.raises(SettingsError, match="no option `words`"):
        reward_model("instructions?words=1")
