"""One call of a reward model, for a batch of responses or for one that has just arrived.

Knows how a reward model is called and what judging costs; knows nothing of rounds.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.config import merge_configs
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp

from langchain_tpo.candidate_pool import Scored
from langchain_tpo.reward_models.base import asks_a_person
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.reward_models.scores import checked
from langchain_tpo.sampling.draws import ModelReply, OnArrival
from langchain_tpo.sampling.usage import FAILED_REQUEST, NOTHING_USED, Usage, UsageCounter
from langchain_tpo.settings import TPOSettings

logger = logging.getLogger(__name__)


Reader: TypeAlias = Callable[[str], object]
"""Takes the response out of a reply; anything but a text is none."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One score per text that was asked for, and what judging cost in model tokens."""

    by_text: Mapping[str, Scored]
    usage: Usage
    judged: Usage = field(default_factory=lambda: NOTHING_USED)
    left_out: int = 0

    def of(self, text: str) -> Scored:
        """Return the score of a text of the request."""
        return self.by_text[text]


class Scorer:
    """Calls one reward model; immutable."""

    def __init__(self, reward_model: RewardModel) -> None:
        """Take the reward model as it is.

        Args:
            reward_model: Anything that keeps the contract of `RewardModel`.
        """
        self._asks_a_person = asks_a_person(reward_model)
        self._named = RunnableLambda(
            reward_model.invoke, reward_model.ainvoke, name=reward_model.get_name()
        )

    def on_arrival(
        self, request: ScoreRequest, read: Reader, settings: TPOSettings
    ) -> OnArrival | None:
        """Return what scores the draws of a step as they come; None otherwise.

        Args:
            request: Conversation and pool; no responses yet.
            read: Takes the response out of a reply.
            settings: Whether to.
        """
        early = settings.score_on_arrival and not self._asks_a_person
        return _ScoreOnArrival(self, request, read) if early else None

    def run(self, request: ScoreRequest, config: RunnableConfig) -> Scores:
        """Score a batch; nothing is called for an empty one."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = self._named.invoke(request, _inner_config(config, counter))
        return Scores(by_text=checked(scores, request["responses"]), usage=counter.usage)

    async def arun(self, request: ScoreRequest, config: RunnableConfig) -> Scores:
        """Score a batch without blocking the event loop."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = await self._named.ainvoke(request, _inner_config(config, counter))
        return Scores(by_text=checked(scores, request["responses"]), usage=counter.usage)


class _ScoreOnArrival:
    """Scores what a reply holds while other draws of the round are still on their way.

    Each text is scored once. What gets no score in this way, because the reward model failed or
    compares responses with each other, is left to the step `reward`.
    """

    def __init__(self, scorer: Scorer, request: ScoreRequest, read: Reader) -> None:
        self._scorer = scorer
        self._request = request
        self._read = read
        self._claimed = dict.fromkeys(one["text"] for one in request.get("pool", []))

    def run(self, reply: ModelReply, config: RunnableConfig) -> ModelReply:
        """Return the reply with scores, or as it was."""
        asked = self._asked(reply)
        try:
            return _with_scores(reply, self._scorer.run(asked, config))
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 the step `reward` asks again, and raises
            return _unscored(reply, error)

    async def arun(self, reply: ModelReply, config: RunnableConfig) -> ModelReply:
        """As `run`, without blocking the event loop."""
        asked = self._asked(reply)
        try:
            return _with_scores(reply, await self._scorer.arun(asked, config))
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001 as above
            return _unscored(reply, error)

    def _asked(self, reply: ModelReply) -> ScoreRequest:
        texts = [text for text in map(self._read, reply["texts"]) if isinstance(text, str)]
        mine = object()  # `setdefault` is atomic: of equal texts in two threads one is claimed
        fresh = [text for text in dict.fromkeys(texts) if self._claim(text, mine)]
        return {**self._request, "responses": fresh}

    def _claim(self, text: str, claimant: object) -> bool:
        return self._claimed.setdefault(text, claimant) is claimant


def _with_scores(reply: ModelReply, scores: Scores) -> ModelReply:
    known = {text: score for text, score in scores.by_text.items() if score["reward"] is not None}
    return {**reply, "scores": known, "judged": scores.usage}


def _unscored(reply: ModelReply, error: Exception) -> ModelReply:
    logger.debug("a response was not scored on arrival: %s", type(error).__name__)
    return {**reply, "judged": FAILED_REQUEST}


def _inner_config(config: RunnableConfig, counter: UsageCounter) -> RunnableConfig:
    own = RunnableConfig(
        callbacks=[counter],
        tags=[TAG_NOSTREAM],
        metadata={"lc_source": "tpo", "tpo_step": "reward"},
    )
    return merge_configs(config, own)
