"""What an HTTP answer is worth: parsed JSON, or one line that says what is wrong with it.

Knows status codes, headers and bodies. Opens no connection: `http_transport` does.
"""

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import JsonValue, TypeAdapter, ValidationError

from langchain_tpo.errors import RewardServerError

Shape = TypeVar("Shape")

LONGEST_DETAIL = 300
"""Characters of a server's own words that an error quotes: enough for the cause, not for a page."""

HINTS = {
    401: "check `api_key`",
    403: "check `api_key`",
    404: "check that the URL and the kind of server are right",
    405: "check that the URL and the kind of server are right",
    413: "the text is longer than the server takes",
}
"""What to do about a status, where the status alone tells."""


class BoundedBody:
    """Collects an answer chunk by chunk, and gives up on one that is too long or too slow."""

    def __init__(self, where: str, *, max_bytes: int, timeout: float) -> None:
        """Start the clock.

        Args:
            where: The request, for the error's line.
            max_bytes: Longest answer that is read.
            timeout: Seconds for the whole answer; a server may otherwise drip for ever.
        """
        self._where = where
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._content = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take one more chunk."""
        self._content += chunk
        if len(self._content) > self._max_bytes:
            raise RewardServerError(
                f"`{self._where}` answered with more than `max_response_bytes` = "
                f"{self._max_bytes:,} bytes: is it the right server?"
            )
        if time.monotonic() > self._deadline:
            raise timed_out(self._where, self._timeout) from TimeoutError()

    def content(self) -> bytes:
        """Return all that came."""
        return bytes(self._content)


def read_answer(
    where: str, status: int, headers: Mapping[str, str], content: bytes, *, secret: str = ""
) -> JsonValue:
    """Return the JSON of an answer, or raise what is wrong with it.

    Args:
        where: The request, such as `POST http://rm:8080/classify`, for the error's line.
        status: The HTTP status.
        headers: The headers, by any case (`httpx.Headers`) or in lower case.
        content: The body.
        secret: A key that the error must not repeat, should the server echo it.

    Example:
        >>> read_answer("GET http://rm:8080/info", 200, {}, b'{"version": "3.3.6"}')
        {'version': '3.3.6'}
        >>> read_answer("POST http://rm:8080", 401, {}, b"")
        Traceback (most recent call last):
        langchain_tpo.errors.RewardServerError: `POST http://rm:8080` answered HTTP 401: check `api_key`.
    """  # noqa: E501 - the line is what users see
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        target = shown_url(headers.get("location", ""))
        raise RewardServerError(
            f"`{where}` answered with a redirect to `{target}`, which is not followed: "
            "give the final URL.",
            status=status,
        )
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        raise _refusal(where, status, headers, _detail(content, secret))
    try:
        answer: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        kind = headers.get("content-type", "no content type")
        raise RewardServerError(
            f"`{where}` answered something that is not JSON (`{kind}`, {len(content):,} bytes): "
            "check that the URL and the kind of server are right.",
            status=status,
        ) from None
    return answer


def checked(answer: JsonValue, shape: type[Shape], where: str) -> Shape:
    """Return the answer as `shape`, or raise what does not fit, without repeating its content.

    Args:
        answer: What the server answered.
        shape: A pydantic model, a TypedDict or any type that pydantic validates.
        where: The server or request, for the error's line.

    Example:
        >>> checked([[1.5]], list[list[float]], "http://rm:8080")
        [[1.5]]
        >>> checked({"scores": []}, list[float], "http://rm:8080")
        Traceback (most recent call last):
        langchain_tpo.errors.RewardServerError: `http://rm:8080` answered in another shape than \
expected (Input should be a valid list): check that the kind of server is right.
    """
    try:
        checked_answer: Shape = _validator(cast("Any", shape)).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"`{place}`: {first['msg']}" if place else first["msg"]
        raise RewardServerError(
            f"`{where}` answered in another shape than expected ({what}): "
            "check that the kind of server is right."
        ) from None
    return checked_answer


def timed_out(where: str, timeout: float) -> RewardServerError:
    """Return the error of an answer that took too long."""
    return RewardServerError(
        f"`{where}` did not answer within `timeout` = {timeout:g} seconds: "
        "raise it, or lower `max_concurrency`."
    )


def shown_url(url: str) -> str:
    """Return a URL as errors may show it: without user, password, query and fragment."""
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else url
    )


@cache
def _validator(shape: Any) -> TypeAdapter[Any]:  # noqa: ANN401 any type that pydantic validates
    """Building one takes longer than a whole request."""
    return TypeAdapter(shape)


def _refusal(where: str, status: int, headers: Mapping[str, str], detail: str) -> RewardServerError:
    words = "; ".join(part for part in (detail, HINTS.get(status, "")) if part)
    return RewardServerError(
        f"`{where}` answered HTTP {status}{f': {words}' if words else ''}.",
        status=status,
        retry_after=_retry_after(headers.get("retry-after", "")),
    )


def _detail(content: bytes, secret: str) -> str:
    """Return the server's own words: TGI's and TEI's string, OpenAI's object, or plain text."""
    text = content[: 16 * LONGEST_DETAIL].decode(errors="replace")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        error = body.get("error", body.get("detail", body.get("message", "")))
        error = error.get("message", "") if isinstance(error, dict) else error
        text = error if isinstance(error, str) else _field_errors(error)
    line = " ".join(text.split()).rstrip(".")
    if secret:
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "**********", line)
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}..."


def _field_errors(errors: object) -> str:
    """Return FastAPI's list of field errors without the `input` it quotes: that is private text."""
    listed = errors if isinstance(errors, list) else [errors]
    fields = [one for one in listed if isinstance(one, dict)]
    return "; ".join(
        f"{'.'.join(str(part) for part in one.get('loc', []))}: {one.get('msg', one.get('type'))}"
        for one in fields
    )


def _retry_after(value: str) -> float:
    """Read both forms of the header: seconds, or a date."""
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
