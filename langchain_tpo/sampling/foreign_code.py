"""Runs code of others, a model's or a reward's: what it raises may fail its call, and nothing else.

`sys.exit()` in a reward would end the process, a `StopIteration` the generator that it comes
through, a `CancelledError` that nobody sent the task around it. Knows exceptions only.
"""

import asyncio
import inspect
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from langchain_tpo.errors import RunError
from langchain_tpo.text.shown import message_of, named, shown

_ENDINGS = (SystemExit, StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError)
"""What ends a program, a loop, a generator or a task."""

_RUST_PANICS = "pyo3_runtime"
"""Where panics of libraries in Rust come from, tokenizers among them; they are no `Exception`."""

_NO_THREAD = "can't start new thread"
"""What Python says where a system lets a program have no more threads."""


def is_async(function: Callable[..., object]) -> bool:
    """Return whether a function, or an object that can be called as one, is a coroutine function.

    Example:
        >>> is_async(print), is_async(asyncio.sleep)
        (False, True)
    """
    call = getattr(type(function), "__call__", None)  # noqa: B004 objects with an async one
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


@contextmanager
def contained(what: str, kind: type[RunError] = RunError) -> Iterator[None]:
    """Let what ends more than a call out of this block as an error, unless it is meant to end it.

    Ctrl-C, a cancelled task and `sys.exit()` in a handler of signals are meant: they pass. That no
    thread could be started for the block is said in one line too.

    Args:
        what: Whose code runs in the block.
        kind: The error that is raised instead.

    Raises:
        RunError: In place of an exception that would end a program, a loop or a task, and where no
            thread could be started.

    Example:
        >>> with contained("The model"):  # doctest: +ELLIPSIS
        ...     raise SystemExit(0)
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.RunError: The model raised `SystemExit(0)`, ...
    """
    began = _running_task()
    try:
        yield
    except BaseException as error:
        first = _as_raised(error)
        if isinstance(first, RuntimeError) and message_of(first).startswith(_NO_THREAD):
            raise kind(
                f"{what} could not be called ({named(first)}): lower `max_concurrency` or `width`."
            ) from error
        if _is_meant(first, began):
            raise
        raise kind(
            f"{what} raised `{shown(first, quoted=True)}`, which ends more than a call: let it "
            "raise an error of its own."
        ) from error


def _as_raised(error: BaseException) -> BaseException:
    """Return what code of others raised, where Python or LangChain made another error of it.

    A `StopIteration` leaves no generator and no coroutine as it is, and LangChain's `agenerate`
    takes what is no `Exception` for a result: `'GeneratorExit' object has no attribute ...`.
    """
    if isinstance(error, RuntimeError) and isinstance(
        error.__cause__, StopIteration | StopAsyncIteration
    ):
        return error.__cause__
    looked_at = error.obj if isinstance(error, AttributeError) else None
    if isinstance(looked_at, BaseException) and not isinstance(looked_at, Exception):
        return looked_at
    return error


def _is_meant(error: BaseException, began: "asyncio.Task[Any] | None") -> bool:
    if isinstance(error, SystemExit):
        return _comes_from_a_signal(error)
    if isinstance(error, GeneratorExit):  # a coroutine is closed from outside of its task
        return _running_task() is not began
    if isinstance(error, asyncio.CancelledError):
        task = _running_task()
        return task is not None and task.cancelling() > 0
    return not isinstance(error, _ENDINGS) and type(error).__module__ != _RUST_PANICS


def _running_task() -> "asyncio.Task[Any] | None":
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop in this thread
        return None


def _comes_from_a_signal(error: SystemExit) -> bool:
    """Whether a handler of signals raised it, which Python calls wherever the program is."""
    handlers = {_code_of(signal.getsignal(one)) for one in signal.valid_signals()} - {None}
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code in handlers:
            return True
        frame = frame.tb_next
    return False


def _code_of(handler: object) -> CodeType | None:
    function = getattr(handler, "__func__", handler)
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None
