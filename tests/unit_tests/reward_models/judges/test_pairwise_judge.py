import logging
from typing import Any

import pytest

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
async def test_responses_are_compared_with_an_anchor(run: str, tools: bool) -> None:  # noqa: FBT001
    judge = PairwiseJudge(judge_model(honest, tools=tools), explain=False, anchors=["fair"])
    scores = await score(run, judge, request_for("fair", "great", "poor", pool=[]))
    assert scores == pytest.approx([0.5, 0.7, 0.4])


@BOTH_WAYS
async def test_a_liking_for_one_place_is_averaged_away(run: str) -> None:
    honest_judge = PairwiseJudge(judge_model(honest), explain=False)
    biased_judge = PairwiseJudge(judge_model(likes_the_first), explain=False)
    request = request_for("fair", "good", "poor", pool=[])
    expected = await score(run, honest_judge, request)
    assert await score(run, biased_judge, request) == pytest.approx(expected)


def test_a_round_with_an_anchor_costs_two_requests_for_each_other_response() -> None:
    model = judge_model(honest)
    judge = PairwiseJudge(model, anchors=["fair"])
    judge.invoke(request_for("fair", "good", "great", "poor", "good", pool=[]))
    assert len(model.asked.prompts) == 2 * 3
    assert judge.most_requests(4) == judge.most_requests(4, first=False) == 2 * 4


@BOTH_WAYS
@BOTH_FORMS
async def test_without_anchors_the_best_and_the_worst_are_found(run: str, tools: bool) -> None:  # noqa: FBT001
    judge = PairwiseJudge(judge_model(honest, tools=tools), explain=False)
    texts = ["fair", "great", "poor", "good", "great"]

    rewards = rewards_of(await score(run, judge, request_for(*texts, pool=[])))

    by_text = dict(zip(texts, rewards, strict=True))
    assert sorted(by_text, key=lambda text: by_text[text] or 0.0) == [
        "poor",
        "fair",
        "good",
        "great",
    ]
    assert rewards[0] == 0.0
    assert rewards[1] == rewards[4]


@BOTH_WAYS
async def test_the_best_so_far_keeps_its_reward_and_is_beaten_only_by_better_ones(run: str) -> None:
    judge = PairwiseJudge(judge_model(honest), explain=False)
    first = rewards_of(await score(run, judge, request_for("fair", "good", pool=[])))
    known = [*pool("fair", reward=first[0]), *pool("good", reward=first[1])]

    later = rewards_of(await score(run, judge, request_for("poor", "great", pool=known)))

    assert first[0] == 0.0
    assert (later[0] or 0) < (first[1] or 0) < (later[1] or 0)


def test_without_the_rewards_of_earlier_rounds_the_first_response_stands_at_zero() -> None:
    judge = PairwiseJudge(judge_model(honest), explain=False)
    request = without_rewards(request_for("great", "poor", pool=pool("fair", "good")))

    great, poor = rewards_of(judge.invoke(request))

    assert (poor or 0) < 0 < (great or 0)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("first", [True, False])
def test_a_round_costs_no_more_than_was_said(width: int, first: bool) -> None:  # noqa: FBT001
    def by_length(prompt: str) -> dict[str, Any]:
        one, other = pair_in(prompt)
        return {"rationale": "", "a_is_better": 100 if len(one) > len(other) else 0}

    model = judge_model(by_length)
    judge = PairwiseJudge(model)
    before = [] if first else pool("x" * 7, reward=1.0)

    judge.invoke(request_for(*("x" * (10 + number) for number in range(width)), pool=before))

    said = judge.most_requests(width, first=first)
    assert len(model.asked.prompts) <= said <= 3 * width + 3 * (not first)


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

    judge = PairwiseJudge(judge_model(one_order_fails), explain=False, anchors=["fair"])
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

    judge = PairwiseJudge(judge_model(odd), anchors=["fair"])
    scores = judge.invoke(request_for("fair", "good", "great", pool=[]))
    assert rewards_of(scores) == [0.5, None, pytest.approx(0.7)]


def test_the_rationale_says_which_response_is_meant() -> None:
    judge = PairwiseJudge(judge_model(honest), anchors=["fair"])
    scores = judge.invoke(request_for("fair", "good", pool=[]))
    assert scores == [
        0.5,
        {
            "reward": pytest.approx(0.6),
            "rationale": "Compared, as response A, with a reference as response B: "
            "good before fair",
        },
    ]


def test_a_response_whose_comparisons_all_failed_is_not_scored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    judge = PairwiseJudge(judge_model(honest))
    with caplog.at_level(logging.WARNING):
        scores = judge.invoke(request_for("fair", "lost", "good", pool=[]))

    assert [reward is None for reward in rewards_of(scores)] == [False, True, False]
    assert "4 of 6 judgements failed (ProviderError)" in caplog.text


def test_of_a_tournament_the_rationale_is_that_of_a_comparison() -> None:
    _, good = PairwiseJudge(judge_model(honest)).invoke(request_for("fair", "good", pool=[]))

    assert isinstance(good, dict)
    assert good["rationale"] == (
        "Compared, as response A, with another as response B: good before fair"
    )


def test_wrong_options_are_refused_in_one_line() -> None:
    with pytest.raises(ModelTypeError):
        PairwiseJudge(3)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="put it in brackets"):
        PairwiseJudge(judge_model(honest), anchors="one text")
