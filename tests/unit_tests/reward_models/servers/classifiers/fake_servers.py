"""Classifier servers without a socket: their routes, limits and habits."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from langchain_tpo.reward_models.interface import Score
from tests.support.servers.http_double import Asked, Reply

QUESTION = "What is the capital of France?"

Answer = tuple[int, Any]
"""Status and JSON."""
ScoreWith = Callable[..., list[Score]]
"""Scores responses with a reward model, by `invoke` or `ainvoke`."""


class FakeServer:
    """Answers like a server; the logit of a text is in `logits`, by any part of the text."""

    def __init__(self) -> None:
        self.logits: dict[str, float] = {}
        self.raw_is_heeded = True
        self.calls: list[tuple[str, Any]] = []
        self.most_in_flight = 0
        self._now = 0
        self._lock = Lock()

    def score(self, text: str, *, raw: bool) -> float:
        logit = next(value for part, value in self.logits.items() if part in text)
        return logit if raw and self.raw_is_heeded else 1 / (1 + math.exp(-logit))

    def answer(self, method: str, path: str, body: Any) -> Answer:
        raise NotImplementedError

    def posts(self, path: str) -> list[Any]:
        return [body for called, body in self.calls if called == path]

    async def arespond(self, asked: Asked) -> Reply:
        with self._in_flight():
            await asyncio.sleep(0.002)
            self.calls.append((asked.path, asked.body))
            status, content = self.answer(asked.method, asked.path, asked.body)
            return Reply(status=status, body=content)

    @contextmanager
    def _in_flight(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            self.most_in_flight = max(self.most_in_flight, self._now)
        yield
        with self._lock:
            self._now -= 1


class Replay(FakeServer):
    """Answers with one recording, and only to the request that it was recorded for."""

    def __init__(self, exchange: Any) -> None:
        super().__init__()
        self.exchange = exchange

    def answer(self, method: str, path: str, body: Any) -> Answer:
        asked, given = self.exchange["request"], self.exchange["response"]
        assert (method, path, body) == (asked["method"], asked["path"], asked["body"])
        return given["status"], given["body"]


Serve = Callable[[FakeServer], None]
"""Puts a server behind every URL."""
