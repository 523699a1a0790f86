"""Code of others fails its call and nothing else, and whatever it hands over is one typed line."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.errors import RewardError, RewardOutputError, RunError, TPOError
from langchain_tpo.reward_models import ChatJudge, FunctionReward
from langchain_tpo.sampling.foreign_code import contained
from tests.support.fakes import (
    ScriptedModel,
    ScriptedModelWithN,
    last_number,
    obedient,
)

PanicException: type[BaseException] = type(
    "PanicException", (BaseException,), {"__module__": "pyo3_runtime"}
)

ENDINGS = (
    SystemExit(0),
    SystemExit("bye"),
    StopIteration("over"),
    StopAsyncIteration("over"),
    GeneratorExit("over"),
    asyncio.CancelledError("nobody"),
    PanicException("index out of bounds"),
)


def raising(error: BaseException, when: Callable[[str, int], bool]) -> Any:
    """Return what a scripted model replies: an error where `when(step, number)` says so."""

    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if when(step, number):
            raise error
        return obedient(step, messages, number)

    return reply


def tpo(**parts: Any) -> TPORunnable:
    return TPORunnable(
        **{"model": ScriptedModel(), "reward": last_number, "width": 3, "depth": 1, **parts}
    )


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
def test_a_model_that_wants_to_end_the_program_loses_a_call(error: BaseException) -> None:
    in_critique = raising(error, lambda step, _: step == "textual_loss")
    failed = tpo(model=ScriptedModel(reply=in_critique)).optimize("Wood?")
    assert (failed.stop_reason, failed.reward, len(failed.pool)) == ("error", 2.0, 3)
    assert failed.failure is not None
    assert failed.failure["message"].startswith(f"The model raised `{error!r}`, which ends more")

    one_draw = raising(error, lambda step, number: step == "sample" and number == 1)
    result = tpo(model=ScriptedModel(reply=one_draw)).optimize("Wood?")
    assert (result.stop_reason, [drop["reason"] for drop in result.drops]) == ("depth", ["failed"])

    all_draws = ScriptedModel(reply=raising(error, lambda _step, _number: True))
    with pytest.raises(RunError, match="The model raised"):
        tpo(model=all_draws).invoke("Wood?")
    with pytest.raises(RunError, match="The model raised"):
        ChatTPO(model=all_draws, reward=last_number, width=2, depth=1).invoke("Wood?")
    outcomes = tpo(model=all_draws).batch(["Wood?", "Oil?"], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RunError, RunError]


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_a_reward_that_wants_to_end_the_program_loses_a_score(
    error: BaseException, *, sync: bool
) -> None:
    def score(prompt: str, response: str) -> float:
        if response == "sample 1":
            raise error
        return last_number(prompt, response)

    async def ascore(prompt: str, response: str) -> float:
        return score(prompt, response)

    link = tpo(reward=score if sync else ascore)
    result = link.optimize("Wood?") if sync else await link.aoptimize("Wood?")

    assert result.stop_reason == "depth"
    assert [one["text"] for one in result.pool if one["reward"] is None] == ["sample 1"]


@pytest.mark.parametrize("error", ENDINGS, ids=repr)
def test_a_reward_of_any_class_that_does_so_keeps_the_best_seen(error: BaseException) -> None:
    def score(request: Any) -> list[float]:
        if "revision" in request["responses"][0]:
            raise error
        return [last_number("", response) for response in request["responses"]]

    result = tpo(reward=RunnableLambda(score)).optimize("Wood?")

    assert (result.stop_reason, result.answer) == ("error", "sample 2")
    assert result.failure is not None
    assert result.failure["message"].startswith(f"The reward model raised `{error!r}`")


@pytest.mark.parametrize("place", ["model", "reward"])
def test_ctrl_c_and_a_handler_of_signals_end_what_they_are_meant_to_end(place: str) -> None:
    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(7)

    def struck(how: Callable[[], None]) -> TPORunnable:
        def respond(_messages: Any) -> str:
            if place == "model":
                how()
            return "Oil it."

        def score(_prompt: str, _response: str) -> float:
            how()
            return 1.0

        reward = score if place == "reward" else last_number
        return tpo(model=RunnableLambda(respond), reward=reward, width=1, depth=0)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        struck(interrupt).invoke("Wood?")
    before = signal.signal(signal.SIGUSR1, leave)
    try:
        with pytest.raises(SystemExit) as left:
            struck(lambda: signal.raise_signal(signal.SIGUSR1)).invoke("Wood?")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert left.value.code == 7


async def test_who_cancels_or_closes_a_task_is_obeyed() -> None:
    async def wait() -> None:
        with contained("The model"):
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    running = wait()

    async def begin() -> None:
        running.send(None)

    await asyncio.create_task(begin())
    running.close()  # as garbage collection and the end of a loop do


@pytest.mark.parametrize("threads", range(2, 12))
def test_where_no_thread_can_be_started_nothing_that_came_is_lost(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    left, start = [threads], threading.Thread.start

    def started(self: threading.Thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(self)

    several, each = ScriptedModelWithN(), ScriptedModel()
    monkeypatch.setattr(threading.Thread, "start", started)

    result = tpo(model=each).optimize("Wood?")
    assert result.stop_reason == "depth"
    assert result.reward == max(one["reward"] or 0.0 for one in result.pool)
    assert all(one["reward"] is not None for one in result.pool)
    left[0] = threads
    assert len(tpo(model=several).optimize("Wood?").pool) == 6


def test_where_none_can_be_started_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", started)
    with pytest.raises(RunError, match=r"^No request could be begun \(RuntimeError: can't start"):
        tpo().optimize("Wood?")


def test_each_response_is_scored_once_where_threads_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[str] = []

    def score(_prompt: str, response: str) -> float:
        scored.append(response)
        return 1.0

    left, start = [2], threading.Thread.start

    def started(self: threading.Thread) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", started)
    responses = [f"response {number}" for number in range(50)]
    asked: Any = {"messages": [HumanMessage("Wood?")], "responses": responses}
    assert FunctionReward(score).invoke(asked) == [1.0] * 50
    assert sorted(scored) == sorted(responses)


def fails(_self: object, *_args: object) -> Any:
    raise ZeroDivisionError("hostile")


HOSTILE = {
    name: type("Hostile", (), dict.fromkeys(names, fails))
    for name, names in {
        "text": ("__repr__", "__str__"),
        "comparison": ("__eq__", "__hash__"),
        "truth": ("__bool__",),
        "length": ("__len__",),
        "attributes": ("__getattr__",),
        "iteration": ("__iter__",),
        "number": ("__float__", "__int__", "__index__"),
    }.items()
}
"""Objects that fail when they are asked for something that every object has, or may have."""


def message(kind: type[BaseMessage], content: object) -> BaseMessage:
    """Return a message whose content nobody has checked."""
    shown = HumanMessage("") if kind is HumanMessage else AIMessage("")
    return shown.model_copy(update={"content": content})


def sampling(value: object) -> Any:
    options: Any = {"width": value}
    return TPOSettings(**options)


PLACES: dict[str, Callable[[Any], Any]] = {
    "model": lambda bad: tpo(model=bad),
    "critic": lambda bad: tpo(critic=bad),
    "reward": lambda bad: tpo(reward=bad),
    "settings": lambda bad: tpo(settings=bad),
    "judge": ChatJudge,
    "width": sampling,
    "strategy": lambda bad: TPOSettings(strategy=bad),
    "input": lambda bad: tpo().invoke(bad),
    "message": lambda bad: tpo().invoke([bad]),
    "content": lambda bad: tpo().invoke([message(HumanMessage, bad)]),
    "draft": lambda bad: tpo().invoke({"messages": "Wood?", "drafts": [bad]}),
    "drafts": lambda bad: tpo().invoke({"messages": "Wood?", "drafts": bad}),
    "context": lambda bad: tpo().invoke({"messages": "Wood?", "context": bad}),
    "first samples": lambda bad: tpo().invoke({"messages": "Wood?", "first_samples": bad}),
    "score": lambda bad: tpo(reward=lambda prompt, response: bad).invoke("Wood?"),
    "scores": lambda bad: tpo(reward=RunnableLambda(lambda _: bad)).invoke("Wood?"),
    "reward field": lambda bad: tpo(reward=lambda p, r: {"reward": bad}).invoke("Wood?"),
    "reply": lambda bad: tpo(model=RunnableLambda(lambda _: bad)).invoke("Wood?"),
    "content of a reply": lambda bad: tpo(
        model=RunnableLambda(lambda _: message(AIMessage, bad))
    ).invoke("Wood?"),
    "config": lambda bad: tpo().invoke("Wood?", bad),
    "tags": lambda bad: tpo().invoke("Wood?", {"tags": bad}),
    "metadata": lambda bad: tpo().invoke("Wood?", {"metadata": bad}),
    "configurable": lambda bad: tpo().invoke("Wood?", {"configurable": bad}),
    "concurrency": lambda bad: tpo().invoke("Wood?", {"max_concurrency": bad}),
    "limit": lambda bad: tpo().invoke("Wood?", {"recursion_limit": bad}),
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", PLACES)
def test_an_object_that_fails_is_one_typed_line(place: str, hostile: str) -> None:
    with pytest.raises(TPOError) as raised:
        PLACES[place](HOSTILE[hostile]())

    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) > 20


def test_a_reason_that_fails_is_told_by_its_type() -> None:
    for hostile in HOSTILE.values():
        result = tpo(reward=lambda p, r, bad=hostile: {"reward": 1.0, "comment": bad()}).invoke("?")
        assert result.text.startswith("sample ")


def test_arrays_have_no_truth_value() -> None:
    drafts: Any = {"messages": "Wood?", "drafts": np.array(["a", "b"])}
    with pytest.raises(TPOError, match=r"^`drafts` must be texts or messages, got ndarray"):
        tpo().invoke(drafts)
    two: Any = {"reward": np.array([1.0, 2.0])}
    with pytest.raises(RewardOutputError, match="must be one number"):
        tpo(reward=lambda prompt, response: two).invoke("Wood?")


def test_an_error_without_words_is_an_error() -> None:
    class Speechless(Exception):  # noqa: N818 it has no name for itself
        def __str__(self) -> str:
            raise ZeroDivisionError("hostile")

    failing = raising(Speechless(), lambda step, _: step == "textual_loss")
    result = tpo(model=ScriptedModel(reply=failing)).optimize("Wood?")
    assert result.failure is not None
    assert result.failure["message"] == "<Speechless whose text cannot be had: ZeroDivisionError>"

    def score(prompt: str, response: str) -> float:
        if response == "sample 1":
            raise Speechless
        return last_number(prompt, response)

    assert tpo(reward=score).optimize("Wood?").stop_reason == "depth"


class Markup(str):
    """A string that escapes what is put into it, as those of template engines do."""

    __slots__ = ()

    def __format__(self, _form: str) -> str:
        return fails(self)

    def __eq__(self, _other: object) -> bool:
        return bool(fails(self))

    def __hash__(self) -> int:
        return int(fails(self))


def test_a_string_with_a_mind_of_its_own_is_a_string() -> None:
    answers = iter(range(100))
    model = RunnableLambda(lambda _: Markup(f"reply {next(answers)}"))
    assert tpo(model=model, depth=0).optimize("Wood?").answer == "reply 2"
    assert tpo(depth=0).invoke({"messages": "?", "drafts": [Markup("draft 9")]}).text == "draft 9"


@pytest.mark.parametrize("config", ["abc", 3, ["tags"], ("tags",), b"tags", {"tags"}, print])
def test_a_config_is_a_dict_at_every_door(config: Any) -> None:
    link = tpo()
    chat = ChatTPO(model=ScriptedModel(), reward=last_number, width=2, depth=1)
    doors: list[Callable[[], Any]] = [
        lambda: link.invoke("Wood?", config),
        lambda: link.optimize("Wood?", config),
        lambda: list(link.stream("Wood?", config)),
        lambda: list(link.stream_rounds("Wood?", config)),
        lambda: asyncio.run(_awaited(link, config)),
        lambda: link.batch(["Wood?"], config),
        lambda: chat.invoke("Wood?", config),
    ]
    for door in doors:
        with pytest.raises(TPOError, match=r"^`config` must be a dict"):
            door()


async def _awaited(link: Runnable[Any, Any], config: Any) -> None:
    await link.ainvoke("Wood?", config)


def test_a_failing_score_says_what_failed() -> None:
    with pytest.raises(
        RewardError, match=r"^A score cannot be read \(ZeroDivisionError: hostile\)"
    ):
        tpo(reward=lambda p, r: HOSTILE["attributes"]()).invoke("Wood?")
