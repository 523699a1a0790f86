from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.errors import RewardTypeError, SettingsError
from langchain_tpo.reward_models.combined.length_penalty import LengthPenalty
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_WAYS,
    request_for,
    rewards_of,
    score,
)

EXPLAINED: Runnable[ScoreRequest, list[Score]] = RunnableLambda(
    lambda request: [{"reward": 1.0, "rationale": "Apt."} for _ in request["responses"]]
)


@BOTH_WAYS
async def test_words_beyond_the_free_ones_cost(run: str) -> None:
    reward = LengthPenalty(lambda prompt, response: 1.0, per_word=0.5, free=2)
    scores = await score(run, reward, request_for("", "one two", "one two  three\nfour"))
    assert rewards_of(scores) == [1.0, 1.0, 0.0]


@BOTH_WAYS
async def test_tokens_are_counted_by_what_was_handed_over(run: str) -> None:
    reward = LengthPenalty(lambda prompt, response: 1.0, per_token=0.25, free=1, count_tokens=len)
    scores = await score(run, reward, request_for("a", "abc"))
    assert scores == [1.0, {"reward": 0.5, "rationale": "2 tokens over 1 cost it 0.5."}]


def test_the_rationale_tells_what_length_cost() -> None:
    reward = LengthPenalty(EXPLAINED, per_word=0.5, free=1)
    assert reward.invoke(request_for("one", "one two")) == [
        {"reward": 1.0, "rationale": "Apt."},
        {"reward": 0.5, "rationale": "Apt. 1 word over 1 cost it 0.5."},
    ]


@pytest.mark.parametrize("missing", [None, float("nan"), {"reward": None, "rationale": "?"}])
def test_what_has_no_score_has_none_after_the_penalty(missing: Any) -> None:
    reward = LengthPenalty(RunnableLambda(lambda request: [missing]), per_word=0.5)
    assert reward.invoke(request_for("one two")) == [None]


def test_the_reward_inside_does_not_see_charged_rewards() -> None:
    seen: list[Any] = []

    def look(request: Any) -> list[Score]:
        seen.extend(request["pool"])
        return [1.0]

    pool = [{"text": "old", "reward": 0.5, "round": 0}]
    LengthPenalty(RunnableLambda(look), per_word=0).invoke(request_for("a", pool=pool))
    assert seen[0]["reward"] is None


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"per_word": 1, "per_token": 1, "count_tokens": len},
        {"per_token": 1},
        {"per_word": 1, "count_tokens": len},
        {"per_word": -1},
        {"per_word": 1, "free": -1},
        {"per_word": float("nan")},
    ],
)
def test_options_that_cannot_work_are_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refusal:
        LengthPenalty(EXPLAINED, **options)
    assert "\n" not in str(refusal.value)


def test_a_reward_that_cannot_score_is_refused() -> None:
    with pytest.raises(RewardTypeError):
        LengthPenalty(7, per_word=1)  # type: ignore[arg-type]
