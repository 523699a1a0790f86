"""A generative reward model behind any OpenAI-compatible chat route with log-probabilities.

Knows `/v1/chat/completions` as vLLM, SGLang, llama.cpp, TGI and hosted models speak it. Needs no
client package.
"""

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, JsonValue, field_validator, model_validator

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers.http_answers import checked_answer, hidden
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, Flow
from langchain_tpo.reward_models.servers.verifier import (
    LABEL_TOKENS,
    GenerativeVerifier,
    VerifierReply,
)
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Question
from langchain_tpo.reward_models.servers.verifier_readout import Token, top_token

OWN_KEYS = frozenset(
    {
        *("messages", "model", "max_tokens", "max_completion_tokens", "stream", "n", "best_of"),
        *("temperature", "top_p", "top_k", "min_p", "typical_p", "logprobs", "top_logprobs"),
        *("frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "stop"),
    }
)
"""Keys of a request that would change what the log-probabilities mean."""


REFUSALS = frozenset({400, 403, 422})
"""Statuses by which a server refuses an option of a request."""

NOT_THERE = frozenset({500, 501})
"""Statuses by which it says that it has no grammar for a form."""

AS_IT_IS = re.compile(r"/v\d+\w*(/|$)|/deployments/|/serving-endpoints$|/inference$")
"""Paths of base URLs to which no `/v1` belongs: Gemini's `/v1beta/openai`, Zhipu's `/paas/v4`,
Volcengine's `/api/v3`, Azure's `/openai/deployments/NAME`, those of Databricks and GitHub."""

ROUTES = re.compile(r"/(?:chat/completions|completions|models|embeddings|responses)/*$")
"""What a URL ends in that was copied from a manual's example."""

OPTIONS = {
    "refuses_form": r"response_format|json_schema|guided|structured",
    "refuses_temperature": r"temperature",
}
"""What a request goes without once a server has refused it in these words."""

MOST = re.compile(
    r"(?:<=|at most|equal to|allowed:?|maximum(?: of| is)?:?|between 0 and)\s*`?(\d+)"
)
"""How servers say the most that they take."""

ROOM = re.compile(r"(?:>=|at least|minimum(?: of| is)?:?)\s*`?(\d+)")
"""How servers say the fewest tokens for which they can be asked."""

FEWEST_TOP = 5
"""What every server lists that lists any: where one names no number."""


class _Listed(BaseModel):
    token: str
    logprob: float | None = None


class _Position(BaseModel):
    token: str = ""
    top_logprobs: list[_Listed] | None = None


class _Logprobs(BaseModel):
    content: list[_Position] | None = None


class _Message(BaseModel):
    content: str | list[dict[str, JsonValue]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """The text, which Mistral sends in parts."""
        if not isinstance(self.content, list):
            return self.content or ""
        return "".join(str(part.get("text", "")) for part in self.content)


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    error: JsonValue = None
    """What went wrong behind a router that answers all the same."""
    logprobs: JsonValue = None
    """Read only where it is wanted: some servers answer in the form of completions."""


class _Completion(BaseModel):
    choices: list[_Choice]


class _Model(BaseModel):
    id: str
    parent: str | None = None
    """What an adapter (LoRA) is for."""


class _Models(BaseModel):
    data: list[_Model]


class OpenAIVerifier(GenerativeVerifier):
    """Rewards a response by log P(yes) - log P(no) of a model behind an OpenAI-compatible server.

    What a server does not take is found out and left out: `max_tokens` (then
    `max_completion_tokens`), `temperature`, `response_format`, more than so many `top_logprobs`.
    A model that thinks aloud needs `thinking_tokens`, or is asked not to: for Qwen3 on vLLM or
    SGLang `extra_body={"chat_template_kwargs": {"enable_thinking": False}}`.

    `/v1` is added to a URL, except where its path holds a version or a deployment, as those of
    Gemini, Zhipu, Volcengine and Azure do; a route at its end is taken off. Azure:
    `headers={"api-key": ...}, query={"api-version": ...}`.

    Raises:
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> OpenAIVerifier("http://vllm:8000/v1", model="judge").top_logprobs
        20
    """

    model: str | None = None
    """The model's name; None asks the server, once, and is refused where it serves several."""
    top_logprobs: int = Field(default=20, ge=1)
    """How many of the likeliest tokens to ask for; fewer where the server gives fewer."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """More keys for each request, such as a grammar; none that changes how tokens are drawn."""

    @field_validator("url")
    @classmethod
    def _base_of(cls, url: str) -> str:
        return ROUTES.sub("", url)

    @model_validator(mode="after")
    def _decoding_is_ours(self) -> Self:
        if taken := sorted(OWN_KEYS & self.extra_body.keys()):
            raise SettingsError(
                f"`extra_body` must not set `{taken[0]}`: the verifier decodes greedily, so that "
                "log-probabilities are the model's own."
            )
        return self

    def preparing(self) -> Flow[None]:
        """Ask which model is served, unless that was said."""
        if self.model is None and "model" not in self._known:
            (outcome,) = yield [self.server.get(openai_route(self.server, "/models"))]
            self._known["model"] = only_model(outcome, self.server)

    def call(self, prompt: str, question: Question) -> Call:
        """Ask for the label, behind a thought if there is room for one, or for a written score."""
        written = isinstance(question, JsonScore)
        tokens = question.max_tokens if isinstance(question, JsonScore) else 1
        if self.thinking_tokens:
            tokens = self.thinking_tokens + (tokens if written else LABEL_TOKENS)
        tokens = max(tokens, int(str(self._known.get("fewest_tokens", 1))))
        body: dict[str, JsonValue] = {
            "model": self.model or self._known["model"],
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            str(self._known.get("limit", "max_tokens")): tokens,
        }
        if "refuses_temperature" in self._known:
            del body["temperature"]
        if isinstance(question, JsonScore):
            body |= {} if "refuses_form" in self._known else _form(question)
        else:
            listed = self._known.get("top_logprobs", self.top_logprobs)
            body |= {"logprobs": True, "top_logprobs": listed}
        path = openai_route(self.server, "/chat/completions")
        return self.server.post(path, body | self.extra_body)

    def learn(self, refusal: RewardServerError) -> bool:
        """Remember an option that the server does not take; whether to ask again without it."""
        words, known = str(refusal), self._known
        if refusal.status in NOT_THERE:
            return "response_format" in words and self._without("refuses_form")
        if refusal.status not in REFUSALS:
            return False
        if "max_completion_tokens" in words and "limit" not in known:
            known["limit"] = "max_completion_tokens"
            return True
        if self._counts(words):
            return True
        for option, named in OPTIONS.items():
            if re.search(named, words):
                return self._without(option)
        if re.search(r"log[ -]?prob", words, re.IGNORECASE):
            known["refuses_logprobs"] = True
        return False

    def _counts(self, words: str) -> bool:
        """Remember how many likeliest tokens at most, or tokens at least, can be asked for."""
        if re.search(r"logprobs|top_n_tokens", words) and (most := self._fewer(words)):
            self._known["top_logprobs"] = most
            return True
        least = ROOM.search(words) if re.search(r"max(_\w+)?_tokens", words) else None
        if least is None or int(least[1]) <= int(str(self._known.get("fewest_tokens", 1))):
            return False
        self._known["fewest_tokens"] = int(least[1])
        return True

    def reply(self, answer: JsonValue) -> VerifierReply:
        """Return the text and its tokens; none where the server has no `logprobs`."""
        choice = self._choice(answer)
        message = choice.message
        if choice.error:
            told = choice.error.get("message") if isinstance(choice.error, dict) else None
            words = hidden(str(told or "it does not say which")[:200], ())
            raise RewardServerError(f"`{self.url}` answered with an error in it: {words}.")
        if choice.finish_reason == "content_filter" and not message.text:
            raise RewardServerError(f"A filter of `{self.url}` kept a verifier's reply back.")
        return VerifierReply(
            text=message.text,
            tokens=[_token(position) for position in _positions(choice.logprobs)],
            reasoned=bool(message.reasoning_content or message.reasoning),
        )

    def _fewer(self, words: str) -> int | None:
        """Return how many likeliest tokens the server gives, if fewer than were asked for."""
        stated = MOST.search(words)
        named = re.search(r"top_(logprobs|n_tokens)", words)
        most = int(stated[1]) if stated else FEWEST_TOP if named else 0
        asked = self._known.get("top_logprobs", self.top_logprobs)
        return most if 0 < most < int(str(asked)) else None

    def _without(self, option: str) -> bool:
        new = option not in self._known
        self._known[option] = True
        return new

    def _choice(self, answer: JsonValue) -> _Choice:
        choices = checked_answer(answer, _Completion, self.url).choices
        if len(choices) != 1:
            raise RewardServerError(f"`{self.url}` answered one request with {len(choices)} texts.")
        return choices[0]


def openai_route(server: RewardServer, path: str) -> str:
    """Return the route below `/v1`, whether or not the server's URL ends in that already.

    Example:
        >>> openai_route(RewardServer(url="http://vllm:8000"), "/models")
        '/v1/models'
        >>> openai_route(RewardServer(url="http://vllm:8000/v1/"), "/models")
        '/models'
        >>> openai_route(RewardServer(url="https://google.test/v1beta/openai/"), "/models")
        '/models'
    """
    return path if AS_IT_IS.search(urlsplit(server.url).path) else f"/v1{path}"


def only_model(outcome: AnswerOrError, server: RewardServer) -> str:
    """Return the one model that a server lists, adapters of it aside.

    Raises:
        RewardServerError: The server is no OpenAI-compatible one, or serves none or several.
    """
    if isinstance(outcome, RewardServerError):
        raise RewardServerError(
            f"`{server.url}` does not say which models it serves ({outcome}): check the URL, or "
            "give `model`.",
            status=outcome.status,
        ) from outcome
    listed = checked_answer(outcome, _Models, server.url).data
    names = [model.id for model in listed if model.parent is None]
    if not names:
        raise RewardServerError(f"`{server.url}` serves no model.")
    if len(names) > 1:
        shown = ", ".join(f"`{name[:60]}`" for name in names[:5])
        raise RewardServerError(
            f"`{server.url}` serves {len(names)} models ({shown}{', ...' * (len(names) > 5)}): "  # noqa: PLR2004 - as shown
            "give the verifier's as `model`."
        )
    return names[0]


def _form(question: JsonScore) -> dict[str, JsonValue]:
    form: JsonValue = {"name": "score", "schema": question.reply_schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": form}}


def _positions(logprobs: JsonValue) -> list[_Position]:
    try:
        return checked_answer(logprobs, _Logprobs, "").content or []
    except RewardServerError:  # none, or in the form of completions: nothing to read
        return []


def _token(position: _Position) -> Token:
    top = [top_token(listed.token, listed.logprob) for listed in position.top_logprobs or []]
    return Token(text=position.token, top=top)
