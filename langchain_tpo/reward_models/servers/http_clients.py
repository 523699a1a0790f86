"""Connections to reward servers: kept open over rounds, runs and event loops.

Knows clients, the event loop, proxies and certificates. Sends nothing: `http_transport` does. All
requests run on one event loop in a thread, so that a connection outlives the loop of its caller.
They go through httpcore, which httpx is built on: what httpx adds (cookies, redirects, parsing of
each URL) nobody needs here, and it takes as long as the request. A pool lends out one connection at
a time, since it looks at every connection for each other one whenever a request begins or ends.
"""

import asyncio
import atexit
import os
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from langchain_tpo.errors import MissingExtraError, RewardServerError, SettingsError
from langchain_tpo.text.secrecy import without_credentials

if TYPE_CHECKING:
    import httpcore

KEPT_CONNECTIONS = 64
"""Connections to a server that stay open between rounds: two wide rounds of 32."""

KEPT_SECONDS = 60.0
"""How long an unused connection stays open: a round of critiques takes less."""

VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""What the environment says about connections."""

T = TypeVar("T")

Surroundings: TypeAlias = tuple[str | None, ...]
"""The values of `VARIABLES`."""


@asynccontextmanager
async def kept_pool(
    values: Surroundings, server: tuple[str, str]
) -> AsyncIterator["httpcore.AsyncConnectionPool"]:
    """Lend a pool that nobody else uses, with its connection to the server if one is open.

    Args:
        values: What `surroundings` returned.
        server: Scheme and address, as in its URL.

    Raises:
        SettingsError: The environment names a proxy or certificates that cannot be used.
    """
    free = _free[values, server]
    while free and free[0][0] + KEPT_SECONDS < time.monotonic():
        await free.popleft()[1].aclose()
    pool = free.pop()[1] if free else _new_pool(values, server)
    try:
        yield pool
    finally:
        # httpcore forgets a connection whose request is cancelled before its first byte: it stays
        # open, and whoever has the pool next waits for it in vain.
        idle = all(connection.is_idle() for connection in pool.connections)
        if idle and len(free) < KEPT_CONNECTIONS:
            free.append((time.monotonic(), pool))
        else:
            await pool.aclose()


_free: defaultdict[
    tuple[Surroundings, tuple[str, str]], deque[tuple[float, "httpcore.AsyncConnectionPool"]]
] = defaultdict(deque)
"""Pools that nobody uses, each with the time since when; the one used last stands last."""


async def _close_connections() -> None:
    while _free:
        for _, pool in _free.popitem()[1]:
            await pool.aclose()


def _new_pool(values: Surroundings, server: tuple[str, str]) -> "httpcore.AsyncConnectionPool":
    check_surroundings(values)
    certificates, (scheme, address) = _certificates(values), server
    parts = urlsplit(f"{scheme}://{address}")
    pool: httpcore.AsyncConnectionPool = httpcore_library().AsyncConnectionPool(
        ssl_context=certificates,
        proxy=_proxy(proxy_of(scheme, parts.hostname or "", parts.port), certificates),
        max_connections=1,
        keepalive_expiry=KEPT_SECONDS,
    )
    return pool


def _proxy(url: str | None, certificates: ssl.SSLContext) -> "httpcore.Proxy | None":
    if url is None:
        return None
    proxy = httpx_library().Proxy(url if "://" in url else f"http://{url}")
    place = proxy.url
    known: httpcore.Proxy = httpcore_library().Proxy(
        httpcore_library().URL(
            scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=place.raw_path
        ),
        auth=proxy.raw_auth,
        ssl_context=certificates if place.scheme == "https" else None,
    )
    return known


def surroundings() -> Surroundings:
    """Return what the environment says about connections now."""
    return tuple(os.environ.get(name) for name in VARIABLES)


@lru_cache(maxsize=8)
def check_surroundings(values: Surroundings) -> None:
    """Refuse proxies and certificates that cannot be used, before anything is sent.

    Args:
        values: What `surroundings` returned.

    Raises:
        SettingsError: In one line.
    """
    library = httpx_library()
    try:  # connects to nothing, so there is nothing to close
        library.AsyncClient(verify=_certificates(values))
    except (OSError, ValueError, ImportError, library.InvalidURL) as error:
        cause = without_credentials(" ".join(str(error).split()))
        raise SettingsError(
            "The environment names a proxy or certificates that cannot be used "
            f"({type(error).__name__}: {cause}): check `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, "
            "`NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR`."
        ) from None


@lru_cache(maxsize=8)
def _certificates(values: Surroundings) -> ssl.SSLContext:
    """Return the certificates, read once: that takes tens of milliseconds."""
    del values  # httpx reads the environment itself; they say when to read anew
    context: ssl.SSLContext = httpx_library().create_ssl_context()
    return context


def proxy_of(scheme: str, host: str, port: int | None = None) -> str | None:
    """Return the proxy that requests to a host go through by the environment; None without one.

    Args:
        scheme: Of the URL, `http` or `https`.
        host: Of the URL.
        port: Of the URL; `NO_PROXY` may name it.
    """
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    bypassed = proxy_bypass(host) or (port is not None and proxy_bypass(f"{host}:{port}"))
    return None if proxy is None or bypassed else proxy


class _Background:
    """An event loop that runs in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="tpo-reward-requests", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    def stop(self) -> None:
        """Close the connections, and the loop."""
        asyncio.run_coroutine_threadsafe(_close_connections(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


_background: list[_Background] = []
_starting = threading.Lock()


def in_background(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the shared event loop; an interrupt cancels it.

    Args:
        work: The coroutine; it sees the caller's context variables.

    Raises:
        RewardServerError: The machine can start no thread.
    """
    future = _begun(work)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def ain_background(work: Coroutine[Any, Any, T]) -> T:
    """As `in_background`, without blocking the caller's event loop."""
    return await asyncio.wrap_future(_begun(work))  # cancelled with its caller


def _begun(work: Coroutine[Any, Any, T]) -> "Future[T]":
    try:
        return asyncio.run_coroutine_threadsafe(work, _shared_loop())
    except RuntimeError as error:
        work.close()
        raise RewardServerError(
            f"No thread could be started for requests ({error}): run fewer at once."
        ) from None


def _shared_loop() -> asyncio.AbstractEventLoop:
    with _starting:
        if not _background:
            _background.append(_Background())
        return _background[0].loop


@atexit.register
def _stop() -> None:
    while _background:
        _background.pop().stop()


def _forget() -> None:
    """Begin anew in a forked process: threads do not come along, and sockets are the parent's."""
    global _starting  # noqa: PLW0603 it may have been held while the process was forked
    _starting = threading.Lock()
    _background.clear()
    _free.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def httpx_library() -> ModuleType:
    """Return httpx.

    Raises:
        MissingExtraError: It is not installed.
    """
    return _library("httpx")


def httpcore_library() -> ModuleType:
    """Return httpcore, which comes with httpx.

    Raises:
        MissingExtraError: It is not installed.
    """
    return _library("httpcore")


def _library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtraError(name, "http") from None
