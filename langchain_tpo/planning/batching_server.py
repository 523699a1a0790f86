"""A model of a server that batches: how long chains of requests take on it, without running any.

Sequences that are being written all advance together, a token each, the slower the more there are.
Reading a prompt takes the whole server; what is being written waits for it. With a limit on
sequences, requests queue in order of arrival, and one with `n` begins when all its `n` fit.
Between two events every rate is constant, so the clock jumps from event to event.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import inf
from operator import itemgetter
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Server:
    """How fast a server is.

    Example:
        >>> server = Server(seconds_per_token={1: 0.01, 5: 0.02}, seconds_to_read={1000: 0.5})
        >>> server.pace(3), server.reading(200)
        (0.015, 0.1)
    """

    seconds_per_token: Mapping[float, float]
    """Seconds in which every sequence gets its next token, by the number of sequences; linear
    between these numbers and past the last two, level before the first."""
    seconds_to_read: Mapping[float, float]
    """Seconds that a prompt takes, by its tokens; linear from nothing, and past the last two."""
    slots: int | None = None
    """Most sequences at once; any number when None."""

    def pace(self, active: float) -> float:
        """Return the seconds in which all active sequences advance by a token."""
        return _along(self.seconds_per_token, max(active, min(self.seconds_per_token)))

    def reading(self, tokens: float) -> float:
        """Return the seconds that a prompt takes."""
        return _along({0: 0.0, **self.seconds_to_read}, tokens)


def _along(points: Mapping[float, float], at: float) -> float:
    known = sorted(points.items())
    if len(known) == 1:
        return known[0][1]
    lower, upper = next((two for two in pairwise(known) if at <= two[1][0]), known[-2:])
    return lower[1] + (upper[1] - lower[1]) * (at - lower[0]) / (upper[0] - lower[0])


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is read once, and what is then written to it, in tokens."""

    reads: float
    writes: tuple[float, ...]
    """Of each of its `n` sequences; none where a classifier reads only."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Requests sent together, and what happens elsewhere once all of them are answered."""

    requests: tuple[Request, ...] = ()
    on: str = ""
    """Which server they go to; the one that has no name by default."""
    then_seconds: float = 0.0
    """Time that no server of the model takes."""


Chain: TypeAlias = Sequence[Stage]
"""A run: its stages follow each other."""


@dataclass
class Work:
    """What one server did."""

    reading: float = 0.0
    """Seconds spent on prompts."""
    writing: float = 0.0
    """Seconds spent on writing, at least one sequence."""
    written: float = 0.0
    """Tokens."""

    @property
    def busy(self) -> float:
        """Seconds spent on anything."""
        return self.reading + self.writing


@dataclass
class Prediction:
    """What the servers did."""

    seconds: float = 0.0
    """When the last chain was done."""
    finished: dict[int, float] = field(default_factory=dict)
    """When each chain was done, by its number, in order of time."""
    begun: dict[int, float] = field(default_factory=dict)
    """When each chain was begun."""
    work: dict[str, Work] = field(default_factory=dict)
    """What each server did, by its name."""


def predict(
    server: Server | Mapping[str, Server], chains: Sequence[Chain], *, at_once: int | None = None
) -> Prediction:
    """Run chains on a server, or on several.

    Args:
        server: Its speed; of several by the names that stages have for them.
        chains: Of which each begins as soon as there is place.
        at_once: Most chains under way at the same time; all of them when None.

    Raises:
        ValueError: When a request has more sequences than its server has slots.

    Example:
        >>> server = Server(seconds_per_token={1: 0.01, 5: 0.02}, seconds_to_read={1000: 0.5})
        >>> draw = Stage(requests=(Request(reads=100, writes=(50,) * 5),))
        >>> predict(server, [[draw]]).seconds
        1.05
    """
    servers = {"": server} if isinstance(server, Server) else server
    return _Run(servers, chains, at_once or len(chains)).prediction()


@dataclass
class _Pending:
    """A request, and whom to tell that it is answered."""

    request: Request
    done: Callable[[], None]
    left: int = field(init=False)
    """Sequences not yet written."""

    def __post_init__(self) -> None:
        self.left = len(self.request.writes)


