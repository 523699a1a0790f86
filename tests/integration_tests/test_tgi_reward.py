"""The TGI reward over real sockets, and with the log-probabilities of an embedded model."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.errors import MissingExtraError, RewardServerError, WeightsError
from langchain_tpo.local.server import LocalServer
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers import http_transport
from langchain_tpo.reward_models.servers.tgi import TGIRewardModel
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating
from tests.support.servers.http_double import Reply, serve
from tests.support.servers.tgi_double import LlamaBrain, ScriptedBrain, TGIDouble
from tests.support.shallow_weights import shallow_weights

pytestmark = pytest.mark.integration

REQUEST: ScoreRequest = {
    "messages": [HumanMessage("What is the capital of France?")],
    "responses": ["Paris is the capital of France.", "banana banana"],
}
NUMERICS = 1e-3
"""With one slot and no cache each prompt is computed alone: in batches, figures move by 0.2."""


@pytest.fixture(scope="module")
def local() -> Iterator[LocalServer]:
    try:
        server = LocalServer(shallow_weights(), slots=1, threads=1).start()
    except (WeightsError, MissingExtraError) as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def double(local: LocalServer) -> TGIDouble:
    return double_of(local)


def double_of(server: LocalServer) -> TGIDouble:
    address = server.base_url.removesuffix("/v1")
    brain = LlamaBrain(address, server.api_key.get_secret_value())
    return TGIDouble(brain=brain, api_key="loopback-key")


@pytest.fixture(scope="module")
def url(double: TGIDouble) -> Iterator[str]:
    with serve(double) as address:
        yield address


def _numbers(scores: Any) -> list[float]:
    assert all(isinstance(score, float) and math.isfinite(score) for score in scores)
    return [*scores]


# The small model gives labels little: `least_label_mass=0` reads them all the same.


async def test_the_reward_is_the_models_own_margin(url: str, double: TGIDouble) -> None:
    model = TGIRewardModel(url, api_key="loopback-key", criteria="It is right.", least_label_mass=0)
    double.asked.clear()
    rewards = _numbers(model.invoke(REQUEST, {"max_concurrency": 1}))
    for reward, body in zip(rewards, double.bodies("/"), strict=True):
        unconstrained = dict(double.brain.first_tokens(body["inputs"], lambda _: True))
        margin = unconstrained["Yes"] - unconstrained["No"]
        assert reward == pytest.approx(margin, abs=NUMERICS)
    again = _numbers(await model.ainvoke(REQUEST))
    assert again == pytest.approx(rewards, abs=NUMERICS)


def test_ratings_are_expectations_on_the_scale(url: str) -> None:
    model = TGIRewardModel(
        url, api_key="loopback-key", criteria="Right.", question=Rating(), least_label_mass=0
    )
    ratings = _numbers(model.invoke(REQUEST))
    assert all(1 < rating < 5 and rating != round(rating) for rating in ratings)


@pytest.mark.usefixtures("local")  # skips where there are no weights
def test_a_written_score_keeps_its_grammar() -> None:
    whole = LocalServer("smollm2-135m", slots=1, threads=1)
    with whole, serve(double_of(whole)) as url:
        model = TGIRewardModel(url, api_key="loopback-key", criteria="Right.", question=JsonScore())
        assert all(0 <= score <= 100 for score in _numbers(model.invoke(REQUEST)))


async def test_it_guides_a_run_of_test_time_optimization(
    url: str, local: LocalServer, double: TGIDouble
) -> None:
    policy = local.chat_model(temperature=1.0, max_tokens=24)
    reward = TGIRewardModel(
        url, api_key="loopback-key", criteria="It is short.", least_label_mass=0
    )
    settings = TPOSettings(width=2, depth=0, prefer_complete=False)  # by reward alone
    tpo = TPORunnable(model=policy, reward=reward, settings=settings)
    result = tpo.optimize("Name a colour.")
    rewards = {candidate["text"]: candidate["reward"] for candidate in result.pool}
    assert len(_numbers(rewards.values())) == len(rewards)
    assert rewards[result.answer] == result.reward == max(_numbers(rewards.values()))
    assert "<conversation>\nName a colour.\n" in double.bodies("/")[-1]["inputs"]
    answer = await tpo.ainvoke("Name a colour.")
    assert answer.response_metadata["tpo"]


# What needs a socket, but no model.


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "FIRST_WAIT", 0.01)


class SlowBrain(ScriptedBrain):
    def first_tokens(self, prompt: str, allowed: Any) -> Any:
        time.sleep(0.01)
        return super().first_tokens(prompt, allowed)


@pytest.mark.usefixtures("_no_waiting")
async def test_a_queue_that_is_full_costs_patience_not_scores() -> None:
    double = TGIDouble(brain=SlowBrain(), max_concurrent_requests=2)
    request: ScoreRequest = {"messages": [], "responses": [f"text {n}" for n in range(6)]}
    with serve(double) as url:
        model = TGIRewardModel(url, max_retries=50)
        assert None not in model.invoke(request)
        assert None not in await model.ainvoke(request)
    assert len(double.bodies("/")) > 12


@pytest.mark.usefixtures("_no_waiting")
async def test_nobody_listening_is_one_line() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    model = TGIRewardModel(url, max_retries=1)
    for scoring in (
        lambda: asyncio.to_thread(model.invoke, REQUEST),
        lambda: model.ainvoke(REQUEST),
    ):
        with pytest.raises(RewardServerError, match="check that the server runs") as caught:
            await scoring()
        assert url in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("_no_waiting")
async def test_a_real_redirect_is_not_followed() -> None:
    elsewhere = TGIDouble()
    with serve(elsewhere) as target:
        moved = Reply(status=308, body=b"", headers={"location": f"{target}/"})
        with serve(lambda _: moved) as url:
            with pytest.raises(RewardServerError, match="which is not followed"):
                TGIRewardModel(url).invoke(REQUEST)
            with pytest.raises(RewardServerError, match="which is not followed"):
                await TGIRewardModel(url).ainvoke(REQUEST)
    assert elsewhere.asked == []


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that sends its answer byte by byte and never ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n")
            while not done.wait(0.02):
                try:
                    connection.sendall(b"1")
                except OSError:
                    return

    def accept() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=drip, args=(connection,), daemon=True))
            threads[-1].start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    done.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join()


async def test_a_server_that_drips_for_ever_is_given_up(dripping: str) -> None:
    model = TGIRewardModel(dripping, timeout=0.2, max_retries=0)
    for scoring in (
        lambda: asyncio.to_thread(model.invoke, REQUEST),
        lambda: model.ainvoke(REQUEST),
    ):
        with pytest.raises(
            RewardServerError, match=r"did not answer within `timeout` = 0\.2 seconds"
        ):
            await scoring()


async def test_max_concurrency_bounds_what_the_server_sees() -> None:
    flying, seen, lock = 0, [0], threading.Lock()

    class Counting(ScriptedBrain):
        def first_tokens(self, prompt: str, allowed: Any) -> Any:
            nonlocal flying
            with lock:
                flying += 1
                seen.append(flying)
            time.sleep(0.01)
            with lock:
                flying -= 1
            return super().first_tokens(prompt, allowed)

    request: ScoreRequest = {"messages": [], "responses": [f"text {n}" for n in range(8)]}
    with serve(TGIDouble(brain=Counting())) as url:
        model = TGIRewardModel(url)
        for limit in (1, 3):
            seen.clear()
            model.invoke(request, {"max_concurrency": limit})
            assert max(seen) <= limit
            await model.ainvoke(request, {"max_concurrency": limit})
            assert max(seen) <= limit
    assert any(a != b for a, b in pairwise(seen))
