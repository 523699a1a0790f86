import logging

import pytest
from langchain_core.language_models import FakeListChatModel

from langchain_tpo.reward_models import ChatJudge, Ensemble, LengthPenalty, PairwiseJudge
from langchain_tpo.reward_models.judges.self_preference import (
    prefers_itself,
    warn_of_self_preference,
)


class Named(FakeListChatModel):
    """A model with a name."""

    model_name: str


ONE = Named(responses=["a"], model_name="one")
AGAIN = Named(responses=["b"], model_name="one")
OTHER = Named(responses=["a"], model_name="other")


@pytest.mark.parametrize(
    "reward",
    [
        ONE,
        ChatJudge(ONE),
        ChatJudge(AGAIN),
        PairwiseJudge(ONE.with_retry()),
        Ensemble({"judge": ChatJudge(OTHER.with_fallbacks([ONE])), "len": lambda response: 1.0}),
        LengthPenalty(ChatJudge(ONE.bind(stop=["x"])), per_word=0.1),
    ],
)
def test_a_judge_of_its_own_responses_is_found(reward: object) -> None:
    assert prefers_itself(ONE.bind(temperature=0), reward) == "one"


class Served(FakeListChatModel):
    """The same models, served by somebody else."""

    model: str


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("one-2025-04-14", True),
        ("one-20250414", True),
        ("vendor/One", True),
        ("one:latest", True),
        ("one-mini", False),
        ("one-2", False),
        ("other-2025-04-14", False),
    ],
)
def test_a_model_is_known_by_its_name_whoever_serves_it(
    name: str,
    own: bool,  # noqa: FBT001
) -> None:
    judge = ChatJudge(Served(responses=["a"], model=name))
    assert prefers_itself(ONE, judge) == (name if own else None)


@pytest.mark.parametrize("reward", [ChatJudge(OTHER), Ensemble({"a": ChatJudge(OTHER)}), len, None])
def test_another_judge_is_none(reward: object) -> None:
    assert prefers_itself(ONE, reward) is None


def test_one_warning_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_self_preference(ONE, ChatJudge(ONE))
        warn_of_self_preference(ONE, ChatJudge(OTHER))

    assert [record.message.split(":")[0] for record in caplog.records] == [
        "`one` judges its own responses"
    ]
