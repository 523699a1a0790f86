"""Chat services on 127.0.0.1 that refuse what the real ones refuse, in words of the same kind.

One wire format each for OpenAI's imitators, Ollama and Anthropic; a service is a format and rules.
"""

import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from langchain_core.messages import convert_to_messages

from tests.support.fakes import obedient, step_of

Rule = Callable[[dict[str, Any]], str | None]
"""What a service says to a body that it refuses."""


def most_answers(most: int, words: str, *, ignored: bool = False) -> Rule:
    def rule(body: dict[str, Any]) -> str | None:
        return words if not ignored and (body.get("n") or 1) > most else None

    return rule


def most_tokens(most: int, words: str) -> Rule:
    return lambda body: words if (body.get("max_tokens") or 0) > most else None


def unknown(*names: str) -> Rule:
    def rule(body: dict[str, Any]) -> str | None:
        return next((f"property '{name}' is unsupported" for name in names if name in body), None)

    return rule


def not_both(body: dict[str, Any]) -> str | None:
    both = body.get("temperature") is not None and body.get("top_p") is not None
    return "`temperature` and `top_p` cannot both be set for this model" if both else None


@dataclass(frozen=True)
class Service:
    """A wire format, what is refused in it, and with which status."""

    speaks: str = "openai"
    rules: tuple[Rule, ...] = ()
    status: int = 400
    honours_n: bool = True


SERVICES: Mapping[str, Service] = {
    "openai": Service(rules=(most_answers(128, "Invalid 'n': above the maximum value."),)),
    "groq": Service(rules=(most_answers(1, "'n' : must be at most 1"),)),
    "deepseek": Service(
        rules=(
            most_answers(1, "Invalid n value (n = 1 is what there is)"),
            most_tokens(8000, "Invalid max_tokens value, the range is [1, 8000]"),
        )
    ),
    "fireworks": Service(
        rules=(most_tokens(4096, "Requests with max_tokens > 4096 need a stream"),)
    ),
    "mistral": Service(rules=(unknown("seed"),), status=422),
    "tgi": Service(honours_n=False),
    "llamacpp": Service(
        rules=(most_answers(1, "One completion choice is allowed, no more"),), status=500
    ),
    "nim": Service(rules=(most_answers(1, "n: should be less than or equal to 1"),), status=422),
    "perplexity": Service(rules=(unknown("seed", "n"),)),
    "ollama": Service(speaks="ollama"),
    "anthropic": Service(speaks="anthropic", rules=(not_both, unknown("seed", "n"))),
}


@dataclass
class StrictServices:
    """All services at once, one path each; use it as a context manager."""

    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{service}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, service: Service, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.bodies.append(body)
        for rule in service.rules:
            if (words := rule(body)) is not None:
                kind = {"type": "invalid_request_error", "message": words}
                return service.status, {"type": "error", "error": kind, "message": words}
        system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
        messages = convert_to_messages([*system, *body["messages"]])
        n = (body.get("n") or 1) if service.honours_n else 1
        with self._lock:
            numbers = [next(self._numbers) for _ in range(n)]
        texts = [obedient(step_of(messages), messages, number) for number in numbers]
        return 200, WIRE[service.speaks](body, texts)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service = SERVICES[self.path.split("/")[1]]
                status, answer = double.answer(service, body)
                self._send(status, json.dumps(answer).encode() + b"\n")

            def do_GET(self) -> None:
                self._send(200, b'{"data": [], "models": []}')

            def _send(self, status: int, answer: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _openai(body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    written = sum(len(text.split()) for text in texts) * 2
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
            "logprobs": None,
        }
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": written, "total_tokens": 9 + written}
    said = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"]}
    said["system_fingerprint"] = None
    return {**said, "choices": choices, "usage": usage}


def _ollama(body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    return {
        "model": body["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": texts[0]},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 9,
        "eval_count": 2 * len(texts[0].split()),
    }


def _anthropic(body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    return {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": texts[0]}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 2 * len(texts[0].split())},
    }


WIRE: Mapping[str, Callable[[dict[str, Any], list[str]], dict[str, Any]]] = {
    "openai": _openai,
    "ollama": _ollama,
    "anthropic": _anthropic,
}
