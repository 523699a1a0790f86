"""Each stop rule: the calls it saves, the reason it gives, and that nothing found is lost."""

import asyncio
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.errors import SettingsError
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, obedient, step_of

ROUNDS = [[0.0, 1.0], [2.0, 1.5], [2.1, 1.0], [2.1, 2.0], [5.0, 0.0]]
"""Rewards of every round of a D4-N2 run, in order of arrival."""


def run(**options: Any) -> tuple[TPOResult, ScriptedModelWithN]:
    """Run D4-N2 on the curve above."""
    rewards = iter([reward for numbers in ROUNDS for reward in numbers])
    model = ScriptedModelWithN()
    settings = TPOSettings(width=2, depth=4, **options)
    tpo = TPORunnable(model=model, reward=lambda *_: next(rewards), settings=settings)
    return tpo.optimize("Wood?"), model


@pytest.mark.parametrize(
    ("options", "reason", "rounds", "reward"),
    [
        ({}, "depth", 4, 5.0),
        ({"target_reward": 2.0}, "target_reward", 1, 2.0),
        ({"target_reward": 0.5}, "target_reward", 0, 1.0),
        ({"patience": 1, "min_gain": 0.2}, "plateau", 2, 2.1),
        ({"patience": 1}, "plateau", 3, 2.1),
        ({"patience": 2, "min_gain": 0.2}, "plateau", 3, 2.1),
        ({"min_contrast": 1.0}, "no_contrast", 0, 1.0),
        ({"min_contrast": 0.9}, "depth", 4, 5.0),
        ({"gate_reward": 1.0}, "gate", 0, 1.0),
        ({"gate_reward": 1.5}, "depth", 4, 5.0),
        ({"gate_contrast": 1.0}, "gate", 0, 1.0),
        ({"gate_contrast": 0.5}, "depth", 4, 5.0),
        ({"call_budget": 2}, "call_budget", 0, 1.0),
        ({"call_budget": 9}, "call_budget", 1, 2.0),
        ({"call_budget": 10}, "call_budget", 2, 2.1),
        ({"call_budget": 18}, "depth", 4, 5.0),
    ],
)
def test_a_rule_ends_the_run_with_its_reason(
    options: dict[str, Any], reason: str, rounds: int, reward: float
) -> None:
    result, model = run(**options)

    assert (result.stop_reason, len(result.rounds)) == (reason, rounds)
    assert result.reward == reward == max(max(numbers) for numbers in ROUNDS[: rounds + 1])
    assert model.notebook.completions() == 2 + rounds * 4


def test_all_rules_are_off_in_the_papers_preset() -> None:
    rules = {
        "target_reward",
        "patience",
        "gate_reward",
        "gate_contrast",
        "call_budget",
        "token_budget",
        "time_budget",
        "min_contrast",
    }

    paper = TPOSettings.paper()

    assert {getattr(paper, rule) for rule in rules} == {None}


def test_unknown_usage_counts_as_a_spent_token_budget() -> None:
    model = ScriptedModel(reports_usage=False)
    rewards = iter(range(100))
    settings = TPOSettings(width=2, depth=4, token_budget=10**9)

    result = TPORunnable(model=model, reward=lambda *_: next(rewards), settings=settings).optimize(
        "Wood?"
    )

    assert (result.stop_reason, result.rounds) == ("token_budget", ())


def test_a_judges_completions_count_against_the_call_budget() -> None:
    judge = ScriptedModel(reply=lambda *_: "fine")
    rewards = iter([reward for numbers in ROUNDS for reward in numbers])

    def judged(request: Any, config: Any) -> list[float]:
        judge.batch([[HumanMessage(text)] for text in request["responses"]], config)
        return [next(rewards) for _ in request["responses"]]

    model = ScriptedModelWithN()
    settings = TPOSettings(width=2, depth=4, call_budget=10)
    tpo = TPORunnable(model=model, reward=RunnableLambda(judged), settings=settings)

    result = tpo.optimize("Wood?")

    assert (result.stop_reason, len(result.rounds)) == ("call_budget", 1)
    assert result.usage["completions"] == 10


def test_a_call_budget_below_the_first_draws_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`call_budget` must be at least `width` \(5\), got 4"):
        TPOSettings(width=5, call_budget=4)


def slow(seconds: dict[str, float]) -> ScriptedModel:
    """Take so long over each step, in async runs."""

    class Slow(ScriptedModelWithN):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(seconds.get(step_of(messages), 0.0))
            return await super()._agenerate(messages, *args, **kwargs)

    return Slow()


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient", "update"])
async def test_a_call_in_flight_past_the_deadline_is_cancelled(step: str) -> None:
    model = slow({step: 60.0})
    rewards = iter(range(100))
    settings = TPOSettings(width=2, depth=2, time_budget=0.3)
    tpo = TPORunnable(model=model, reward=lambda *_: next(rewards), settings=settings)

    began = time.perf_counter()
    result = await tpo.aoptimize("Wood?")

    assert time.perf_counter() - began < 30  # it did not wait for the call
    assert (result.stop_reason, result.reward) == ("time_budget", 1)
    assert result.steps[-1]["step"] == step
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_first_draws_past_the_deadline_are_dropped_while_enough_are_left() -> None:
    class Stragglers(ScriptedModel):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            if len(self.notebook.calls) >= 3:
                await asyncio.sleep(60)
            return await super()._agenerate(messages, *args, **kwargs)

    rewards = iter(range(100))
    settings = TPOSettings(width=5, depth=2, time_budget=0.3)
    tpo = TPORunnable(model=Stragglers(), reward=lambda *_: next(rewards), settings=settings)

    result = await tpo.aoptimize("Wood?")

    assert (result.stop_reason, len(result.pool)) == ("time_budget", 3)
    assert [drop["reason"] for drop in result.drops] == ["failed"] * 2


def test_a_sync_run_begins_nothing_after_the_deadline() -> None:
    rewards = iter(range(100))
    model = ScriptedModelWithN(latency=0.2)
    settings = TPOSettings(width=2, depth=2, time_budget=0.1)

    result = TPORunnable(model=model, reward=lambda *_: next(rewards), settings=settings).optimize(
        "Wood?"
    )

    assert (result.stop_reason, model.notebook.steps()) == ("time_budget", ["sample"])


async def test_the_reason_is_told_in_the_last_event() -> None:
    rewards = iter([reward for numbers in ROUNDS for reward in numbers])
    settings = TPOSettings(width=2, depth=4, patience=1)
    tpo = TPORunnable(
        model=ScriptedModel(reply=obedient), reward=lambda *_: next(rewards), settings=settings
    )

    events = [
        event
        async for event in tpo.astream_events("Wood?", version="v2")
        if event["event"] == "on_custom_event"
    ]

    assert events[-1]["name"] == "tpo_end"
    assert events[-1]["data"]["stop_reason"] == "plateau"
    assert [event["name"] for event in events].count("tpo_end") == 1
