"""A stand-in for Text Generation Inference: its routes, limits and errors, as SERVING facts say.

The words of the model come from a `Brain`: scripted, or the embedded llama.cpp server, whose
log-probabilities are real. As on TGI's flash models the listed tokens are what a grammar leaves.
"""

import json
import math
import re
import threading
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.servers.http_double import Asked, Reply

VERSION = "3.3.6-dev0"
Listed = Sequence[tuple[str, float]]
"""Tokens with their log-probabilities, likeliest first."""


class Brain(Protocol):
    """What stands where TGI has its model."""

    def render(self, messages: list[dict[str, str]]) -> str:
        """The chat template, with the generation prompt."""

    def tokenize(self, text: str, *, special: bool) -> list[tuple[int, str]]:
        """Ids and pieces; `special` adds what the tokenizer adds."""

    def first_tokens(self, prompt: str, allowed: Callable[[str], bool] | None) -> Listed:
        """The likeliest first tokens of the reply, among the allowed ones."""

    def write(self, prompt: str, *, max_tokens: int, schema: Any = None) -> str:
        """A reply."""


@dataclass
class ScriptedBrain:
    """Tokens are words; the reply to a prompt is whatever the test says."""

    tops: Callable[[str], Listed] = lambda _: [("Yes", math.log(0.75)), ("No", math.log(0.25))]
    text: Callable[[str], str] = lambda _: '{"score": 60}'
    bos: str = "<s>"
    split_words: frozenset[str] = frozenset()
    """Words of two tokens."""

    def render(self, messages: list[dict[str, str]]) -> str:
        turns = "".join(f"[{m['role']}] {m['content'].strip()} [end] " for m in messages)
        return f"{self.bos}{turns}[assistant] "

    def tokenize(self, text: str, *, special: bool) -> list[tuple[int, str]]:
        pattern = rf"{re.escape(self.bos)}|\w+|\s+|[^\w\s]" if self.bos else r"\w+|\s+|[^\w\s]"
        words = re.findall(pattern, text)
        pieces = [
            piece
            for word in words
            for piece in ((word[:1], word[1:]) if word in self.split_words else (word,))
        ]
        start = [(1, "")] if special and self.bos else []
        return start + [(1 if p == self.bos else 100 + sum(p.encode()), p) for p in pieces]

    def first_tokens(self, prompt: str, allowed: Callable[[str], bool] | None) -> Listed:
        return self.tops(prompt)

    def write(self, prompt: str, *, max_tokens: int, schema: Any = None) -> str:
        return self.text(prompt)


class LlamaBrain:
    """The embedded llama.cpp server, asked for raw log-probabilities."""

    def __init__(self, address: str, key: str, *, listed: int = 5000) -> None:
        self._address = address
        self._key = key
        self._listed = listed
        """How deep to look for the tokens that a grammar allows."""

    def render(self, messages: list[dict[str, str]]) -> str:
        return str(self._post("/apply-template", {"messages": messages})["prompt"])

    def tokenize(self, text: str, *, special: bool) -> list[tuple[int, str]]:
        body = {"content": text, "add_special": special, "parse_special": True, "with_pieces": True}
        tokens = self._post("/tokenize", body)["tokens"]
        return [(token["id"], _text(token["piece"])) for token in tokens]

    def first_tokens(self, prompt: str, allowed: Callable[[str], bool] | None) -> Listed:
        body = {"prompt": prompt, "n_predict": 1, "temperature": 0, "cache_prompt": False}
        answer = self._post("/completion", {**body, "n_probs": self._listed if allowed else 5})
        listed = answer["completion_probabilities"][0]["top_logprobs"]
        kept = [(t["token"], t["logprob"]) for t in listed if not allowed or allowed(t["token"])]
        mass = math.log(sum(math.exp(logprob) for _, logprob in kept)) if allowed else 0.0
        return [(token, logprob - mass) for token, logprob in kept]

    def write(self, prompt: str, *, max_tokens: int, schema: Any = None) -> str:
        body = {"prompt": prompt, "n_predict": max_tokens, "temperature": 0}
        body |= {"json_schema": schema} if schema else {}
        return str(self._post("/completion", body)["content"])

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - a loopback address
            f"{self._address}{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {self._key}"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            return json.load(answer)


