"""How many requests may be on their way at once, counted over all runs that share a limit.

A batch of LangChain's bounds its queries; what loads a server is requests, of which a query has
one at a time or N. Knows context variables and semaphores; knows nothing of models.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

Server: TypeAlias = Literal["model", "reward"]
"""Whose requests are counted: policy and critic share a count, the reward server has its own."""


class RequestLimit:
    """Places for requests, taken in order of arrival; shared by every run begun inside `shared()`.

    Example:
        >>> limit = RequestLimit(1)
        >>> with limit.shared(), place("model"):
        ...     limit.queries
        1
    """

    def __init__(self, most: int) -> None:
        """Say how many.

        Args:
            most: Requests on their way at once, to each kind of server.
        """
        self.most = most
        servers: tuple[Server, ...] = ("model", "reward")
        self.threads = {server: threading.Semaphore(most) for server in servers}
        self.tasks = {server: asyncio.Semaphore(most) for server in servers}

    @property
    def queries(self) -> int:
        """How many queries keep that many requests on their way.

        A query that is being scored, or is between two steps, asks the model for nothing.
        """
        return 2 * self.most - 1

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Count the requests of all runs that are begun in this block."""
        token = _LIMIT.set(self)
        try:
            yield
        finally:
            _LIMIT.reset(token)


_LIMIT: ContextVar[RequestLimit | None] = ContextVar("tpo_request_limit", default=None)


@contextmanager
def place(server: Server) -> Iterator[None]:
    """Wait for a place and hold it for one request; does nothing where no limit is shared."""
    limit = _LIMIT.get()
    if limit is None:
        yield
        return
    with limit.threads[server], _unlimited():
        yield


@asynccontextmanager
async def aplace(server: Server) -> AsyncIterator[None]:
    """Wait for a place as `place` does, without blocking the event loop."""
    limit = _LIMIT.get()
    if limit is None:
        yield
        return
    async with limit.tasks[server]:
        with _unlimited():
            yield


@contextmanager
def _unlimited() -> Iterator[None]:
    """Let a model that is itself a loop ask without waiting for the place that it holds."""
    token = _LIMIT.set(None)
    try:
        yield
    finally:
        _LIMIT.reset(token)
