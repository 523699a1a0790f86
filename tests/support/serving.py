"""An application that serves a scripted model, and clients that reach it without a socket."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx
import openai
from langchain_openai import ChatOpenAI

from langchain_tpo import TPORunnable
from langchain_tpo.serve import Keys, ServeLimits, create_app
from tests.support.fakes import ScriptedModelWithN, last_number

HERE = "http://127.0.0.1"
HI = [{"role": "user", "content": "How do I oil oak?"}]


def loop(model: Any = None, **settings: Any) -> TPORunnable:
    """Return a loop of two draws and one round around a scripted model."""
    shape = {"width": 2, "depth": 1, **settings}
    return TPORunnable(model=model or ScriptedModelWithN(), reward=last_number).with_settings(
        **shape
    )


def served(tpo: TPORunnable | None = None, *, keys: Keys | None = None, **limits: Any) -> Any:
    """Return an application that serves a loop as `oak`."""
    return create_app(tpo or loop(), name="oak", keys=keys, limits=ServeLimits(**limits))


def transport(app: Any) -> httpx.AsyncClient:
    """Return a client of httpx that calls the application itself."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE)


async def post(app: Any, body: Any, path: str = "/v1/chat/completions", **head: str) -> Any:
    """Return the answer to one request."""
    async with transport(app) as client:
        return await client.post(path, json=body, headers=head)


async def chat(app: Any, **fields: Any) -> Any:
    """Return the answer to a request of OpenAI's chat API."""
    return await post(app, {"model": "oak", "messages": HI, **fields})


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the data of a stream's events."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


class Connection:
    """One request of an ASGI server to an application, which may hang up."""

    def __init__(self, body: dict[str, Any], path: str = "/v1/chat/completions") -> None:
        self.status = 0
        self.body = b""
        self.sent = asyncio.Event()
        self._gone = asyncio.Event()
        self._path = path
        self._messages = [
            {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
        ]

    def hang_up(self) -> None:
        """Go away."""
        self._gone.set()

    async def receive(self) -> dict[str, Any]:
        """Hand the body over, then wait for the end."""
        if self._messages:
            return self._messages.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a part of the answer."""
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        if self.body:
            self.sent.set()

    @asynccontextmanager
    async def to(self, app: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """Send the request, and yield the task that answers it."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        task = asyncio.ensure_future(app(scope, self.receive, self.send))
        try:
            yield task
        finally:
            self.hang_up()
            await asyncio.wait({task}, timeout=5)


def reaching(app: Any, client: Any) -> Any:
    """Return an HTTP client for the SDK of OpenAI or Anthropic that calls the application itself.

    Args:
        app: The application.
        client: The SDK's own class; its newer versions are made of httpx2.
    """
    return client(transport=library_of(client).ASGITransport(app))


def openai_policy(script: Callable[[dict[str, Any], int], str]) -> tuple[Any, list[dict[str, Any]]]:
    """Return a `ChatOpenAI` whose completions are scripted, and the bodies of its requests."""
    asked: list[dict[str, Any]] = []
    numbers = itertools.count()
    client: Any = openai.DefaultAsyncHttpxClient
    library = library_of(client)

    def answer(request: Any) -> Any:
        body = json.loads(request.content)
        asked.append(body)
        texts = [script(body, next(numbers)) for _ in range(body.get("n") or 1)]
        return library.Response(200, json=completion_of(body, texts))

    http_client = client(transport=library.MockTransport(answer))
    model = ChatOpenAI(model="gpt", api_key="k", http_async_client=http_client, max_retries=0)
    return model, asked


def completion_of(body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """Return texts as OpenAI's completion of a request."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        for index, text in enumerate(texts)
    ]
    head = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
    usage = {"prompt_tokens": 9, "completion_tokens": 9 * len(texts), "total_tokens": 9}
    return {**head, "choices": choices, "usage": usage}


def library_of(client: Any) -> Any:
    """Return what an SDK's client is made of: httpx, or httpx2."""
    return import_module(client.__mro__[1].__module__.partition(".")[0])


def slow_model() -> ScriptedModelWithN:
    """Return a model that takes a tenth of a second, for a server in a process of its own."""
    return ScriptedModelWithN(latency=0.1)
