"""Tracers that count no usage twice: what the runs below a chat model took is told by its own run.

Another handler could take it off the messages before a tracer hears of them, but LangChain merges
handlers through a set, where code of others calls a model with retries, and the tracer may come
first. So the tracer itself leaves it out.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer

from langchain_tpo.sampling.inner_calls import without_usage

if TYPE_CHECKING:  # what stands behind the mixins in the classes that are made of them
    _Sync = BaseTracer
    _Async = AsyncBaseTracer
else:
    _Sync = _Async = object


def untold(handler: BaseCallbackHandler) -> BaseCallbackHandler:
    """Return a handler that shares all that another knows, and tells no usage if it traces.

    Args:
        handler: Any handler; one that traces nothing is returned as it is.

    Example:
        >>> from langchain_core.tracers import ConsoleCallbackHandler
        >>> console = ConsoleCallbackHandler()
        >>> quiet = untold(console)
        >>> isinstance(quiet, ConsoleCallbackHandler), quiet == console, quiet is console
        (True, True, False)
    """
    if not isinstance(handler, BaseTracer | AsyncBaseTracer) or isinstance(handler, _Same):
        return handler
    kind = _quiet(type(handler))
    quiet = kind.__new__(kind)
    quiet.__dict__ = handler.__dict__  # also what it sets later
    quiet.tpo_original = handler
    return cast("BaseCallbackHandler", quiet)


class _Same:
    """Equal to the handler that it stands for, so that no list holds both."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        mine, theirs = (getattr(one, "tpo_original", one) for one in (self, other))
        return mine is theirs

    def __hash__(self) -> int:
        return object.__hash__(getattr(self, "tpo_original", self))


class _Untold(_Same, _Sync):
    """In front of a tracer's class."""

    __slots__ = ()

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> Any:  # noqa: ANN401 as the tracer
        """Hear of the messages without their usage."""
        return super().on_llm_end(without_usage(response), **kwargs)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> Any:  # noqa: ANN401 as above
        """Forget what a decision model has noted on its run."""
        _forget(self, run_id)
        return super().on_chain_end(outputs, run_id=run_id, **kwargs)


class _AsyncUntold(_Same, _Async):
    """In front of an async tracer's class."""

    __slots__ = ()

    async def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Hear of the messages without their usage."""
        await super().on_llm_end(without_usage(response), **kwargs)

    async def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401 as above
        """Forget what a decision model has noted on its run."""
        _forget(self, run_id)
        await super().on_chain_end(outputs, run_id=run_id, **kwargs)


@lru_cache(maxsize=64)
def _quiet(kind: type) -> Any:  # noqa: ANN401 a class made here
    front = _AsyncUntold if issubclass(kind, AsyncBaseTracer) else _Untold
    return type(kind.__name__, (front, kind), {"__slots__": ("tpo_original",)})


def _forget(tracer: Any, run_id: UUID) -> None:  # noqa: ANN401 of either kind
    run = tracer.run_map.get(str(run_id))
    if run is not None and run.run_type == "llm":
        ((run.extra or {}).get("metadata") or {}).pop("usage_metadata", None)
