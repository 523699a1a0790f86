"""Reward models that are made of other Runnables: judges, ensembles, penalties, a person.

Each says once how it works, as a chain; `invoke`, `ainvoke` and `batch` follow from that. Knows
nothing of any particular way to score.
"""

from abc import abstractmethod
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import RunnableBindingBase
from pydantic import ConfigDict

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.reward_models.interface import Score, ScoreRequest


class ComposedReward(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """A frozen reward model that scores by running a chain of its own.

    Subclasses write `chain`; sync and async runs, batches and traces follow from it.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> class Brevity(ComposedReward):
        ...     def chain(self, request):
        ...         return RunnableLambda(lambda asked: [-len(one) for one in asked["responses"]])
        >>> Brevity().invoke({"messages": [], "responses": ["short", "longer"]})
        [-5, -6]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **options: Any) -> None:
        """Check the options.

        Args:
            options: The fields of the class.
        """
        super().__init__(**options)

    @abstractmethod
    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Build what scores this very request."""

    @property
    def asks_a_person(self) -> bool:
        """Whether scoring may pause the run until a person has answered."""
        return False

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses."""
        del kwargs  # nothing here takes any
        return self.chain(input).invoke(input, config)

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses without blocking the event loop."""
        del kwargs  # as above
        return await self.chain(input).ainvoke(input, config)


def asks_a_person(reward: object) -> bool:
    """Return whether a reward model, wrapped or not, may pause the run to ask a person."""
    if isinstance(reward, RunnableBindingBase):
        return asks_a_person(reward.bound)
    return isinstance(reward, ComposedReward) and reward.asks_a_person


def run_so_far(request: ScoreRequest) -> list[Candidate] | None:
    """Return every response of earlier rounds, oldest first; None when the caller did not say.

    Example:
        >>> run_so_far({"messages": [], "responses": ["a"]}) is None
        True
    """
    return request.get("pool")


def without_rewards(request: ScoreRequest) -> ScoreRequest:
    """Return the request as a part of a whole may see it.

    The rewards of earlier rounds are those of the whole; to a part they would be on a strange
    scale. The texts stay: a pairwise judge finds its anchor by them.
    """
    pool = run_so_far(request)
    if pool is None:
        return request
    texts = [
        Candidate(text=known["text"], reward=None, round=known.get("round", 0)) for known in pool
    ]
    return {**request, "pool": texts}
