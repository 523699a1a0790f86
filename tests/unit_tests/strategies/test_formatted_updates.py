"""Answers with a format of their own: updates show and tell what their strategy's own do."""

import json

import pytest
from langchain_core.messages import BaseMessage

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.prompts.formatted import for_format, for_whole_replies
from langchain_tpo.reward_models.interface import Score
from langchain_tpo.strategies import STRATEGIES, strategy_of
from tests.support.fakes import ScriptedModelWithN
from tests.support.strategies import WORDINGS

TOLD = {"textual_gradient", "textual_loss", "remark", "direction"}


@pytest.mark.parametrize(("name", "style"), [pair for pair in WORDINGS if pair[1] == "paper"])
@pytest.mark.parametrize("reworded", [for_format, for_whole_replies])
def test_an_update_shows_and_tells_what_its_own_prompt_does(
    name: str, style: str, reworded: object
) -> None:
    assert callable(reworded)
    before = strategy_of(name).worded(style)
    after = reworded(before)

    assert sorted(after.forms) == sorted(before.forms)
    for form in ("update", *before.forms):
        asked, now = before.asked(form), after.asked(form)
        assert now & {"candidates", "chosen"} == asked & {"candidates", "chosen"}, form
        told = asked & TOLD - ({"textual_loss"} if "textual_gradient" in asked else set())
        assert now & TOLD == told, form
    assert after.revision_tag is None


def test_the_earlier_answer_is_not_shown_where_it_would_anchor() -> None:
    for reworded in (for_format, for_whole_replies):
        remind = reworded(STRATEGIES["explain"]().worded("paper")).render(
            "remind", query="[query]", chosen="[chosen]", remark="[remark]"
        )
        assert "[chosen]" not in remind[-1].text
        assert "[remark]" in remind[-1].text


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("explain", "Too short: 1 of 9."),
        ("synthesize", '"reward": 0.5'),
        ("directions", "Make it more concrete"),
        ("advise", "Say more."),
    ],
)
def test_json_answers_are_revised_by_every_strategy(strategy: str, told: str) -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if "Pick the one change" in messages[-1].text:
            return "Say more."
        return json.dumps({"answer": "x" * number, "reward": 0.5})

    def explained(prompt: str, response: str) -> Score:
        return {"reward": float(len(response)), "rationale": "Too short: 1 of 9."}

    model = ScriptedModelWithN(reply=reply)
    in_json = model.bind(response_format={"type": "json_object"})
    settings = TPOSettings(strategy=strategy, width=3, depth=1)
    result = TPORunnable(model=in_json, reward=explained, settings=settings).optimize("Wood?")

    assert result.stop_reason == "depth"
    assert len(result.pool) == 6
    updates = [call for call in model.notebook.calls if "Here is the request." in str(call)]
    assert updates
    for call in updates:
        assert call.kwargs["response_format"] == {"type": "json_object"}
        assert "IMPROVED_VARIABLE" not in str(call.messages)
    assert any(told in call.messages[-1].text for call in updates)
