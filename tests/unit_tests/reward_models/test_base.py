import pytest
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.withheld_remarks import WithoutWords
from langchain_tpo.reward_models import Ensemble, LengthPenalty
from langchain_tpo.reward_models.base import (
    ComposedReward,
    asks_a_person,
    most_requests,
    without_rewards,
)
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from tests.unit_tests.reward_models.judges.judge_fakes import request_for


class Lengths(ComposedReward):
    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        return RunnableLambda(lambda asked: [float(len(one)) for one in asked["responses"]])


async def test_one_chain_serves_every_way_to_run() -> None:
    request, expected = request_for("a", "bc"), [1.0, 2.0]
    reward = Lengths()
    assert reward.invoke(request) == await reward.ainvoke(request) == expected
    assert reward.batch([request] * 2) == await reward.abatch([request] * 2) == [expected] * 2
    assert list(reward.stream(request)) == [expected]


def test_unknown_options_are_refused_in_one_line() -> None:
    with pytest.raises(SettingsError, match="`speed` is no option of Lengths") as refusal:
        Lengths(speed=3)
    assert "\n" not in str(refusal.value)


def test_a_part_sees_texts_without_rewards() -> None:
    pool = [{"text": "old", "reward": 1.0, "round": 2, "rationale": "fine"}]
    request = request_for("a", pool=pool)
    assert without_rewards(request)["pool"] == [{"text": "old", "reward": None, "round": 2}]
    assert without_rewards(request_for("a")) == request_for("a")


class Paying(Lengths):
    @property
    def asks_a_person(self) -> bool:
        return True

    @property
    def explains(self) -> bool:
        return True

    def most_requests(self, responses: int, *, first: bool = True) -> int:
        return 3 * responses + first


@pytest.mark.parametrize(
    "whole",
    [
        Ensemble({"paying": Paying(), "free": Lengths()}),
        LengthPenalty(Paying(), per_word=1),
        WithoutWords(reward=Paying()),
    ],
    ids=lambda whole: type(whole).__name__,
)
def test_what_is_made_of_others_says_what_they_say(whole: ComposedReward) -> None:
    assert asks_a_person(whole)
    assert most_requests(whole, 2) == 7
    assert most_requests(whole, 2, first=False) == 6
    assert whole.explains is not isinstance(whole, WithoutWords)
