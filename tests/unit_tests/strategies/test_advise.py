"""`advise`: a critique for each draw, each told to one of them."""

import re

import pytest
from langchain_core.messages import BaseMessage

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.strategies import Advise, RunSoFar
from tests.support.fakes import Notebook, ScriptedModelWithN


def step_of(messages: list[BaseMessage]) -> str:
    read = "\n".join(message.text for message in messages)
    if "<ADVICE>" in read:
        return "update"
    return "textual_gradient" if "the one change" in read else "sample"


def reply(_: str, messages: list[BaseMessage], number: int) -> str:
    if step_of(messages) == "textual_gradient":
        return f"Advice {number}."
    return f"<IMPROVED_VARIABLE>Oil it, {number}</IMPROVED_VARIABLE>"


def longest(prompt: str, response: str) -> Score:
    return {"reward": float(len(response)), "rationale": "Counted."}


def run(model: ScriptedModelWithN, **options: object) -> tuple[TPOResult, Notebook]:
    told = TPOSettings.model_validate({"strategy": "advise", **options})
    return TPORunnable(model=model, reward=longest, settings=told).optimize("Wood?"), model.notebook


@pytest.mark.parametrize("style", ["paper", "small"])
def test_each_draw_is_told_one_critique_that_no_other_is(style: str) -> None:
    result, notebook = run(ScriptedModelWithN(reply=reply), width=3, depth=2, prompts=style)

    asked = [(step_of(call.messages), call.n) for call in notebook.calls]
    a_round = [("textual_gradient", 3), *[("update", 1)] * 3]
    assert asked == [("sample", 3), *a_round, *a_round]
    for number in (1, 2):
        advice = result.rounds[number - 1]["directions"]
        told = [one["direction"] for one in result.pool if one["round"] == number]
        assert told == advice
        assert len(set(advice)) == 3
        assert result.rounds[number - 1]["textual_gradient"] == "\n\n".join(advice)
    updates = [call for call in notebook.calls if step_of(call.messages) == "update"]
    read = [re.split(r"[<>\n]", call.messages[-1].text) for call in updates]
    every = result.rounds[0]["directions"] + result.rounds[1]["directions"]
    told_each = [[one for one in every if one in lines] for lines in read]
    assert sorted(told_each) == sorted([one] for one in every)


def test_fresh_draws_need_no_critique() -> None:
    settings = TPOSettings(strategy="advise:fresh=2", width=5, depth=2)

    assert (settings.completions, settings.stages) == (5 + 2 * (3 + 5), 5)
    _, notebook = run(ScriptedModelWithN(reply=reply), strategy="advise:fresh=2", width=5, depth=1)
    asked = [call.n for call in notebook.calls]
    assert asked[:2] == [5, 3]
    assert sorted(asked[2:]) == [1, 1, 1, 2]  # side by side


def test_a_critique_that_came_back_empty_is_a_drop_and_the_others_are_told_again() -> None:
    def silent(step: str, messages: list[BaseMessage], number: int) -> str:
        empty = step_of(messages) == "textual_gradient" and number % 3 == 1
        return " " if empty else reply(step, messages, number)

    result, _ = run(ScriptedModelWithN(reply=silent), width=3, depth=1)

    assert result.stop_reason == "depth"
    assert [(drop["step"], drop["reason"]) for drop in result.drops] == [
        ("textual_gradient", "empty")
    ]
    assert len(result.rounds[0]["directions"]) == 2
    assert len(result.pool) == 6


def test_without_any_critique_the_run_ends_with_its_best() -> None:
    def silent(step: str, messages: list[BaseMessage], number: int) -> str:
        criticized = step_of(messages) == "textual_gradient"
        return "" if criticized else reply(step, messages, number)

    result, _ = run(ScriptedModelWithN(reply=silent), width=3, depth=1)

    assert result.stop_reason == "error"
    assert result.failure is not None
    assert "held no text (3 empty)" in result.failure["message"]


def test_one_critique_is_told_to_every_draw() -> None:
    only = RunSoFar([], [{"chosen": 0, "rejected": None, "textual_gradient": "Shorter."}], width=3)

    assert [draw.direction for draw in Advise().draws(only)] == ["Shorter."] * 3


def test_one_first_draw_is_enough() -> None:
    result, notebook = run(ScriptedModelWithN(reply=reply), width=1, depth=1)

    assert "worse answer" not in notebook.calls[1].messages[-1].text
    assert len(result.pool) == 2
