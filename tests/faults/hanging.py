"""A server that hangs where it is told to, and what a run that stops there may leave behind."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages

from langchain_tpo import TPORunnable, TPOSettings
from tests.faults.faulty_proxy import Exchange, FaultyProxy, pass_on
from tests.faults.places import WIDTH, Place, Strike, requests_until
from tests.support.fakes import last_number
from tests.support.servers.openai_double import OpenAIDouble, obedient_script

langchain_openai = pytest.importorskip("langchain_openai", reason="needs the extra `openai`")

SOON = 10.0
"""Seconds in which what was stopped has to have stopped; the server hangs for longer."""

LOOP = 2
"""Sockets that an event loop wakes itself up with."""

QUESTION = "Wood?"


@contextmanager
def hanging_server() -> Iterator[str]:
    """Serve a model that hangs at the place its name says, and a reward model that hangs."""
    strikes: dict[str, Strike] = {}

    def treat(exchange: Exchange) -> None:
        name = exchange.body["model"]
        if name == "reward":
            return exchange.hang()
        step, number, _ = name.split(":")
        strike = strikes.setdefault(name, Strike((step, int(number))))
        hit = strike.hits(convert_to_messages(exchange.body["messages"]))
        return exchange.hang() if hit else pass_on(exchange)

    with OpenAIDouble(obedient_script) as double, FaultyProxy(double.base_url, treat) as proxy:
        yield proxy.base_url


def held() -> Counter[str]:
    """Count what this process holds: threads, and handles by what they are.

    Compare with `<=`: what earlier tests have dropped may go at any moment.
    """
    handles = Counter(map(_kind, Path("/proc/self/fd").iterdir()))
    return handles + Counter(threads=threading.active_count())


def _kind(handle: Path) -> str:
    with suppress(OSError):
        return str(handle.readlink()).partition(":[")[0]
    return "the folder itself"


def others() -> list[asyncio.Task[Any]]:
    """Return the tasks of the loop but for the one that asks."""
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


@dataclass
class Hanging:
    """A run over real sockets that comes to a request which nobody answers."""

    base_url: str
    place: Place
    one_request: bool = True
    client: Any = None
    sent: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    names = itertools.count()

    def tpo(self, **settings: Any) -> TPORunnable:
        step, number = self.place
        model = langchain_openai.ChatOpenAI(
            base_url=self.base_url,
            api_key="-",
            model=f"{step}:{number}:{next(self.names)}",
            http_async_client=self.client,
            **{"max_retries": 0, "timeout": 60, **self.options},
        )
        given = TPOSettings(width=WIDTH, depth=2, one_request=self.one_request, **settings)
        return TPORunnable(model=model, reward=last_number, settings=given)

    async def come(self) -> None:
        """Wait until everything at the place has been sent."""
        async with asyncio.timeout(SOON):
            while self.sent < requests_until(self.place, one_request=self.one_request):
                await asyncio.sleep(0.005)

    async def note(self, request: Any) -> None:
        """Count a request once all of it has gone out.

        httpcore keeps a connection open whose request is cancelled before its first byte.
        """

        async def trace(name: str, _: Any) -> None:
            self.sent += name == "http11.receive_response_headers.started"

        request.extensions["trace"] = trace
