"""What all sequence classifiers behind a server share: batches, refusals, and proof of raw logits.

Knows that a reward is the raw logit of one label, and how to tell it from a probability. Knows no
server's routes: a subclass writes one request and reads its answer.
"""

import sys
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, isfinite
from typing import ClassVar, Self, cast

from pydantic import JsonValue, PrivateAttr, model_validator

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import Flow, Outcome

REFUSALS = frozenset({400, 413, 422, 424})
"""Statuses that one text of a batch may have earned for all: its neighbours are asked again."""

OWN_SIGMOID = 0.6590460684
"""The number that is its own sigmoid: a logit near it cannot be told from its probability."""


@dataclass
class Experience:
    """What a server has shown of itself; no part of the reward model's identity."""

    raw: bool = field(default=False, compare=False)
    """Whether its answers are known to be raw logits."""
    batch_limit: int | None = field(default=None, compare=False)
    """Most texts of one request, where the server was asked."""


class ClassifierServer(HttpRewardModel):
    """A sequence classifier with one label behind a server; see the subclasses.

    A round is sent in the fewest requests that the server allows. Where a server refuses a batch,
    each of its texts is asked for alone, so that one text too long costs one score. While all
    scores lie between 0 and 1, one more request per object finds out whether the server applies a
    sigmoid against the request's word.
    """

    check_raw: bool = True
    """False accepts scores between 0 and 1 unseen: for a model that was trained to give them."""

    limit: ClassVar[int] = sys.maxsize
    """Most texts that one request may hold."""
    raw_option: ClassVar[str] = ""
    """How a request asks for the raw logit, for errors."""
    remedy: ClassVar[str] = ""
    """What to do about a server that gives none."""

    _experience: Experience = PrivateAttr(default_factory=Experience)

    @model_validator(mode="after")
    def _url_is_a_root(self) -> Self:
        if self.url.rstrip("/").endswith("/v1"):
            raise SettingsError(
                f"`url` must be the root of the server, without `/v1`, got `{self.url}`."
            )
        return self

    @abstractmethod
    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the one request for all responses.

        Args:
            request: As many responses as one request may hold.
            raw: Whether to ask for the raw logit or for its sigmoid.
        """

    @abstractmethod
    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the scores in an answer, in the order of the texts, or raise what is wrong."""

    def batch_limit(self) -> Flow[int]:
        """Return the most texts that one request may hold; may ask the server."""
        yield from ()
        return self.limit

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Score a batch; see the class for how."""
        messages, texts = request["messages"], request["responses"]
        limit = yield from self.batch_limit()
        batches = [texts[start : start + limit] for start in range(0, len(texts), limit)]
        outcomes: dict[str, Outcome] = {}
        while batches:
            calls = [self.call({"messages": messages, "responses": batch}) for batch in batches]
            answers = yield calls
            alone = []
            for batch, answer in zip(batches, answers, strict=True):
                outcomes.update(self._by_text(batch, answer))
                alone += [[text] for text in batch if _refused_in_company(batch, answer)]
            batches = alone
        scores = read_scores([outcomes[text] for text in texts], _score)
        if self.check_raw and not self._experience.raw:
            yield from self.prove_raw(request, scores)
        return scores

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Raise if the scores are probabilities.

        A score outside of 0 to 1 is none. Else one text is scored again with the sigmoid asked
        for: a server that answers the same number heeds no such request.
        """
        known = [
            (score, text)
            for score, text in zip(scores, request["responses"], strict=True)
            if isinstance(score, float) and isfinite(score)
        ]
        if all(0 <= score <= 1 for score, _ in known):
            if not known:
                return
            score, text = max(known, key=lambda pair: abs(pair[0] - OWN_SIGMOID))
            again: ScoreRequest = {"messages": request["messages"], "responses": [text]}
            (answer,) = yield [self.call(again, raw=False)]
            if isinstance(answer, RewardServerError):
                return
            (activated,) = self._read_all(answer, 1)
            if activated is not None and _is_nearer(activated, score, 1 / (1 + exp(-score))):
                raise self.not_raw(score)
        self._experience.raw = True

    def not_raw(self, score: float) -> RewardServerError:
        """Return the error of a server that answers probabilities."""
        return RewardServerError(
            f"`{self.server.post('', {}).where}` answers a probability (`{score:g}`) although the "
            f"raw logit was asked for with `{self.raw_option}`: {self.remedy}, or give "
            "`check_raw=False` if the model was trained to score between 0 and 1."
        )

    def _by_text(self, batch: Sequence[str], answer: Outcome) -> dict[str, Outcome]:
        if isinstance(answer, RewardServerError):
            return dict.fromkeys(batch, answer)
        try:
            return dict(zip(batch, self._read_all(answer, len(batch)), strict=True))
        except RewardServerError as error:
            return dict.fromkeys(batch, error)

    def _read_all(self, answer: JsonValue, count: int) -> Sequence[float | None]:
        scores = self.read(answer)
        if len(scores) != count:
            raise RewardServerError(
                f"`{self.url}` answered {len(scores)} scores for {count} texts: check that the "
                "kind of server is right."
            )
        return scores


def _refused_in_company(batch: Sequence[str], answer: Outcome) -> bool:
    refused = isinstance(answer, RewardServerError) and answer.status in REFUSALS
    return refused and len(batch) > 1


def _is_nearer(number: float, this: float, that: float) -> bool:
    return abs(number - this) < abs(number - that)


def _score(answer: JsonValue) -> Score:
    return cast("float | None", answer)
