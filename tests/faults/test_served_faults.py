"""Every fault of a model's server and of a reward, behind `tpo serve`: what its clients are told.

A failure of the first round is an error in the form of the API that was asked; a later one costs
the rounds that are left, and the answer says so. Nobody is told the operator's key or addresses.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from langchain_core.messages import convert_to_messages
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langchain_tpo import TPORunnable, TPOSettings
from tests.faults.faulty_proxy import Exchange, Fault, FaultyProxy, pass_on
from tests.faults.http_faults import CHOICE_CHANGES, EXCHANGES, answers, choices, error_body
from tests.faults.places import Place, Row, Strike, failed
from tests.faults.reward_faults import TABLE
from tests.faults.test_reward_faults import FaultyReward
from tests.support.fakes import ScriptedModelWithN, last_number
from tests.support.servers.openai_double import OpenAIDouble, obedient_script
from tests.support.serving import post, served

pytestmark = pytest.mark.integration

KEY = "sk-operator-0123456789abcdef"
"""What no client may read."""

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "oak", "messages": [{"role": "user", "content": "Wood?"}]},
    "/v1/responses": {"model": "oak", "input": "Wood?"},
    "/v1/messages": {
        "model": "oak",
        "max_tokens": 900,
        "messages": [{"role": "user", "content": "Wood?"}],
    },
}
"""The same question in each API."""

FAULTS: dict[str, tuple[Fault, Row]] = {
    **EXCHANGES,
    **{name: (choices(change), row) for name, (change, row) in CHOICE_CHANGES.items()},
    "a key that is refused, and quoted": (
        answers(401, error_body(f"Incorrect API key provided: {KEY}")),
        failed("AuthenticationError"),
    ),
}
"""All that a model's server can do."""

STRUCK: tuple[Place, ...] = (("sample", 0), ("textual_gradient", 1), ("update", 1))


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    with OpenAIDouble(obedient_script) as double, FaultyProxy(double.base_url) as proxy:
        yield proxy


@pytest.fixture
async def policy(proxy: FaultyProxy) -> AsyncIterator[ChatOpenAI]:
    async with openai.DefaultAsyncHttpxClient(verify=False) as client:
        yield ChatOpenAI(
            model="double",
            base_url=proxy.base_url,
            api_key=SecretStr(KEY),
            http_async_client=client,
            max_retries=0,
            timeout=30,
        )


def check_error(path: str, answer: Any) -> None:
    """An error has the form of its API, and its head and status say what its body says."""
    told = answer.json()
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/json"
    if path == "/v1/messages":
        assert told["type"] == "error"
        assert set(told["error"]) == {"type", "message"}
        assert told["error"]["type"] in {
            *("api_error", "invalid_request_error", "not_found_error", "rate_limit_error"),
            *("overloaded_error", "timeout_error"),
        }
    else:
        assert set(told["error"]) == {"message", "type", "param", "code"}
    assert told["error"]["message"].strip()
    assert "\n" not in told["error"]["message"]
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1


def check_best_so_far(answer: Any, stop_reason: str) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["tpo"]["stop_reason"] == stop_reason
    assert answer.headers["x-tpo-stop-reason"] == stop_reason


def check_private(answer: Any, *secrets: str) -> None:
    whole = answer.text + str(answer.headers)
    assert [secret for secret in secrets if secret in whole] == []


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_the_model_is_told_in_each_apis_own_form(
    proxy: FaultyProxy, policy: ChatOpenAI, name: str
) -> None:
    fault, row = FAULTS[name]
    settings = TPOSettings(width=2, depth=1, one_request=True)
    app = served(TPORunnable(model=policy, reward=last_number, settings=settings))

    for place, path in zip(STRUCK * 2, itertools.cycle(ASKED), strict=False):
        proxy.begin(_striking(fault, Strike(place)))
        answer = await post(app, ASKED[path], path)

        outcome = row.outcome(place)
        if outcome.startswith("raises"):
            check_error(path, answer)
        else:
            reason = "depth" if outcome == "goes on" else outcome.partition(" ")[0]
            check_best_so_far(answer, reason)
        check_private(answer, KEY, proxy.base_url, "Traceback")


@pytest.mark.parametrize("path", ASKED)
async def test_a_first_fault_is_an_error_of_every_api(
    proxy: FaultyProxy, policy: ChatOpenAI, path: str
) -> None:
    app = served(TPORunnable(model=policy, reward=last_number, width=2, depth=0))

    for fault, _ in FAULTS.values():
        proxy.begin(_striking(fault, Strike(("sample", 0))))
        answer = await post(app, ASKED[path], path)

        check_error(path, answer)
        check_private(answer, KEY, proxy.base_url, "Traceback")


def _striking(fault: Fault, strike: Strike) -> Fault:
    def treat(exchange: Exchange) -> None:
        hit = strike.hits(convert_to_messages(exchange.body["messages"]))
        (fault if hit else pass_on)(exchange)

    return treat


@pytest.mark.parametrize("struck", [0, 1])
@pytest.mark.parametrize("path", ASKED)
async def test_a_fault_of_the_reward_is_told_in_each_apis_own_form(path: str, struck: int) -> None:
    for row in TABLE.values():
        reward = RunnableLambda(FaultyReward(row.scores, struck))
        app = served(TPORunnable(model=ScriptedModelWithN(), reward=reward, width=5, depth=2))

        answer = await post(app, ASKED[path], path)

        outcome = row.first if struck == 0 else row.later
        if outcome.startswith("raises"):
            check_error(path, answer)
        else:
            reason = "depth" if outcome == "goes on" else outcome.partition(" ")[0]
            check_best_so_far(answer, reason)
        check_private(answer, "Traceback")
