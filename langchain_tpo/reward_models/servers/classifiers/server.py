"""What all sequence classifiers behind a server share: batches, refusals, and proof of raw logits.

Knows that a reward is the raw logit of one label, or a weighted sum of several, and how to tell it
from a probability. Knows no server's routes: a subclass writes one request and reads its answer.
"""

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, isfinite
from typing import ClassVar, cast

from pydantic import JsonValue, PrivateAttr

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import (
    Label,
    are_probabilities,
    only,
    only_score,
    weighted,
)
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, Flow

REFUSALS = frozenset({400, 413, 422, 424})
"""Statuses that one text of a batch may have earned for all: its neighbours are asked again."""

NOT_FOUND = 404
"""The status of a server that has no such route."""

OWN_SIGMOID = 0.6590460684
"""The number that is its own sigmoid: a logit near it cannot be told from its probability."""


@dataclass
class Experience:
    """What a server has shown of itself; no part of the reward model's identity."""

    raw: bool = field(default=False, compare=False)
    """Whether its answers are known to be raw logits."""
    batch_limit: int | None = field(default=None, compare=False)
    """Most texts of one request, where the server was asked."""
    above_v1: bool = field(default=False, compare=False)
    """Whether its routes lie above the `/v1` that the URL ends in."""
    route: str | None = field(default=None, compare=False)
    """The route that it turned out to have."""


