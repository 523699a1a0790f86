"""An OpenAI-compatible server on 127.0.0.1 that follows a script and records every request."""

import itertools
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from langchain_core.messages import convert_to_messages

from tests.support.fakes import obedient, step_of

Script = Callable[[dict[str, Any], int], str]
"""(request body, number of this completion) -> text of the completion."""


def obedient_script(body: dict[str, Any], number: int) -> str:
    """Write what the step of the loop asks for."""
    messages = convert_to_messages(body["messages"])
    return obedient(step_of(messages), messages, number)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # clients that connect at once


class OpenAIDouble:
    """Answers `POST /v1/chat/completions` by a script; use it as a context manager.

    Args:
        script: What each completion says.
        honours_n: Whether `n` is obeyed, as OpenAI and vLLM do and TGI does not.
    """

    def __init__(self, script: Script, *, honours_n: bool = True) -> None:
        self.requests: list[dict[str, Any]] = []
        self.completions = 0
        self.tokens = {"prompt_tokens": 0, "completion_tokens": 0}
        self._script = script
        self._honours_n = honours_n
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.requests.append(body)
            n = body.get("n", 1) if self._honours_n else 1
            texts = [self._script(body, next(self._numbers)) for _ in range(n)]
            usage = self._count(body, texts)
        return {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": index,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }
                for index, text in enumerate(texts)
            ],
            "usage": usage,
        }

    def _count(self, body: dict[str, Any], texts: list[str]) -> dict[str, int]:
        read = sum(len(str(message["content"]).split()) for message in body["messages"])
        written = sum(len(text.split()) for text in texts)
        self.completions += len(texts)
        self.tokens["prompt_tokens"] += read
        self.tokens["completion_tokens"] += written
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(double.answer(body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
