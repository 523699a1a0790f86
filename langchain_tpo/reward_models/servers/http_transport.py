"""JSON over HTTP to reward servers: bounded, patient, and clear when it fails.

Knows connections, time limits and retries. Does not know what is asked, nor how an answer becomes
a score. Answers are read up to a limit, redirects are not followed, and a request is repeated only
where that can help. Every failure is a `RewardServerError` of one line: server and cause.
"""

import asyncio
import json
from collections.abc import Generator, Sequence
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import JsonValue

from langchain_tpo.errors import MissingExtraError, RewardServerError
from langchain_tpo.reward_models.servers.http_answers import BoundedBody, read_answer, timed_out
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.sampling.request_limit import aplace, place

if TYPE_CHECKING:
    import ssl

    import httpx
    from tenacity import RetryCallState

DEFAULT_CONCURRENCY = 32
"""Requests in flight where `max_concurrency` is unset: a wide round, below every server's cap."""

FIRST_WAIT = 0.5
"""Seconds before the first repetition; doubled each time, with jitter."""

LONGEST_WAIT = 30.0
"""Seconds. A server that asks for a longer pause in `Retry-After` is not waited for."""

REPEATABLE = frozenset({424, 429})
"""Statuses worth a repetition, beside 5xx: a shard that restarts (TGI), a queue that is full."""

Outcome: TypeAlias = JsonValue | RewardServerError
"""What came of a call: the parsed JSON, or why there is none."""

T = TypeVar("T")

Flow: TypeAlias = Generator[Sequence[Call], list[Outcome], T]
"""Scoring as a conversation with servers: yields calls, is sent their outcomes, returns `T`.

It does no input or output itself, so the same flow serves `run` and `arun`.
"""


def run(flow: Flow[T], *, max_concurrency: int | None = None) -> T:
    """Carry out a flow to its end and give what it returns.

    Args:
        flow: The calls to make, one batch per `yield`.
        max_concurrency: Most requests in flight, as in a LangChain config.

    Example:
        >>> def ask_nobody():
        ...     outcomes = yield []
        ...     return len(outcomes)
        >>> run(ask_nobody())
        0
    """
    try:
        calls = next(flow)
        while True:
            calls = flow.send(send(calls, max_concurrency=max_concurrency))
    except StopIteration as end:
        result: T = end.value
        return result


async def arun(flow: Flow[T], *, max_concurrency: int | None = None) -> T:
    """As `run`, without blocking the event loop."""
    try:
        calls = next(flow)
        while True:
            calls = flow.send(await asend(calls, max_concurrency=max_concurrency))
    except StopIteration as end:
        result: T = end.value
        return result


def send(calls: Sequence[Call], *, max_concurrency: int | None = None) -> list[Outcome]:
    """Make all calls, some at a time, and give what came of each, in their order.

    Args:
        calls: The requests.
        max_concurrency: Most requests in flight; None leaves it to `DEFAULT_CONCURRENCY`.
    """
    from tenacity import Retrying  # noqa: PLC0415 - optional

    httpx = _httpx()
    with httpx.Client(verify=_tls(), limits=httpx.Limits()) as client:

        def outcome(call: Call) -> Outcome:
            try:
                with place("reward"):
                    return Retrying(**_patience(call))(_attempt, client, call)
            except RewardServerError as error:
                return error

        workers = min(max_concurrency or DEFAULT_CONCURRENCY, len(calls)) or 1
        with ContextThreadPoolExecutor(workers) as threads:
            return list(threads.map(outcome, calls))


async def asend(calls: Sequence[Call], *, max_concurrency: int | None = None) -> list[Outcome]:
    """As `send`, without blocking the event loop."""
    from tenacity import AsyncRetrying  # noqa: PLC0415 - optional

    httpx = _httpx()
    turn = asyncio.Semaphore(max_concurrency or DEFAULT_CONCURRENCY)
    async with httpx.AsyncClient(verify=_tls(), limits=httpx.Limits()) as client:

        async def outcome(call: Call) -> Outcome:
            async with turn, aplace("reward"):
                try:
                    return await AsyncRetrying(**_patience(call))(_aattempt, client, call)
                except RewardServerError as error:
                    return error

        return await asyncio.gather(*map(outcome, calls))


def _attempt(client: "httpx.Client", call: Call) -> JsonValue:
    body = _body(call)
    try:
        with client.stream(**_request(call)) as response:
            for chunk in response.iter_bytes():
                body.add(chunk)
    except _httpx().HTTPError as error:
        raise _broken(call, error) from error
    return _read(call, response, body)


async def _aattempt(client: "httpx.AsyncClient", call: Call) -> JsonValue:
    body = _body(call)
    try:
        async with client.stream(**_request(call)) as response:
            async for chunk in response.aiter_bytes():
                body.add(chunk)
    except _httpx().HTTPError as error:
        raise _broken(call, error) from error
    return _read(call, response, body)


def _request(call: Call) -> dict[str, Any]:
    """Return arguments for httpx; lone surrogates, which no tokenizer knows, as `?`."""
    headers = {"accept-encoding": "identity", "content-type": "application/json"}
    if key := call.secret:
        headers["authorization"] = f"Bearer {key}"
    content = json.dumps(call.body, ensure_ascii=False).encode(errors="replace")
    return {
        "method": call.method,
        "url": call.url,
        "headers": headers,
        "content": None if call.body is None else content,
        "timeout": call.server.timeout,
        "follow_redirects": False,
    }


def _body(call: Call) -> BoundedBody:
    server = call.server
    return BoundedBody(call.where, max_bytes=server.max_response_bytes, timeout=server.timeout)


def _read(call: Call, response: "httpx.Response", body: BoundedBody) -> JsonValue:
    return read_answer(
        call.where, response.status_code, response.headers, body.content(), secret=call.secret
    )


def _broken(call: Call, error: "httpx.HTTPError") -> RewardServerError:
    if isinstance(error, _httpx().TimeoutException):
        return timed_out(call.where, call.server.timeout)
    cause = " ".join(str(error).split()) or type(error).__name__
    return RewardServerError(
        f"`{call.where}` failed ({cause}): check that the server runs and that the URL is right."
    )


def _patience(call: Call) -> dict[str, Any]:
    """Return the retry policy of a call, in tenacity's terms."""
    import tenacity  # noqa: PLC0415 - optional

    backoff = tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

    def wait(state: "RetryCallState") -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), getattr(error, "retry_after", 0.0))

    return {
        "stop": tenacity.stop_after_attempt(call.server.max_retries + 1),
        "wait": wait,
        "retry": tenacity.retry_if_exception(_worth_repeating),
        "reraise": True,
    }


def _worth_repeating(error: BaseException) -> bool:
    if not isinstance(error, RewardServerError) or error.retry_after > LONGEST_WAIT:
        return False
    if error.status is None:
        return isinstance(error.__cause__, _httpx().TransportError | TimeoutError)
    return error.status in REPEATABLE or error.status >= 500  # noqa: PLR2004 - server errors


@cache
def _tls() -> "ssl.SSLContext":
    """Reading the certificates takes tens of milliseconds: once is enough."""
    context: ssl.SSLContext = _httpx().create_ssl_context()
    return context


def _httpx() -> ModuleType:
    try:
        import httpx  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("httpx", "http") from None
    return httpx
