"""Every client of a reward server: bounded in time and size, whatever bytes come, in one line."""

import asyncio
import gzip
import inspect
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo import reward_models
from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import llama3
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel
from tests.support.servers.raw_server import answer_bytes, dripping, raw_server

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CLIENTS: dict[str, Any] = {
    name: kind
    for name in reward_models.__all__
    if inspect.isclass(kind := getattr(reward_models, name)) and issubclass(kind, HttpRewardModel)
}

LIMIT = 2_000
TIMEOUT = 0.25

Bytes = Callable[[socket.socket], object]


def whole(answer: bytes) -> Bytes:
    def send(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    return send


def reset(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n[")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PACKED = gzip.compress(gzip.compress(b"1" * 1_000_000))

WIRES: dict[str, Bytes] = {
    "interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.03),
    "headers": dripping(OK, b"x-more: 1\r\n", pause=0.03),
    "a chunk's extension": dripping(CHUNKED + b"1;", b"a", pause=0.03),
    "trailers": dripping(CHUNKED + b"1\r\n1\r\n0\r\n", b"x: 1\r\n", pause=0.03),
    "silence": lambda _connection: time.sleep(5),
    "a reset": reset,
    "half a body": whole(OK + b"content-length: 99\r\n\r\n[1"),
    "half a chunk": whole(CHUNKED + b"ff\r\n[1"),
    "a chunk of no size": whole(CHUNKED + b"zz\r\n1\r\n0\r\n\r\n"),
    "a chunk longer than memory": whole(CHUNKED + b"fffffffffffffff\r\n" + b"1" * 9_000),
    "a length that is none": whole(OK + b"content-length: many\r\n\r\n1"),
    "two framings": whole(OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\nzz"),
    "packed twice": whole(answer_bytes(PACKED, "content-encoding: gzip, gzip")),
    "more than allowed": whole(answer_bytes(b"[" + b"1," * LIMIT + b"1]")),
    "more than announced": whole(OK + b"content-length: 1\r\n\r\n" + b"1" * 9_000),
    "nothing": whole(b""),
}


def made(name: str, url: str) -> Any:
    kind = CLIENTS[name]
    wanted = inspect.signature(kind).parameters
    given: dict[str, Any] = {"template": llama3, "reference": url, "model": "m"}
    needed = {
        one: given[one]
        for one, parameter in wanted.items()
        if parameter.default is parameter.empty
        if one != "url"
    }
    limits = {"timeout": TIMEOUT, "max_retries": 0, "max_response_bytes": LIMIT}
    return kind(url, **needed, **limits)


def test_all_clients_are_here() -> None:
    assert len(CLIENTS) >= 10


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_bounded_and_says_in_one_line_what_came(client: str, wire: str) -> None:
    asked: Any = {"messages": [HumanMessage("Wood?")], "responses": ["Oil it.", "Wax it."]}
    with raw_server(WIRES[wire]) as server:
        reward = made(client, server.url)
        sync = len(wire) % 2 == len(client) % 2
        since = time.monotonic()
        with pytest.raises(RewardServerError) as raised:
            reward.invoke(asked) if sync else asyncio.run(reward.ainvoke(asked))
        taken = time.monotonic() - since
    assert taken < 4 * TIMEOUT + 1
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 700
