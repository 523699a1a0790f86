"""Until when models may take their time: what a run's time budget leaves to the step in progress.

Counted over every request of a step, so that second attempts do not begin the time anew. Async
only: a thread that waits for a server cannot be called back.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from langchain_tpo.errors import TimeBudgetError

T = TypeVar("T")

_UNTIL: ContextVar[float | None] = ContextVar("tpo_time_limit", default=None)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Let the requests of this block take so long, all together; None sets no limit.

    A model that is itself a loop has both limits: the earlier one counts.

    Args:
        seconds: From now on.
    """
    outer = _UNTIL.get()
    until = None if seconds is None else asyncio.get_running_loop().time() + seconds
    limits = [limit for limit in (outer, until) if limit is not None]
    token = _UNTIL.set(min(limits, default=None))
    try:
        yield
    finally:
        _UNTIL.reset(token)


async def in_time(request: Awaitable[T]) -> T:
    """Wait for a request; cancel it when the time is up.

    Raises:
        TimeBudgetError: When the time is up.
    """
    deadline = asyncio.timeout_at(_UNTIL.get())
    try:
        async with deadline:
            return await request
    except TimeoutError:
        if not deadline.expired():  # the provider's own
            raise
        raise TimeBudgetError(
            "The `time_budget` ended before the model had replied: raise it, or ask for shorter "
            "replies with `max_tokens`."
        ) from None
