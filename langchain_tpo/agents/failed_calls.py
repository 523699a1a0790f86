"""Whether what an agent's handler returns was said by a model, or stands in for a call that failed.

Middleware such as `ModelRetryMiddleware` puts the text of an error into an answer by default. Knows
callbacks of LangChain; knows no middleware.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook


class CallWatch(BaseCallbackHandler):
    """Hears how the calls of models end that are made for one request."""

    run_inline = True
    """In the order in which the calls end."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._last_error: Exception | None = None
        self._answered: set[str | None] = set()

    def on_llm_end(self, response: LLMResult, **_kwargs: Any) -> None:
        """Remember what was answered."""
        self._last_error = None
        self._answered |= {
            generation.message.id
            for listed in response.generations
            for generation in listed
            if isinstance(generation, ChatGeneration)
        }

    def on_llm_error(self, error: BaseException, **_kwargs: Any) -> None:
        """Remember what failed."""
        self._last_error = error if isinstance(error, Exception) else None

    def error_behind(self, message: AIMessage) -> Exception | None:
        """Return the error that a message stands in for; None where a model said it.

        Args:
            message: What the handler returned.
        """
        return None if message.id in self._answered else self._last_error


@contextmanager
def watched() -> Iterator[CallWatch]:
    """Watch every call of a model that is made in this block."""
    watch = CallWatch()
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


_WATCH: ContextVar[CallWatch | None] = ContextVar("tpo_call_watch", default=None)
register_configure_hook(_WATCH, inheritable=True)
