"""A reward's figures without its words: for the question of how much the words matter.

Knows scores; knows nothing of systems.
"""

from collections.abc import Mapping, Sequence

from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import SkipValidation

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.reward_models.base import ComposedReward, OnCopy, maximum_of
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.state import FirstSamples


class WithoutWords(ComposedReward):
    """Another reward, silent.

    Example:
        >>> told = RunnableLambda(lambda asked: [{"reward": 0.5, "rationale": "Too long."}])
        >>> WithoutWords(reward=told).invoke({"messages": [], "responses": ["..."]})
        [0.5]
    """

    reward: SkipValidation[RewardModel]
    """What scores."""

    @property
    def inside(self) -> Sequence[RewardModel]:
        """The other one."""
        return (self.reward,)

    @property
    def maximum(self) -> float | None:
        """That of the other one."""
        return maximum_of(self.reward)

    @property
    def explains(self) -> bool:
        """Whether scores come with words: never."""
        return False

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:  # noqa: ARG002 always the same
        """Score, and keep the words back."""
        return OnCopy(self.reward) | RunnableLambda(_figures)


def samples_without_words(samples: FirstSamples) -> FirstSamples:
    """Return first samples with what they earned, and without what was said of them."""
    return {**samples, "candidates": [_silent(candidate) for candidate in samples["candidates"]]}


def _figures(scores: Sequence[Score]) -> list[Score]:
    return [score["reward"] if isinstance(score, Mapping) else score for score in scores]


def _silent(candidate: Candidate) -> Candidate:
    silent = candidate.copy()
    silent.pop("rationale", None)
    silent.pop("flaws", None)
    return silent
