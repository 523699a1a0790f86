"""Small HTTP servers for tests: a function from request to reply, with or without a socket."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

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


def answer_without_socket(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    """Let httpx get its answers from a function, whatever the URL."""

    async def reply(_: Any, request: httpx.Request) -> httpx.Response:
        asked = Asked(
            method=request.method,
            path=request.url.path,
            headers=dict(request.headers),
            content=await request.aread(),
            query=dict(request.url.params),
        )
        given = answer(asked)
        return httpx.Response(
            given.status, headers=given.all_headers, stream=httpx.ByteStream(given.content)
        )

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", reply)


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


def after(seconds: float, reply: Reply) -> Callable[[Asked], Reply]:
    """Return a route that takes its time."""

    def route(_: Asked) -> Reply:
        time.sleep(seconds)
        return reply

    return route
