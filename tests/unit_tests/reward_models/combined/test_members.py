from collections.abc import Callable

from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.reward_models.base import ComposedReward
from langchain_tpo.reward_models.combined.members import Members
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from tests.unit_tests.reward_models.judges.judge_fakes import request_for


class Person(ComposedReward):
    says: str
    tell: Callable[[str], None]

    @property
    def asks_a_person(self) -> bool:
        return True

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        return RunnableLambda(lambda _: self.tell(self.says) or [1.0])


async def test_people_are_asked_in_order_and_before_the_rest() -> None:
    heard: list[str] = []
    quick: Runnable[ScoreRequest, list[Score]] = RunnableLambda(
        lambda _: heard.append("quick") or [2.0]
    )
    people = {name: Person(says=name, tell=heard.append) for name in ("first", "second")}
    members = Members({"quick": quick, **people})
    expected = {"first": [1.0], "second": [1.0], "quick": [2.0]}
    assert members.invoke(request_for("a")) == expected
    assert await members.ainvoke(request_for("a")) == expected
    assert heard == ["first", "second", "quick"] * 2
