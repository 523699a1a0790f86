import asyncio
import time
from collections.abc import Callable

import pytest
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


async def test_when_a_member_fails_the_others_stop() -> None:
    async def slow(_: ScoreRequest) -> list[Score]:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.append("slow")
            raise
        return [1.0]

    async def failing(_: ScoreRequest) -> list[Score]:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError

    stopped: list[str] = []
    members = Members({"slow": RunnableLambda(slow), "failing": RunnableLambda(failing)})

    with pytest.raises(ZeroDivisionError):
        await members.ainvoke(request_for("a"))

    assert stopped == ["slow"]


def test_members_that_have_not_begun_do_not_begin_when_one_fails() -> None:
    begun: list[str] = []

    def failing(_: ScoreRequest) -> list[Score]:
        raise ZeroDivisionError

    def other(_: ScoreRequest) -> list[float]:
        begun.append("other")
        time.sleep(0.1)  # while it works, the failure of the first is heard
        return [1.0]

    others = {name: RunnableLambda(other) for name in "bcdef"}
    members = Members({"a": RunnableLambda(failing), **others})

    with pytest.raises(ZeroDivisionError):
        members.invoke(request_for("a"), {"max_concurrency": 1})

    assert len(begun) < len(others)


async def test_every_member_gets_a_copy_of_its_own() -> None:
    def sorts(request: ScoreRequest) -> list[Score]:
        request["responses"].sort(reverse=True)
        return [float(len(text)) for text in request["responses"]]

    request = request_for("a", "bb")
    members = Members({"one": RunnableLambda(sorts), "two": RunnableLambda(sorts)})

    assert members.invoke(request) == {"one": [1.0, 2.0], "two": [1.0, 2.0]}
    assert request["responses"] == ["a", "bb"]
