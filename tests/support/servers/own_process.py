"""Runs a server in a process of its own, so that it shares no interpreter lock with its clients."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

Server: TypeAlias = Callable[..., AbstractContextManager[str]]
"""A function of some module that serves for as long as its context is open, and gives the URL."""


@contextmanager
def in_own_process(server: Server, *arguments: Any) -> Iterator[str]:
    """Serve in a fresh process and give the URL."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, server, arguments), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join()


def _serve(pipe: Connection, server: Server, arguments: tuple[Any, ...]) -> None:
    with server(*arguments) as url:
        pipe.send(url)
        pipe.recv()
