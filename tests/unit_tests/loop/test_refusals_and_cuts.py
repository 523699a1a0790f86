"""Cut, filtered and refused replies, through the whole loop."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.chat_models.first_reply import FirstReply, ReplyMessages
from langchain_tpo.errors import NoResponseError
from tests.support.fakes import ScriptedModel

REFUSAL = AIMessage("", additional_kwargs={"refusal": "I can't help with that."})


def by_length(prompt: str, response: str) -> float:
    return len(response) + int(response[-1]) / 10 if response[-1:].isdigit() else len(response)


class Ended(ScriptedModel):
    """A scripted model whose replies to `sample` may be any message."""

    message_for: Callable[[int], AIMessage | None]

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._generate(*args, **kwargs)
        for generation in result.generations:
            kind, _, number = generation.text.partition(" ")
            own = self.message_for(int(number)) if kind == "sample" else None
            if own is not None:
                generation.message = own
        return result


def run(message_for: Callable[[int], AIMessage | None], **settings: Any) -> Any:
    chosen = TPOSettings(**{"width": 3, "depth": 1, **settings})
    return TPORunnable(
        model=Ended(message_for=message_for), reward=by_length, settings=chosen
    ).optimize("Wood?")


def cut(number: int, reason: str = "length") -> AIMessage | None:
    text = "a long answer that was cut in the midd"
    return AIMessage(text, response_metadata={"finish_reason": reason}) if number == 1 else None


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_cut_response_loses_to_complete_ones(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = run(partial(cut, reason=reason))

    assert result.answer.startswith("revision")
    assert result.pool[result.rounds[0]["rejected"]]["finish"] == reason
    assert result.cut == result.summary()["cut"] == 1
    assert [line for line in caplog.messages if "`max_tokens`" in line]


def test_unless_the_reward_alone_is_to_decide() -> None:
    assert run(cut, prefer_complete=False).answer == cut(1).text  # type: ignore[union-attr]


def test_where_all_refuse_the_refusal_is_the_answer_and_nothing_argues_with_it() -> None:
    result = run(lambda _number: REFUSAL)

    assert (result.answer, result.stop_reason) == ("I can't help with that.", "refusal")
    assert (result.reward, result.refused, len(result.steps)) == (None, 3, 1)
    assert result.message().additional_kwargs == REFUSAL.additional_kwargs


def test_a_refusal_without_a_word_is_an_answer_too() -> None:
    silent = AIMessage([], response_metadata={"stop_reason": "refusal"})
    result = run(lambda _number: silent, depth=0)
    assert (result.answer, result.message().content, result.stop_reason) == ("", [], "refusal")


@pytest.mark.parametrize(
    ("on_refusal", "stop_reason", "refusals", "pool"),
    [("keep", "depth", 1, 6), ("drop", "depth", 1, 5), ("end", "refusal", 1, 1)],
)
def test_where_some_refuse_the_setting_decides(
    on_refusal: str,
    stop_reason: str,
    refusals: int,
    pool: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        result = run(lambda number: REFUSAL if number == 2 else None, on_refusal=on_refusal)

    assert (result.stop_reason, result.refused, len(result.pool)) == (stop_reason, refusals, pool)
    fate = {
        "keep": "chosen among both by reward",
        "drop": "1 reply of this run and answered in others; the refusal was dropped",
    }
    told = [line for line in caplog.messages if "refused" in line]
    assert len(told) == (on_refusal in fate)
    assert all(fate[on_refusal] in line for line in told)
    assert (result.answer == "I can't help with that.") == (on_refusal != "drop")


REPLIES: dict[str, tuple[int, str, list[tuple[str, bool]]]] = {
    "the first reply complies": (2, "end", [("after_refusal", True), ("after_refusal", False)]),
    "the first reply refuses": (0, "drop", [("refused", True)]),
    "the first reply is the refusal": (0, "end", [("after_refusal", False)] * 2),
}
"""Which of an agent's replies is a refusal, the setting, and the marks of what it sets aside."""


@pytest.mark.parametrize("case", REPLIES)
def test_an_agents_first_reply_that_is_set_aside_is_told_from_the_draws(
    case: str,
) -> None:
    refusing, on_refusal, marks = REPLIES[case]
    in_words = AIMessage("I can't help.", response_metadata={"stop_reason": "refusal"})
    model = Ended(message_for=lambda number: in_words if number == refusing else None)
    settings = TPOSettings(width=2, depth=0, on_refusal=on_refusal)
    tpo = TPORunnable(model=model, reward=by_length, settings=settings)
    first = RunnableLambda(lambda messages: ReplyMessages(messages=[model.invoke(messages)]))

    result = FirstReply(first, tpo).run([HumanMessage("Wood?")], RunnableConfig()).result

    assert result is not None
    assert [(one["reason"], one.get("draft", False)) for one in result.drops] == marks


@pytest.mark.parametrize("step", ["textual_loss", "textual_gradient"])
def test_a_critic_that_refuses_ends_the_run_with_the_best_so_far(step: str) -> None:
    class Refusing(ScriptedModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            result = super()._generate(*args, **kwargs)
            if self.notebook.calls[-1].step == step:
                result.generations[0].message = REFUSAL
            return result

    tpo = TPORunnable(model=Refusing(), reward=by_length, settings=TPOSettings(width=3, depth=1))
    result = tpo.optimize("Wood?")
    assert (result.stop_reason, len(result.pool)) == ("error", 3)
    assert result.failure is not None
    assert result.failure["type"] == "NoResponseError"
    assert "refusal" in result.failure["message"]


def test_refused_revisions_are_dropped_and_counted() -> None:
    class Refusing(ScriptedModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            result = super()._generate(*args, **kwargs)
            if self.notebook.calls[-1].step == "update":
                result.generations[0].message = REFUSAL
            return result

    tpo = TPORunnable(model=Refusing(), reward=by_length, settings=TPOSettings(width=3, depth=1))
    result = tpo.optimize("Wood?")
    assert result.stop_reason == "no_usable_update"
    assert [drop["reason"] for drop in result.drops] == ["refused"] * 3


CALL = {"name": "add", "args": {}, "id": "1"}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (
            AIMessage("", response_metadata={"finish_reason": "SAFETY"}),
            r"filter \(`SAFETY`\)\): put",
        ),
        (
            AIMessage("", response_metadata={"prompt_feedback": {"block_reason": "OTHER"}}),
            r"filter \(`OTHER`\)\): put",
        ),
        (AIMessage("", tool_calls=[CALL]), "3 calls of `add`.*`whole_replies=True`"),
        (AIMessage("<think>Hm"), "3 with reasoning only.*`max_tokens`"),
        (AIMessage([{"type": "thinking", "thinking": "Hm"}]), "3 with reasoning only"),
        (
            AIMessage("", response_metadata={"stop_reason": "max_tokens"}),
            "3 empty and cut by a lim",
        ),
        (AIMessage(" "), "3 empty.: look at what the model answers"),
    ],
)
def test_where_no_reply_holds_a_text_the_error_says_what_they_held(
    message: AIMessage, says: str
) -> None:
    with pytest.raises(NoResponseError, match=f"^0 of 3 first responses .* needed .*{says}"):
        run(lambda _: message)
