"""Every fault of a server, at every step and round of a D2-N5 run over real sockets."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from tests.faults.faulty_proxy import Exchange, Fault, FaultyProxy, pass_on
from tests.faults.http_faults import CHOICE_CHANGES, EXCHANGES, answer_with, choices, says
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
    failed,
    raised_by,
    requests_until,
)
from tests.support.servers.openai_double import OpenAIDouble, obedient_script
from tests.support.servers.own_process import in_own_process

openai = pytest.importorskip("openai", reason="needs the extra `openai`")
langchain_openai = pytest.importorskip("langchain_openai", reason="needs the extra `openai`")

pytestmark = pytest.mark.integration

PATIENCE = 2.0
"""Seconds that a client waits for an answer which will not come."""


@pytest.fixture(scope="module")
def http_client() -> Iterator[Any]:
    with openai.DefaultHttpxClient() as client:
        yield client


@contextmanager
def obedient_server() -> Iterator[str]:
    with OpenAIDouble(obedient_script) as double:
        yield double.base_url


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Serve from another process, on another core."""
    with in_own_process(obedient_server) as url:
        yield url


@pytest.fixture(scope="module")
def proxy(base_url: str) -> Iterator[FaultyProxy]:
    with FaultyProxy(base_url) as proxy:
        yield proxy


@pytest.fixture
async def runner(http_client: Any) -> AsyncIterator["Runner"]:
    # Without TLS: reading the certificates takes longer than a run.
    async with openai.DefaultAsyncHttpxClient(verify=False) as async_client:
        yield Runner(http_client, async_client)


def in_turns(
    places: Sequence[Place], faults: Iterable[str], name: str
) -> Iterator[tuple[str, Place]]:
    """Pair places with sync and async by turns, other ones with every other fault.

    All is tried with all where there are no sockets, in `test_scripted_faults`.
    """
    methods = itertools.cycle(("optimize", "aoptimize"))
    if list(faults).index(name) % 2:
        next(methods)
    return zip(methods, places, strict=False)


@dataclass(frozen=True)
class Runner:
    """Runs D2-N5 through `ChatOpenAI` with connections of its own."""

    client: Any
    async_client: Any

    async def run(
        self, base_url: str, *, method: str, one_request: bool, **options: Any
    ) -> tuple[TPOResult, ScoredLog]:
        scored = ScoredLog()
        model = langchain_openai.ChatOpenAI(
            base_url=base_url,
            api_key="-",
            model="double",
            http_client=self.client,
            http_async_client=self.async_client,
            **{"max_retries": 0, "timeout": 30, **options},
        )
        settings = TPOSettings(width=WIDTH, depth=2, one_request=one_request)
        tpo = TPORunnable(model=model, reward=scored, settings=settings)
        if method == "optimize":
            return await asyncio.to_thread(tpo.optimize, "Wood?"), scored
        return await tpo.aoptimize("Wood?"), scored

    async def struck(
        self, proxy: FaultyProxy, fault: Fault, strike: Strike, **how: Any
    ) -> tuple[TPOResult, ScoredLog]:
        """Run once against a proxy that strikes at one place."""
        proxy.begin(striking(fault, strike))
        return await self.run(proxy.base_url, **how)


def striking(fault: Fault, strike: Strike) -> Fault:
    def treat(exchange: Exchange) -> None:
        hit = strike.hits(convert_to_messages(exchange.body["messages"]))
        (fault if hit else pass_on)(exchange)

    return treat


async def check_whole_place(
    runner: Runner, proxy: FaultyProxy, fault: Fault, row: Row, place: Place, **how: Any
) -> None:
    """Strike everything at a place: the run ends there as the table says, or nowhere."""
    outcome = row.outcome(place)
    last = PLACES[-1] if outcome == "goes on" else place
    expected = requests_until(last, one_request=how["one_request"])
    if outcome.startswith("raises"):
        error = await raised_by(runner.struck(proxy, fault, Strike(place), **how))
        assert type(error).__name__.endswith(outcome.split()[1])
        assert len(proxy.received) == expected
        return
    result, scored = await runner.struck(proxy, fault, Strike(place), **how)
    check_end(result, outcome, place)
    check_honest(result, scored)
    assert len(proxy.received) == result.usage["requests"] == expected
    unusable = WIDTH if outcome == "no_usable_update" else 0
    assert drops_of(result) == Counter({(*place, row.drop(place)): unusable} if unusable else {})


