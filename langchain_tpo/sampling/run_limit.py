"""One limit for the requests of all loops in one run of a graph.

LangGraph's `max_concurrency` bounds the tasks of each graph by itself: of loops side by side in
one run each would have as many requests. Knows LangGraph's runs; knows nothing of what a request
is.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime

from langchain_tpo.sampling.request_limit import RequestLimit, is_settled, unlimited

MOST_RUNS = 10_000
"""Runs of graphs whose requests are counted at the same time."""


class Threads(int):
    """A `max_concurrency` that gives a sync run threads for its draws, and limits nothing."""


@contextmanager
def run_limit(config: RunnableConfig) -> Iterator[None]:
    """Count requests within the `max_concurrency` of a config, with those of the run around it.

    Where a limit is in force already, or it is settled that there is none, nothing changes.

    Args:
        config: As the caller gave it.
    """
    run = None if is_settled() else _run_around()
    if run is None:
        yield
        return
    most = config.get("max_concurrency")
    bound = None if isinstance(most, Threads) else most
    with _RUNS.limit(run, bound).shared() if bound else unlimited():
        yield


def _run_around() -> object | None:
    """Return what all graphs of one run share; None outside of any."""
    try:
        runtime = get_runtime()
    except RuntimeError:
        return None
    return None if runtime is None else runtime.control


class _Runs:
    """The limits of runs that are under way, the newest last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limits: OrderedDict[tuple[object, int], RequestLimit] = OrderedDict()
        self._lock = threading.Lock()

    def limit(self, run: object, requests: int) -> RequestLimit:
        """Return the limit that all loops of a run share."""
        with self._lock:
            limit = self._limits.setdefault((run, requests), RequestLimit(requests))
            self._limits.move_to_end((run, requests))
            if len(self._limits) > self._most:
                self._limits.popitem(last=False)
            return limit


_RUNS = _Runs(MOST_RUNS)
