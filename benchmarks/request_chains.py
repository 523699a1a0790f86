"""The requests of many runs, recorded as they are sent, and sent again with nothing in between.

A chain is what one run asks its model, stage by stage: a stage begins when nothing of the chain is
in flight. Sending the chains again, all at once, is the least time in which the same requests can
be answered: whatever a run takes longer is its own.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from typing import Any, TypeAlias

Chain: TypeAlias = list[list[dict[str, Any]]]
"""Bodies of requests, by stage."""

Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[Any]]

_CHAIN: ContextVar[str] = ContextVar("chain")


class Recorder:
    """Writes down what an httpx client sends, by the run that sends it."""

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = defaultdict(list)
        self._in_flight: dict[str, int] = defaultdict(int)

    async def run(self, name: str, work: Awaitable[Any]) -> Any:
        """Wait for a run, and know its requests by the name."""
        _CHAIN.set(name)  # every task has a context of its own
        return await work

    @property
    def hooks(self) -> dict[str, list[Callable[..., Awaitable[None]]]]:
        """What an httpx client takes as `event_hooks`."""
        return {"request": [self._sent], "response": [self._answered]}

    @property
    def chains(self) -> list[Chain]:
        """Return what was recorded."""
        return list(self._chains.values())

    async def _sent(self, request: Any) -> None:
        name = _CHAIN.get()
        if not self._in_flight[name]:
            self._chains[name].append([])
        self._in_flight[name] += 1
        self._chains[name][-1].append(json.loads(request.content))

    async def _answered(self, response: Any) -> None:
        await response.aread()
        self._in_flight[_CHAIN.get()] -= 1


async def replay(chains: Iterable[Chain], send: Send) -> float:
    """Send all chains at once, every stage as soon as the one before is answered; in seconds."""

    async def one(chain: Chain) -> None:
        for stage in chain:
            await asyncio.gather(*map(send, stage))

    since = time.perf_counter()
    await asyncio.gather(*map(one, chains))
    return time.perf_counter() - since


def plainly(client: Any) -> Send:
    """Send with an httpx client alone, and read the answer."""

    async def send(body: dict[str, Any]) -> Any:
        return (await client.post("chat/completions", json=body)).json()

    return send
