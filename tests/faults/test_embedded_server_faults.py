"""Faults between a run and the embedded server: a model's answers, broken on their way."""

from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from langchain_tpo import SamplingOptions, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.errors import WeightsError
from langchain_tpo.local import LocalServer
from tests.faults.faulty_proxy import Exchange, Fault, FaultyProxy, pass_on
from tests.faults.http_faults import (
    answer_with,
    answers,
    choices,
    cut_off,
    error_body,
    says,
    truncated,
)
from tests.faults.places import (
    PLACES,
    WIDTH,
    Place,
    ScoredLog,
    check_end,
    check_honest,
    drops_of,
    requests_until,
)
from tests.support.shallow_weights import shallow_weights

langchain_openai = pytest.importorskip("langchain_openai", reason="needs the extra `openai`")

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    try:
        weights = shallow_weights()
    except WeightsError as error:
        if "could not be fetched" in str(error):
            pytest.skip(f"no weights here: {error}")
        raise
    with LocalServer(weights, slots=WIDTH, context_tokens=2048, threads=1) as running:
        yield running


class Later(ScoredLog):
    """Likes each response better than the one before: real texts hold no numbers."""

    def __call__(self, _prompt: str, response: str) -> float:
        self.scores.append((response, float(len(self.scores))))
        return self.scores[-1][1]


def in_turn(*faults: Fault) -> Fault:
    """Strike the first requests of a run, each with its own; let the others be."""
    waiting = chain(faults, repeat(pass_on))

    def treat(exchange: Exchange) -> None:
        fault = next(waiting)
        fault(exchange)

    return treat


def fewer(exchange: Exchange) -> None:
    """Keep two choices of the answer."""
    kept = exchange.fetch()["choices"][:2]
    answer_with(choices=kept)(exchange)


FAULTS: dict[Place, list[tuple[Fault, str]]] = {
    ("textual_loss", 1): [(answers(429, error_body("slow down")), "error RateLimitError")],
    ("textual_gradient", 1): [(truncated, "error JSONDecodeError")],
    ("update", 1): [
        (cut_off, "error ConnectionError"),
        (choices(says(content=" ")), "no_usable_update"),
    ],
}
"""By place, what strikes there and what the run comes to."""


async def optimized(server: LocalServer, fault: Fault) -> tuple[TPOResult, ScoredLog, int]:
    with FaultyProxy(server.base_url, fault) as proxy:
        model = langchain_openai.ChatOpenAI(
            base_url=proxy.base_url, api_key=server.api_key, model="local", max_retries=0
        )
        scored, short = Later(), SamplingOptions(max_tokens=8, temperature=1.0)
        settings = TPOSettings.small_model(
            strategy="tpo",
            width=WIDTH,
            depth=2,
            seed=1,
            prefer_complete=False,
            **{step: short for step, _ in PLACES},
        )
        tpo = TPORunnable(model=model, reward=scored, settings=settings)
        return await tpo.aoptimize("Wood?"), scored, len(proxy.received)


@pytest.mark.parametrize("place", FAULTS, ids=str)
async def test_a_broken_answer_of_the_embedded_model_ends_the_run_honestly(
    server: LocalServer, place: Place
) -> None:
    for fault, outcome in FAULTS[place]:
        before = [pass_on] * PLACES.index(place)
        result, scored, received = await optimized(server, in_turn(*before, fault))

        check_end(result, outcome, place)
        check_honest(result, scored)
        assert received == result.usage["requests"] == requests_until(place, one_request=True)


async def test_choices_that_are_missing_are_drawn_anew_by_the_embedded_model(
    server: LocalServer,
) -> None:
    faults = [fewer, *[pass_on] * (WIDTH - 2), answers(500, error_body("that is enough"))]

    result, scored, received = await optimized(server, in_turn(*faults))

    check_end(result, "error APIError", ("textual_loss", 1))
    check_honest(result, scored)
    assert received == result.usage["requests"] == len(faults)
    assert (drops_of(result).total(), len(result.pool)) == (0, WIDTH)
