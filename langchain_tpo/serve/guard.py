"""What every request passes first: host, key, size and form of its body; and what is noted of it.

An ASGI middleware. Logs hold figures and names of the operator's, no text of anybody's.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_tpo.serve.failures import FailedRequest, Failure, failure_of, turned_away
from langchain_tpo.serve.keys import ANYONE, Keys
from langchain_tpo.serve.metrics import Metrics

logger = logging.getLogger("langchain_tpo.serve")

OPEN = ("/health", "/ready")
"""Paths that need no key: what asks them has none."""

TAKING_BODIES = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
"""Paths that read a body; what others are sent is never read."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine."""

BODY_SECONDS = 60.0
"""How long a client may take to send a body."""

NOTES = "tpo_notes"
"""Where a request's scope has what is noted of it."""


@dataclass
class Notes:
    """What the log is told of a request."""

    id: str = field(default_factory=lambda: uuid4().hex)
    """Also in the answer's head."""
    holder: str = ANYONE
    """Whose key it had."""
    told: dict[str, Any] = field(default_factory=dict)
    """Figures of its run."""


def failed_response(failure: Failure, path: str) -> JSONResponse:
    """Return an error in the form of the API that the path belongs to."""
    anthropic = path.startswith("/v1/messages")
    body = failure.anthropic() if anthropic else failure.openai()
    return AsciiResponse(body, failure.status, headers=failure.headers)


class AsciiResponse(JSONResponse):
    """JSON that holds any text, half a surrogate pair included: what failed may be quoted in it."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 Starlette's signature
        """Return the body."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class Guard:
    """Lets requests pass to an application, or answers them itself."""

    def __init__(self, app: ASGIApp, *, keys: Keys, body_bytes: int, metrics: Metrics) -> None:
        """Take the application and what to ask of requests.

        Args:
            app: What is guarded.
            keys: Who may pass; without any, whoever names this machine by a loopback name.
            body_bytes: Size of a body.
            metrics: Counts requests.
        """
        self._app = app
        self._keys = keys
        self._body_bytes = body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        notes, since, status = Notes(), time.perf_counter(), 0
        scope[NOTES] = notes

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                head = MutableHeaders(scope=message)
                head["x-request-id"] = head["request-id"] = notes.id
            await send(message)

        try:
            await self._passed(scope, receive, noting, notes)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            self._metrics.request_ended(route, status)
            told = {"id": notes.id, "method": scope["method"], "route": route, "status": status}
            told |= {"key": notes.holder, "seconds": round(time.perf_counter() - since, 3)}
            logger.info("request", extra={"tpo": told | notes.told})

    async def _passed(self, scope: Scope, receive: Receive, send: Send, notes: Notes) -> None:
        headers = Headers(scope=scope)
        try:
            if scope["path"] not in OPEN:
                notes.holder = self._holder(headers)
            if scope["method"] == "POST" and scope["path"] in TAKING_BODIES:
                receive = await self._with_body(headers, receive)
        except FailedRequest as error:
            failure = failure_of(error)
            await failed_response(failure, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _holder(self, headers: Mapping[str, str]) -> str:
        if not self._keys:
            if _hostname(headers.get("host", "")) not in LOOPBACK:
                raise turned_away(
                    403,
                    "Without keys this server answers to `127.0.0.1`, `localhost`, `[::1]` only.",
                    code="wrong_host",
                )
            return ANYONE
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else ""
        holder = self._keys.holder(key or headers.get("x-api-key", ""))
        if holder is None:
            raise turned_away(
                401,
                "The API key is missing or wrong: send it as `Authorization: Bearer` or "
                "`x-api-key`.",
                code="invalid_api_key",
            )
        return holder

    async def _with_body(self, headers: Mapping[str, str], receive: Receive) -> Receive:
        """Read the whole body, and return what hands it on."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise turned_away(
                415, "The body must be JSON: send `Content-Type: application/json`.", code="no_json"
            )
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told) > self._body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._read(receive)
        except TimeoutError:
            raise turned_away(408, "The body took too long.", code="timeout") from None
        message: Message = {"type": "http.request", "body": body, "more_body": False}
        messages = [message]

        async def handed_on() -> Message:
            return messages.pop() if messages else await receive()

        return handed_on

    async def _read(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise turned_away(408, "The body is not complete.", code="timeout")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self) -> Exception:
        told = f"The body may have {self._body_bytes} bytes, this one has more."
        return turned_away(413, told, code="body_too_large")


def _hostname(host: str) -> str:
    """Return a Host header without its port."""
    return host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
