"""P(yes) from vLLM's `/generative_scoring`: all responses of a round in one request.

Knows that route and the two that prepare for it, `/tokenize` and `/detokenize`.
"""

from collections.abc import Sequence
from typing import Self, TypeVar

from pydantic import BaseModel, JsonValue, PrivateAttr, model_validator

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_answers import checked
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import Flow, Outcome
from langchain_tpo.reward_models.servers.openai_compatible import first_model
from langchain_tpo.reward_models.servers.verifier_prompt import RUBRIC, verifier_prompt
from langchain_tpo.reward_models.servers.verifier_questions import YesNo
from langchain_tpo.reward_models.servers.verifier_readout import logit

Shape = TypeVar("Shape")

PLACEHOLDER = "the-prompt-goes-here"
"""Stands for the prompt while the server is asked what its chat template puts around it."""

RESPONSE_STARTS = "<response>\n"
"""Up to here the prompts of a round are the same: vLLM reads that part once."""

REFUSALS = frozenset({400, 413, 422})
"""Statuses by which one text, such as one that is too long, fails a whole batch."""


class _Tokens(BaseModel):
    tokens: list[int]


class _Text(BaseModel):
    prompt: str


class _ItemScore(BaseModel):
    index: int
    score: float


class _Scores(BaseModel):
    data: list[_ItemScore]


class GenerativeScoringRewardModel(HttpRewardModel):
    """Rewards a response by the logit of P(yes), over yes and no, as vLLM computes it.

    As `OpenAIVerifier` with `YesNo()`, in one request per round. vLLM 0.32 has the route; where
    it is missing, use `OpenAIVerifier`.

    Raises:
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> GenerativeScoringRewardModel("http://vllm:8000").question.yes
        'Yes'
    """

    model: str | None = None
    """The model's name; None asks the server, once, and takes the first that it serves."""
    question: YesNo = YesNo()
    """What is asked, and the two labels; each is one token."""
    rubric: str = RUBRIC
    """The criteria, in words."""

    _known: dict[str, JsonValue] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _route_is_not_below_v1(self) -> Self:
        if self.url.rstrip("/").endswith("/v1"):
            raise SettingsError(f"`url` must not end in `/v1` for this route, got `{self.url}`.")
        return self

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Send the round as one request; one by one if a single text made the server refuse."""
        yield from self._preparing()
        query, items = self._split(request)
        (outcome,) = yield [self._call(query, items)]
        outcomes = self._per_item(outcome, len(items))
        if _one_may_be_at_fault(outcome) and len(items) > 1:
            singles = yield [self._call(query, [item]) for item in items]
            outcomes = [self._per_item(single, 1)[0] for single in singles]
        return read_scores(outcomes, _as_logit)

    def _preparing(self) -> Flow[None]:
        if "labels" in self._known:
            return
        if self.model is None:
            (models,) = yield [self.server.get("/v1/models")]
            self._known["model"] = first_model(models, self.server)
        turn: JsonValue = [{"role": "user", "content": PLACEHOLDER}]
        chat, yes, no = yield [
            self._tokenize({"messages": turn, "add_generation_prompt": True}),
            self._tokenize({"prompt": self.question.yes, "add_special_tokens": False}),
            self._tokenize({"prompt": self.question.no, "add_special_tokens": False}),
        ]
        tokens: JsonValue = [*self._tokens(chat)]
        (text,) = yield [
            self.server.post("/detokenize", {"model": self._model(), "tokens": tokens})
        ]
        prefix, found, suffix = self._checked(text, _Text).prompt.partition(PLACEHOLDER)
        if not found:
            raise RewardServerError(
                f"The chat template behind `{self.url}` does not repeat what users write."
            )
        labels = [self._label(self.question.yes, yes), self._label(self.question.no, no)]
        self._known.update({"prefix": prefix, "suffix": suffix, "labels": [*labels]})

    def _split(self, request: ScoreRequest) -> tuple[str, list[str]]:
        """Return what all prompts of the round begin with, and the rest of each."""
        prompts = [
            verifier_prompt(
                request["messages"], response, rubric=self.rubric, question=self.question.text
            )
            for response in request["responses"]
        ]
        halves = [prompt.rpartition(RESPONSE_STARTS) for prompt in prompts]
        query = f"{self._known['prefix']}{halves[0][0]}{halves[0][1]}"
        return query, [f"{rest}{self._known['suffix']}" for _, _, rest in halves]

    def _call(self, query: str, items: Sequence[str]) -> Call:
        body: dict[str, JsonValue] = {
            "model": self._model(),
            "query": query,
            "items": [*items],
            "label_token_ids": self._known["labels"],
            "apply_softmax": True,
            "item_first": False,
            "add_special_tokens": False,
        }
        return self.server.post("/generative_scoring", body)

    def _per_item(self, outcome: Outcome, asked: int) -> list[Outcome]:
        if isinstance(outcome, RewardServerError):
            return [outcome] * asked
        scores = {item.index: item.score for item in self._checked(outcome, _Scores).data}
        if sorted(scores) != list(range(asked)):
            raise RewardServerError(
                f"`{self.url}/generative_scoring` answered {asked} texts with {len(scores)} scores."
            )
        return [scores[index] for index in range(asked)]

    def _model(self) -> JsonValue:
        return self.model or self._known["model"]

    def _tokenize(self, what: dict[str, JsonValue]) -> Call:
        return self.server.post("/tokenize", {"model": self._model(), **what})

    def _tokens(self, outcome: Outcome) -> list[int]:
        return self._checked(outcome, _Tokens).tokens

    def _label(self, label: str, outcome: Outcome) -> int:
        tokens = self._tokens(outcome)
        if len(tokens) != 1:
            raise RewardServerError(
                f"The label `{label}` is {len(tokens)} tokens of the model behind `{self.url}`, "
                "not one: choose another one in `question`."
            )
        return tokens[0]

    def _checked(self, outcome: Outcome, shape: type[Shape]) -> Shape:
        if isinstance(outcome, RewardServerError):
            raise outcome
        return checked(outcome, shape, self.url)


def _one_may_be_at_fault(outcome: Outcome) -> bool:
    return isinstance(outcome, RewardServerError) and outcome.status in REFUSALS


def _as_logit(score: JsonValue) -> float:
    return logit(score) if isinstance(score, float) else float("nan")
