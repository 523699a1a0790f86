"""A reward model before a pause: asked once, in whatever form it gives its scores."""

from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.combined.asked_once import AskedOnce
from langchain_tpo.reward_models.interface import ScoreRequest
from tests.unit_tests.reward_models.judges.judge_fakes import BOTH_WAYS, request_for, score


class Evaluation:
    """What an evaluator gives; no checkpoint could keep it."""

    score = 0.5
    comment = "Dull."


@BOTH_WAYS
async def test_scores_become_plain_values(run: str) -> None:
    first: Runnable[ScoreRequest, list[Any]] = RunnableLambda(
        lambda request: [Evaluation(), float("nan"), 1]
    )
    assert await score(run, AskedOnce(first), request_for("a", "b", "c")) == [
        {"reward": 0.5, "rationale": "Dull."},
        {"reward": None},
        {"reward": 1.0},
    ]


@BOTH_WAYS
async def test_its_errors_pass_through(run: str) -> None:
    def fails(request: ScoreRequest) -> list[float]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await score(run, AskedOnce(RunnableLambda(fails)), request_for("a"))
    with pytest.raises(RewardOutputError, match="0 scores for 1 responses"):
        await score(run, AskedOnce(RunnableLambda(lambda request: [])), request_for("a"))


@BOTH_WAYS
async def test_callbacks_and_tags_reach_the_reward_model(run: str) -> None:
    heard: list[Any] = []

    def listens(request: ScoreRequest, config: Any) -> list[float]:
        heard.append((config["tags"], config["metadata"]))
        return [1.0]

    config: Any = {"tags": ["mine"], "metadata": {"tpo_step": "reward"}}
    await score(run, AskedOnce(RunnableLambda(listens)), request_for("a"), config)
    assert heard[0][0] == ["mine"]
    assert heard[0][1]["tpo_step"] == "reward"