class ClassifierServer(HttpRewardModel):
    """A sequence classifier behind a server; see the subclasses.

    A round is sent in the fewest requests that the server allows. Where a server refuses a batch,
    each of its texts is asked for alone, so that one text too long costs one score. While all
    scores lie between 0 and 1, one more request per object finds out whether the server applies a
    sigmoid against the request's word.
    """

    check_raw: bool = True
    """False accepts scores between 0 and 1 unseen: for a model that was trained to give them."""
    weights: Mapping[str, float] | Sequence[float] | None = None
    """For a head of several labels, such as ArmoRM's: how much each raw logit counts in the sum, by
    name, or by place where the server numbers its labels."""

    limit: ClassVar[int] = sys.maxsize
    """Most texts that one request may hold."""
    raw_option: ClassVar[str] = ""
    """How a request asks for the raw logit, for errors; empty where none can."""
    remedy: ClassVar[str] = ""
    """What to do about a server that gives none."""

    _experience: Experience = PrivateAttr(default_factory=Experience)

    @property
    def server(self) -> RewardServer:
        """The server with its limits; above `/v1` once its routes turned out to be there."""
        return self.above_v1 if self._experience.above_v1 else super().server

    @property
    def above_v1(self) -> RewardServer:
        """The server without the `/v1` that its URL may end in."""
        url = self.url.rstrip("/").removesuffix("/v1")
        return self.server_at(url, self.api_key, headers=self.headers, query=self.query)

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

    def reader(self, request: ScoreRequest) -> Callable[[JsonValue], Sequence[float | None]]:
        """Return what reads the answer to a request: as many scores as it has responses."""
        count = len(request["responses"])
        return lambda answer: self._read_all(answer, count)

    def look_elsewhere(self) -> bool:
        """Turn to where else the routes may be, after HTTP 404; False if there is no such place.

        A gateway may keep them below `/v1`, and who gives the root of OpenAI's routes means the
        server above.
        """
        found = self.url.rstrip("/").endswith("/v1") and not self._experience.above_v1
        self._experience.above_v1 = self._experience.above_v1 or found
        return found

    def of_labels(self, labels: Sequence[Label]) -> float | None:
        """Return the reward of a text from its named labels, in whatever order.

        Args:
            labels: All labels of the text.
        """
        if self.weights is None:
            return only_score(labels, self.url)
        if not isinstance(self.weights, Mapping):
            raise RewardServerError(
                f"`{self.url}` names its labels and sorts them: give `weights` by name."
            )
        return self._weighted({label.label: label.score for label in labels}, self.weights)

    def of_numbers(self, scores: Sequence[float | None]) -> float | None:
        """Return the reward of a text from its labels by place.

        Args:
            scores: All labels of the text, in the order of the head.
        """
        if self.weights is None:
            return only(scores, self.url)
        if isinstance(self.weights, Mapping) or len(self.weights) != len(scores):
            raise RewardServerError(
                f"`{self.url}` numbers its {len(scores)} labels: give `weights` as a list of "
                f"{len(scores)}."
            )
        by_place = {str(place): weight for place, weight in enumerate(self.weights)}
        return self._weighted(dict(zip(by_place, scores, strict=True)), by_place)

    def batch_limit(self) -> Flow[int]:
        """Return the most texts that one request may hold; may ask the server."""
        yield from ()
        return self.limit

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Score a batch; see the class for how."""
        texts = request["responses"]
        outcomes = yield from self._outcomes(request)
        if _nowhere(outcomes.values()) and self.look_elsewhere():
            outcomes = yield from self._outcomes(request)
        scores = read_scores([outcomes[text] for text in texts], _score)
        if self.check_raw and self.weights is None and not self._experience.raw:
            yield from self.prove_raw(request, scores)
        return scores

    def _outcomes(self, request: ScoreRequest) -> Flow[dict[str, AnswerOrError]]:
        messages, texts = request["messages"], request["responses"]
        limit = yield from self.batch_limit()
        batches = [texts[start : start + limit] for start in range(0, len(texts), limit)]
        outcomes: dict[str, AnswerOrError] = {}
        while batches:
            requests = [ScoreRequest(messages=messages, responses=batch) for batch in batches]
            answers = yield [replace(self.call(one), read=self.reader(one)) for one in requests]
            alone = []
            for batch, answer in zip(batches, answers, strict=True):
                outcomes |= _by_text(batch, answer)
                alone += [[text] for text in batch if _refused_in_company(batch, answer)]
            batches = alone
        return outcomes

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
            (answer,) = yield [replace(self.call(again, raw=False), read=self.reader(again))]
            if isinstance(answer, RewardServerError):
                if answer.status is None and answer.__cause__ is None:
                    raise answer  # answered, and nothing that can be read
                return
            (activated,) = answer
            if activated is not None:
                sigmoid = 1 / (1 + exp(-score))
                if abs(activated - score) < abs(activated - sigmoid):
                    raise self.not_raw(score)
        self._experience.raw = True

    def not_raw(self, score: float) -> RewardServerError:
        """Return the error of a server that answers probabilities."""
        told = "where a raw logit is needed: serve the model without a softmax"
        if self.raw_option:
            asked = f"although the raw logit was asked for with `{self.raw_option}`"
            told = f"{asked}: {self.remedy}"
        return RewardServerError(
            f"`{self.server.post('', {}).where}` answers a probability (`{score:g}`) {told}, or "
            "give `check_raw=False` if the model was trained to score between 0 and 1."
        )

    def _weighted(
        self, scores: Mapping[str, float | None], weights: Mapping[str, float]
    ) -> float | None:
        if self.check_raw and are_probabilities([*scores.values()]):
            raise self.not_raw(max(score for score in scores.values() if score is not None))
        return weighted(scores, weights, self.url)

    def _read_all(self, answer: JsonValue, count: int) -> Sequence[float | None]:
        scores = self.read(answer)
        if len(scores) != count:
            raise RewardServerError(
                f"`{self.url}` answered {len(scores)} scores for {count} texts: check that the "
                "kind of server is right."
            )
        return scores


def _by_text(batch: Sequence[str], answer: AnswerOrError) -> dict[str, AnswerOrError]:
    if isinstance(answer, RewardServerError):
        return dict.fromkeys(batch, answer)
    return dict(zip(batch, answer, strict=True))


def _nowhere(outcomes: Iterable[AnswerOrError]) -> bool:
    """Return whether the server has no such route."""
    return all(isinstance(o, RewardServerError) and o.status == NOT_FOUND for o in outcomes)


def _refused_in_company(batch: Sequence[str], answer: AnswerOrError) -> bool:
    refused = isinstance(answer, RewardServerError) and answer.status in REFUSALS
    return refused and len(batch) > 1


def _score(answer: JsonValue) -> Score:
    return cast("float | None", answer)
