"""Chat services on 127.0.0.1 that refuse what the real ones refuse: a format, rules, a key, an
address. What they say follows the loop's prompts; tools and JSON come where they are asked for.
"""

import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from langchain_core.messages import BaseMessage, SystemMessage

from tests.support.fakes import obedient, step_of
from tests.support.servers import service_rules as says
from tests.support.servers.service_rules import Rule
from tests.support.servers.wire_formats import (
    FORMATS,
    PROMPT_TOKENS,
    Asked,
    Body,
    Format,
    Said,
)
from tests.support.servers.wrong_doors import AMAZONS, refusal, wrong_door

KEY = "nvapi-right"
"""The key that every service wants to see; one of them wants it to begin like this."""

TOOL_ANSWERED = ("tool_result", "functionResponse", "toolResult", "function_call_output")


@dataclass(frozen=True, kw_only=True)
class Service:
    """A wire format, what is refused in it, and with which status."""

    speaks: str = "openai"
    rules: tuple[Rule, ...] = ()
    status: int = 400
    honours_n: bool = True

    @property
    def format(self) -> Format:
        return FORMATS[self.speaks]


_VLLM_WINDOW = says.window(
    8192,
    "This model's maximum context length is {window} tokens. However, you requested {both} tokens"
    " ({prompt} in the messages, {reply} in the completion). Please reduce the length.",
)
_ANTHROPIC_TOOLS = says.tools_for_calls(
    "Requests which include `tool_use` or `tool_result` blocks must define tools",
    marks=("tool_use", "tool_result"),
    field="tools",
)
_NO_EXTRAS = says.unknown("seed", "n", words="{name}: Extra inputs are not permitted")

SERVICES: Mapping[str, Service] = {
    "openai": Service(rules=(says.most_answers(128, "Invalid 'n': above the maximum value."),)),
    "azure": Service(rules=(says.most_answers(128, "n must be at most 128."),)),
    "gpt-5": Service(
        rules=(
            says.only_one(
                "temperature",
                words="Unsupported value: '{name}' does not support this with this model. Only the"
                " default (1) value is supported.",
            ),
            says.unknown(
                "top_p",
                "max_tokens",
                words="Unsupported parameter: '{name}' is not supported with this model.",
            ),
        )
    ),
    "responses": Service(
        speaks="responses", rules=(says.unknown("n", "seed", words="Unknown parameter: '{name}'."),)
    ),
    "vllm": Service(rules=(says.greedy, _VLLM_WINDOW)),
    "gemma": Service(rules=(says.no_system("System role not supported"), _VLLM_WINDOW)),
    "sglang": Service(
        rules=(
            says.window(
                8192,
                "Requested token count exceeds the model's maximum context length of {window}"
                " tokens. You requested a total of {both} tokens: {prompt} tokens from the input"
                " messages and {reply} tokens for the completion.",
            ),
        )
    ),
    "tgi": Service(
        honours_n=False,
        status=422,
        rules=(
            says.window(
                8192,
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}."
                " Given: {prompt} `inputs` tokens and {reply} `max_new_tokens`",
            ),
        ),
    ),
    "llamacpp": Service(
        rules=(says.most_answers(1, "Only one completion choice is allowed"),), status=500
    ),
    "ollama_v1": Service(honours_n=False),
    "dashscope": Service(rules=(says.only_streams,)),
    "groq": Service(rules=(says.most_answers(1, "'n' : number must be at most 1"),)),
    "deepseek": Service(
        rules=(
            says.most_answers(1, "Invalid n value (currently only n = 1 is supported)"),
            says.most_tokens(
                8000, "Invalid max_tokens value, the valid range of max_tokens is [1, 8000]"
            ),
        )
    ),
    "reasoner": Service(
        rules=(
            says.most_answers(1, "Invalid n value (currently only n = 1 is supported)"),
            says.forced_call("deepseek-reasoner does not support this tool_choice"),
        )
    ),
    "fireworks": Service(
        rules=(
            says.most_tokens(4096, "Requests with max_tokens > 4096 must have stream=true"),
            says.most_answers(128, "n must be less than or equal to 128"),
        )
    ),
    "mistral": Service(
        rules=(says.unknown("seed", words="extra_forbidden: {name}"), says.user_last),
        status=422,
    ),
    "nim": Service(
        rules=(says.most_answers(1, "n: Input should be less than or equal to 1"),), status=422
    ),
    "openrouter": Service(honours_n=False),
    "perplexity": Service(rules=(says.unknown("seed", "n"), says.user_last)),
    "ollama": Service(speaks="ollama"),
    "anthropic": Service(speaks="anthropic", rules=(says.not_both, _NO_EXTRAS, _ANTHROPIC_TOOLS)),
    "opus": Service(
        speaks="anthropic",
        rules=(
            says.only_one("temperature", "top_p", words="`{name}` is deprecated for this model."),
            _NO_EXTRAS,
            _ANTHROPIC_TOOLS,
        ),
    ),
    "thinking": Service(
        speaks="anthropic",
        rules=(
            says.only_one(
                "temperature", words="`{name}` may only be set to 1 when thinking is enabled."
            ),
            says.unknown("top_p", words="`{name}` must be unset when thinking is enabled."),
            says.budgeted,
            says.forced_call("Thinking may not be enabled when tool_choice forces tool use."),
            _NO_EXTRAS,
            _ANTHROPIC_TOOLS,
        ),
    ),
    "google": Service(speaks="google", rules=(says.one_candidate,)),
    "bedrock": Service(
        speaks="converse",
        rules=(
            says.not_both,
            says.tools_for_calls(
                "The toolConfig field must be defined when using toolUse and toolResult blocks.",
                marks=("toolUse", "toolResult"),
                field="toolConfig",
            ),
        ),
    ),
    "titan": Service(
        speaks="converse",
        rules=(says.no_system("This model doesn't support system messages. Try again without."),),
    ),
    "cohere": Service(
        speaks="cohere",
        status=422,
        rules=(says.unknown("top_p", "n", words="unknown field: '{name}' is not a valid field"),),
    ),
    "words_only": Service(rules=(says.no_images,)),
}


