"""One call of a reward model, for a batch of responses.

Knows how a reward model is called and what judging costs; knows nothing of rounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo.candidate_pool import KeptScore
from langchain_tpo.reward_models.base import OnCopy, maximum_of
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores
from langchain_tpo.sampling.inner_calls import inner_config
from langchain_tpo.sampling.usage import Usage, UsageCounter


@dataclass(frozen=True, kw_only=True)
class BatchScores:
    """One score per text that was asked for, and what judging cost in model tokens."""

    by_text: Mapping[str, KeptScore]
    usage: Usage
    left_out: int = 0
    unseeded: bool = False
    maximum: float | None = None
    """The highest reward there can be, where the reward model knows it."""

    def of(self, text: str) -> KeptScore:
        """Return the score of a text of the request."""
        return self.by_text[text]


LABELS = {"tpo_step": "reward"}
"""What the trace of a reward model says of itself."""


class RewardCaller:
    """Calls one reward model; immutable."""

    def __init__(self, reward_model: RewardModel) -> None:
        """Take the reward model as it is.

        Args:
            reward_model: Anything that keeps the contract of `RewardModel`.
        """
        self._maximum = maximum_of(reward_model)
        on_copy = OnCopy(reward_model)
        self._named = RunnableLambda(on_copy.invoke, on_copy.ainvoke, name=reward_model.get_name())

    def run(self, request: ScoreRequest, config: RunnableConfig) -> BatchScores:
        """Score a batch; nothing is called for an empty one."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = self._named.invoke(request, inner_config(config, counter, LABELS))
        return self._read(scores, request, counter)

    async def arun(self, request: ScoreRequest, config: RunnableConfig) -> BatchScores:
        """Score a batch without blocking the event loop."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = await self._named.ainvoke(request, inner_config(config, counter, LABELS))
        return self._read(scores, request, counter)

    def _read(self, scores: object, request: ScoreRequest, counter: UsageCounter) -> BatchScores:
        return BatchScores(
            by_text=checked_scores(scores, request["responses"]),
            usage=counter.usage,
            maximum=self._maximum,
        )
