"""Hears of a run while it goes on: its rounds, what its steps take, the best answer so far."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from langchain_tpo.events import RoundEvent, RunSummary, StepEvent, TPOEvent

EVENTS = ("tpo_start", "tpo_step", "tpo_round", "tpo_end")
"""Names of the events of a run."""


class Watch(BaseCallbackHandler):
    """The events of one run, in order of arrival; for one event loop."""

    run_inline = True
    """Noting an event takes microseconds, and the order counts."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.best: RoundEvent | None = None
        self.summary: RunSummary | None = None
        self.steps: list[StepEvent] = []
        self._news: asyncio.Queue[TPOEvent | None] = asyncio.Queue()

    def on_custom_event(self, name: str, data: Any, **_kwargs: Any) -> None:  # noqa: ANN401 LangChain's signature
        """Note what is of a run; LangChain's own events and others' are not."""
        if name not in EVENTS:
            return
        if name == "tpo_step":
            self.steps.append(data)
        elif name == "tpo_end":
            self.summary = data
        elif name == "tpo_round" and data.get("text") is not None:
            self.best = data
        self._news.put_nowait(data)

    def end(self) -> None:
        """Say that nothing more will come."""
        self._news.put_nowait(None)

    async def news(self, every: float) -> AsyncIterator[TPOEvent | None]:
        """Yield events as they come, and None whenever there was none for a while.

        Args:
            every: Seconds of that while.
        """
        while True:
            event = None
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    event = await self._news.get()
                if event is None:
                    return
            yield event