@dataclass
class StrictServices:
    """All services at once, one path each; use it as a context manager."""

    bodies: list[Body] = field(default_factory=list)
    refused: int = 0
    """Requests that broke a rule."""
    read: int = 0
    """Tokens of the prompts that were answered."""
    written: int = 0
    """Tokens of the replies."""

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

    def answer(
        self, name: str, address: str, headers: Mapping[str, str], body: Body
    ) -> tuple[int, Body | str]:
        service = SERVICES[name]
        with self._lock:
            self.bodies.append(body)
        problem = wrong_door(name, address, headers, body)
        if problem is not None:
            return problem
        for rule in service.rules:
            if (words := rule(body)) is not None:
                with self._lock:
                    self.refused += 1
                return refusal(service.status, words)
        asked = service.format.read(body)
        with self._lock:
            n = asked.n if service.honours_n else 1
            replies = [self._reply(asked, body) for _ in range(n)]
            self.read += PROMPT_TOKENS
            self.written += sum(said.tokens for said in replies)
        return 200, service.format.write(body, replies)

    def _reply(self, asked: Asked, body: Body) -> Said:
        number = next(self._numbers)
        if asked.tools and (asked.must_call or _should_call(asked, body)):
            name, schema = next(iter(asked.tools.items()))
            return Said(tool=name, arguments=filled(schema, number))
        if asked.schema:
            return Said(text=json.dumps(filled(asked.schema, number)))
        if any('"score"' in message.text for message in asked.messages):  # a judge shows the form
            return Said(text='Right: {"rationale": "It says so.", "score": 4}')
        return Said(text=obedient(step_of(with_system(asked.messages)), asked.messages, number))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                _, name, rest = self.path.partition("?")[0].split("/", 2)
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = double.answer(name, f"/{rest}", headers, body)
                streams = status == 200 and bool(body.get("stream"))
                self._send(status, *rendered(SERVICES[name].format, answer, streams=streams))

            def do_GET(self) -> None:
                found = self.path.endswith("/v1/models")  # ChatNVIDIA looks models up
                self._send(200 if found else 404, b'{"data": [], "models": []}')

            def _send(self, status: int, answer: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                if status >= 400:
                    self.send_header("x-amzn-errortype", AMAZONS.get(status, "ServiceException"))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def rendered(form: Format, answer: Body | str, *, streams: bool) -> tuple[bytes, str]:
    """Return the bytes of an answer, and their media type."""
    if isinstance(answer, str):
        kinds = {"{": "application/json", "<": "text/html"}
        return answer.encode(), kinds.get(answer[:1], "text/plain")
    if streams and form.chunks is not None:
        return "".join(form.chunks(answer)).encode(), "text/event-stream"
    return json.dumps(answer).encode() + b"\n", "application/json"


def _should_call(asked: Asked, body: Body) -> bool:
    """Call a tool once, where the question asks for it."""
    written = json.dumps(body)
    answered = '"role": "tool"' in written or any(mark in written for mark in TOOL_ANSWERED)
    return not answered and any("use the tool" in message.text for message in asked.messages)


def with_system(messages: list[BaseMessage]) -> list[BaseMessage]:
    """Return the conversation as it was before its system message became part of the user's."""
    if messages[0].type == "system":
        return messages
    return [SystemMessage(messages[0].text), *messages]


def filled(schema: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return an object that a schema allows, and that is told from others by its number."""
    fields: Mapping[str, Any] = (schema or {}).get("properties") or {}
    if "score" in fields:  # of a judge, who has a scale
        return {"rationale": f"{number}", "score": 4}
    return {
        name: number if str(form.get("type")).lower() in ("integer", "number") else f"{number}"
        for name, form in fields.items()
    }
