"""A model of a server that batches: how long chains of requests take on it, without running any.

Sequences that are being written all advance together, a token each, the slower the more there are.
Reading a prompt takes the whole server; what is being written waits for it. With a limit on
sequences, requests queue in order of arrival, and one with `n` begins when all its `n` fit.
Between two events every rate is constant, so the clock jumps from event to event.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Server:
    """How fast a server is.

    Example:
        >>> server = Server(seconds_per_token={1: 0.01, 5: 0.02}, seconds_to_read={1000: 0.5})
        >>> server.pace(3), server.reading(200)
        (0.015, 0.1)
    """

    seconds_per_token: dict[int, float]
    """Seconds in which every sequence gets its next token, by the number of sequences; linear
    between these numbers and past the last two, level before the first."""
    seconds_to_read: dict[int, float]
    """Seconds that a prompt takes, by its tokens; linear from nothing, and past the last two."""
    slots: int | None = None
    """Most sequences at once; any number when None."""

    def pace(self, active: int) -> float:
        """Return the seconds in which all active sequences advance by a token."""
        return _along(self.seconds_per_token, max(active, min(self.seconds_per_token)))

    def reading(self, tokens: int) -> float:
        """Return the seconds that a prompt takes."""
        return _along({0: 0.0, **self.seconds_to_read}, tokens)


def _along(points: dict[int, float], at: int) -> float:
    known = sorted(points.items())
    if len(known) == 1:
        return known[0][1]
    lower, upper = next((two for two in pairwise(known) if at <= two[1][0]), known[-2:])
    return lower[1] + (upper[1] - lower[1]) * (at - lower[0]) / (upper[0] - lower[0])


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is read once, and what is then written to it, in tokens."""

    reads: int
    writes: tuple[int, ...]
    """Of each of its `n` sequences."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Requests sent together, and what happens elsewhere once all of them are answered."""

    requests: tuple[Request, ...]
    then_seconds: float = 0.0
    """The reward, say."""


Chain: TypeAlias = Sequence[Stage]
"""A run: its stages follow each other."""


@dataclass
class Outcome:
    """What the server did."""

    seconds: float = 0.0
    """When the last chain was done."""
    finished: dict[int, float] = field(default_factory=dict)
    """When each chain was done, by its number."""
    reading: float = 0.0
    """Seconds spent on prompts."""
    writing: float = 0.0
    """Seconds spent on writing, at least one sequence."""
    written: float = 0.0
    """Tokens."""
    held: float = 0.0
    """Seconds of writing, added up over the sequences that were written."""

    @property
    def active(self) -> float:
        """Sequences written at once, on average."""
        return self.held / self.writing


def predict(server: Server, chains: Sequence[Chain], *, at_once: int | None = None) -> Outcome:
    """Run chains on a server.

    Args:
        server: Its speed.
        chains: Of which each begins as soon as there is place.
        at_once: Most chains under way at the same time; all of them when None.

    Raises:
        ValueError: When a request has more sequences than the server has slots.
    """
    return _Run(server, chains, at_once or len(chains)).outcome()


@dataclass
class _Pending:
    """A request, and whom to tell that it is answered."""

    request: Request
    done: Callable[[], None]
    left: int = field(init=False)
    """Sequences not yet written."""

    def __post_init__(self) -> None:
        self.left = len(self.request.writes)


class _Run:
    """The state of a server over time."""

    def __init__(self, server: Server, chains: Sequence[Chain], at_once: int) -> None:
        self._server = server
        self._now = Outcome()
        self._taken = 0
        self._queue: deque[_Pending] = deque()
        self._to_read: deque[_Pending] = deque()
        self._read_until = 0.0
        self._tokens = 0.0
        """How far a sequence is that has been written since the beginning."""
        self._writing: list[tuple[float, int, _Pending]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._coming = iter(enumerate(chains))
        for _ in range(at_once):
            self._begin_next()

    def outcome(self) -> Outcome:
        """Go from event to event until nothing is left to happen."""
        while self._timers or self._to_read or self._writing:
            self._step()
        return self._now

    def _begin_next(self) -> None:
        for number, chain in self._coming:
            self._stage(number, iter(chain))
            return

    def _stage(self, number: int, stages: Iterator[Stage]) -> None:
        stage = next(stages, None)
        if stage is None:
            self._now.finished[number] = self._now.seconds
            self._begin_next()
            return
        unanswered = count(len(stage.requests) - 1, -1)

        def done() -> None:
            if next(unanswered) == 0:
                self._after(stage.then_seconds, lambda: self._stage(number, stages))

        self._queue.extend(_Pending(request, done) for request in stage.requests)
        self._admit()

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self._now.seconds + seconds, next(self._order), then))

    def _admit(self) -> None:
        slots = self._server.slots or float("inf")
        while self._queue:
            needed = len(self._queue[0].request.writes)
            if needed > slots:
                raise ValueError(f"A request for {needed} sequences, but {slots} slots.")
            if self._taken + needed > slots:
                return
            self._taken += needed
            self._to_read.append(self._queue.popleft())
            if len(self._to_read) == 1:
                self._read_next()

    def _read_next(self) -> None:
        seconds = self._server.reading(self._to_read[0].request.reads)
        self._read_until = self._now.seconds + seconds

    def _step(self) -> None:
        pace = self._server.pace(len(self._writing))
        own, happens = float("inf"), self._has_written
        if self._to_read:
            own, happens = self._read_until, self._has_read
        elif self._writing:
            own = self._now.seconds + max(0.0, self._writing[0][0] - self._tokens) * pace
        if self._timers and self._timers[0][0] <= own:
            self._advance(self._timers[0][0], pace)
            heapq.heappop(self._timers)[2]()
        else:
            self._advance(own, pace)
            happens()

    def _advance(self, until: float, pace: float) -> None:
        seconds, self._now.seconds = until - self._now.seconds, until
        if self._to_read:
            self._now.reading += seconds
        elif self._writing:
            self._now.writing += seconds
            self._now.held += seconds * len(self._writing)
            self._now.written += seconds / pace * len(self._writing)
            self._tokens += seconds / pace

    def _has_read(self) -> None:
        pending = self._to_read.popleft()
        for tokens in pending.request.writes:
            entry = (self._tokens + tokens, next(self._order), pending)
            heapq.heappush(self._writing, entry)
        if self._to_read:
            self._read_next()

    def _has_written(self) -> None:
        pending = heapq.heappop(self._writing)[2]
        self._taken -= 1
        pending.left -= 1
        if pending.left == 0:
            pending.done()
        self._admit()
