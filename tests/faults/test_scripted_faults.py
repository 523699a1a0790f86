"""Every fault of a model, at every step and round of a D2-N5 run, sync and async."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from langchain_core.outputs import ChatResult

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.errors import NoResponseError
from tests.faults.places import (
    DRAWING,
    PLACES,
    WIDTH,
    Place,
    Row,
    ScoredLog,
    Strike,
    Struck,
    check_end,
    check_honest,
    drops_of,
    raised_by,
    requests_until,
)
from tests.faults.scripted_faults import CONTENTS, FAULTS, REVISIONS, FaultyModel, Rewrite, saying
from tests.support.fakes import Call, ScriptedModel, ScriptedModelWithN, obedient


async def run(
    model: Any, *, method: str, one_request: bool = True, **settings: Any
) -> tuple[TPOResult, ScoredLog]:
    scored = ScoredLog()
    given = TPOSettings(width=WIDTH, depth=2, one_request=one_request, **settings)
    tpo = TPORunnable(model=model, reward=scored, settings=given)
    result = tpo.optimize("Wood?") if method == "optimize" else await tpo.aoptimize("Wood?")
    return result, scored


def faulty(
    rewrite: Rewrite, place: Place, *, struck: Struck = "all", only: int | None = None
) -> Any:
    return FaultyModel(rewrite=rewrite, strike=Strike(place, struck=struck), only=only)


async def check_whole_place(name: str, place: Place, **how: Any) -> None:
    """Strike everything at a place: the run ends there as the table says, or nowhere."""
    rewrite, row = FAULTS[name]
    model, outcome = faulty(rewrite, place), row.outcome(place)
    last = PLACES[-1] if outcome == "goes on" else place
    expected = requests_until(last, one_request=how["one_request"])
    if outcome.startswith("raises"):
        assert type(await raised_by(run(model, **how))).__name__ == outcome.split()[1]
        assert len(model.notebook.calls) == expected
        return
    result, scored = await run(model, **how)
    check_end(result, outcome, place)
    check_honest(result, scored)
    assert len(model.notebook.calls) == result.usage["requests"] == expected
    unusable = WIDTH if outcome == "no_usable_update" else 0
    assert drops_of(result) == Counter({(*place, row.drop(place)): unusable} if unusable else {})


async def check_one_draw(row: Row, place: Place, model: Any, **how: Any) -> None:
    """Strike one draw of five: it is missing, counted, and the run goes on without it."""
    result, scored = await run(model, **how)
    reason = row.drop(place)
    check_end(result, "goes on", place)
    check_honest(result, scored)
    assert drops_of(result) == Counter([(*place, reason)] if reason else [])
    assert len(scored.scores) == 3 * WIDTH - (reason is not None)
    sent = requests_until(PLACES[-1], one_request=how["one_request"])
    assert len(model.notebook.calls) == result.usage["requests"] == sent


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("one_request", [True, False], ids=["one request", "N requests"])
async def test_a_fault_of_all_draws_ends_the_run_honestly(
    method: str, name: str, *, one_request: bool
) -> None:
    for place in PLACES:
        await check_whole_place(name, place, method=method, one_request=one_request)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_one_request_of_five_is_a_dropped_draw(method: str, name: str) -> None:
    rewrite, row = FAULTS[name]
    for place in DRAWING:
        model = faulty(rewrite, place, struck="one")
        await check_one_draw(row, place, model, method=method, one_request=False)


@pytest.mark.parametrize("name", CONTENTS)
async def test_a_fault_of_one_choice_of_five_is_a_dropped_draw(method: str, name: str) -> None:
    rewrite, row = CONTENTS[name]
    for place in DRAWING:
        model = faulty(rewrite, place, only=2)
        await check_one_draw(row, place, model, method=method, one_request=True)


@pytest.mark.parametrize("name", REVISIONS)
async def test_a_revision_is_read_out_of_odd_tags(method: str, name: str) -> None:
    model = faulty(CONTENTS[name][0], ("update", 1))

    result, _ = await run(model, method=method)

    read = saying(REVISIONS[name])
    assert [one["text"] for one in result.pool if one["round"] == 1] == [
        read(f"revision {number}") for number in range(7, 12)
    ]


async def test_more_choices_than_asked_are_all_scored(method: str) -> None:
    class Generous(ScriptedModelWithN):
        def _result(self, call: Call) -> ChatResult:
            call.n += 1
            return super()._result(call)

    model = Generous()
    result, scored = await run(model, method=method)

    check_honest(result, scored)
    assert (len(result.pool), result.drops, len(model.notebook.calls)) == (18, (), 7)


@pytest.mark.parametrize("received", [0, 2])
async def test_choices_that_are_missing_are_asked_for_again(method: str, received: int) -> None:
    class Stingy(ScriptedModelWithN):
        def _result(self, call: Call) -> ChatResult:
            result = super()._result(call)
            return ChatResult(
                generations=result.generations[:received] if call.n > 1 else result.generations
            )

    model = Stingy()
    result, scored = await run(model, method=method)

    check_honest(result, scored)
    assert (len(result.pool), result.drops) == (15, ())
    assert len(model.notebook.calls) == result.usage["requests"] == 7 + 3 * (WIDTH - received)


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient"])
async def test_an_empty_critique_is_an_error_that_says_what_to_look_at(
    method: str, step: str
) -> None:
    model = ScriptedModelWithN(
        reply=lambda asked, messages, number: (
            " " if asked == step else obedient(asked, messages, number)
        )
    )

    result, _ = await run(model, method=method)
    assert result.failure is not None
    assert "The critic's reply held no text" in result.failure["message"]
    assert result.steps[-1]["usage"]["output_tokens"] == 0
    assert result.steps[-1]["usage"]["input_tokens"] != 0  # it was paid for

    with pytest.raises(NoResponseError, match="held no text"):
        await run(model, method=method, on_error="raise")


async def test_retries_around_the_model_mend_a_fault_and_are_counted(method: str) -> None:
    failures = iter([ConnectionError("reset by peer")] * 2)

    def flaky(step: str, messages: Any, number: int) -> str:
        error = next(failures, None) if step == "textual_loss" else None
        if error is not None:
            raise error
        return obedient(step, messages, number)

    model = ScriptedModel(reply=flaky)
    result, scored = await run(
        model.with_retry(stop_after_attempt=3, wait_exponential_jitter=False), method=method
    )

    check_end(result, "goes on", PLACES[0])
    check_honest(result, scored)
    assert len(model.notebook.calls) == result.usage["requests"] == 19 + 2


async def test_draws_that_the_time_budget_cancels_are_counted_with_what_was_answered() -> None:
    class Stragglers(ScriptedModel):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
            late = self.notebook.steps().count("update") >= 2
            result = await super()._agenerate(messages, *args, **kwargs)
            await asyncio.sleep(60 if late else 0)
            return result

    model = Stragglers()
    result, scored = await run(model, method="aoptimize", time_budget=0.5)

    check_honest(result, scored)
    assert result.stop_reason == "time_budget"
    usage = result.by_step["update"]["usage"]
    assert (usage["requests"], usage["completions"], usage["output_tokens"]) == (5, 2, 4)
    assert len(result.pool) == 5 + 2
    assert len(model.notebook.calls) == result.usage["requests"] == 12
