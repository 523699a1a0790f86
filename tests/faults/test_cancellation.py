"""Runs that are cancelled, interrupted or out of time leave nothing behind."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.outputs import ChatResult

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.reward_models import OpenAIVerifier
from langchain_tpo.reward_models.servers.http_clients import in_background
from tests.faults.hanging import LOOP, QUESTION, SOON, Hanging, held, others
from tests.faults.places import PLACES, WIDTH, Place
from tests.support.evaluation_runs import evaluated, questions
from tests.support.fakes import ScriptedModel, last_number

openai = pytest.importorskip("openai", reason="needs the extra `openai`")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count handles"),
]


Way = Callable[[Hanging, Awaitable[object]], Awaitable[None]]


async def cancel(hanging: Hanging, running: Awaitable[object]) -> None:
    """Cancel the task."""
    task = asyncio.ensure_future(running)
    await hanging.come()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out(hanging: Hanging, running: Awaitable[object]) -> None:
    """Let the caller's own time limit strike."""

    async def strike(limit: asyncio.Timeout) -> None:
        await hanging.come()
        limit.reschedule(0)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON) as limit, asyncio.TaskGroup() as group:
            group.create_task(strike(limit))
            await running


async def fail_beside(hanging: Hanging, running: Awaitable[object]) -> None:
    """Let what runs beside it in a task group fail."""

    async def fail() -> None:
        await hanging.come()
        raise ZeroDivisionError

    async def run() -> None:
        await running

    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.TaskGroup() as group:
            group.create_task(run())
            group.create_task(fail())
    assert raised.group_contains(ZeroDivisionError)


def drained(chunks: AsyncIterator[object]) -> Awaitable[object]:
    async def drain() -> None:
        async for _ in chunks:
            pass

    return drain()


DOORS: dict[str, Callable[[TPORunnable], Awaitable[object]]] = {
    "aoptimize": lambda tpo: tpo.aoptimize(QUESTION),
    "ainvoke": lambda tpo: tpo.ainvoke(QUESTION),
    "astream": lambda tpo: drained(tpo.astream(QUESTION)),
    "astream_rounds": lambda tpo: drained(tpo.astream_rounds(QUESTION)),
    "astream_events": lambda tpo: drained(tpo.astream_events(QUESTION, version="v2")),
    "abatch": lambda tpo: tpo.abatch([QUESTION]),
    "abatch_as_completed": lambda tpo: drained(tpo.abatch_as_completed([QUESTION])),
    "graph": lambda tpo: tpo.graph.ainvoke({"messages": [("human", QUESTION)]}),
}


def check(hanging: Hanging, door: str, way: Way) -> None:
    """Stop a run where it hangs; look at once for tasks, and then for everything else."""

    async def scenario() -> None:
        # Connections that could be used again would hide those that were forgotten.
        async with openai.DefaultAsyncHttpxClient(headers={"connection": "close"}) as client:
            client.event_hooks = {"request": [hanging.note]}
            hanging.client = client
            await way(hanging, DOORS[door](hanging.tpo()))
            assert others() == []
            assert held()["socket"] <= before["socket"] + LOOP

    before, since = held(), time.perf_counter()
    asyncio.run(scenario())
    assert held() <= before
    assert time.perf_counter() - since < SOON


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("one_request", [True, False], ids=["one request", "N requests"])
@pytest.mark.parametrize("way", [cancel, time_out])
def test_a_stopped_run_leaves_no_task_thread_or_socket(
    hanging_url: str, place: Place, way: Way, *, one_request: bool
) -> None:
    check(Hanging(hanging_url, place, one_request), "aoptimize", way)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("way", [cancel, fail_beside])
def test_neither_does_one_behind_any_other_door(hanging_url: str, door: str, way: Way) -> None:
    check(Hanging(hanging_url, ("update", 1), one_request=False), door, way)


