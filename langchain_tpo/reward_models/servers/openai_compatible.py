"""A generative reward model behind any OpenAI-compatible chat route with log-probabilities.

Knows `/v1/chat/completions` as vLLM, SGLang, llama.cpp, TGI and hosted models speak it. Needs no
client package.
"""

from typing import Self

from pydantic import BaseModel, Field, JsonValue, model_validator

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers.http_answers import checked
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_transport import Flow, Outcome
from langchain_tpo.reward_models.servers.verifier import GenerativeVerifier
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Question
from langchain_tpo.reward_models.servers.verifier_readout import TopToken, top_token

OWN_KEYS = frozenset(
    {
        *("messages", "model", "max_tokens", "max_completion_tokens", "stream", "n", "best_of"),
        *("temperature", "top_p", "top_k", "min_p", "typical_p", "logprobs", "top_logprobs"),
        *("frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "stop"),
    }
)
"""Keys of a request that would change what the log-probabilities mean."""


class _Listed(BaseModel):
    token: str
    logprob: float | None = None


class _Position(BaseModel):
    top_logprobs: list[_Listed] | None = None


class _Logprobs(BaseModel):
    content: list[_Position] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: _Logprobs | None = None


class _Completion(BaseModel):
    choices: list[_Choice]


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class OpenAIVerifier(GenerativeVerifier):
    """Rewards a response by log P(yes) - log P(no) of a model behind an OpenAI-compatible server.

    Ask models that think aloud not to, since the first token is read: for Qwen3 on vLLM or SGLang
    `extra_body={"chat_template_kwargs": {"enable_thinking": False}}`. TGI's own chat route lists
    no more than 5 tokens and wants `model="tgi", top_logprobs=5`.

    Raises:
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> OpenAIVerifier("http://vllm:8000/v1", model="judge").top_logprobs
        20
    """

    model: str | None = None
    """The model's name; None asks the server, once, and takes the first that it serves."""
    top_logprobs: int = 20
    """How many of the likeliest tokens to ask for; vLLM and OpenAI give 20, TGI 5."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """More keys for each request, such as a grammar; none that changes how tokens are drawn."""

    @model_validator(mode="after")
    def _decoding_is_ours(self) -> Self:
        if taken := sorted(OWN_KEYS & self.extra_body.keys()):
            raise SettingsError(
                f"`extra_body` must not set `{taken[0]}`: the verifier decodes greedily, so that "
                "log-probabilities are the model's own."
            )
        if self.top_logprobs < 1:
            raise SettingsError(f"`top_logprobs` must be at least 1, got `{self.top_logprobs}`.")
        return self

    def preparing(self) -> Flow[None]:
        """Ask which model is served, unless that was said."""
        if self.model is None and "model" not in self._known:
            (outcome,) = yield [self.server.get(openai_route(self.server, "/models"))]
            self._known["model"] = first_model(outcome, self.server)

    def call(self, prompt: str, question: Question) -> Call:
        """Ask for the first token, or for a written score."""
        written = isinstance(question, JsonScore)
        body: dict[str, JsonValue] = {
            "model": self.model or self._known["model"],
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": question.max_tokens if isinstance(question, JsonScore) else 1,
        }
        listed: dict[str, JsonValue] = {"logprobs": True, "top_logprobs": self.top_logprobs}
        path = openai_route(self.server, "/chat/completions")
        return self.server.post(path, body | ({} if written else listed) | self.extra_body)

    def top_tokens(self, answer: JsonValue) -> list[TopToken]:
        """Return the likeliest first tokens; none where the server has no `logprobs`."""
        logprobs = self._choice(answer).logprobs
        positions = (logprobs.content if logprobs else None) or []
        listed = (positions[0].top_logprobs if positions else None) or []
        return [top_token(token.token, token.logprob) for token in listed]

    def reply(self, answer: JsonValue) -> str:
        """Return the text of the reply."""
        return self._choice(answer).message.content or ""

    def _choice(self, answer: JsonValue) -> _Choice:
        choices = checked(answer, _Completion, self.url).choices
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
    """
    return path if server.url.rstrip("/").endswith("/v1") else f"/v1{path}"


def first_model(outcome: Outcome, server: RewardServer) -> str:
    """Return the first model that a server lists.

    Raises:
        RewardServerError: The server is no OpenAI-compatible one, or serves none.
    """
    if isinstance(outcome, RewardServerError):
        raise RewardServerError(
            f"`{server.url}` does not say which models it serves ({outcome}): check the URL, or "
            "give `model`.",
            status=outcome.status,
        ) from outcome
    models = checked(outcome, _Models, server.url).data
    if not models:
        raise RewardServerError(f"`{server.url}` serves no model.")
    return models[0].id
