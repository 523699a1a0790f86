"""Which chains are rewards, which are judges, and which are neither, said before any call."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import tool

from langchain_tpo import TPORunnable
from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import ChatJudge, as_reward_model
from tests.support.fakes import ScriptedModel

FIVE = FakeListChatModel(responses=["5"])
RATED = FIVE | StrOutputParser() | float
PROMPT = ChatPromptTemplate([("human", "Rate {response}.")])
ROUND = ChatPromptTemplate([("human", "Rate each of {responses} to {messages}.")])


@tool
def scorer(response: str) -> float:
    """Score."""
    return float(len(response))


def lists(rating: float) -> list[float]:
    return [rating, rating]


@pytest.mark.parametrize(
    ("reward", "says"),
    [
        (PROMPT | RATED, "begins with a prompt of `response`"),
        ((PROMPT | RATED).with_retry(), "begins with a prompt of `response`"),
        (PromptTemplate.from_template("{a} or {b}") | RATED, "begins with a prompt of `a` and `b`"),
        (StrOutputParser() | float, "begins with the parser `StrOutputParser`"),
        (scorer, "is, or begins with, the tool `scorer`"),
        (scorer.with_config(tags=["a"]), "is, or begins with, the tool `scorer`"),
    ],
)
def test_what_cannot_read_a_request_is_refused_in_one_line(reward: Any, says: str) -> None:
    model = ScriptedModel()
    with pytest.raises(RewardTypeError, match=rf"^`reward` {says}, and rewards are .*`\.\Z"):
        TPORunnable(model=model, reward=reward)
    assert model.notebook.calls == []


@pytest.mark.parametrize(
    "reward",
    [
        ROUND | RATED | lists,
        RunnableLambda(lambda asked: {"response": asked["responses"][0]}) | PROMPT | RATED | lists,
    ],
)
def test_a_chain_that_makes_its_own_prompt_is_a_reward_and_no_judge(
    reward: Runnable[Any, Any],
) -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=reward, width=2, depth=0)
    assert [one["reward"] for one in tpo.optimize("Wood?").pool] == [5.0, 5.0]


def test_a_model_with_words_before_the_conversation_is_a_judge_as_ever() -> None:
    stern = ChatPromptTemplate([("system", "Be stern."), MessagesPlaceholder("messages")])
    assert isinstance(as_reward_model(stern | FIVE), ChatJudge)
    assert isinstance(as_reward_model(FIVE.with_retry()), ChatJudge)
