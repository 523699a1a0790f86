"""JSON over HTTP to reward servers: bounded, patient, and clear when it fails.

Knows time limits, sizes and retries. Does not know what is asked, nor how an answer becomes a
score. One deadline holds for a whole exchange, answers are read one by one up to a limit, redirects
are not followed, and a request is repeated only where that can help. Every failure is a
`RewardServerError` of one line: server and cause.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.servers.http_answers import (
    BoundedBody,
    Holding,
    hidden,
    read_answer,
    timed_out,
)
from langchain_tpo.reward_models.servers.http_calls import Call, check_way
from langchain_tpo.reward_models.servers.http_clients import (
    Surroundings,
    ain_background,
    httpcore_library,
    httpx_library,
    in_background,
    kept_pool,
    surroundings,
)
from langchain_tpo.sampling.request_limit import aplace

if TYPE_CHECKING:
    import httpcore
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

AnswerOrError: TypeAlias = Any | RewardServerError
"""What came of a call: what its `read` made of the answer, or why there is nothing."""

T = TypeVar("T")

Flow: TypeAlias = Generator[Sequence[Call], list[AnswerOrError], T]
"""Scoring as a conversation with servers: yields calls, is sent their outcomes, returns `T`.

It does no input or output itself, so the same flow serves `run` and `arun`.
"""


def run(flow: Flow[T], *, max_concurrency: int | None = None) -> T:
    """Carry out a flow to its end and return what it returns.

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


def send(calls: Sequence[Call], *, max_concurrency: int | None = None) -> list[AnswerOrError]:
    """Make all calls, some at a time, and return what came of each, in their order.

    Args:
        calls: The requests.
        max_concurrency: Most requests in flight; None leaves it to `DEFAULT_CONCURRENCY`.
    """
    return in_background(_outcomes(calls, max_concurrency)) if calls else []


async def asend(
    calls: Sequence[Call], *, max_concurrency: int | None = None
) -> list[AnswerOrError]:
    """As `send`, without blocking the event loop."""
    return await ain_background(_outcomes(calls, max_concurrency)) if calls else []


async def _outcomes(calls: Sequence[Call], max_concurrency: int | None) -> list[AnswerOrError]:
    turn, holding = asyncio.Semaphore(max_concurrency or DEFAULT_CONCURRENCY), Holding()
    for server in {call.server.url: call.server for call in calls}.values():
        check_way(server)
    values = surroundings()

    async def outcome(call: Call) -> AnswerOrError:
        async with turn, aplace("reward"):
            try:
                return await _attempt(values, call, holding)
            except RewardServerError as error:
                return await _persist(error, call, partial(_attempt, values, call, holding))

    tasks = [asyncio.ensure_future(outcome(call)) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:  # leave no request running behind a failure or an interrupt
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _persist(
    failure: RewardServerError, call: Call, attempt: Callable[[], Awaitable[AnswerOrError]]
) -> AnswerOrError:
    """Go on after a first failure: few requests come here, so the others need not pay for it."""
    from tenacity import AsyncRetrying  # noqa: PLC0415 - optional

    failures = [failure]

    async def again() -> AnswerOrError:
        if failures:
            raise failures.pop()
        return await attempt()

    try:
        return await AsyncRetrying(**_patience(call))(again)
    except RewardServerError as error:
        return error


async def _attempt(values: Surroundings, call: Call, holding: Holding) -> AnswerOrError:
    limit, parts = call.server.timeout, urlsplit(call.server.url)
    try:
        async with (
            kept_pool(values, (parts.scheme, parts.netloc)) as pool,
            asyncio.timeout(limit),
        ):
            return call.read(await _exchange(pool, call, holding))
    except TimeoutError as error:
        raise timed_out(call.where, limit) from error
    except (*_transport_errors(), httpx_library().InvalidURL, UnicodeError) as error:
        raise _broken(call, error) from error


async def _exchange(pool: "httpcore.AsyncConnectionPool", call: Call, holding: Holding) -> Any:  # noqa: ANN401 JSON
    async with pool.stream(**_request(call)) as response:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        body = BoundedBody(
            call.where,
            max_bytes=call.server.max_response_bytes,
            holding=holding,
            encoding=headers.get("content-encoding", ""),
        )
        try:
            async for chunk in response.aiter_stream():
                body.add(chunk)
            content = body.taken()
        finally:
            body.drop()
    return read_answer(call.where, response.status, headers, content, secrets=call.secrets)


def _request(call: Call) -> dict[str, Any]:
    """Return arguments for httpcore; lone surrogates, which no tokenizer knows, as `?`."""
    place = _place(call.url)
    if query := call.server.open_query():
        place = place.copy_merge_params(query)
    body = "" if call.body is None else json.dumps(call.body, ensure_ascii=False)
    content = body.encode(errors="replace")
    headers = {
        "host": place.netloc.decode("ascii"),
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "langchain-tpo",
        "content-type": "application/json",
        **({"content-length": str(len(content))} if content else {}),
        **{name.lower(): value for name, value in call.server.open_headers().items()},
    }
    return {
        "method": call.method,
        "url": httpcore_library().URL(
            scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=place.raw_path
        ),
        "headers": headers,
        "content": content,
    }


@lru_cache(maxsize=64)
def _place(url: str) -> "httpx.URL":
    """Return a URL, which holds no key, in parts: to read it takes longer than to send a text."""
    place: httpx.URL = httpx_library().URL(url)
    return place


def _broken(call: Call, error: Exception) -> RewardServerError:
    cause = hidden(" ".join(str(error).split()), call.secrets) or type(error).__name__
    return RewardServerError(
        f"`{call.where}` failed ({cause}): check that the server runs and that the URL is right."
    )


async def pause(seconds: float) -> None:
    """Wait before a repetition."""
    await asyncio.sleep(seconds)


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
        "sleep": pause,
        "retry": tenacity.retry_if_exception(_worth_repeating),
        "reraise": True,
    }


def _worth_repeating(error: BaseException) -> bool:
    if not isinstance(error, RewardServerError) or error.retry_after > LONGEST_WAIT:
        return False
    if error.status is None:
        return isinstance(error.__cause__, (*_transport_errors(), TimeoutError))
    return error.status in REPEATABLE or error.status >= 500  # noqa: PLR2004 - server errors


@lru_cache(maxsize=1)
def _transport_errors() -> tuple[type[Exception], ...]:
    """Return what goes wrong on the way to a server and back."""
    library = httpcore_library()
    return (
        *(library.NetworkError, library.ProtocolError, library.ProxyError),
        *(library.TimeoutException, library.UnsupportedProtocol),
    )
