"""Time and size of an exchange with a reward server are bounded, whatever its bytes are."""

import asyncio
import gzip
import itertools
import json
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers import http_clients
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, asend, send
from tests.support.servers.raw_server import RawServer, answer_bytes, dripping, raw_server

pytestmark = pytest.mark.integration

Ask = Callable[..., list[AnswerOrError]]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    def sync_or_async(calls: list[Call], **options: Any) -> list[AnswerOrError]:
        if request.param == "sync":
            return send(calls, **options)
        return asyncio.run(asend(calls, **options))

    return sync_or_async


def _call(server: RawServer, **options: Any) -> Call:
    return RewardServer(**{"url": server.url, "max_retries": 0, **options}).post("/score", "text")


OK = b"HTTP/1.1 200 OK\r\n"
SLOW = {
    "interim answers": dripping(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "headers": dripping(OK, b"x-more: 1\r\n"),
    "a header's letters": dripping(OK + b"x-", b"a"),
    "a body": dripping(OK + b"content-length: 9999\r\n\r\n", b" "),
    "chunks": dripping(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a chunk's extension": dripping(OK + b"transfer-encoding: chunked\r\n\r\n1;", b"a"),
    "trailers": dripping(OK + b"transfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n", b"x: 1\r\n"),
    "nothing": dripping(b"", b""),
}


@pytest.mark.parametrize("what", SLOW)
def test_one_deadline_holds_for_the_whole_exchange(ask: Ask, what: str) -> None:
    with raw_server(SLOW[what]) as server:
        start = time.monotonic()
        (outcome,) = ask([_call(server, timeout=0.3)])
        seconds = time.monotonic() - start
    assert isinstance(outcome, RewardServerError)
    assert "did not answer within `timeout` = 0.3 seconds" in str(outcome)
    assert seconds < 1.5


def test_interim_answers_without_a_pause_end_as_well(ask: Ask) -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 64)

    with raw_server(flood) as server:
        start = time.monotonic()
        (outcome,) = ask([_call(server, timeout=0.3)])
    assert "did not answer within" in str(outcome)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br", "zstd", "x-unknown"])
def test_a_packed_answer_is_refused_unread(ask: Ask, encoding: str) -> None:
    packed = gzip.compress(gzip.compress(b" " * 2**22))
    answer = answer_bytes(packed, f"content-encoding: {encoding}")
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        (outcome,) = ask([_call(server)])
    assert f'answered with `content-encoding` "{encoding}", which was not asked for' in str(outcome)


def test_identity_is_no_packing(ask: Ask) -> None:
    answer = answer_bytes(b"[1]", "content-encoding: identity")
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        assert ask([_call(server)]) == [[1]]


def test_a_body_without_end_is_cut_off(ask: Ask) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(OK + b"connection: close\r\n\r\n")
        while True:
            connection.sendall(b"1" * 2**16)

    with raw_server(endless) as server:
        (outcome,) = ask([_call(server, max_response_bytes=2**18)])
    assert "answered with more than `max_response_bytes` = 262,144 bytes" in str(outcome)


def test_answers_are_read_and_dropped_one_by_one(ask: Ask) -> None:
    """Eight answers that hold 3 MB each when they are read: never two at once."""
    answer = answer_bytes(b"[" + b",".join([b"[]"] * 50_000) + b"]")

    def longest(calls: int) -> int:
        with raw_server(lambda connection: connection.sendall(answer)) as server:
            call = RewardServer(url=server.url).post("/score", "text", read=len)
            tracemalloc.start()
            assert ask([call] * calls, max_concurrency=4) == [50_000] * calls
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return peak

    alone = longest(1)
    assert alone > 3_000_000
    assert longest(8) < 2 * alone


def test_unread_answers_of_a_batch_are_bounded_together(ask: Ask) -> None:
    """Each is within its limit; held until the last byte of all, they would be 20 times that."""
    everyone = threading.Barrier(20)

    def nearly_all(connection: socket.socket) -> None:
        connection.sendall(OK + b"content-length: 100000\r\n\r\n" + b" " * 90_000)
        everyone.wait(10)
        time.sleep(0.5)
        connection.sendall(b"1" * 10_000)

    with raw_server(nearly_all) as server:
        outcomes = ask([_call(server, max_response_bytes=100_000)] * 20)
    refused = [outcome for outcome in outcomes if "bytes at once" in str(outcome)]
    assert refused
    assert "more than 800,000 bytes at once: lower `max_concurrency`" in str(refused[0])


def test_connections_are_kept_over_rounds_runs_and_event_loops() -> None:
    async def rounds() -> None:
        for _ in range(3):
            assert await asend([_call(server)] * 7, max_concurrency=3) == [1] * 7

    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as server:
        asyncio.run(rounds())
        asyncio.run(rounds())
        for _ in range(3):
            assert send([_call(server)] * 7, max_concurrency=3) == [1] * 7
        assert len(server.requests) == 63
        assert server.connections == 3


def test_connections_that_nobody_uses_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_clients, "KEPT_SECONDS", 0.2)
    monkeypatch.setattr(http_clients, "KEPT_CONNECTIONS", 4)
    all_there = threading.Barrier(6)

    def together(connection: socket.socket) -> None:
        if len(server.requests) <= 6:
            all_there.wait(5)
        connection.sendall(answer_bytes(b"1"))

    with raw_server(together) as server:
        assert send([_call(server)] * 6) == [1] * 6
        _wait_for(lambda: server.hung_up == 2)
        time.sleep(0.25)
        assert send([_call(server)]) == [1]
        _wait_for(lambda: server.hung_up == 6)
        assert server.connections == 7


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_cancelled_caller_takes_its_requests_along() -> None:
    def never(connection: socket.socket) -> None:
        assert connection.recv(1) == b""  # the client hangs up

    async def cancelled() -> None:
        asking = asyncio.create_task(asend([_call(server)] * 2))
        await asyncio.to_thread(_wait_for, lambda: len(server.requests) == 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with raw_server(never) as server:
        asyncio.run(cancelled())
        _wait_for(lambda: server.hung_up == 2)


@pytest.mark.parametrize(
    "step",
    [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        "http11.send_request_headers.started",
        "http11.send_request_body.complete",
        "http11.receive_response_headers.started",
        "http11.receive_response_body.started",
    ],
)
def test_wherever_a_request_is_cancelled_the_next_one_is_answered(step: str) -> None:
    async def cancelled() -> None:
        async def trace(name: str, _: object) -> None:
            if name == step and (task := asyncio.current_task()):
                task.cancel()

        place = urlsplit(server.url)
        async with http_clients.kept_pool(
            http_clients.surroundings(), (place.scheme, place.netloc)
        ) as pool:
            await pool.request("GET", server.url, extensions={"trace": trace})

    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as server:
        with pytest.raises(CancelledError):
            http_clients.in_background(cancelled())
        assert send([_call(server, timeout=5)]) == [1]
        _wait_for(lambda: server.hung_up == server.connections - 1)


def test_a_connection_that_the_server_has_closed_is_opened_anew(ask: Ask) -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(answer_bytes(b"1"))
        connection.shutdown(socket.SHUT_RDWR)

    with raw_server(once) as server:
        for _ in range(3):
            assert ask([_call(server)]) == [1]
            time.sleep(0.05)


def test_no_cookie_comes_back() -> None:
    answer = answer_bytes(b"1", "set-cookie: run=1; path=/")
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        send([_call(server)])
        send([_call(server)])
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_headers_and_query_are_sent_and_never_shown(ask: Ask) -> None:
    answer = answer_bytes(b'{"error": "no such key: k1-secret, v2-secret"}', status="401 No")
    keys = {"headers": {"x-key": SecretStr("k1-secret")}, "query": {"key": SecretStr("v2-secret")}}
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        call = _call(server, **keys)
        (outcome,) = ask([call])
    assert b"/score?key=v2-secret HTTP" in server.requests[0]
    assert b"x-key: k1-secret" in server.requests[0].lower()
    assert "secret" not in f"{outcome}{call!r}{call.where}"


def test_an_interrupt_leaves_no_request_behind() -> None:
    """A call that fails in an unforeseen way ends its neighbours."""

    def forever(connection: socket.socket) -> None:
        if b"fast" in server.requests[-1]:
            connection.sendall(answer_bytes(b"1"))
        else:
            assert connection.recv(1) == b""  # the client hangs up
            gone.set()

    def trips(_: Any) -> Any:
        raise LookupError("a mistake in `read`")

    gone = threading.Event()
    with raw_server(forever) as server:
        there = RewardServer(url=server.url)
        calls = [there.post("/slow", 1), there.post("/fast", 1, read=trips)]
        with pytest.raises(LookupError, match="a mistake"):
            send(calls)
        assert gone.wait(5)


def test_threads_and_event_loops_share_connections() -> None:
    """Four threads, each with a fresh loop per call, and two requests of each at a time."""
    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as server:
        call, results = _call(server), []

        def loops() -> None:
            for _ in range(3):
                results.extend(asyncio.run(asend([call] * 4, max_concurrency=2)))
                results.extend(send([call] * 4, max_concurrency=2))

        threads = [threading.Thread(target=loops) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert server.connections <= 8
    assert results == [1] * (4 * 3 * 8)


def test_a_forked_process_begins_anew() -> None:
    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as server:
        call = _call(server, timeout=5)
        assert send([call]) == [1]
        child = os.fork()
        if child == 0:
            os._exit(0 if send([call]) == [1] else 1)
        deadline = time.monotonic() + 10
        finished, status = os.waitpid(child, os.WNOHANG)
        while not finished and time.monotonic() < deadline:
            time.sleep(0.02)
            finished, status = os.waitpid(child, os.WNOHANG)
    assert finished
    assert os.waitstatus_to_exitcode(status) == 0


ODD_ANSWERS = {
    "304 with a broken target": answer_bytes(b"", "location: http://[::1", status="304 Same"),
    "300 with a broken target": answer_bytes(b"", "location: http://[::1", status="300 Choose"),
    "304": b"HTTP/1.1 304 Same\r\n\r\n",
    "a redirect with a key": answer_bytes(
        b"", "location: //me:hush@host/x?key=hush#hush", status="302 There"
    ),
    "loc is null": answer_bytes(b'{"detail": [{"loc": null, "msg": "x"}]}', status="422 No"),
    "loc is a number": answer_bytes(b'{"detail": [{"loc": 5, "msg": "x"}]}', status="422 No"),
    "detail is a number": answer_bytes(b'{"detail": 5}', status="422 No"),
    "error is null": answer_bytes(b'{"error": null}', status="500 No"),
    "a list of errors": answer_bytes(b'[{"error": {"message": "no logprobs"}}]', status="400 No"),
    "retry after the end of time": answer_bytes(
        b"", "retry-after: Fri, 31 Dec 9999 23:59:59 -2359", status="429 Busy"
    ),
    "retry after so many digits": answer_bytes(b"", f"retry-after: {'9' * 400}", status="429 Busy"),
    "a number of 5,000 digits": answer_bytes(b"1" * 5000),
    "bytes of no encoding": answer_bytes(b"\xff\xfe\x00"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status of its own": b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n1",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n1",
    "huge headers": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 2**20 + b"\r\n\r\n",
}


@pytest.mark.parametrize("what", ODD_ANSWERS)
def test_an_odd_answer_is_one_typed_line(ask: Ask, what: str) -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(ODD_ANSWERS[what])
        connection.shutdown(socket.SHUT_WR)

    with raw_server(once) as server:
        (outcome,) = ask([_call(server, timeout=2)])
    assert isinstance(outcome, RewardServerError)
    assert "\n" not in str(outcome)
    assert "hush" not in str(outcome)
    assert len(str(outcome)) < 700


ERRORS_IN_A_SUCCESS: dict[str, tuple[Any, str, int]] = {
    "openrouter": ({"error": {"message": "Provider failed", "code": 429}}, "Provider failed", 429),
    "vllm": ({"object": "error", "message": "asleep", "code": 503}, "asleep", 503),
    "text": ({"error": "out of memory", "error_type": "generation"}, "out of memory", 200),
}


@pytest.mark.parametrize("what", ERRORS_IN_A_SUCCESS)
def test_an_error_in_a_success_is_an_error(ask: Ask, what: str) -> None:
    body, words, status = ERRORS_IN_A_SUCCESS[what]
    answer = answer_bytes(json.dumps(body).encode())
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        (outcome,) = ask([_call(server)])
    assert f"answered HTTP 200 with an error in it: {words}." in str(outcome)
    assert outcome.status == status


def test_an_answer_may_have_a_field_named_error(ask: Ask) -> None:
    answers = itertools.cycle([b'{"score": 1, "error": "none"}', b'{"score": 1, "error": null}'])
    with raw_server(lambda connection: connection.sendall(answer_bytes(next(answers)))) as server:
        outcomes = ask([_call(server)] * 2)
    assert [outcome["score"] for outcome in outcomes] == [1, 1]


def test_a_key_goes_through_no_proxy_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    key = SecretStr("hush-hush")
    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pw@"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(SettingsError, match=r"through the proxy `127.*NO_PROXY") as caught:
            send([RewardServer(url="http://rm.test", api_key=key).get("/x")])
        assert proxy.requests == []
        assert send([RewardServer(url="http://rm.test").get("/x")]) == [1]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert send([RewardServer(url=proxy.url, api_key=key).get("/x")]) == [1]
    assert "pw" not in str(caught.value)


def test_a_proxy_is_asked_with_its_own_password_unless_the_port_needs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "me:pw@"))  # no scheme
        assert send([RewardServer(url="http://rm.test:8080/up").post("/x", "text")]) == [1]
        (request,) = proxy.requests
        monkeypatch.setenv("no_proxy", proxy.url.removeprefix("http://"))
        assert send([RewardServer(url=proxy.url).get("/x")]) == [1]
    assert request.startswith(b"POST http://rm.test:8080/up/x HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6chc=" in request.lower()
    assert b"host: rm.test:8080" in request.lower()


def test_headers_of_the_user_replace_those_that_are_sent_anyway(ask: Ask) -> None:
    headers = {"User-Agent": SecretStr("mine"), "ACCEPT": SecretStr("application/json")}
    with raw_server(lambda connection: connection.sendall(answer_bytes(b"1"))) as server:
        query = {"api-version": SecretStr("a b&c")}
        assert ask([_call(server, headers=headers, query=query)]) == [1]
        (request,) = server.requests
    assert request.lower().count(b"user-agent:") == request.lower().count(b"accept:") == 1
    assert b"user-agent: mine" in request.lower()
    assert request.startswith(b"POST /score?api-version=a+b%26c HTTP/1.1\r\n")
