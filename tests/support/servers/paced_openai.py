"""An OpenAI-compatible server that takes a model's time, and answers any number at once.

How long a completion takes depends on its query, its step, and how many of that step the query has
had since `POST /forget`; on nothing else. Two clients that send the same work therefore wait
equally long, whatever their order. A request with `n` takes as long as the slowest of its `n`.
"""

import asyncio
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MEAN_SECONDS = {"sample": 0.30, "textual_loss": 0.20, "textual_gradient": 0.25, "update": 0.35}
"""How long a completion of each step takes on average; each takes half as long up to half more."""

MARKS = {
    "update": "</IMPROVED_VARIABLE>",
    "textual_gradient": "critic",
    "textual_loss": "You evaluate answers",
}
"""What the system message of a step says, and that of no step further down; else it samples."""

WORDS = {"sample": 120, "textual_loss": 150, "textual_gradient": 150, "update": 120}
"""How much it writes."""

_QUERY = re.compile(r"query #(\d+)")


@dataclass
class PacedModel:
    """What the server answers and when; counts what it is asked."""

    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    drawn: Counter[tuple[str, str]] = field(default_factory=Counter)

    def completion(self, body: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Return the seconds that a request takes, and its answer."""
        messages, n = body["messages"], body.get("n") or 1
        query, step = query_of(messages), step_of(messages)
        first = self.drawn[query, step]
        self.drawn[query, step] += n
        characters = sum(len(message["content"]) for message in messages)
        self.counts.update(requests=1, completions=n, prompt_characters=characters, **{step: n})
        draws = range(first, first + n)
        texts = [text_of(query, step, draw) for draw in draws]
        return max(self._seconds(query, step, draw) for draw in draws), _answer(messages, texts)

    def forget(self) -> dict[str, int]:
        """Return the counts since the last time, and begin again."""
        counts = dict(self.counts)
        self.counts.clear()
        self.drawn.clear()
        return counts

    def _seconds(self, query: str, step: str, draw: int) -> float:
        chance = random.Random(f"{self.seed} {query} {step} {draw}")  # noqa: S311 no secret
        return MEAN_SECONDS[step] * chance.uniform(0.5, 1.5)


def query_of(messages: list[dict[str, Any]]) -> str:
    """Read which query a request is for."""
    found = (_QUERY.search(str(message["content"])) for message in messages)
    return next(match[1] for match in found if match)


def step_of(messages: list[dict[str, Any]], marks: Mapping[str, str] = MARKS) -> str:
    """Read which step a request belongs to."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    return next((step for step, mark in marks.items() if mark in system), "sample")


def text_of(query: str, step: str, draw: int) -> str:
    """Write as much as a model would: of the query, so that later prompts name it as well."""
    text = f"On query #{query}, {step} {draw}: " + "some more words follow " * (WORDS[step] // 4)
    return f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>" if step == "update" else text


def _answer(messages: list[dict[str, Any]], texts: list[str]) -> dict[str, Any]:
    read = sum(len(message["content"].split()) for message in messages)
    written = sum(len(text.split()) for text in texts)
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": "paced",
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            for index, text in enumerate(texts)
        ],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        },
    }


class _Connection(asyncio.Protocol):
    """One kept-alive connection: a request, its answer after a while, the next request."""

    def __init__(self, model: PacedModel) -> None:
        self._model = model
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not blank or len(rest) < int(length[1] if length else 0):
            return
        self._received = b""
        if head.startswith(b"POST /forget"):
            seconds, answer = 0.0, self._model.forget()
        else:
            seconds, answer = self._model.completion(json.loads(rest))
        asyncio.get_running_loop().call_later(seconds, self._send, json.dumps(answer).encode())

    def _send(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head.encode() + b"\r\n\r\n" + body)


@contextmanager
def serve_paced(seed: int = 0) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 and give the URL where OpenAI's API begins."""
    loop = asyncio.new_event_loop()
    model = PacedModel(seed)
    listening = loop.create_server(lambda: _Connection(model), "127.0.0.1", 0, backlog=4096)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
