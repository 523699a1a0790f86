"""What an HTTP answer is worth: parsed JSON, or one line that says what is wrong with it.

Knows status codes, headers and bodies, and what of them may be shown. Opens no connection:
`http_transport` does.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

from pydantic import JsonValue, TypeAdapter, ValidationError

from langchain_tpo.errors import RewardServerError
from langchain_tpo.text.secrecy import without_credentials

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

ERRORS = range(400, 600)
"""HTTP statuses of errors."""

ANSWERS_AT_ONCE = 8
"""How many of the longest answers may be held at once, over all requests of a batch."""

LONGEST_TARGET = 200
"""Characters of a redirect's target that an error shows."""

ERROR_WORDS = ("error", "errors", "detail", "message", "msg", "base_resp", "status_msg")
"""Where servers put what went wrong, the most telling first."""

_SAID = ("msg", "message", "type")
_OF_ERRORS = {
    *("error", "errors", "error_type", "detail", "message", "msg", "code", "status", "type"),
    *("param", "request_id", "requestId", "trace_id", "timestamp", "path"),
}
"""Keys of an answer that holds nothing but an error."""


class Holding:
    """Counts the bytes of answers that are held and not yet read, over all requests of a batch."""

    def __init__(self) -> None:
        """Begin with none."""
        self.held = 0


class BoundedBody:
    """Collects an answer chunk by chunk, and gives up on one that is too long or is packed."""

    def __init__(self, where: str, *, max_bytes: int, holding: Holding, encoding: str = "") -> None:
        """Begin with nothing.

        Args:
            where: The request, for the error's line.
            max_bytes: Longest answer that is read.
            holding: What the batch holds already.
            encoding: The answer's `content-encoding`; none was asked for, since a few packed bytes
                can fill any memory.
        """
        if encoding.strip().lower() not in {"", "identity"}:
            shown = json.dumps(encoding[:40])
            raise RewardServerError(
                f"`{where}` answered with `content-encoding` {shown}, which was not asked for: let "
                "the server, or the proxy in front of it, heed `accept-encoding: identity`."
            )
        self._where = where
        self._max_bytes = max_bytes
        self._holding = holding
        self._content = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take one more chunk."""
        self._content += chunk
        self._holding.held += len(chunk)
        if len(self._content) > self._max_bytes:
            raise RewardServerError(
                f"`{self._where}` answered with more than `max_response_bytes` = "
                f"{self._max_bytes:,} bytes: is it the right server?"
            )
        most = ANSWERS_AT_ONCE * self._max_bytes
        if self._holding.held > most:
            raise RewardServerError(
                f"`{self._where}` and the requests beside it answered more than {most:,} bytes at "
                "once: lower `max_concurrency`, or raise `max_response_bytes`."
            )

    def taken(self) -> bytes:
        """Return all that came, and hold it no longer."""
        content = bytes(self._content)
        self.drop()
        return content

    def drop(self) -> None:
        """Let go of what came."""
        self._holding.held -= len(self._content)
        self._content.clear()


def read_answer(
    where: str,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: Sequence[str] = (),
) -> JsonValue:
    """Return the JSON of an answer, or raise what is wrong with it.

    Args:
        where: The request, such as `POST http://rm:8080/classify`, for the error's line.
        status: The HTTP status.
        headers: The headers, by any case (`httpx.Headers`) or in lower case.
        content: The body.
        secrets: What the error must not repeat, should the server echo it.

    Example:
        >>> read_answer("GET http://rm:8080/info", 200, {}, b'{"version": "3.3.6"}')
        {'version': '3.3.6'}
        >>> read_answer("POST http://rm:8080", 401, {}, b"")
        Traceback (most recent call last):
        langchain_tpo.errors.RewardServerError: `POST http://rm:8080` answered HTTP 401: check `api_key`.
    """  # noqa: E501 - the line is what users see
    if 300 <= status < 400 and headers.get("location"):  # noqa: PLR2004 - the class of redirects
        target = hidden(shown_url(headers["location"]), secrets)
        raise RewardServerError(
            f"`{where}` answered with a redirect to `{target}`, which is not followed: "
            "give the final URL.",
            status=status,
        )
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        raise _refusal(where, status, headers, hidden(_detail(content), secrets))
    try:
        answer: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        kind = headers.get("content-type", "no content type")[:80]
        raise RewardServerError(
            f"`{where}` answered something that is not JSON (`{kind}`, {len(content):,} bytes): "
            "check that the URL and the kind of server are right.",
            status=status,
        ) from None
    if words := _admitted_error(answer):
        raise RewardServerError(
            f"`{where}` answered HTTP {status} with an error in it: {hidden(words, secrets)}.",
            status=_stated_status(answer) or status,
        )
    return answer


def checked_answer(answer: JsonValue, shape: type[Shape], where: str) -> Shape:
    """Return the answer as `shape`, or raise what does not fit, without repeating its content.

    Args:
        answer: What the server answered.
        shape: A pydantic model, a TypedDict or any type that pydantic validates.
        where: The server or request, for the error's line.

    Example:
        >>> checked_answer([[1.5]], list[list[float]], "http://rm:8080")
        [[1.5]]
        >>> checked_answer({"scores": []}, list[float], "http://rm:8080")
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
    """Return a URL as errors may show it: without user, password, query and fragment.

    Example:
        >>> shown_url("https://me:pw@host/login?token=abc")
        'https://host/login'
        >>> shown_url("http://[::1")
        '(an address that cannot be read)'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    place = f"{parts.netloc}{parts.path}".rpartition("@")[2][:LONGEST_TARGET]
    inside = f"//{place}" if parts.netloc else place
    return f"{parts.scheme}:{inside}" if parts.scheme in {"http", "https"} else inside


def hidden(words: str, secrets: Sequence[str]) -> str:
    """Return a server's words without keys: those that were sent, and what looks like one."""
    for secret in sorted((one for one in secrets if one), key=len, reverse=True):
        for form in {secret, quote(secret, safe="")}:
            words = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "**********", words)
    return without_credentials(words)


