"""How many runs go on at once, and how many wait for their turn."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langchain_tpo.serve.failures import turned_away

WEIGHT = 0.2
"""Of the latest run in the average of how long runs take."""


class Turns:
    """A queue in front of the runs of one server; for one event loop.

    A place is asked for before anything is answered, so that a full queue is a status of its own,
    and left by whoever has asked, however the run ends.
    """

    def __init__(self, runs: int, queue: int) -> None:
        """Take the bounds.

        Args:
            runs: How many go on at once.
            queue: How many more may wait.
        """
        self._runs = runs
        self._most = runs + queue
        self._free = asyncio.Semaphore(runs)
        self._seconds = 1.0
        self.taken = 0
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self.taken - self.running

    def take(self) -> None:
        """Take a place, to be left again.

        Raises:
            Exception: A refused request, when all are taken.
        """
        if self.taken >= self._most:
            raise turned_away(
                429,
                f"{self.running} runs go on here and {self.waiting} wait: try again later.",
                code="queue_full",
                retry_after=self._wait(),
            )
        self.taken += 1

    def leave(self) -> None:
        """Give a place back."""
        self.taken -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it."""
        loop = asyncio.get_running_loop()
        async with self._free:
            self.running += 1
            since = loop.time()
            try:
                yield
            finally:
                self.running -= 1
                self._seconds += WEIGHT * (loop.time() - since - self._seconds)

    def _wait(self) -> float:
        """Return after how many seconds a place is likely to be free."""
        return math.ceil(self._seconds * (1 + self.waiting / self._runs))
