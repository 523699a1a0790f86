"""The members of an ensemble, asked together.

Knows that a person is asked first and alone; does not know what becomes of the scores.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from langchain_core.runnables import Runnable, RunnableConfig, RunnableParallel

from langchain_tpo.reward_models.base import asks_a_person
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest

MemberScores: TypeAlias = Mapping[str, list[Score]]
"""What each member gave, by its name."""


class Members(Runnable[ScoreRequest, MemberScores]):
    """Asks all members at once, after those that wait for a person.

    A pause runs the whole step again. What comes after the last answer runs once: so no other
    member is paid twice, and every answer of a person goes to the member that had asked.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> length = RunnableLambda(lambda request: [len(one) for one in request["responses"]])
        >>> Members({"long": length}).invoke({"messages": [], "responses": ["a", "bcd"]})
        {'long': [1, 3]}
    """

    def __init__(self, members: Mapping[str, RewardModel]) -> None:
        """Tell apart who asks a person.

        Args:
            members: Reward models by name.
        """
        self._people = {name: one for name, one in members.items() if asks_a_person(one)}
        others = {name: one for name, one in members.items() if name not in self._people}
        self._others: Runnable[ScoreRequest, dict[str, Any]] = RunnableParallel(others)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> MemberScores:
        """Ask everyone."""
        del kwargs  # members take none
        said = {name: one.invoke(input, config) for name, one in self._people.items()}
        return {**said, **self._others.invoke(input, config)}

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> MemberScores:
        """Ask everyone, without blocking the event loop."""
        del kwargs  # as above
        said = {name: await one.ainvoke(input, config) for name, one in self._people.items()}
        return {**said, **await self._others.ainvoke(input, config)}
