"""uvicorn, with a shutdown that gives runs time to end."""

import asyncio
import socket

import uvicorn
from fastapi import FastAPI

LAST_SECONDS = 5
"""What answers have to get out after the time of grace."""

IDLE_SECONDS = 75
"""How long a connection without a request stays open: longer than proxies and pools of clients keep
theirs, which is a minute as a rule. Who closes first must not be the server, or a request that is
on its way meets a closed connection: with uvicorn's own five seconds, 200 clients of a server that
was short of CPU lost 5 of 1013 requests, most of them as old as that."""


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
            http="h11",  # the other parser takes heads of any size, from anybody
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
