"""uvicorn, with a shutdown that gives runs time to end and connections that cannot be held open."""

import asyncio
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

LAST_SECONDS = 5
"""What answers have to get out after the time of grace."""

IDLE_SECONDS = 75
"""How long a connection without a request stays open: longer than proxies and pools of clients keep
theirs, which is a minute as a rule. Who closes first must not be the server, or a request that is
on its way meets a closed connection: with uvicorn's own five seconds, 200 clients of a server that
was short of CPU lost 5 of 1013 requests, most of them as old as that."""

HEAD_SECONDS = 60
"""How long the head of a request may take, from its first byte on."""


class Connection(H11Protocol):
    """A connection that ends where no whole request comes; uvicorn's own waits for ever.

    Without this, whoever sends nothing, or a head byte by byte, holds an open file of the server
    each; some hundreds of these, and it takes nobody's requests any more.
    """

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin as idle as after an answer."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Take bytes, and wait for the rest of their request no longer than is usual."""
        super().data_received(data)
        if self._is_answering():
            self._forget_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget_head()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """Serves an application of `create_app` until a signal comes."""

    def __init__(self, app: FastAPI, *, grace: float) -> None:
        """Take the application.

        Args:
            app: As `create_app` makes it.
            grace: Seconds that runs have to end.
        """
        self._runs = app.state.runs
        config = uvicorn.Config(
            app,
            http=Connection,  # made of h11: the other parser takes heads of any size, from anybody
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=int(grace) + LAST_SECONDS,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take on nothing more, and let runs end or answer with what is best so far."""
        stopping = asyncio.create_task(self._runs.stop())
        await super().shutdown(sockets)
        await stopping