class _Station:
    """One server over time; the clock is another's."""

    def __init__(self, server: Server) -> None:
        self.work = Work()
        self._server = server
        self._taken = 0
        self._queue: deque[_Pending] = deque()
        self._to_read: deque[_Pending] = deque()
        self._read_until = 0.0
        self._tokens = 0.0
        """How far a sequence is that has been written since the beginning."""
        self._writing: list[tuple[float, int, _Pending]] = []
        self._order = count()

    def take(self, pending: Iterable[_Pending], now: float) -> None:
        """Queue requests."""
        self._queue.extend(pending)
        self._admit(now)

    def next_event(self, now: float) -> float:
        """Return when something will happen here, if nothing comes before."""
        if self._to_read:
            return self._read_until
        if self._writing:
            return now + max(0.0, self._writing[0][0] - self._tokens) * self._pace
        return inf

    def advance(self, seconds: float) -> None:
        """Let time go by, in which nothing happens."""
        if self._to_read:
            self.work.reading += seconds
        elif self._writing:
            steps = seconds / self._pace if self._pace else 0.0
            self.work.writing += seconds
            self.work.written += steps * len(self._writing)
            self._tokens += steps

    def happen(self, now: float) -> None:
        """Do what was to happen now."""
        if self._to_read:
            self._has_read(now)
        else:
            self._has_written(now)

    @property
    def _pace(self) -> float:
        return self._server.pace(len(self._writing))

    def _admit(self, now: float) -> None:
        slots = self._server.slots or inf
        while self._queue:
            needed = len(self._queue[0].request.writes)
            if needed > slots:
                raise ValueError(f"A request for {needed} sequences, but {slots} slots.")
            if self._taken + needed > slots:
                return
            self._taken += needed
            self._to_read.append(self._queue.popleft())
            if len(self._to_read) == 1:
                self._read_next(now)

    def _read_next(self, now: float) -> None:
        self._read_until = now + self._server.reading(self._to_read[0].request.reads)

    def _has_read(self, now: float) -> None:
        pending = self._to_read.popleft()
        for tokens in pending.request.writes:
            entry = (self._tokens + tokens, next(self._order), pending)
            heapq.heappush(self._writing, entry)
        if self._to_read:
            self._read_next(now)
        if not pending.request.writes:
            pending.done()

    def _has_written(self, now: float) -> None:
        pending = heapq.heappop(self._writing)[2]
        self._taken -= 1
        pending.left -= 1
        if pending.left == 0:
            pending.done()
        self._admit(now)


class _Run:
    """Chains, servers and a clock."""

    def __init__(
        self, servers: Mapping[str, Server], chains: Sequence[Chain], at_once: int
    ) -> None:
        self._stations = {name: _Station(server) for name, server in servers.items()}
        work = {name: station.work for name, station in self._stations.items()}
        self._now = Prediction(work=work)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._coming = iter(enumerate(chains))
        for _ in range(at_once):
            self._begin_next()

    def prediction(self) -> Prediction:
        """Go from event to event until nothing is left to happen."""
        while self._step():
            pass
        return self._now

    def _begin_next(self) -> None:
        for number, chain in self._coming:
            self._now.begun[number] = self._now.seconds
            self._stage(number, iter(chain))
            return

    def _stage(self, number: int, stages: Iterator[Stage]) -> None:
        stage = next(stages, None)
        if stage is None:
            self._now.finished[number] = self._now.seconds
            self._begin_next()
            return
        unanswered = count(len(stage.requests) - 1, -1)

        def after() -> None:
            self._after(stage.then_seconds, lambda: self._stage(number, stages))

        def done() -> None:
            if next(unanswered) == 0:
                after()

        if not stage.requests:
            after()
            return
        pending = [_Pending(request, done) for request in stage.requests]
        self._stations[stage.on].take(pending, self._now.seconds)

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self._now.seconds + seconds, next(self._order), then))

    def _step(self) -> bool:
        now = self._now.seconds
        events = [(one.next_event(now), one) for one in self._stations.values()]
        at, station = min(events, key=itemgetter(0))
        timed = bool(self._timers) and self._timers[0][0] <= at
        until = self._timers[0][0] if timed else at
        if until == inf:
            return False
        for one in self._stations.values():
            one.advance(until - now)
        self._now.seconds = until
        if timed:
            heapq.heappop(self._timers)[2]()
        else:
            station.happen(until)
        return True
