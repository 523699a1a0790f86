"""Tokens, seconds, money and arithmetic of a run, per step and in all."""

import asyncio
import json
from typing import Any

import pytest

from langchain_tpo import Price, TPORunnable, TPOSettings
from langchain_tpo.costs import ASKED_BY, PAPER_TPO_PFLOPS, pflops
from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.usage import Usage, total_usage
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number


def run(model: Any = None, **fields: Any) -> Any:
    model = model or ScriptedModelWithN()
    settings = TPOSettings(width=3, depth=2)
    return TPORunnable(model=model, reward=last_number, settings=settings, **fields).optimize("?")


def test_the_steps_add_up_to_the_run() -> None:
    result = run()

    assert list(result.by_step) == [
        "sample",
        "reward",
        "textual_loss",
        "textual_gradient",
        "update",
    ]
    assert total_usage(total["usage"] for total in result.by_step.values()) == result.usage
    assert result.by_step["update"]["usage"]["completions"] == 2 * 3
    assert sum(total["seconds"] for total in result.by_step.values()) == pytest.approx(
        result.seconds
    )
    assert set(ASKED_BY) == set(result.by_step)


async def test_waiting_is_the_time_at_models_and_rewards_and_part_of_the_seconds() -> None:
    async def slow_reward(prompt: str, response: str) -> float:
        await asyncio.sleep(0.05)
        return last_number(prompt, response)

    model = ScriptedModelWithN(latency=0.05)
    result = await TPORunnable(model=model, reward=slow_reward, width=2, depth=1).aoptimize("?")

    for step in result.steps:
        assert 0.05 <= step["waiting"] <= step["seconds"]
    assert result.waiting == sum(step["waiting"] for step in result.steps)
    assert result.summary()["waiting"] <= result.summary()["seconds"]


def test_each_model_is_paid_its_own_price() -> None:
    result = run(critic=ScriptedModel())
    spent = {name: total["usage"] for name, total in result.by_step.items()}
    policy = total_usage([spent["sample"], spent["update"]])
    critic = total_usage([spent["textual_loss"], spent["textual_gradient"]])

    price = result.price(Price(input=2.0, output=8.0), critic=Price(input=10.0, output=0.0))

    expected = policy["input_tokens"] * 2 + policy["output_tokens"] * 8
    assert price == pytest.approx((expected + critic["input_tokens"] * 10) / 1e6)


def test_a_critic_without_a_price_costs_what_the_model_does() -> None:
    result = run()
    usage = result.usage

    price = result.price(Price(input=1.0, output=1.0))

    assert price == pytest.approx((usage["input_tokens"] + usage["output_tokens"]) / 1e6)


def test_cached_tokens_have_a_price_of_their_own() -> None:
    usage = Usage(requests=1, completions=1, input_tokens=1000, output_tokens=0, cached_tokens=900)

    assert Price(input=1.0, output=9.0).of(usage) == pytest.approx(0.001)
    assert Price(input=1.0, output=9.0, cached_input=0.1).of(usage) == pytest.approx(0.00019)


def test_what_was_not_counted_has_no_price() -> None:
    result = run(ScriptedModelWithN(reports_usage=False))

    assert result.price(Price(input=1.0, output=1.0)) is None


def test_a_negative_price_is_refused_in_one_line() -> None:
    with pytest.raises(SettingsError, match="`output` of a price must be at least 0, got -1"):
        Price(input=1.0, output=-1)


def test_the_papers_estimate_is_of_this_size() -> None:
    assert pflops(70e9, 66_500) == pytest.approx(PAPER_TPO_PFLOPS, rel=0.01)


def test_the_summary_is_json() -> None:
    assert json.loads(json.dumps(run().summary()))["waiting"] >= 0