@dataclass
class TGIDouble:
    """Answers as TGI would; records every request."""

    brain: Brain = field(default_factory=ScriptedBrain)
    api_key: str | None = None
    max_top_n_tokens: int = 5
    max_input_tokens: int = 4095
    max_concurrent_requests: int = 128
    lists_top_tokens: bool = True
    """False on the llamacpp and trtllm backends."""
    prefill: Callable[[int, str], float] | None = None
    """Log-probability of a prompt token; None without `--enable-prefill-logprobs`."""
    fails: Callable[[Asked], Reply | None] = lambda _: None
    """Errors that the test wants."""
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._busy = threading.Semaphore(self.max_concurrent_requests)

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        routes = {
            ("GET", "/info"): self._info,
            ("GET", "/health"): lambda _: Reply(body=b""),
            ("GET", "/v1/models"): self._models,
            ("POST", "/chat_tokenize"): self._chat_tokenize,
            ("POST", "/tokenize"): self._tokenize,
            ("POST", "/"): lambda a: self._generate(a, as_list=True),
            ("POST", "/generate"): lambda a: self._generate(a, as_list=False),
            ("POST", "/v1/chat/completions"): self._chat,
        }
        route = routes.get((asked.method, asked.path))
        if route is None:
            return Reply(status=404, body=b"")
        open_to_all = asked.method == "GET" or asked.path == "/chat_tokenize"
        if not open_to_all and self._locked(asked):
            return Reply(status=401, body=b"")
        try:
            return self.fails(asked) or route(asked)
        except (ValueError, KeyError, TypeError) as error:
            plain = f"Failed to deserialize the JSON body into the target type: {error}"
            return Reply(status=422, body=plain.encode(), headers={"content-type": "text/plain"})

    def bodies(self, path: str) -> list[Any]:
        return [asked.body for asked in self.asked if asked.path == path]

    def _locked(self, asked: Asked) -> bool:
        given = asked.headers.get("authorization", "").lower()
        return self.api_key is not None and given != f"bearer {self.api_key}".lower()

    def _info(self, _: Asked) -> Reply:
        limits = {"max_best_of": 2, "max_stop_sequences": 4, "max_client_batch_size": 4}
        tokens = {
            "max_input_tokens": self.max_input_tokens,
            "max_total_tokens": self.max_input_tokens + 1,
        }
        about = {"model_id": "double/model", "model_sha": None, "model_pipeline_tag": None}
        router = {"router": "text-generation-router", "version": VERSION, "validation_workers": 2}
        queue = {"max_concurrent_requests": self.max_concurrent_requests}
        return Reply(body={**about, **queue, **limits, **tokens, **router, "sha": None})

    def _models(self, _: Asked) -> Reply:
        entry = {"id": "double/model", "object": "model", "created": 0, "owned_by": "double/model"}
        return Reply(body={"object": "list", "data": [entry]})

    def _chat_tokenize(self, asked: Asked) -> Reply:
        text = self.brain.render(asked.body["messages"])
        tokens = _simple_tokens(self.brain.tokenize(text, special=False))
        return Reply(body={"tokenize_response": tokens, "templated_text": text})

    def _tokenize(self, asked: Asked) -> Reply:
        return Reply(body=_simple_tokens(self.brain.tokenize(asked.body["inputs"], special=True)))

    def _generate(self, asked: Asked, *, as_list: bool) -> Reply:
        body = asked.body
        parameters = body.get("parameters") or {"do_sample": True}
        refusal = self._refusal(body["inputs"], parameters)
        if refusal:
            return refusal
        with self._turn() as admitted:
            if not admitted:
                return _error(429, "Model is overloaded", "overloaded")
            answer = self._generated(body["inputs"], parameters)
        return Reply(body=[answer] if as_list else answer)

    def _refusal(self, inputs: str, parameters: dict[str, Any]) -> Reply | None:
        top = parameters.get("top_n_tokens") or 0
        if top > self.max_top_n_tokens:
            limit = self.max_top_n_tokens
            return _invalid(f"`top_n_tokens` must be >= 0 and <= {limit}. Given: {top}")
        count = len(self.brain.tokenize(inputs, special=True))
        if count > self.max_input_tokens:
            limit = self.max_input_tokens + 1
            return _invalid(f"`inputs` must have less than {limit} tokens. Given: {count}")
        return None

    def _generated(self, inputs: str, parameters: dict[str, Any]) -> dict[str, Any]:
        length = parameters.get("max_new_tokens") or 20
        grammar = parameters.get("grammar") or {}
        details: dict[str, Any] = {"finish_reason": "length", "generated_tokens": length}
        details |= {"seed": None, "prefill": self._prefilled(inputs, parameters), "tokens": []}
        if length > 1:
            schema = grammar["value"] if grammar.get("type") == "json" else None
            text = self.brain.write(inputs, max_tokens=length, schema=schema)
            return {"generated_text": text, "details": details}
        allowed = _allows(grammar["value"]) if grammar.get("type") == "regex" else None
        tops = [_token(*pair) for pair in self.brain.first_tokens(inputs, allowed)]
        details["tokens"] = tops[:1]
        if parameters.get("top_n_tokens") and self.lists_top_tokens:
            details["top_tokens"] = [tops[: parameters["top_n_tokens"]]]
        return {"generated_text": tops[0]["text"], "details": details}

    def _prefilled(self, inputs: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        if not parameters.get("decoder_input_details") or self.prefill is None:
            return []
        tokens = self.brain.tokenize(inputs, special=True)
        return [
            {"id": id_, "text": text, "logprob": self.prefill(id_, text) if place else None}
            for place, (id_, text) in enumerate(tokens)
        ]

    def _chat(self, asked: Asked) -> Reply:
        body = asked.body
        wanted = body.get("top_logprobs") or 0
        refusal = self._refusal(self.brain.render(body["messages"]), {"top_n_tokens": wanted})
        if refusal:
            return refusal
        prompt = self.brain.render(body["messages"])
        form = body.get("response_format") or {}
        allowed = _allows(form["value"]) if form.get("type") == "regex" else None
        logprobs, text = None, ""
        if body.get("logprobs"):
            tops = self.brain.first_tokens(prompt, allowed)[: wanted or 1]
            text = tops[0][0]
            listed = [{"token": t, "logprob": p} for t, p in tops] if self.lists_top_tokens else []
            entry = {"token": text, "logprob": tops[0][1], "top_logprobs": listed}
            logprobs = {"content": [entry]}
        else:
            text = self.brain.write(prompt, max_tokens=body.get("max_tokens") or 20)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        choice |= {"logprobs": logprobs, "finish_reason": "length"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        about = {"id": "", "object": "chat.completion", "created": 0, "model": "double/model"}
        fingerprint = {"system_fingerprint": f"{VERSION}-native"}
        return Reply(body={**about, **fingerprint, "choices": [choice], "usage": usage})

    @contextmanager
    def _turn(self) -> Any:
        admitted = self._busy.acquire(blocking=False)
        try:
            yield admitted
        finally:
            if admitted:
                self._busy.release()


def _allows(pattern: str) -> Callable[[str], bool]:
    """Tell which tokens can open a text of the grammar: its labels, and what labels begin with."""
    if re.fullmatch(r"\[\d-\d\]", pattern):
        return lambda token: re.fullmatch(pattern, token) is not None
    labels = [label.replace("\\", "") for label in pattern.strip("()").split("|")]
    return lambda token: bool(token) and any(label.startswith(token) for label in labels)


def _simple_tokens(tokens: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    place, simple = 0, []
    for id_, text in tokens:
        simple.append({"id": id_, "text": text, "start": place, "stop": place + len(text)})
        place += len(text)
    return simple


def _token(text: str, logprob: float) -> dict[str, Any]:
    shown = None if math.isinf(logprob) else logprob
    return {"id": sum(text.encode()), "text": text, "logprob": shown, "special": False}


def _text(piece: str | list[int]) -> str:
    return piece if isinstance(piece, str) else bytes(piece).decode(errors="replace")


def _invalid(message: str) -> Reply:
    return _error(422, f"Input validation error: {message}", "validation")


def _error(status: int, message: str, kind: str) -> Reply:
    return Reply(status=status, body={"error": message, "error_type": kind})
