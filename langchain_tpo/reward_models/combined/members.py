"""The members of an ensemble, asked together.

Knows that a person is asked first and alone; does not know what becomes of the scores.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, wait
from typing import Any, TypeAlias

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import get_executor_for_config, merge_configs

from langchain_tpo.reward_models.base import OnCopy, asks_a_person
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest

MemberScores: TypeAlias = Mapping[str, list[Score]]
"""What each member gave, by its name."""


class Members(Runnable[ScoreRequest, MemberScores]):
    """Asks all members at once, after those that wait for a person.

    A pause runs the whole step again. What comes after the last answer runs once: so no other
    member is paid twice, and every answer of a person goes to the member that had asked. When a
    member fails the others stop with it: at once in async runs, in sync ones those that have not
    begun. Each is handed a copy of the request.

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
        asking = {name for name, member in members.items() if asks_a_person(member)}
        self._people = {name: OnCopy(member) for name, member in members.items() if name in asking}
        self._others = {
            name: OnCopy(member) for name, member in members.items() if name not in asking
        }

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> MemberScores:
        """Ask everyone."""
        del kwargs  # members take none
        from_people = {name: member.invoke(input, config) for name, member in self._people.items()}
        wide = merge_configs({"max_concurrency": max(1, len(self._others))}, config)
        with get_executor_for_config(wide) as executor:
            asked = {
                name: executor.submit(member.invoke, input, config)
                for name, member in self._others.items()
            }
            finished, waiting = wait(asked.values(), return_when=FIRST_EXCEPTION)
            for future in waiting:
                future.cancel()
            for future in finished:
                future.result()  # raises what a member raised
            return {**from_people, **{name: future.result() for name, future in asked.items()}}

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> MemberScores:
        """Ask everyone, without blocking the event loop."""
        del kwargs  # as above
        from_people = {
            name: await member.ainvoke(input, config) for name, member in self._people.items()
        }
        tasks = [
            asyncio.ensure_future(other.ainvoke(input, config)) for other in self._others.values()
        ]
        try:
            scores = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return {**from_people, **dict(zip(self._others, scores, strict=True))}
