"""How many requests may be on their way at once, counted over all runs that share a limit.

A batch of LangChain's bounds its queries; what loads a server is requests, of which a query has
one at a time or N. Knows threads, event loops and context variables; knows nothing of models.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

Server: TypeAlias = Literal["model", "reward"]
"""Whose requests are counted: policy and critic share a count, the reward server has its own."""


class Places:
    """A number of places, taken in order of arrival by threads and by tasks of any event loop."""

    def __init__(self, most: int) -> None:
        """Begin with all places free.

        Args:
            most: How many there are.
        """
        self._free = most
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place; blocks the thread until there is one."""
        place = self._ask()
        try:
            place.result()
        except BaseException:
            self._withdraw(place)
            raise
        try:
            yield
        finally:
            self._give_back()

    @asynccontextmanager
    async def ataken(self) -> AsyncIterator[None]:
        """Hold a place as `taken` does, without blocking the event loop."""
        place = self._ask()
        try:
            await asyncio.wrap_future(place)
        except BaseException:
            self._withdraw(place)
            raise
        try:
            yield
        finally:
            self._give_back()

    def _ask(self) -> "Future[None]":
        place: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                place.set_result(None)
            else:
                self._waiting.append(place)
        return place

    def _withdraw(self, place: "Future[None]") -> None:
        """Wait no longer; what was granted in the same moment goes to the next."""
        if not place.cancel():
            self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            while self._waiting:
                place = self._waiting.popleft()
                if place.set_running_or_notify_cancel():
                    place.set_result(None)
                    return
            self._free += 1


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
        self.places: dict[Server, Places] = {"model": Places(most), "reward": Places(most)}

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


NO_LIMIT = RequestLimit(0)
"""Stands where it is settled that nothing is counted."""

_LIMIT: ContextVar[RequestLimit | None] = ContextVar("tpo_request_limit", default=None)
"""None where nobody has settled it yet."""


def is_settled() -> bool:
    """Return whether somebody around has said how many requests there may be, or that any may."""
    return _LIMIT.get() is not None


@contextmanager
def place(server: Server) -> Iterator[None]:
    """Wait for a place and hold it for one request; does nothing where no limit is shared."""
    limit = _LIMIT.get()
    if limit is None or limit is NO_LIMIT:
        yield
        return
    with limit.places[server].taken(), _unlimited():
        yield


@asynccontextmanager
async def aplace(server: Server) -> AsyncIterator[None]:
    """Wait for a place as `place` does, without blocking the event loop."""
    limit = _LIMIT.get()
    if limit is None or limit is NO_LIMIT:
        yield
        return
    async with limit.places[server].ataken():
        with _unlimited():
            yield


@contextmanager
def _unlimited() -> Iterator[None]:
    """Let a model that is itself a loop ask without waiting for the place that it holds."""
    token = _LIMIT.set(NO_LIMIT)
    try:
        yield
    finally:
        _LIMIT.reset(token)
