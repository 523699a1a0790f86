"""What chat services say at an address that is none of theirs, to a wrong key, or of no model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """Where a service answers, and what it says everywhere else."""

    path: str
    """A regular expression of the whole path, behind the service's name."""
    nowhere: str
    """The body that comes with a 404; `{path}` stands for the one that was asked at."""

    def refuses(self, path: str) -> str | None:
        """Return what is said at a path; None at the right one."""
        if re.fullmatch(self.path, path):
            return None
        return self.nowhere.replace("{path}", path)


_NO_URL = (
    '{"error": {"message": "Invalid URL (POST {path})", "type": "invalid_request_error",'
    ' "param": null, "code": null}}'
)
_FASTAPI = '{"detail": "Not Found"}'
_GIN = "404 page not found"
_PAGE = "<!DOCTYPE html><title>Error 404 (Not Found)</title><p>{path} was not found: that is all."
_COMPLETIONS = "/v1/chat/completions"

_OPENAI = Door(_COMPLETIONS, _NO_URL)
_VLLM = Door(_COMPLETIONS, _FASTAPI)
_ANTHROPIC = Door(
    "/v1/messages",
    '{"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}',
)
_DEEPSEEK = Door("(/v1|/beta)?/chat/completions", "")
_BEDROCK = Door(
    "/model/[^/]+/converse",
    '{"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1"}',
)

DOORS: Mapping[str, Door] = {
    "openai": _OPENAI,
    "gpt-5": _OPENAI,
    "responses": Door("/v1/responses", _NO_URL),
    "azure": Door(
        "/openai/deployments/[^/]+/chat/completions",
        '{"error": {"code": "404", "message": "Resource not found"}}',
    ),
    "vllm": _VLLM,
    "gemma": _VLLM,
    "sglang": _VLLM,
    "words_only": _VLLM,
    "tgi": Door(_COMPLETIONS, ""),
    "llamacpp": Door(
        "(/v1)?/chat/completions",
        '{"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}',
    ),
    "ollama_v1": Door(_COMPLETIONS, _GIN),
    "ollama": Door("/api/chat", _GIN),
    "dashscope": Door("/compatible-mode/v1/chat/completions", ""),
    "groq": Door(
        "/openai/v1/chat/completions",
        '{"error": {"message": "Unknown request URL: POST {path}. Please check the URL for typos",'
        ' "type": "invalid_request_error", "code": "unknown_url"}}',
    ),
    "deepseek": _DEEPSEEK,
    "reasoner": _DEEPSEEK,
    "fireworks": Door("(/inference)?/v1/chat/completions", '{"error": "Path not found"}'),
    "mistral": Door(_COMPLETIONS, '{"message": "no Route matched with those values"}'),
    "nim": Door(_COMPLETIONS, _GIN),
    "openrouter": Door("/api/v1/chat/completions", _PAGE),
    "perplexity": Door("/chat/completions", _PAGE),
    "anthropic": _ANTHROPIC,
    "opus": _ANTHROPIC,
    "thinking": _ANTHROPIC,
    "google": Door("/v1(beta)?/models/[^/:]+:generateContent", _PAGE),
    "bedrock": _BEDROCK,
    "titan": _BEDROCK,
    "cohere": Door("/v2/chat", _GIN),
}
"""By the service's name."""

AMAZONS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
}


def refusal(status: int, words: str) -> tuple[int, Body]:
    kind = {"type": "invalid_request_error", "message": words, "code": status}
    return status, {"type": "error", "error": kind, "message": words}


def wrong_door(
    service: str, address: str, headers: Mapping[str, str], body: Body
) -> tuple[int, Body | str] | None:
    """Refuse what is at the wrong address, or comes with a wrong key or for a wrong model."""
    said = DOORS[service].refuses(address)
    if said is not None:
        return 404, said
    if "wrong-key" in str(headers):
        return refusal(401, "Incorrect API key provided.")
    if "wrong-model" in f"{address} {body.get('model')}":
        return refusal(404, "The model `wrong-model` does not exist.")
    return None