@cache
def _validator(shape: Any) -> TypeAdapter[Any]:  # noqa: ANN401 any type that pydantic validates
    """Return what validates a shape: to build it takes longer than a whole request."""
    return TypeAdapter(shape)


def _refusal(where: str, status: int, headers: Mapping[str, str], detail: str) -> RewardServerError:
    words = "; ".join(part for part in (detail, HINTS.get(status, "")) if part)
    return RewardServerError(
        f"`{where}` answered HTTP {status}{f': {words}' if words else ''}.",
        status=status,
        retry_after=_retry_after(headers.get("retry-after", "")),
    )


def _detail(content: bytes) -> str:
    """Return the server's own words: a string, an object that holds one, a page's title, a text."""
    text = content[: 16 * LONGEST_DETAIL].decode(errors="replace")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        page = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
        return _line(page[1] if page else text)
    return _line(_words(body) if isinstance(body, dict | list) else text)


def _words(body: object) -> str:
    """Return what a server says of an error, in any of the places where servers say it."""
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = body[0]
    if not isinstance(body, dict):
        return ""
    told = next((body[key] for key in ERROR_WORDS if body.get(key)), "")
    if isinstance(told, dict) and "loc" not in told:
        return _words(told)
    return told if isinstance(told, str) else _field_errors(told)


def _line(words: str) -> str:
    line = " ".join(words.split()).rstrip(".")
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}..."


def _field_errors(errors: object) -> str:
    """Return FastAPI's list of field errors without the `input` it quotes: that is private text."""
    listed = errors if isinstance(errors, list) else [errors]
    return "; ".join(_field_error(one) for one in listed if isinstance(one, dict))


def _field_error(error: dict[str, object]) -> str:
    place, what = error.get("loc"), next((error[key] for key in _SAID if key in error), None)
    parts = place if isinstance(place, list) else [] if place is None else [place]
    return ": ".join(filter(None, (".".join(map(str, parts)), str(what))))


def _admitted_error(answer: JsonValue) -> str:
    """Return what is wrong with an answer that calls itself a success; nothing if all is well."""
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0] if isinstance(answer[0], dict) and "error" in answer[0] else None
    if not isinstance(answer, dict) or not _is_error(answer):
        return ""
    return _line(_words(answer)) or "it does not say which"


def _is_error(answer: Mapping[str, JsonValue]) -> bool:
    error, status = answer.get("error"), answer.get("base_resp")
    if answer.get("object") == "error" or answer.get("success") is False:
        return True
    if isinstance(error, dict):
        return not error.keys().isdisjoint({"message", "code", "type"})
    if isinstance(status, dict):  # MiniMax's
        return status.get("status_code") not in {0, None}
    bare = answer.keys() <= _OF_ERRORS
    return bare and (isinstance(error, str) or not answer.keys().isdisjoint({"detail", "code"}))


def _stated_status(answer: JsonValue) -> int | None:
    """Return the HTTP status that an error names as its `code`."""
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and code in ERRORS else None


def _retry_after(value: str) -> float:
    """Read both forms of the header: seconds, or a date."""
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError, IndexError):
        return 0.0
