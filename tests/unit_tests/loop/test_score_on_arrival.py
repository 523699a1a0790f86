"""Scoring each response as it is drawn: the same run, with less waiting."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableLambda

from langchain_tpo import ScoreRequest, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.reward_models import ChatJudge, PairwiseJudge
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number, obedient


class Reward:
    """Scores by the last number of a text, and notes every batch it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, request: ScoreRequest) -> list[float]:
        self.batches.append(request["responses"])
        return [last_number("", text) for text in request["responses"]]


@pytest.fixture(params=["optimize", "aoptimize"])
def optimize(request: pytest.FixtureRequest) -> Any:
    async def run(model: BaseChatModel, reward: Any, **settings: Any) -> TPOResult:
        chosen = TPOSettings(**{"width": 3, "depth": 1, "score_on_arrival": True, **settings})
        tpo = TPORunnable(model=model, reward=reward, settings=chosen)
        return (
            tpo.optimize("Wood?") if request.param == "optimize" else await tpo.aoptimize("Wood?")
        )

    return run


async def test_every_response_is_scored_by_itself_as_it_comes(optimize: Any) -> None:
    reward = Reward()

    result = await optimize(ScriptedModel(), RunnableLambda(reward))

    assert sorted(map(len, reward.batches)) == [1] * 6
    assert {text for batch in reward.batches for text in batch} == {
        one["text"] for one in result.pool
    }
    assert result.reward == max(one["reward"] for one in result.pool)


async def test_the_run_is_that_of_a_round_scored_whole(optimize: Any) -> None:
    early = await optimize(ScriptedModel(), RunnableLambda(Reward()))
    whole = await optimize(ScriptedModel(), RunnableLambda(Reward()), score_on_arrival=False)

    rewards = [{one["text"]: one["reward"] for one in run.pool} for run in (early, whole)]
    assert rewards[0] == rewards[1]
    assert (early.answer, early.stop_reason, early.usage) == (
        whole.answer,
        whole.stop_reason,
        whole.usage,
    )


async def test_scoring_takes_place_while_others_are_drawn() -> None:
    drawn: list[str] = []
    scored_before_the_last_came: list[bool] = []

    class OneIsSlow(ScriptedModel):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            first = not self.notebook.calls
            result = await super()._agenerate(messages, *args, **kwargs)
            if first:
                await asyncio.sleep(0.3)
            drawn.append(result.generations[0].text)
            return result

    async def score(request: ScoreRequest) -> list[float]:
        scored_before_the_last_came.append(len(drawn) < 3)
        return [1.0 for _ in request["responses"]]

    settings = TPOSettings(width=3, depth=0, score_on_arrival=True)
    tpo = TPORunnable(model=OneIsSlow(), reward=RunnableLambda(score), settings=settings)
    await tpo.ainvoke("Wood?")

    assert scored_before_the_last_came == [True, True, False]


async def test_equal_texts_are_scored_once(optimize: Any) -> None:
    reward = Reward()

    result = await optimize(ScriptedModel(reply=lambda *_: "the same 1"), RunnableLambda(reward))

    assert reward.batches == [["the same 1"]]
    assert [one["reward"] for one in result.pool] == [1.0] * 3
    assert result.stop_reason == "no_contrast"


async def test_what_fails_on_arrival_is_asked_again_with_the_round(optimize: Any) -> None:
    batches: list[list[str]] = []

    def flaky(request: ScoreRequest) -> list[float]:
        batches.append(request["responses"])
        if len(batches) == 1:
            raise ConnectionError("the reward server is starting")
        return [last_number("", text) for text in request["responses"]]

    result = await optimize(ScriptedModel(), RunnableLambda(flaky), depth=0)

    assert len(batches) == 4
    assert batches[-1] == batches[0]
    assert result.usage["requests"] == 3 + 1  # the failure counts
    assert all(one["reward"] is not None for one in result.pool)


async def test_a_reward_that_never_works_fails_as_it_does_otherwise(optimize: Any) -> None:
    def broken(request: ScoreRequest) -> list[float]:
        raise ConnectionError("nobody there")

    with pytest.raises(ConnectionError, match="nobody there"):
        await optimize(ScriptedModel(), RunnableLambda(broken))


async def test_one_request_for_all_draws_is_scored_as_a_batch(optimize: Any) -> None:
    reward = Reward()

    await optimize(ScriptedModelWithN(), RunnableLambda(reward), depth=0)

    assert [len(batch) for batch in reward.batches] == [3]


async def test_what_a_judge_takes_meanwhile_counts_as_the_rewards(optimize: Any) -> None:
    judge = ScriptedModel(reply=lambda *_: json.dumps({"rationale": "Fine.", "score": 3}))

    result = await optimize(ScriptedModel(), ChatJudge(judge), depth=0)

    early = [step for step in result.steps if step["step"] == "reward"]
    assert [(step["usage"]["requests"], step["seconds"] > 0) for step in early] == [
        (3, False),
        (0, True),
    ]
    assert result.by_step["sample"]["usage"]["requests"] == 3
    assert result.usage["requests"] == 6
    assert [one.get("rationale") for one in result.pool] == ["Fine."] * 3


async def test_what_compares_responses_gets_the_first_round_whole(optimize: Any) -> None:
    seen: list[int] = []

    def compare(step: str, messages: Any, number: int) -> str:
        seen.append(number)
        return json.dumps({"rationale": "A.", "a_is_better": 1.0})

    judge = PairwiseJudge(ScriptedModel(reply=compare))
    result = await optimize(ScriptedModel(), judge, depth=0)

    assert len(seen) == 2 * (3 - 1)
    assert all(one["reward"] is not None for one in result.pool)


async def test_unreadable_revisions_are_not_scored(optimize: Any) -> None:
    reward = Reward()

    def reply(step: str, messages: Any, number: int) -> str:
        return "no tag 99" if step == "update" else obedient(step, messages, number)

    result = await optimize(ScriptedModel(reply=reply), RunnableLambda(reward))

    assert result.stop_reason == "no_usable_update"
    assert not any("99" in text for batch in reward.batches for text in batch)


async def test_the_round_waits_for_the_reward_no_more() -> None:
    async def score(request: ScoreRequest) -> list[float]:
        await asyncio.sleep(0.2)
        return [1.0 for _ in request["responses"]]

    class Staggered(ScriptedModel):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0.2 * len(self.notebook.calls))
            return await super()._agenerate(messages, *args, **kwargs)

    for early in (True, False):
        settings = TPOSettings(width=3, depth=0, score_on_arrival=early)
        tpo = TPORunnable(model=Staggered(), reward=RunnableLambda(score), settings=settings)
        reward_step = (await tpo.aoptimize("Wood?")).steps[-1]
        assert (reward_step["waiting"] >= 0.2) is not early