async def check_one_draw(
    runner: Runner,
    proxy: FaultyProxy,
    fault: Fault,
    row: Row,
    place: Place,
    *,
    struck: Struck,
    **how: Any,
) -> None:
    """Strike one draw of five: it is missing, counted, and the run goes on without it."""
    result, scored = await runner.struck(proxy, fault, Strike(place, struck=struck), **how)
    check_end(result, "goes on", place)
    check_honest(result, scored)
    reason = row.drop(place)
    assert drops_of(result) == Counter([(*place, reason)] if reason else [])
    assert len(scored.scores) == 3 * WIDTH - (reason is not None)
    sent = requests_until(PLACES[-1], one_request=how["one_request"])
    assert len(proxy.received) == result.usage["requests"] == sent


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("one_request", [True, False], ids=["one request", "N requests"])
async def test_a_broken_exchange_ends_the_run_honestly(
    runner: Runner, proxy: FaultyProxy, name: str, *, one_request: bool
) -> None:
    fault, row = EXCHANGES[name]
    for method, place in in_turns(PLACES, EXCHANGES, name):
        await check_whole_place(
            runner, proxy, fault, row, place, method=method, one_request=one_request
        )


@pytest.mark.parametrize("name", EXCHANGES)
async def test_one_broken_exchange_of_five_is_a_dropped_draw(
    runner: Runner, proxy: FaultyProxy, name: str
) -> None:
    fault, row = EXCHANGES[name]
    for method, place in in_turns(DRAWING, EXCHANGES, name):
        await check_one_draw(
            runner, proxy, fault, row, place, struck="one", method=method, one_request=False
        )


@pytest.mark.parametrize("name", CHOICE_CHANGES)
async def test_choices_without_a_use_end_the_run_honestly(
    runner: Runner, proxy: FaultyProxy, name: str
) -> None:
    change, row = CHOICE_CHANGES[name]
    for method, place in in_turns(PLACES, CHOICE_CHANGES, name):
        one_request = method == "optimize"
        await check_whole_place(
            runner, proxy, choices(change), row, place, method=method, one_request=one_request
        )


@pytest.mark.parametrize("name", CHOICE_CHANGES)
async def test_one_choice_of_five_without_a_use_is_a_dropped_draw(
    runner: Runner, proxy: FaultyProxy, name: str
) -> None:
    change, row = CHOICE_CHANGES[name]
    for method, place in in_turns(DRAWING, CHOICE_CHANGES, name):
        fault = choices(change, only=2)
        await check_one_draw(
            runner, proxy, fault, row, place, struck="all", method=method, one_request=True
        )


async def test_a_server_that_hangs_ends_the_run_when_the_client_loses_patience(
    runner: Runner, base_url: str, method: str
) -> None:
    """At all places at once, so that the waiting is done once."""
    row, waits = failed("TimeoutError"), list(itertools.product(PLACES, [True, False]))
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(waits)))

    async def hang_at(place: Place, one_request: bool) -> None:  # noqa: FBT001 as the pairs are
        with FaultyProxy(base_url) as proxy:
            how = {"method": method, "one_request": one_request, "timeout": PATIENCE}
            await check_whole_place(runner, proxy, Exchange.hang, row, place, **how)

    await asyncio.gather(*[hang_at(*wait) for wait in waits])


@pytest.mark.parametrize("received", [0, 1, WIDTH - 1])
async def test_fewer_choices_than_asked_are_made_up_for(
    runner: Runner, proxy: FaultyProxy, method: str, received: int
) -> None:
    """A whole run is drawn; the price is one more request for each choice that was missing."""

    def fewer(exchange: Exchange) -> None:
        if exchange.body.get("n", 1) == 1:
            return pass_on(exchange)
        kept = exchange.fetch()["choices"][:received]
        return answer_with(choices=kept)(exchange)

    for place in DRAWING:
        result, scored = await runner.struck(
            proxy, fewer, Strike(place), method=method, one_request=True
        )
        check_end(result, "goes on", place)
        check_honest(result, scored)
        assert result.drops == ()
        assert len(result.pool) == 3 * WIDTH
        later = len([one for one in DRAWING if PLACES.index(one) > PLACES.index(place)])
        alone = later * (WIDTH - 1) if received == 1 else 0  # it ignores `n`: asked one by one
        assert len(proxy.received) == result.usage["requests"] == 7 + WIDTH - received + alone


