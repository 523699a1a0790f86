"""A server below HTTP: the test writes the very bytes of an answer, as slowly as it likes."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Handler = Callable[[socket.socket], object]
"""Answers one request that has been read; an OSError means that the client has gone."""


def dripping(opening: bytes, drop: bytes, *, pause: float = 0.05) -> Handler:
    """Answer with an opening, and then a drop at a time for much longer than anybody should wait.

    Args:
        opening: What is sent at once.
        drop: What is sent again and again.
        pause: Seconds before each drop.
    """

    def answer(connection: socket.socket) -> None:
        connection.sendall(opening)
        for _ in range(200):
            time.sleep(pause)
            connection.sendall(drop)

    return answer


@dataclass
class RawServer:
    """A listening socket on 127.0.0.1."""

    handler: Handler
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    hung_up: int = 0
    """Connections that have ended."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __post_init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.socket.settimeout(0.05)
        self.closed = threading.Event()

    def listen(self) -> None:
        while not self.closed.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            while request := _request(connection):
                self.requests.append(request)
                self.handler(connection)
        self.hung_up += 1


def _request(connection: socket.socket) -> bytes:
    received = b""
    while True:
        head, blank, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if blank and len(body) >= int(length[1] if length else 0):
            return received
        chunk = connection.recv(2**16)
        if not chunk:
            return b""
        received += chunk


@contextmanager
def raw_server(handler: Handler) -> Iterator[RawServer]:
    """Serve until the block ends."""
    server = RawServer(handler)
    listening = threading.Thread(target=server.listen, daemon=True)
    listening.start()
    try:
        yield server
    finally:
        server.closed.set()
        listening.join()
        server.socket.close()


def answer_bytes(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
