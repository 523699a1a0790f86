"""Every bound of a budget to the last call, token and second: between rounds and inside of one."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.loop.stopping import out_of_time, over_budget, stop_reason, usage_of_steps
from langchain_tpo.sampling.usage import NOTHING_USED, Usage
from langchain_tpo.state import StepName, StepRecord
from langchain_tpo.strategies.paper import Tpo
from tests.support.fakes import ScriptedModelWithN, last_number

STEPS: Sequence[StepName] = get_args(StepName)
POOL = [Candidate(text=str(reward), reward=reward, round=0) for reward in (1.0, 2.0, 3.0)]


def spent(
    step: StepName = "sample",
    number: int = 0,
    *,
    calls: int = 0,
    tokens: tuple[int | None, int | None] = (0, 0),
    seconds: float = 0.0,
) -> StepRecord:
    read, written = tokens
    usage = Usage(
        **{**NOTHING_USED, "completions": calls, "input_tokens": read, "output_tokens": written}
    )
    return StepRecord(step=step, round=number, usage=usage, seconds=seconds, waiting=0.0)


def told(width: int = 3, **options: Any) -> TPOSettings:
    return TPOSettings(width=width, depth=5, **options)


@pytest.mark.parametrize(
    ("step", "calls", "reason"),
    [
        ("textual_loss", 9, None),
        ("textual_loss", 10, "call_budget"),
        ("textual_gradient", 9, None),
        ("textual_gradient", 10, "call_budget"),
        ("update", 7, None),  # three revisions are three completions
        ("update", 8, "call_budget"),
        ("sample", 9, None),
        ("reward", 100, None),  # what is drawn is paid for
    ],
)
def test_a_step_that_would_not_fit_is_not_begun(
    step: StepName, calls: int, reason: str | None
) -> None:
    assert over_budget(step, [spent(calls=calls)], settings=told(call_budget=10)) == reason


@pytest.mark.parametrize("step", [step for step in STEPS if step != "reward"])
@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ((60, 39), None),
        ((60, 40), "token_budget"),
        ((100, 0), "token_budget"),
        ((0, 100), "token_budget"),
        ((None, 1), "token_budget"),
        ((1, None), "token_budget"),
        ((None, None), "token_budget"),
    ],
)
def test_no_model_is_called_once_the_tokens_are_spent(
    step: StepName, tokens: tuple[int | None, int | None], reason: str | None
) -> None:
    settings = told(token_budget=100)

    assert over_budget(step, [spent(tokens=tokens)], settings=settings) == reason
    assert over_budget("reward", [spent(tokens=tokens)], settings=settings) is None


@pytest.mark.parametrize(("seconds", "over"), [(9.9, False), (10.0, True), (10.1, True)])
def test_no_model_is_called_once_the_time_is_up(seconds: float, over: bool) -> None:  # noqa: FBT001 a table
    steps, settings = [spent(seconds=4.0), spent(seconds=seconds - 4.0)], told(time_budget=10.0)

    assert out_of_time(steps, settings=settings) is over
    assert over_budget("update", steps, settings=settings) == ("time_budget" if over else None)
    assert over_budget("reward", steps, settings=settings) is None
    assert not out_of_time(steps, settings=told())


def test_without_a_budget_nothing_is_over() -> None:
    steps = [spent(calls=10**9, tokens=(None, 10**9), seconds=1e9)]

    assert [over_budget(step, steps, settings=told()) for step in STEPS] == [None] * 5
    assert stop_reason(POOL, steps, settings=told()) is None


def test_the_time_is_named_before_the_calls_and_these_before_the_tokens() -> None:
    steps = [spent(calls=10, tokens=(5, 5), seconds=10.0)]
    every = {"time_budget": 1.0, "call_budget": 4, "token_budget": 1}

    reasons = []
    for name in every:
        reasons.append(over_budget("update", steps, settings=told(**every)))
        every = {other: value for other, value in every.items() if other != name}
    reasons.append(over_budget("update", steps, settings=told(**every)))

    assert reasons == ["time_budget", "call_budget", "token_budget", None]


@pytest.mark.parametrize(
    ("calls", "judged", "reason"),
    [
        (5, 0, None),  # 5 + 2 critiques + 3 revisions
        (6, 0, "call_budget"),
        (3, 2, None),  # 5 of which 2 by a judge, who will be asked as much again
        (3, 3, "call_budget"),
    ],
)
def test_a_round_that_could_not_be_finished_is_not_begun(
    calls: int, judged: int, reason: str | None
) -> None:
    steps = [spent(calls=calls), spent("reward", calls=judged)]
    budget = 10 if judged == 0 else 12

    assert stop_reason(POOL, steps, settings=told(call_budget=budget)) == reason


def test_a_strategy_says_how_many_critiques_a_round_needs() -> None:
    class PerDraw(Tpo):
        def critic_replies(self, width: int) -> int:
            return width

    settings = told(strategy=PerDraw(), call_budget=9)  # three of the critic, three revisions

    assert stop_reason(POOL, [spent(calls=3)], settings=settings) is None
    assert stop_reason(POOL, [spent(calls=4)], settings=settings) == "call_budget"


def test_what_a_judge_cost_in_earlier_rounds_is_not_expected_again() -> None:
    steps = [spent("reward", 0, calls=3), spent("update", 1, calls=1), spent("reward", 1, calls=1)]

    pool = [*POOL, *(Candidate(text=text, reward=4.0, round=1) for text in "abc")]

    assert stop_reason(pool, steps, settings=told(call_budget=11)) is None
    assert stop_reason(pool, steps, settings=told(call_budget=10)) == "call_budget"


@pytest.mark.parametrize(
    ("texts", "needed"),
    [
        ("abc", 2 + 3 + 3),
        ("ab", 2 + 3 + 5),  # three verdicts on two texts: one and a half on each
        ("aaa", 2 + 3 + 9),
    ],
)
def test_a_judge_is_expected_to_be_asked_about_every_revision(texts: str, needed: int) -> None:
    pool = [Candidate(text=text, reward=float(at), round=0) for at, text in enumerate(texts)]
    steps, rule = [spent("reward", calls=3)], {"min_contrast": None}

    affords = told(call_budget=3 + needed, **rule)
    lacks = told(call_budget=3 + needed - 1, **rule)

    assert stop_reason(pool, steps, settings=affords) is None
    assert stop_reason(pool, steps, settings=lacks) == "call_budget"


@pytest.mark.parametrize(("budget", "reason"), [(111, None), (110, "token_budget")])
def test_a_round_that_is_counted_ahead_has_to_fit_with_its_verdicts(
    budget: int, reason: str | None
) -> None:
    steps = [spent(tokens=(50, 20)), spent("reward", tokens=(8, 2))]  # and 20 ahead, and 10 again

    found = stop_reason(POOL, steps, settings=told(token_budget=budget), ahead=lambda: 20.0)

    assert found == reason


@pytest.mark.parametrize(
    ("budget", "reason"), [(131, None), (130, "token_budget"), (100, "token_budget")]
)
def test_a_round_is_expected_to_cost_what_the_last_one_did(budget: int, reason: str | None) -> None:
    steps = [spent(tokens=(50, 20)), spent("update", 1, tokens=(20, 10))]

    assert stop_reason(POOL, steps, settings=told(token_budget=budget)) == reason


@pytest.mark.parametrize(("budget", "reason"), [(141, None), (140, "token_budget")])
def test_the_first_round_is_expected_to_cost_what_the_first_samples_did(
    budget: int, reason: str | None
) -> None:
    steps = [spent(tokens=(50, 20))]

    assert stop_reason(POOL, steps, settings=told(token_budget=budget)) == reason


def test_what_steps_cost_is_added_up() -> None:
    used = usage_of_steps([spent(calls=2, tokens=(3, 4)), spent("update", calls=5, tokens=(6, 7))])

    assert (used["completions"], used["input_tokens"], used["output_tokens"]) == (7, 9, 11)


class Costly(ScriptedModelWithN):
    """A model that one step costs more than anybody could expect."""

    step: str = ""
    tokens: int = 0

    def _result(self, call: Any) -> Any:
        result = super()._result(call)
        if call.step == self.step:
            for one in result.generations:
                one.message.usage_metadata["output_tokens"] = self.tokens
        return result


def optimized(model: Any, **options: Any) -> TPOResult:
    settings = TPOSettings(width=2, depth=3, **options)
    return TPORunnable(model=model, reward=last_number, settings=settings).optimize("Wood?")


@pytest.mark.parametrize(
    ("step", "asked"),
    [
        ("textual_loss", ["sample", "textual_loss"]),
        ("textual_gradient", ["sample", "textual_loss", "textual_gradient"]),
    ],
)
def test_tokens_that_run_out_inside_a_round_end_it_there(step: str, asked: list[str]) -> None:
    model = Costly(step=step, tokens=10**6)

    result = optimized(model, token_budget=10**6)

    assert (result.stop_reason, result.answer) == ("token_budget", "sample 1")
    assert model.notebook.steps() == asked


def test_tokens_that_run_out_with_the_revisions_leave_them_scored() -> None:
    model = Costly(step="update", tokens=10**6)

    result = optimized(model, token_budget=10**6)

    assert (result.stop_reason, result.answer) == ("token_budget", "revision 5")
    assert len(result.pool) == 4


@pytest.mark.parametrize(
    ("budget", "asked"),
    [
        (7, ["textual_loss"]),
        (8, ["textual_loss", "textual_gradient"]),
        (13, ["textual_loss", "textual_gradient"]),
        (14, ["textual_loss", "textual_gradient", "update"]),
    ],
)
def test_calls_that_run_out_inside_a_round_end_it_there(budget: int, asked: list[str]) -> None:
    """A critic that makes five calls of each: 2 + 5 + 5 + 2 in place of the 2 + 1 + 1 + 2."""
    model, critic = ScriptedModelWithN(), ScriptedModelWithN()
    steps = []

    def five_times(messages: list[BaseMessage], config: RunnableConfig) -> AIMessage:
        steps.append(config["metadata"]["tpo_step"])
        return critic.batch([messages] * 5, config)[0]

    settings = TPOSettings(width=2, depth=3, call_budget=budget)
    tpo = TPORunnable(
        model=model, critic=RunnableLambda(five_times), reward=last_number, settings=settings
    )
    result = tpo.optimize("Wood?")

    assert result.stop_reason == "call_budget"
    assert steps + model.notebook.steps()[1:] == asked
