"""Every fault of a reward model, in every round of a D2-N5 run, sync and async."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.errors import RewardOutputError
from tests.faults.places import WIDTH, drops_of
from tests.faults.reward_faults import TABLE, Scores
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number

ROUNDS = (0, 1, 2)
REQUESTS = (1, 4, 7)
"""Requests of a run that ends with the reward of round 0, 1 or 2."""


class FaultyReward:
    """Scores honestly but in one round; keeps its own books of what it said."""

    def __init__(self, scores: Scores, struck: int) -> None:
        self.rounds = 0
        self.scored: list[str] = []
        self._scores = scores
        self._struck = struck

    def __call__(self, request: Any) -> Any:
        here, self.rounds = self.rounds, self.rounds + 1
        self.scored += request["responses"]
        honest = [last_number("", text) for text in request["responses"]]
        return self._scores(honest) if here == self._struck else honest


async def optimize(tpo: TPORunnable, method: str) -> TPOResult:
    return tpo.optimize("Wood?") if method == "optimize" else await tpo.aoptimize("Wood?")


@pytest.mark.parametrize("struck", ROUNDS)
@pytest.mark.parametrize("name", TABLE)
async def test_a_faulty_reward_ends_the_run_honestly(method: str, name: str, struck: int) -> None:
    row = TABLE[name]
    outcome = row.first if struck == 0 else row.later
    model, reward = ScriptedModelWithN(), FaultyReward(row.scores, struck)
    tpo = TPORunnable(model=model, reward=RunnableLambda(reward))

    if outcome.startswith("raises"):
        with pytest.raises(Exception, match=r"\w") as raised:
            await optimize(tpo, method)
        assert type(raised.value).__name__ == outcome.split()[1]
        assert len(model.notebook.calls) == 1
        return
    result = await optimize(tpo, method)

    last = 2 if outcome == "goes on" else struck
    reason, _, error = ("depth" if outcome == "goes on" else outcome).partition(" ")
    assert (result.stop_reason, (result.failure or {}).get("type", "")) == (reason, error)
    assert len(model.notebook.calls) == result.usage["requests"] == REQUESTS[last]
    assert reward.rounds == last + 1
    assert len(reward.scored) == len(set(reward.scored))  # nothing is scored twice
    unscored = Counter([("reward", struck, "not_scored")] * row.not_scored)
    assert drops_of(result) == unscored
    assert len([one for one in result.pool if one["reward"] is None]) == row.not_scored
    check_answer(result)


def check_answer(result: TPOResult) -> None:
    """The answer is the earliest of the best that have a score."""
    known = [one for one in result.pool if one["reward"] is not None]
    assert result.answer == max(known, key=lambda one: one["reward"] or 0.0)["text"]
    assert result.reward == max(one["reward"] or 0.0 for one in known)


@pytest.mark.parametrize("struck", ROUNDS)
async def test_what_was_drawn_in_time_is_scored_however_slowly(struck: int) -> None:
    class Slow(FaultyReward):
        async def __call__(self, request: Any) -> Any:  # type: ignore[override]
            slow = self.rounds == self._struck
            scores = super().__call__(request)
            await asyncio.sleep(0.6 if slow else 0.0)
            return scores

    model, reward = ScriptedModelWithN(), Slow(list, struck)
    settings = TPOSettings(width=WIDTH, depth=2, time_budget=0.5)
    result = await TPORunnable(
        model=model, reward=RunnableLambda(reward), settings=settings
    ).aoptimize("Wood?")

    reason = "depth" if struck == ROUNDS[-1] else "time_budget"
    assert (result.stop_reason, result.failure) == (reason, None)
    assert len(model.notebook.calls) == result.usage["requests"] == REQUESTS[struck]
    assert len(result.pool) == WIDTH * (1 + struck)
    check_answer(result)


async def test_a_judges_requests_are_counted_when_scoring_fails(method: str) -> None:
    judge = ScriptedModel(reply=lambda *_: "fine")

    def judged(request: Any, config: RunnableConfig) -> list[float]:
        judge.batch([[HumanMessage(text)] for text in request["responses"]], config)
        if "revision" in request["responses"][0]:
            raise ConnectionError("lost the verdicts")
        return [last_number("", text) for text in request["responses"]]

    result = await optimize(
        TPORunnable(model=ScriptedModelWithN(), reward=RunnableLambda(judged)), method
    )

    assert (result.stop_reason, len(judge.notebook.calls)) == ("error", 10)
    assert [step["usage"]["requests"] for step in result.steps if step["step"] == "reward"] == [
        5,
        5,
    ]


async def test_a_failure_of_the_reward_raises_when_asked_to(method: str) -> None:
    tpo = TPORunnable(
        model=ScriptedModelWithN(),
        reward=RunnableLambda(FaultyReward(lambda honest: honest[:-1], 1)),
        settings=TPOSettings(on_error="raise"),
    )

    with pytest.raises(RewardOutputError, match="4 scores for 5 responses"):
        await optimize(tpo, method)
