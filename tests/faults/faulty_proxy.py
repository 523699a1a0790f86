"""An HTTP proxy in front of an OpenAI-compatible server that breaks the exchanges it is told to.

It sees what the model's client sends and decides, request by request, what comes back: the server's
own answer, a changed one, a broken one, or none. It counts what reached it and what it passed on.
"""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

LONGEST_HANG = 60.0
"""Seconds after which a hanging exchange lets go, should a test forget to end its proxy."""


class Exchange:
    """One request on its way to the server, and everything that can be done to it."""

    def __init__(self, proxy: "FaultyProxy", handler: BaseHTTPRequestHandler) -> None:
        self._proxy = proxy
        self._handler = handler
        self._raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.body: dict[str, Any] = json.loads(self._raw)

    def fetch(self) -> dict[str, Any]:
        """Ask the server behind."""
        where = self._proxy.upstream
        connection = HTTPConnection(where.hostname or "", where.port, timeout=LONGEST_HANG)
        try:
            given = self._handler.headers
            headers = {name: given[name] for name in ("content-type", "authorization")}
            connection.request("POST", where.path + "/chat/completions", self._raw, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            return json.loads(answer.read())
        finally:
            connection.close()

    def send(self, content: bytes, *, status: int = 200, **headers: str) -> None:
        """Answer with these bytes, as JSON unless a header says otherwise."""
        self._handler.send_response(status)
        given = {"content_type": "application/json", "content_length": str(len(content)), **headers}
        if self._proxy.is_leaving():
            given["connection"] = "close"
            self._proxy.hang_up(but=self._handler.connection)
        for name, value in given.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        self._handler.wfile.write(content)

    def break_off(self) -> None:
        """Reset the connection under the client's hands."""
        self._handler.wfile.flush()
        self._handler.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._handler.connection.close()

    def hang(self) -> None:
        """Keep the client waiting until the proxy ends."""
        self._proxy.ended.wait(LONGEST_HANG)
        self._handler.close_connection = True


Fault: TypeAlias = Callable[[Exchange], None]
"""Sees to it that something, or nothing, is sent back."""


def pass_on(exchange: Exchange) -> None:
    """Let the exchange be."""
    exchange.send(json.dumps(exchange.fetch()).encode())


@dataclass
class FaultyProxy:
    """Listens on 127.0.0.1 and does `treat` to every exchange; use it as a context manager."""

    base_url_behind: str
    treat: Fault = pass_on
    received: list[dict[str, Any]] = field(default_factory=list)
    last: int | None = None
    answered: int = 0
    connections: set[socket.socket] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def upstream(self) -> Any:
        return urlsplit(self.base_url_behind)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._refuse()

    def begin(self, treat: Fault, *, last: int | None = None) -> None:
        """Start counting anew.

        Args:
            treat: What to do with each exchange.
            last: Listen no more once so many were answered: who connects after that is refused.
        """
        self.treat, self.last, self.answered = treat, last, 0
        self.received.clear()
        if last == 0:
            self._refuse()

    def is_leaving(self) -> bool:
        """Count an answer; if it is the last, refuse connections from now on and say so."""
        with self._lock:
            self.answered += 1
            if self.answered != self.last:
                return False
        self._refuse()
        return True

    def _refuse(self) -> None:
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hang_up(self, but: socket.socket) -> None:
        """Close the connections that clients keep for later."""
        for connection in self.connections - {but}:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that have given up waiting."""


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            proxy.connections.add(self.connection)

        def finish(self) -> None:
            proxy.connections.discard(self.connection)
            super().finish()

        def do_POST(self) -> None:
            exchange = Exchange(proxy, self)
            proxy.received.append(exchange.body)
            proxy.treat(exchange)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
