import logging
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import ModelTypeError, SettingsError
from langchain_tpo.reward_models.base import without_rewards
from langchain_tpo.reward_models.judges.pairwise_judge import PairwiseJudge
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_FORMS,
    BOTH_WAYS,
    ProviderError,
    judge_model,
    pair_in,
    request_for,
    rewards_of,
    score,
)

QUALITY = {"poor": 1, "fair": 2, "good": 3, "great": 4}


def honest(prompt: str) -> dict[str, Any]:
    first, second = pair_in(prompt)
    if "lost" in (first, second):
        raise ProviderError
    sure = 50 + 10 * (QUALITY[first] - QUALITY[second])
    return {"rationale": f"{first} before {second}", "a_is_better": sure}


def likes_the_first(prompt: str) -> dict[str, Any]:
    verdict = honest(prompt)
    return {**verdict, "a_is_better": min(100, verdict["a_is_better"] + 30)}


def pool(*texts: str, reward: float | None = 0.5) -> list[dict[str, Any]]:
    return [{"text": text, "reward": reward, "round": 0} for text in texts]


@BOTH_WAYS
@BOTH_FORMS
async def test_the_first_response_of_a_run_is_the_anchor(run: str, tools: bool) -> None:  # noqa: FBT001
    judge = PairwiseJudge(judge_model(honest, tools=tools), explain=False)
    scores = await score(run, judge, request_for("fair", "great", "poor", pool=[]))
    assert scores == pytest.approx([0.5, 0.7, 0.4])


@BOTH_WAYS
async def test_a_liking_for_one_place_is_averaged_away(run: str) -> None:
    honest_judge = PairwiseJudge(judge_model(honest), explain=False)
    biased_judge = PairwiseJudge(judge_model(likes_the_first), explain=False)
    request = request_for("fair", "good", "poor", pool=[])
    expected = await score(run, honest_judge, request)
    assert await score(run, biased_judge, request) == pytest.approx(expected)


@BOTH_WAYS
async def test_rewards_of_different_rounds_are_on_one_scale(run: str) -> None:
    judge = PairwiseJudge(judge_model(honest), explain=False)
    first = await score(run, judge, request_for("fair", "good", pool=[]))
    later = await score(run, judge, request_for("good", "great", pool=pool("fair", "good")))
    assert first[1] == later[0] == pytest.approx(0.6)
    assert later[1] == pytest.approx(0.7)


async def test_the_anchor_is_found_without_rewards_too() -> None:
    judge = PairwiseJudge(judge_model(honest), explain=False)
    request = without_rewards(request_for("great", pool=pool("fair", "good")))
    assert judge.invoke(request) == pytest.approx([0.7])


async def test_a_round_costs_two_requests_for_each_other_response() -> None:
    model = judge_model(honest)
    judge = PairwiseJudge(model)
    judge.invoke(request_for("fair", "good", "great", "poor", "good", pool=[]))
    assert len(model.asked.prompts) == 2 * 3
    model.asked.prompts.clear()
    judge.invoke(request_for("good", "great", "poor", pool=pool("fair")))
    assert len(model.asked.prompts) == 2 * 3


@BOTH_WAYS
async def test_fixed_anchors_are_averaged_over(run: str) -> None:
    model = judge_model(honest)
    judge = PairwiseJudge(model, anchors=["poor", "good"], explain=False)
    assert await score(run, judge, request_for("fair", "good")) == pytest.approx([0.5, 0.6])
    # fair against both; good against poor; good against itself needs no question
    assert len(model.asked.prompts) == 6


def test_a_pair_of_two_anchors_is_asked_once() -> None:
    model = judge_model(honest)
    PairwiseJudge(model, anchors=["fair", "good"]).invoke(request_for("fair", "good"))
    assert len(model.asked.prompts) == 2


@BOTH_WAYS
async def test_half_a_comparison_is_no_score(run: str, caplog: pytest.LogCaptureFixture) -> None:
    def one_order_fails(prompt: str) -> dict[str, Any]:
        if pair_in(prompt) == ("fair", "good"):
            raise ProviderError
        return honest(prompt)

    judge = PairwiseJudge(judge_model(one_order_fails), explain=False)
    with caplog.at_level(logging.WARNING):
        scores = await score(run, judge, request_for("fair", "good", "great", pool=[]))
    assert rewards_of(scores) == [0.5, None, pytest.approx(0.7)]
    assert "1 of 4 judgements failed (ProviderError)" in caplog.text


@BOTH_WAYS
async def test_when_all_fail_the_providers_own_error_is_raised(run: str) -> None:
    with pytest.raises(ProviderError):
        await score(run, PairwiseJudge(judge_model(honest)), request_for("fair", "lost", pool=[]))


@pytest.mark.parametrize("sure", [-1, 101, float("nan")])
def test_a_verdict_that_is_no_percentage_is_not_scored(sure: float) -> None:
    def odd(prompt: str) -> dict[str, Any]:
        if "great" in pair_in(prompt):
            return honest(prompt)
        return {"rationale": "", "a_is_better": sure}

    judge = PairwiseJudge(judge_model(odd))
    scores = judge.invoke(request_for("fair", "good", "great", pool=[]))
    assert rewards_of(scores) == [0.5, None, pytest.approx(0.7)]


def test_the_rationale_says_which_response_is_meant() -> None:
    scores = PairwiseJudge(judge_model(honest)).invoke(request_for("fair", "good", pool=[]))
    assert scores == [
        0.5,
        {
            "reward": pytest.approx(0.6),
            "rationale": "Compared, as response A, with a reference as response B: "
            "good before fair",
        },
    ]


def test_without_anything_fixed_it_refuses_in_one_line() -> None:
    model = judge_model(honest)
    with pytest.raises(SettingsError, match=r"anchors=\[\.\.\.\]") as refusal:
        PairwiseJudge(model).invoke({"messages": [HumanMessage("?")], "responses": ["fair"]})
    assert "\n" not in str(refusal.value)
    assert model.asked.prompts == []


def test_wrong_options_are_refused_in_one_line() -> None:
    with pytest.raises(ModelTypeError):
        PairwiseJudge(3)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="put it in brackets"):
        PairwiseJudge(judge_model(honest), anchors="one text")
