"""`ChatAnthropic` behind which a script answers, and which keeps the bodies of its requests."""

import json
from functools import cached_property
from typing import Any

import anthropic
from langchain_anthropic import ChatAnthropic
from pydantic import Field

from tests.support.serving import library_of


class RecordedAnthropic(ChatAnthropic):
    """A policy of Anthropic's own, without Anthropic."""

    bodies: list[dict[str, Any]] = Field(default_factory=list)
    """What was asked."""
    says: str = "Tung {}."
    """What it answers; `{}` is the number of the request."""

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        client: Any = anthropic.DefaultAsyncHttpxClient
        transport = library_of(client).MockTransport(self._answer)
        return anthropic.AsyncClient(api_key="k", http_client=client(transport=transport))

    def _answer(self, request: Any) -> Any:
        body = json.loads(request.content)
        self.bodies.append(body)
        answer = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": self.says.format(len(self.bodies))}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 9, "output_tokens": 2},
        }
        return library_of(anthropic.DefaultAsyncHttpxClient).Response(200, json=answer)


def recorded_anthropic(**fields: Any) -> RecordedAnthropic:
    """Return such a policy."""
    return RecordedAnthropic(model="claude", api_key="k", max_retries=0, **fields)
