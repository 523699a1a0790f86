"""`ChatAnthropic` and `ChatOpenAI` over a socket, and every fault of a model through HTTP."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.fakes import ScriptedModelWithN

httpx = pytest.importorskip("httpx", reason="needs the extra `http`")
pytest.importorskip("fastapi", reason="needs the extra `serve`")
openai = pytest.importorskip("openai", reason="needs the extra `openai`")
anthropic = pytest.importorskip("anthropic", reason="needs `langchain-anthropic`")
chat_models = pytest.importorskip("langchain_openai", reason="needs the extra `openai`")
partner = pytest.importorskip("langchain_anthropic", reason="needs `langchain-anthropic`")

import langchain_tpo.serve.server  # noqa: E402 behind the extras
from langchain_tpo.serve.server import Server  # noqa: E402 as above
from tests.support.open_clients import let_go  # noqa: E402 as above
from tests.support.serving import loop, served  # noqa: E402 as above
from tests.support.tool_fakes import ScriptedAgentModel  # noqa: E402 as above

pytestmark = pytest.mark.integration

HI = [{"role": "user", "content": "How do I oil oak?"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "oak", "messages": HI},
    "/v1/responses": {"model": "oak", "input": "How do I oil oak?"},
    "/v1/messages": {"model": "oak", "messages": HI, "max_tokens": 50},
}


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application from a thread, and give its URL."""
    server = Server(app, grace=1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(served(loop(width=2, depth=1))) as url:
        yield url


@pytest.fixture(autouse=True)
def clients_go() -> Iterator[None]:
    """Collect each test's clients behind it: the hundred requests would meet those of others."""
    yield
    let_go()


async def test_chat_anthropic_answers_and_streams(url: str) -> None:
    model = partner.ChatAnthropic(model="oak", base_url=url, api_key="k", max_retries=0)

    answer = await model.ainvoke("How do I oil oak?")
    chunks = [chunk async for chunk in model.astream("How do I oil oak?")]
    sync = model.invoke("How do I oil oak?")

    assert answer.text.startswith("revision ")
    assert sync.text.startswith("revision ")
    assert answer.usage_metadata["output_tokens"] > 5
    assert "".join(chunk.text for chunk in chunks).startswith("revision ")
    counted = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert sum(usage["output_tokens"] for usage in counted) > 5


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
def test_chat_openai_answers_and_streams(url: str, responses: bool) -> None:  # noqa: FBT001
    model = chat_models.ChatOpenAI(
        model="oak", base_url=f"{url}/v1", api_key="k", use_responses_api=responses, max_retries=0
    )

    assert model.invoke("How do I oil oak?").text.startswith("revision ")
    streamed = "".join(chunk.text for chunk in model.stream("How do I oil oak?"))
    assert streamed.startswith("revision ")


def provider_error(status: int) -> Exception:
    request = httpx.Request("POST", "http://model/v1")
    headers = {"retry-after": "7"} if status == 429 else {}
    response = httpx.Response(status, request=request, headers=headers)
    told = f"model said {status}: api_key=sk-abcdefghijklmnopqrstuvwx"
    error: Exception = httpx.HTTPStatusError(told, request=request, response=response)
    return error


FAULTS: dict[str, tuple[Exception, int]] = {
    "refused request": (provider_error(400), 400),
    "wrong key of the operator's": (provider_error(401), 502),
    "forbidden": (provider_error(403), 502),
    "no such model": (provider_error(404), 404),
    "unprocessable": (provider_error(422), 422),
    "rate limit": (provider_error(429), 429),
    "fault of the model": (provider_error(500), 502),
    "bad gateway": (provider_error(502), 502),
    "overloaded": (provider_error(503), 503),
    "overloaded, as Anthropic says": (provider_error(529), 503),
    "timeout": (httpx.ReadTimeout("slow"), 504),
    "timeout of Python's": (TimeoutError(), 504),
    "no connection": (httpx.ConnectError("refused"), 502),
    "connection lost": (ConnectionResetError("reset"), 502),
    "anything else": (RuntimeError("How do I oil oak?"), 500),
}
"""What a model raises for the first draws, and the status that a client gets."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_first_round_is_a_status(name: str) -> None:
    error, status = FAULTS[name]

    def failing(*_: Any) -> str:
        raise error

    with serving(served(loop(ScriptedModelWithN(reply=failing)))) as base:
        for path, body in BODIES.items():
            got = httpx.post(f"{base}{path}", json=body)
            assert got.status_code == status, (path, got.text)
            assert "sk-abcdefgh" not in got.text
            assert "oil oak" not in got.text
            assert got.json()["error"]["message"]
            assert ("retry-after" in got.headers) == (status in (429, 503))
            if status == 429:
                assert got.headers["retry-after"] == "7"
            streamed = httpx.post(f"{base}{path}", json={**body, "stream": True})
            assert streamed.status_code == 200
            assert '"error"' in streamed.text
            assert "[DONE]" not in streamed.text


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient", "update"])
def test_a_fault_in_a_later_round_is_the_best_answer_so_far(step: str) -> None:
    def failing(at: str, _messages: Any, number: int) -> str:
        if at == step:
            raise RuntimeError("broken")
        return f"{at} {number}"

    with serving(served(loop(ScriptedModelWithN(reply=failing)))) as base:
        got = httpx.post(f"{base}/v1/chat/completions", json=BODIES["/v1/chat/completions"])

    assert got.status_code == 200
    assert got.json()["choices"][0]["message"]["content"] == "sample 1"
    told = got.json()["tpo"]
    assert told["stop_reason"] == "error"
    assert told["failure"] == {"step": step, "round": 1, "type": "RuntimeError"}


TOOL = {
    "name": "find_oil",
    "description": "Find the oil for a kind of wood.",
    "parameters": {"type": "object", "properties": {"wood": {"type": "string"}}},
}


def chat_turn(url: str, said: list[Any]) -> str:
    """Answer, and add to a conversation what OpenAI's own client made of the answer."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
    tools = [{"type": "function", "function": TOOL}]
    message = client.chat.completions.create(model="oak", messages=said, tools=tools).choices[0]
    said.append(message.message.model_dump())
    called = [call.id for call in message.message.tool_calls or []]
    said += [{"role": "tool", "tool_call_id": one, "content": "tung"} for one in called]
    return str(message.message.content)


def responses_turn(url: str, said: list[Any]) -> str:
    """Do the same in the Responses API, thoughts included."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
    shown = {"tpo": {"progress": "reasoning"}}
    tools = [{"type": "function", **TOOL, "strict": False}]
    kept = {"store": False, "include": ["reasoning.encrypted_content"]}
    answer = client.responses.create(model="oak", input=said, tools=tools, extra_body=shown, **kept)
    said += [item.model_dump() for item in answer.output]
    for item in answer.output:
        if item.type == "function_call":
            result = {"type": "function_call_output", "call_id": item.call_id, "output": "tung"}
            said.append(result)
    return str(answer.output_text)


def messages_turn(url: str, said: list[Any]) -> str:
    """Do the same in Anthropic's API, from a stream that shows thoughts."""
    client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    tools = [{"name": TOOL["name"], "input_schema": TOOL["parameters"]}]
    shown = {"tpo": {"progress": "reasoning"}}
    asked = {"model": "oak", "max_tokens": 99, "messages": said, "tools": tools}
    with client.messages.stream(**asked, extra_body=shown) as stream:
        answer = stream.get_final_message()
    said.append({"role": "assistant", "content": [part.model_dump() for part in answer.content]})
    used = [part.id for part in answer.content if part.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": one, "content": "tung"} for one in used]
    said += [{"role": "user", "content": results}] if results else []
    return str(getattr(answer.content[-1], "text", None))


@pytest.mark.parametrize("turn", [chat_turn, responses_turn, messages_turn])
def test_what_a_client_was_given_can_be_sent_again(turn: Any) -> None:
    woods = [("find_oil", {"wood": "oak"}), ("find_oil", {"wood": "ash"})]
    said: list[Any] = [*HI]
    with serving(served(loop(ScriptedAgentModel(plan=woods)))) as url:
        answers = [turn(url, said) for _ in range(3)]

    assert answers[-1].startswith("revision ")


def test_a_head_of_any_size_is_not_taken_in(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        line = b"X: " + b"a" * 1000 + b"\r\n"
        connection.sendall(line * 128)
        assert connection.recv(64).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "before",
    [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n"],
    ids=["at first", "after an answer"],
)
def test_a_head_that_never_ends_is_waited_for_a_while(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(langchain_tpo.serve.server, "HEAD_SECONDS", 0.4)
    with serving(served()) as url, connected(url) as connection:
        connection.sendall(before)
        assert not before or connection.recv(64).startswith(b"HTTP/1.1 200 ")
        assert seconds_until_closed(connection, b"X") < 3


def test_a_connection_without_a_word_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langchain_tpo.serve.server, "IDLE_SECONDS", 0.3)
    with serving(served()) as url, connected(url) as connection:
        assert seconds_until_closed(connection, b"") < 3


def test_a_slow_answer_is_no_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(langchain_tpo.serve.server, "HEAD_SECONDS", 0.3)
    slow = served(loop(ScriptedModelWithN(latency=0.4), width=2, depth=0))
    with serving(slow) as url, httpx.Client(base_url=url) as client:
        for _ in range(2):
            got = client.post("/v1/chat/completions", json=BODIES["/v1/chat/completions"])
            assert got.status_code == 200


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        yield connection


def seconds_until_closed(connection: socket.socket, drops: bytes) -> float:
    """Send a few bytes again and again until the other side closes."""
    since = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() - since < 10:
        try:
            connection.sendall(drops)
            if not connection.recv(4096):
                break
        except TimeoutError:
            continue
        except OSError:  # closed as we sent
            break
    return time.monotonic() - since


@pytest.mark.slow
async def test_a_hundred_requests_at_once_are_all_answered() -> None:
    tpo = loop(ScriptedModelWithN(latency=0.005), width=2, depth=1)
    with serving(served(tpo, runs=16, queue=100)) as base:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=base, timeout=120, limits=limits) as client:
            paths = list(BODIES) * 34
            asked = [
                client.post(path, json={**BODIES[path], "stream": number % 2 == 1})
                for number, path in enumerate(paths[:100])
            ]
            got = await asyncio.gather(*asked)

    assert [one.status_code for one in got] == [200] * 100
    assert all("revision " in one.text for one in got)
    assert all('"error": {' not in one.text for one in got)
