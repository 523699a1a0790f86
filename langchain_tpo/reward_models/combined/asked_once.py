"""A reward model that is asked once, though a pause for a person runs its step again.

Knows what LangGraph keeps of a step; knows nothing of what comes after the scores.
"""

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.func import entrypoint

from langchain_tpo.candidate_pool import KeptScore
from langchain_tpo.reward_models.base import OnCopy
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores


class AskedOnce(Runnable[ScoreRequest, list[KeptScore]]):
    """Scores as a run inside of the run, whose result the checkpoint keeps.

    After a pause that comes later in the same step, the scores are those from before it: nobody is
    paid twice, and the person's answer goes to the responses that were shown. Outside of a graph
    with a checkpointer, where nothing can pause, it only scores; in a run with `durability="exit"`,
    which keeps nothing before it ends or pauses, it scores again.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> length = RunnableLambda(lambda request: [len(one) for one in request["responses"]])
        >>> AskedOnce(length).invoke({"messages": [], "responses": ["a", "bcd"]})
        [{'reward': 1.0}, {'reward': 3.0}]
    """

    def __init__(self, reward_model: RewardModel) -> None:
        """Take the reward model as it is.

        Args:
            reward_model: Anything that keeps the contract of `RewardModel`.
        """
        self._on_copy = OnCopy(reward_model)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[KeptScore]:
        """Score the responses, or return the scores that were kept."""
        del kwargs  # none are taken

        def scores(_: dict[str, Any], config: RunnableConfig) -> list[KeptScore]:
            return _plain(self._on_copy.invoke(input, config), input["responses"])

        return entrypoint()(scores).invoke({}, config)  # type: ignore[return-value]  # of `scores`

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[KeptScore]:
        """Score without blocking the event loop."""
        del kwargs  # as above

        async def scores(_: dict[str, Any], config: RunnableConfig) -> list[KeptScore]:
            return _plain(await self._on_copy.ainvoke(input, config), input["responses"])

        return await entrypoint()(scores).ainvoke({}, config)  # type: ignore[return-value]  # as above


def _plain(scores: object, texts: list[str]) -> list[KeptScore]:
    """Return scores as values that a checkpoint can keep, whatever the reward model returned."""
    by_text = checked_scores(scores, texts)
    return [by_text[text] for text in texts]