@pytest.mark.parametrize("door", ["optimize", "aoptimize"])
@pytest.mark.parametrize("one_request", [True, False], ids=["one request", "N requests"])
def test_a_client_that_loses_patience_leaves_nothing(
    hanging_url: str, door: str, *, one_request: bool
) -> None:
    def run() -> Any:
        with openai.DefaultHttpxClient() as client:
            options = {"http_client": client, "timeout": 0.3}
            hanging = Hanging(hanging_url, ("update", 1), one_request, options=options)
            if door == "optimize":
                return hanging.tpo().optimize(QUESTION)
            return asyncio.run(scenario(hanging))

    async def scenario(hanging: Hanging) -> Any:
        async with openai.DefaultAsyncHttpxClient() as hanging.client:
            result = await hanging.tpo().aoptimize(QUESTION)
            assert others() == []
            return result

    before = held()
    result = run()

    assert result.stop_reason == "error"
    assert result.failure["type"].endswith("TimeoutError")
    assert held() <= before


def test_a_time_budget_leaves_nothing(hanging_url: str) -> None:
    async def scenario() -> Any:
        async with openai.DefaultAsyncHttpxClient() as client:
            hanging = Hanging(hanging_url, ("update", 1), one_request=False, client=client)
            result = await hanging.tpo(time_budget=0.5).aoptimize(QUESTION)
            assert others() == []
            return result

    before = held()
    result = asyncio.run(scenario())

    assert result.stop_reason == "time_budget"
    assert held() <= before


def test_a_reward_server_that_hangs_can_be_cancelled(hanging_url: str) -> None:
    """It has connections of its own, and nobody else to close them."""
    in_background(asyncio.sleep(0))  # the loop of all reward requests stays

    async def scenario() -> None:
        task = asyncio.create_task(tpo.aoptimize(QUESTION))
        async with asyncio.timeout(SOON):
            while held()["socket"] < before["socket"] + LOOP + WIDTH:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert others() == []
        async with asyncio.timeout(SOON):  # they are closed on the loop of all reward requests
            while held()["socket"] > before["socket"] + LOOP:
                await asyncio.sleep(0.005)

    settings = TPOSettings(width=WIDTH, depth=1)
    reward = OpenAIVerifier(hanging_url, model="reward")
    tpo = TPORunnable(model=ScriptedModel(), reward=reward, settings=settings)
    gc.collect()  # nothing of earlier tests may go while connections are counted
    before = held()
    asyncio.run(scenario())
    assert held() <= before


class Uneven(ScriptedModel):
    """Takes its time over some questions and fails at others."""

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        result = await super()._agenerate(messages, *args, **kwargs)
        if messages[-1].text == "fails":
            raise ZeroDivisionError
        await asyncio.sleep(60 if messages[-1].text == "slow" else 0)
        return result


async def first_of(tpo: TPORunnable, asked: list[str], config: Any) -> object:
    async with aclosing(tpo.abatch_as_completed(asked, config)) as runs:
        return await anext(runs)


BATCHES: dict[str, Callable[..., Awaitable[object]]] = {
    "abatch": lambda tpo, asked, config: tpo.abatch(asked, config),
    "abatch_as_completed": first_of,
}


@pytest.mark.parametrize("most", [None, 2])
@pytest.mark.parametrize("door", BATCHES)
@pytest.mark.parametrize(("first", "error"), [("slow", TimeoutError), ("fails", ZeroDivisionError)])
def test_a_batch_that_is_stopped_or_fails_takes_its_runs_along(
    door: str, most: int | None, first: str, error: type[Exception]
) -> None:
    """Runs that nobody waits for any more would go on to cost money."""
    tpo = TPORunnable(model=Uneven(), reward=last_number, width=1, depth=0)

    async def scenario() -> None:
        with pytest.raises(error):
            async with asyncio.timeout(0.1 if first == "slow" else SOON):
                await BATCHES[door](tpo, [first, *["slow"] * 5], {"max_concurrency": most})
        assert others() == []

    asyncio.run(scenario())


def test_so_does_a_batch_that_is_left_early() -> None:
    tpo = TPORunnable(model=Uneven(), reward=last_number, width=1, depth=0)

    async def scenario() -> None:
        place, _ = await first_of(tpo, ["slow", "quick", "slow"], None)  # type: ignore[misc]
        assert place == 1
        assert others() == []

    asyncio.run(scenario())


def test_a_cancelled_evaluation_lets_go_of_its_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        model = ScriptedModel(latency=0.01)
        path = tmp_path / "records.jsonl"
        task = asyncio.create_task(evaluated(path, questions(100), ["tpo"], model=model))
        async with asyncio.timeout(SOON):
            while not path.exists() or path.stat().st_size == 0:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert others() == []

    before = held()
    asyncio.run(scenario())
    assert held() <= before
