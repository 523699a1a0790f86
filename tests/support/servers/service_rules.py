"""What chat services refuse, in words of the kind that the real ones use."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.servers.wire_formats import Body, said_in

Rule = Callable[[Body], str | None]
"""What a service says to a body that it refuses."""


def most_answers(most: int, words: str) -> Rule:
    return lambda body: words if (body.get("n") or 1) > most else None


def most_tokens(most: int, words: str) -> Rule:
    return lambda body: words if reply_tokens(body) > most else None


def unknown(*names: str, words: str = "property '{name}' is unsupported") -> Rule:
    def rule(body: Body) -> str | None:
        return next((words.format(name=name) for name in names if name in body), None)

    return rule


def window(tokens: int, words: str) -> Rule:
    """Refuse a prompt and a reply that have no room together."""

    def rule(body: Body) -> str | None:
        prompt, reply = prompt_tokens(body), reply_tokens(body)
        numbers = {"window": tokens, "prompt": prompt, "reply": reply, "both": prompt + reply}
        return words.format(**numbers) if prompt + reply > tokens else None

    return rule


def greedy(body: Body) -> str | None:
    """Refuse, as vLLM does, several answers that would all be the same."""
    many = body.get("temperature") == 0 and (body.get("n") or 1) > 1
    return f"n must be 1 when using greedy sampling, got {body['n']}." if many else None


def no_system(words: str) -> Rule:
    def rule(body: Body) -> str | None:
        roles = [message["role"] for message in body["messages"]]
        return words if "system" in roles or body.get("system") else None

    return rule


def only_streams(body: Body) -> str | None:
    words = "This model only support stream mode, please enable the stream parameter."
    return None if body.get("stream") else words


def not_both(body: Body) -> str | None:
    options = body.get("inferenceConfig") or body
    top_p = options.get("top_p", options.get("topP"))
    both = options.get("temperature") is not None and top_p is not None
    return "`temperature` and `top_p` cannot both be specified for this model." if both else None


def only_one(*names: str, words: str) -> Rule:
    """Refuse every value of an option but 1, which is the default."""

    def rule(body: Body) -> str | None:
        refused = (name for name in names if body.get(name) not in (None, 1, 1.0))
        return next((words.format(name=name) for name in refused), None)

    return rule


def forced_call(words: str) -> Rule:
    """Refuse, as models do that think, to be told to call a tool."""

    def rule(body: Body) -> str | None:
        choice = body.get("tool_choice")
        kind = choice.get("type") if isinstance(choice, dict) else choice
        return None if kind in (None, "auto", "none") else words

    return rule


def budgeted(body: Body) -> str | None:
    """Refuse a reply that has no more room than the thought before it."""
    budget = (body.get("thinking") or {}).get("budget_tokens", 0)
    short = reply_tokens(body) <= budget
    return "`max_tokens` must be greater than `thinking.budget_tokens`." if short else None


def one_candidate(body: Body) -> str | None:
    several = (body.get("generationConfig") or {}).get("candidateCount", 1) > 1
    return "Multiple candidates is not enabled for this model" if several else None


def user_last(body: Body) -> str | None:
    last = body["messages"][-1]["role"]
    return None if last in ("user", "tool") else f"Expected last role User or Tool, got {last}"


def no_images(body: Body) -> str | None:
    written = json.dumps(body)
    seen = any(kind in written for kind in ('"image_url"', '"image"', '"inlineData"'))
    return "This model does not support image input." if seen else None


def tools_for_calls(words: str, *, marks: tuple[str, ...], field: str) -> Rule:
    """Refuse a conversation with calls of tools where none are offered."""

    def rule(body: Body) -> str | None:
        called = any(mark in json.dumps(body["messages"]) for mark in marks)
        return words if called and not body.get(field) else None

    return rule


def prompt_tokens(body: Body) -> int:
    return sum(len(said_in(message.get("content"))) for message in body["messages"]) // 4


def reply_tokens(body: Body) -> int:
    given: Any = body.get("max_tokens") or body.get("max_completion_tokens")
    return given or 0
