"""Code of others in async runs, and before the loop begins: it fails its call and nothing else."""

import asyncio
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import tool

from langchain_tpo import ChatTPO, TPOMiddleware, TPORunnable
from langchain_tpo.errors import RewardOutputError, RunError
from langchain_tpo.reward_models import Ensemble
from tests.support.fakes import ScriptedModel, last_number
from tests.support.tool_fakes import ScriptedAgentModel
from tests.unit_tests.sampling.test_foreign_code import ENDINGS, raising, tpo

NOT_SYSTEM_EXIT = ENDINGS[2:]  # asyncio ends its loop by that one: see docs/errors.md


class OwnReward(Runnable[Any, list[float]]):
    """A reward of a class of its own, which raises for revisions."""

    def __init__(self, error: BaseException) -> None:
        """Take what it raises."""
        self._error = error

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> list[float]:
        """Score first samples only."""
        if "revision" in input["responses"][0]:
            raise self._error
        return [last_number("", response) for response in input["responses"]]

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> list[float]:
        """Score in the event loop itself."""
        return self.invoke(input)


@pytest.mark.parametrize("depth", [0, 1])
async def test_what_a_model_does_to_its_messages_changes_no_others(*, depth: int) -> None:
    seen: list[str] = []

    def draw(messages: list[BaseMessage]) -> str:
        seen.append(messages[0].text)
        messages[0].content = "Oil?"
        messages[0].additional_kwargs.setdefault("seen", []).append("by a model")
        messages.append(HumanMessage("And?"))
        return f"<IMPROVED_VARIABLE>Wax {len(seen)}</IMPROVED_VARIABLE>"

    asked = HumanMessage("Wood?", additional_kwargs={"seen": []})
    for run in (0, 1):
        link = tpo(model=RunnableLambda(draw), depth=depth)
        result = await link.aoptimize([asked]) if run else link.optimize([asked])
        assert result.stop_reason == "depth"
        assert "Oil?" not in seen
        assert (asked.content, asked.additional_kwargs) == ("Wood?", {"seen": []})


async def test_a_reward_may_empty_its_request() -> None:
    def score(request: Any) -> list[float]:
        scores = [last_number("", response) for response in request["responses"]]
        request.clear()
        return scores

    link = tpo(reward=RunnableLambda(score))
    assert link.optimize("Wood?").stop_reason == "depth"
    assert (await link.aoptimize("Wood?")).stop_reason == "depth"


def told(error: BaseException) -> str:
    """Return how a line begins that says what was raised; asyncio empties cancellations."""
    shown = "CancelledError('" if isinstance(error, asyncio.CancelledError) else f"{error!r}`"
    return f" raised `{shown}"


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in an ensemble"])
async def test_a_reward_of_a_class_of_its_own_ends_no_loop(
    error: BaseException, *, alone: bool
) -> None:
    own = OwnReward(error)
    reward: Any = own if alone else Ensemble({"own": own, "number": last_number})

    result = await tpo(reward=reward).aoptimize("Wood?")

    assert (result.stop_reason, result.answer.split()[0]) == ("error", "sample")
    assert result.failure is not None
    assert result.failure["message"].startswith(f"The reward model raised `{error!r}`")


def test_an_error_whose_notes_fail_costs_no_answer() -> None:
    failing = type("Failing", (ValueError,), {"__notes__": property(lambda _: 1 / 0)})

    result = tpo(reward=OwnReward(failing("gone"))).optimize("Wood?")

    assert (result.stop_reason, result.answer) == ("error", "sample 2")
    assert result.failure is not None
    assert (result.failure["type"], result.failure["message"]) == ("Failing", "gone")


@pytest.mark.parametrize("name", ["__class__", "__getattribute__"])
def test_a_score_without_a_class_is_no_score(name: str) -> None:
    def fails(*_arguments: object) -> Any:
        raise ZeroDivisionError("hostile")

    hostile = type("Hostile", (), {name: property(fails) if name == "__class__" else fails})
    with pytest.raises(RewardOutputError, match="a Hostile came, expected a number"):
        tpo(reward=lambda _prompt, _response: hostile()).optimize("Wood?")


@pytest.mark.parametrize("error", NOT_SYSTEM_EXIT, ids=repr)
async def test_what_langchain_and_python_make_of_it_is_undone(error: BaseException) -> None:
    all_draws = ScriptedModel(reply=raising(error, lambda _step, _number: True))
    with pytest.raises(RunError) as raised:
        await tpo(model=all_draws).ainvoke("Wood?")
    assert str(raised.value).startswith(f"The model{told(error)}")


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
def test_a_first_reply_is_contained_as_all_others_are(error: BaseException) -> None:
    @tool
    def price(of: str) -> str:
        """Return a price."""
        return of

    model = ScriptedAgentModel(reply=raising(error, lambda _step, _number: True))
    agent = create_agent(model, [price], middleware=[_middleware()])
    for call in (
        lambda: agent.invoke({"messages": [("human", "Wood?")]}),
        lambda: ChatTPO(model=model, reward=last_number, width=2).bind_tools([price]).invoke("?"),
    ):
        with pytest.raises(RunError) as raised:
            call()
        assert str(raised.value).startswith(f"The model{told(error)}")


@pytest.mark.parametrize("error", NOT_SYSTEM_EXIT, ids=repr)
async def test_a_first_reply_in_an_async_agent_is_contained_too(error: BaseException) -> None:
    model = ScriptedAgentModel(reply=raising(error, lambda _step, _number: True))
    agent = create_agent(model, middleware=[_middleware()])
    with pytest.raises(RunError) as raised:
        await agent.ainvoke({"messages": [("human", "Wood?")]})
    assert str(raised.value).startswith(f"The model{told(error)}")


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
@pytest.mark.parametrize("option", ["should_optimize", "settings"])
def test_functions_of_an_agent_end_no_program(error: BaseException, option: str) -> None:
    def leave(*_asked: object) -> Any:
        raise error

    agent = create_agent(ScriptedAgentModel(), middleware=[_middleware(**{option: leave})])
    with pytest.raises(RunError, match=rf"`{option}`.* raised `") as raised:
        agent.invoke({"messages": [("human", "Wood?")]})
    assert f"{error!r}`" in str(raised.value)


@pytest.mark.parametrize("place", ["model", "reward"])
async def test_where_no_thread_can_be_started_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def started(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def draw(_messages: Any) -> str:
        return "Oil it."

    link: TPORunnable = tpo(model=RunnableLambda(draw) if place == "model" else ScriptedModel())
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", started)
        with pytest.raises(RunError, match=rf"^The {place}( model)? could not be called \(Runtime"):
            await link.ainvoke("Wood?")


def _middleware(**options: Any) -> TPOMiddleware:
    return TPOMiddleware(**{"reward": last_number, "width": 2, "depth": 1, **options})
