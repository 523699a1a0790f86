"""What was drawn in time is scored, what was scored counts; an end with nothing says so."""

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.errors import TimeBudgetError
from tests.support.fakes import last_number


def only_async(_messages: object) -> str:
    raise NotImplementedError


def tpo(late: dict[str, set[int]], **settings: Any) -> TPORunnable:
    """Build a loop whose model never answers some draws of some steps."""

    async def answer(_messages: object, config: RunnableConfig) -> str:
        step, number = config["metadata"]["tpo_step"], config["metadata"]["tpo_candidate"]
        if number in late.get(step, ()):
            await asyncio.sleep(60)
        if step == "update":
            return f"<IMPROVED_VARIABLE>revision {90 + number}</IMPROVED_VARIABLE>"
        return f"{step} {number}"

    return TPORunnable(
        model=RunnableLambda(only_async, answer),
        reward=last_number,
        settings=TPOSettings(**{"width": 3, "depth": 2, "time_budget": 1.0, **settings}),
    )


async def test_revisions_drawn_in_time_are_scored() -> None:
    result = await tpo({"update": {2}}).aoptimize("Wood?")

    assert (result.answer, result.stop_reason) == ("revision 91", "time_budget")
    assert [(drop["step"], drop["reason"]) for drop in result.drops] == [("update", "failed")]


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient"])
async def test_a_critique_that_is_late_ends_the_run_with_the_best(step: str) -> None:
    result = await tpo({step: {0}}).aoptimize("Wood?")

    assert (result.answer, result.stop_reason) == ("sample 2", "time_budget")
    assert result.failure is None


@pytest.mark.parametrize("depth", [0, 2])
async def test_one_response_in_time_is_the_answer(depth: int) -> None:
    result = await tpo({"sample": {0, 2}}, depth=depth).aoptimize("Wood?")

    assert result.answer == "sample 1"
    assert result.stop_reason == ("time_budget" if depth else "depth")


@pytest.mark.parametrize("width", [1, 3])
async def test_no_response_in_time_is_an_error_with_a_line(width: int) -> None:
    nothing = tpo({"sample": {0, 1, 2}}, width=width, depth=0)

    with pytest.raises(TimeBudgetError, match=r"^The `time_budget` ended before the model had"):
        await asyncio.wait_for(nothing.ainvoke("Wood?"), 20)
