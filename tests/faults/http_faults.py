"""What a server between here and the model can do to an exchange, and what has to come of it."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from tests.faults.faulty_proxy import Exchange, Fault
from tests.faults.places import FILTERED, NO_TEXT, Row, failed

Change: TypeAlias = Callable[[dict[str, Any]], None]
"""Edits one choice of an answer."""


def answers(status: int, content: str, **headers: str) -> Fault:
    """Answer without asking the server."""
    return lambda exchange: exchange.send(content.encode(), status=status, **headers)


def choices(change: Change, *, only: int | None = None) -> Fault:
    """Edit every choice of the server's answer, or only one."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.fetch()
        for choice in answer["choices"] if only is None else answer["choices"][only : only + 1]:
            change(choice)
        exchange.send(json.dumps(answer).encode())

    return fault


def answer_with(**parts: Any) -> Fault:
    """Replace parts of the server's answer."""
    return lambda exchange: exchange.send(json.dumps({**exchange.fetch(), **parts}).encode())


def cut_off(exchange: Exchange) -> None:
    """Promise the whole answer, send half of it, and hang up."""
    whole = json.dumps(exchange.fetch()).encode()
    exchange.send(whole[: len(whole) // 2], content_length=str(len(whole)))
    exchange.break_off()


def truncated(exchange: Exchange) -> None:
    """Send half of the JSON as if it were all."""
    whole = json.dumps(exchange.fetch()).encode()
    exchange.send(whole[: len(whole) // 2])


def says(**message: Any) -> Change:
    """Replace parts of a choice's message."""
    return lambda choice: choice["message"].update(message)


def filtered(choice: dict[str, Any]) -> None:
    """Let a content filter take the text away."""
    choice["message"]["content"] = ""
    choice["finish_reason"] = "content_filter"


def error_body(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "server_error"}})


CHOICE_CHANGES: dict[str, tuple[Change, Row]] = {
    "null content": (says(content=None), NO_TEXT),
    "blank content": (says(content=" \n"), NO_TEXT),
    "content filter": (filtered, FILTERED),
    "reasoning only": (says(content=None, reasoning_content="Let me think ..."), NO_TEXT),
    "a tool nobody offered": (
        says(
            content="Let me look.",
            tool_calls=[
                {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
            ],
        ),
        NO_TEXT,
    ),
}
"""What can be wrong with one choice while the others are in order."""

EXCHANGES: dict[str, tuple[Fault, Row]] = {
    "connection reset": (Exchange.break_off, failed("ConnectionError")),
    "429 with Retry-After": (
        answers(429, error_body("slow down"), retry_after="1"),
        failed("RateLimitError"),
    ),
    "429 without Retry-After": (answers(429, error_body("slow down")), failed("RateLimitError")),
    "500": (answers(500, error_body("oops")), failed("APIError")),
    "502 with HTML": (
        answers(502, "<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"),
        failed("APIError"),
    ),
    "cut stream": (cut_off, failed("ConnectionError")),
    "truncated JSON": (truncated, failed("JSONDecodeError")),
    "no body": (answers(200, ""), failed("JSONDecodeError")),
    # From here on the names of the errors are those that LangChain gives to such an answer.
    "HTML with status 200": (
        answers(200, "<html>Log in</html>", content_type="text/html"),
        failed("ValueError"),
    ),
    "JSON that is no object": (answers(200, "[]"), failed("ValueError")),
    "JSON of another kind": (answers(200, '{"unexpected": true}'), failed("TypeError")),
    "an error with status 200": (answers(200, error_body("oops")), failed("ValueError")),
    "content that is a number": (choices(says(content=5)), failed("ValidationError")),
}
"""What can be wrong with a whole exchange."""
