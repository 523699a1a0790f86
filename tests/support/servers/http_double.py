"""Small HTTP servers for tests: a function from request to reply, with or without a socket."""

import json
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isawaitable
from typing import Any, TypeAlias, cast

import httpcore
import httpx
import pytest


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    query: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server answers; `body` is sent as JSON unless it is bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        kind = {} if isinstance(self.body, bytes) else {"content-type": "application/json"}
        return {**kind, **self.headers}


Answer: TypeAlias = Callable[[Asked], Reply]


class Scripted:
    """Answers a route with a fixed reply, or with the next one of a list; records all requests."""

    def __init__(self, **routes: Any) -> None:
        """Routes by path, `/` and `-` written as `_`: `_v1_models=Reply(...)`."""
        self.asked: list[Asked] = []
        self._routes = routes
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            route = self._routes.get(asked.path.replace("/", "_").replace("-", "_"))
            if isinstance(route, list):
                route = route.pop(0) if len(route) > 1 else route[0]
        if callable(route):
            route = route(asked)
        return route or Reply(status=404, body={"error": "Not Found"})

    def bodies(self, path: str) -> list[Any]:
        return [asked.body for asked in self.asked if asked.path == path]


def answer_without_socket(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Asked], Reply | Awaitable[Reply]]
) -> None:
    """Let httpcore, and httpx above it, get answers from a function, whatever the URL."""

    async def reply(_: Any, request: httpcore.Request) -> httpcore.Response:
        given = answer(await as_asked(request))
        given = await given if isawaitable(given) else given
        return httpcore.Response(
            given.status, headers=given.all_headers, content=httpx.ByteStream(given.content)
        )

    monkeypatch.setattr(httpcore.AsyncConnectionPool, "handle_async_request", reply)


async def as_asked(request: httpcore.Request) -> Asked:
    """Return a request as it is about to be sent."""
    url = httpx.URL(f"http://host{request.url.target.decode()}")
    content = b"".join([part async for part in cast("AsyncIterable[bytes]", request.stream)])
    return Asked(
        method=request.method.decode(),
        path=url.path,
        headers={name.decode().lower(): value.decode() for name, value in request.headers},
        content=content,
        query=dict(url.params),
    )


@contextmanager
def serve(answer: Answer) -> Iterator[str]:
    """Serve a function on a free port of 127.0.0.1 and give the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(
                Asked(
                    method=self.command,
                    path=self.path,
                    headers=headers,
                    content=self.rfile.read(length),
                )
            )
            self.send_response(reply.status)
            for name, value in reply.all_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = _answer  # noqa: N815 - names of the standard library

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