async def test_no_choices_at_all_are_a_failed_request(
    runner: Runner, proxy: FaultyProxy, method: str
) -> None:
    """LangChain's word for it is IndexError."""
    for place in PLACES:
        await check_whole_place(
            runner,
            proxy,
            answer_with(choices=[]),
            failed("IndexError"),
            place,
            method=method,
            one_request=False,
        )


@pytest.mark.parametrize("one_request", [True, False], ids=["one request", "N requests"])
async def test_a_server_that_has_gone_refuses_connections(
    runner: Runner, base_url: str, method: str, *, one_request: bool
) -> None:
    """From some place on there is no server any more: each run ends there."""
    for number, place in enumerate(PLACES):
        before = sum(
            requests_until(p, one_request=one_request) for p in PLACES[number - 1 : number]
        )
        with FaultyProxy(base_url) as proxy:
            proxy.begin(pass_on, last=before)
            if number == 0:
                error = await raised_by(
                    runner.run(proxy.base_url, method=method, one_request=one_request)
                )
                assert type(error).__name__.endswith("ConnectionError")
                continue
            result, scored = await runner.run(
                proxy.base_url, method=method, one_request=one_request
            )
        check_end(result, "error ConnectionError", place)
        check_honest(result, scored)
        assert len(proxy.received) == before
        assert result.usage["requests"] == requests_until(place, one_request=one_request)


async def test_a_refusal_over_http_is_the_answer_where_all_refuse(
    runner: Runner, proxy: FaultyProxy, method: str
) -> None:
    fault = choices(says(content=None, refusal="I'm sorry, no."))
    result, scored = await runner.struck(
        proxy, fault, Strike(("sample", 0)), method=method, one_request=True
    )
    assert (result.answer, result.stop_reason, result.reward) == ("I'm sorry, no.", "refusal", None)
    assert (result.refused, len(proxy.received), scored.scores) == (WIDTH, 1, [])


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient"])
async def test_a_critic_that_refuses_over_http_ends_the_run(
    runner: Runner, proxy: FaultyProxy, method: str, step: str
) -> None:
    fault = choices(says(content=None, refusal="I'm sorry, no."))
    place = (step, 1)
    result, scored = await runner.struck(
        proxy, fault, Strike(place), method=method, one_request=True
    )
    check_end(result, "error NoResponseError", place)
    check_honest(result, scored)


async def test_refused_revisions_over_http_are_dropped_and_counted(
    runner: Runner, proxy: FaultyProxy, method: str
) -> None:
    fault, place = choices(says(content=None, refusal="I'm sorry, no.")), ("update", 1)
    result, scored = await runner.struck(
        proxy, fault, Strike(place), method=method, one_request=True
    )
    check_end(result, "no_usable_update", place)
    check_honest(result, scored)
    assert drops_of(result) == Counter({(*place, "refused"): WIDTH})


async def test_a_filter_over_http_makes_a_response_lose_to_complete_ones(
    runner: Runner, proxy: FaultyProxy, method: str
) -> None:
    def cut_by_filter(choice: dict[str, Any]) -> None:
        choice["finish_reason"] = "content_filter"

    fault = choices(cut_by_filter, only=WIDTH - 1)
    result, _ = await runner.struck(
        proxy, fault, Strike(("update", 2)), method=method, one_request=True
    )
    marked = [one for one in result.pool if "finish" in one]
    assert [one["finish"] for one in marked] == ["content_filter"]
    assert (marked[0]["round"], result.cut) == (2, 1)
    assert marked[0]["reward"] == max(one["reward"] or 0 for one in result.pool)
    assert result.answer != marked[0]["text"]
