"""How many requests may be on their way at once, counted over all runs that share a limit.

A batch of LangChain's bounds its queries; what loads a server is requests, of which a query has
one at a time or N. Knows threads, event loops and context variables; knows nothing of models.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from langchain_tpo.constructors import typed_fields
from langchain_tpo.errors import SettingsError

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
            if not place.done():  # a free place costs no turn of the event loop
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


@typed_fields
@dataclass(frozen=True, eq=False)
class RequestLimit:
    """Places for requests, taken in order of arrival; shared by every run begun inside `shared()`.

    For what `max_concurrency` of one call cannot count together: a `batch` of a graph or an agent,
    links side by side in a `RunnableParallel`, tasks of your own. Inside another limit both hold.

    Raises:
        SettingsError: In one line, when there is no place for any request.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_tpo import build_tpo_graph
        >>> model = FakeListChatModel(responses=["Oil it."])
        >>> loop = build_tpo_graph(model, lambda prompt, response: 1.0, width=2, depth=0).compile()
        >>> with RequestLimit(4).shared():
        ...     states = loop.batch([{"messages": [("user", wood)]} for wood in ("Oak?", "Ash?")])
        >>> [state["messages"][-1].text for state in states]
        ['Oil it.', 'Oil it.']
    """

    most: int
    """Requests on their way at once, to each kind of server."""
    places: dict[Server, Places] = field(init=False, repr=False)
    """Those of each kind."""

    def __post_init__(self) -> None:
        """Refuse a limit with no place."""
        if self.most < 1:
            raise SettingsError(
                f"`most` of RequestLimit must be at least 1, or nothing is sent, got {self.most}."
            )
        both: tuple[Server, Server] = ("model", "reward")
        object.__setattr__(self, "places", {server: Places(self.most) for server in both})

    @property
    def queries(self) -> int:
        """How many queries keep that many requests on their way.

        A query that is being scored, or is between two steps, asks the model for nothing.
        """
        return 2 * self.most - 1

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Count the requests of all runs that are begun in this block."""
        around = _LIMITS.get() or ()
        with _counted_by(around if self in around else (self, *around)):
            yield


_LIMITS: ContextVar[tuple[RequestLimit, ...] | None] = ContextVar("tpo_limits", default=None)
"""What counts requests here, the innermost first; None where nobody has settled it yet."""


def is_settled() -> bool:
    """Return whether somebody around has said how many requests there may be, or that any may."""
    return _LIMITS.get() is not None


@contextmanager
def unlimited() -> Iterator[None]:
    """Settle that nothing is counted in this block."""
    with _counted_by(()):
        yield


@contextmanager
def place(server: Server) -> Iterator[None]:
    """Wait for a place and hold it for one request; does nothing where no limit is shared.

    A model that is itself a loop asks without waiting for the place that it holds.
    """
    limits = _LIMITS.get()
    with ExitStack() as held:
        for limit in limits or ():  # the widest last: nobody holds one of its places and waits
            held.enter_context(limit.places[server].taken())
        with unlimited() if limits else nullcontext():
            yield


@asynccontextmanager
async def aplace(server: Server) -> AsyncIterator[None]:
    """Wait for a place as `place` does, without blocking the event loop."""
    limits = _LIMITS.get()
    async with AsyncExitStack() as held:
        for limit in limits or ():
            await held.enter_async_context(limit.places[server].ataken())
        with unlimited() if limits else nullcontext():
            yield


@contextmanager
def _counted_by(limits: tuple[RequestLimit, ...]) -> Iterator[None]:
    token = _LIMITS.set(limits)
    try:
        yield
    finally:
        _LIMITS.reset(token)
