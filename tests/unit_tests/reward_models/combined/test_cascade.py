"""Cheap checks first, a judge only for what passes them: order, counts, words, and the loop."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo import TPORunnable, TPOSettings
from langchain_tpo.errors import RewardOutputError, RewardTypeError, SettingsError
from langchain_tpo.reward_models import (
    Cascade,
    Ensemble,
    PairwiseJudge,
    PreferenceHead,
    VerifiableInstructions,
)
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.verifiable_instructions import includes
from tests.support.fakes import ScriptedModelWithN
from tests.unit_tests.reward_models.judges.judge_fakes import (
    BOTH_WAYS,
    judge_model,
    pair_in,
    request_for,
    rewards_of,
    score,
)


class Judge:
    """Gives each response what its text says, and remembers what it was asked."""

    def __init__(self, given: dict[str, Score]) -> None:
        self.given = given
        self.asked: list[ScoreRequest] = []

    @property
    def reward(self) -> Runnable[ScoreRequest, list[Score]]:
        return RunnableLambda(self.score)

    def score(self, request: ScoreRequest) -> list[Score]:
        self.asked.append(request)
        return [self.given[text] for text in request["responses"]]


def oil(judge: Judge, **options: Any) -> Cascade:
    rules = VerifiableInstructions(rules=[includes("oil")])
    return Cascade(rules, judge.reward, **{"enough": 2.0, **options})


@BOTH_WAYS
async def test_only_what_passes_is_judged(run: str) -> None:
    judge = Judge({"oil it": 3.0, "oil": 1.0, "oil?": 0.0})
    scores = await score(run, oil(judge), request_for("wax", "oil it", "oil", "no", "oil?"))

    assert rewards_of(scores) == [0.0, 2.0, 1.5, 0.0, pytest.approx(4 / 3)]
    assert [one["responses"] for one in judge.asked] == [["oil it", "oil", "oil?"]]


@BOTH_WAYS
async def test_nobody_is_asked_where_nothing_passes(run: str) -> None:
    judge = Judge({})
    assert rewards_of(await score(run, oil(judge), request_for("wax", "no"))) == [0.0, 0.0]
    assert judge.asked == []


def test_whole_replies_go_with_their_responses() -> None:
    judge = Judge({"oil it": 3.0})
    replies = [AIMessage("wax", id="1"), AIMessage("oil it", id="2")]
    oil(judge).invoke(request_for("wax", "oil it") | {"replies": replies})
    assert [one.id for one in judge.asked[0]["replies"]] == ["2"]


def test_what_fails_a_check_loses_to_all_that_pass() -> None:
    judge = Judge({"oil": -1e300, "oil!": None, "oil it": float("nan")})
    scores = oil(judge).invoke(request_for("oil", "oil!", "oil it", "wax"))
    assert rewards_of(scores) == [1.0, 1.0, 1.0, 0.0]


def test_what_the_judge_could_not_score_is_not_blamed() -> None:
    judge = Judge({"oil": None, "oil!": {"reward": None, "rationale": "Timed out."}})
    kept = "Kept: `oil` there."
    assert oil(judge).invoke(request_for("oil", "oil!")) == [
        {"reward": 1.0, "rationale": kept, "flaws": ""},
        {"reward": 1.0, "rationale": f"Timed out. {kept}", "flaws": ""},
    ]


def test_a_sum_of_floats_that_should_reach_a_bar_does() -> None:
    tenths = sum([0.1] * 10)
    assert tenths < 1
    summed: Runnable[ScoreRequest, list[Score]] = RunnableLambda(lambda request: [tenths])
    both = Cascade(summed, summed, enough=1, passes=1, remark="Say more.")
    assert both.invoke(request_for("a")) == [both.maximum] == [2.0]


def test_what_the_first_does_not_score_has_no_score() -> None:
    judge = Judge({"b": 1.0})
    first = RunnableLambda(lambda request: [None, 1.0])
    both = Cascade(first, judge.reward, enough=1, passes=1)
    assert both.invoke(request_for("a", "b")) == [None, 2.0]


def test_flaws_are_those_of_whoever_objects() -> None:
    worded: Score = {"reward": 1.0, "rationale": "Dull. Short.", "flaws": "Dull."}
    judge = Judge({"oil it": 2.0, "oil": 1.0, "oil!": worded})
    fine, hollow, dull, failing = oil(judge, remark="Say more.").invoke(
        request_for("oil it", "oil", "oil!", "wax")
    )
    kept = "Kept: `oil` there."
    assert fine == {"reward": 2.0, "rationale": kept, "flaws": ""}
    assert hollow == {"reward": 1.5, "rationale": f"Say more. {kept}", "flaws": "Say more."}
    assert dull == {"reward": 1.5, "rationale": f"Dull. Short. {kept}", "flaws": "Dull."}
    assert failing["rationale"].startswith("Broken: `oil` missing.")
    assert "flaws" not in failing


def test_words_that_name_no_flaw_are_followed_by_the_remark() -> None:
    praise: Score = {"reward": 1.0, "rationale": "Neat.", "flaws": ""}
    (scored,) = oil(Judge({"oil": praise}), remark="Say more.").invoke(request_for("oil"))
    assert scored == {
        "reward": 1.5,
        "rationale": "Neat. Say more. Kept: `oil` there.",
        "flaws": "Say more.",
    }


def test_a_lower_bar_keeps_what_the_first_found() -> None:
    first = RunnableLambda(lambda request: [{"reward": 0.8, "rationale": "1 of 5 fails."}])
    both = Cascade(first, Judge({"a": 0.0}).reward, enough=1, passes=0.8, remark="Say more.")
    assert both.maximum == pytest.approx(1.8)
    assert both.invoke(request_for("a")) == [
        {"reward": pytest.approx(1.3), "rationale": "Say more. 1 of 5 fails."}
    ]


def test_the_bar_is_the_highest_reward_or_must_be_said() -> None:
    assert oil(Judge({})).maximum == 2.0
    with pytest.raises(SettingsError, match=r"`preference_head`, has no highest reward: .*passes="):
        Cascade(PreferenceHead(), PreferenceHead(), enough=0)


@pytest.mark.parametrize("options", [{"enough": float("nan")}, {"passes": float("inf")}])
def test_bars_that_nothing_can_reach_are_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refusal:
        oil(Judge({}), **options)
    assert "\n" not in str(refusal.value)


def test_bars_beyond_the_highest_reward_are_refused() -> None:
    rules = VerifiableInstructions()
    with pytest.raises(SettingsError, match=r"`passes` .* is 2, and `first`, .* at most 1: no"):
        Cascade(rules, Judge({}).reward, enough=1, passes=2)
    with pytest.raises(SettingsError, match=r"`enough` .* is 4, and `then`, .* at most 1: no"):
        Cascade(rules, rules.with_retry(), enough=4)


def test_what_cannot_score_is_refused() -> None:
    with pytest.raises(RewardTypeError):
        Cascade(VerifiableInstructions(), 3, enough=1)  # type: ignore[arg-type]


@BOTH_WAYS
async def test_scores_that_do_not_fit_are_an_error(run: str) -> None:
    too_few: Runnable[ScoreRequest, list[Score]] = RunnableLambda(lambda request: [])
    with pytest.raises(RewardOutputError, match="0 scores for 1 responses"):
        await score(run, Cascade(too_few, too_few, enough=1, passes=1), request_for("a"))
    passed: Runnable[ScoreRequest, list[Score]] = RunnableLambda(lambda request: [1.0])
    with pytest.raises(RewardOutputError, match="0 scores for 1 responses"):
        await score(run, Cascade(passed, too_few, enough=1, passes=1), request_for("a"))


def test_it_is_a_member_like_any_other() -> None:
    both = oil(Judge({"oil it": 3.0}))
    assert Ensemble({"both": both}).invoke(request_for("oil it"))[0] == {
        "reward": 2.0,
        "rationale": "both: Kept: `oil` there.",
        "flaws": "",
    }


def test_rewards_of_the_pool_are_those_of_the_whole() -> None:
    judge = Judge({"oil it": 3.0})
    pool = [{"text": "old", "reward": 0.5, "round": 0}]
    oil(judge).invoke(request_for("oil it", pool=pool))
    assert judge.asked[0]["pool"][0]["reward"] is None


def _prefers_long(prompt: str) -> dict[str, Any]:
    first, second = pair_in(prompt)
    return {"rationale": "So.", "a_is_better": 100 if len(first) > len(second) else 0}


@BOTH_WAYS
async def test_a_tournament_gives_the_same_in_a_first_round_and_later(run: str) -> None:
    rules = VerifiableInstructions(rules=[includes("oil")])
    both = Cascade(rules, PairwiseJudge(judge_model(_prefers_long)), enough=1)
    pool = [{"text": text, "reward": 0.0, "round": 0} for text in ("longest wax", "wax")]

    _, _, *first = await score(
        run, both, request_for("longest wax", "wax", "oil", "oil it", pool=[])
    )
    later = await score(run, both, request_for("oil", "oil it", pool=pool))

    assert rewards_of(first) == rewards_of(later) == pytest.approx([1.2179, 1.3035], abs=1e-4)


def test_a_run_mends_a_hollow_answer_and_stops_there() -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        return "Rub oil into it." if "Say how." in str(messages[-1].text) else "Oil."

    judge = Judge({"Oil.": 0.0, "Rub oil into it.": 2.0})
    result = TPORunnable(
        model=ScriptedModelWithN(reply=reply),
        reward=oil(judge, remark="Say how."),
        settings=TPOSettings.small_model(width=2, depth=3),
    ).optimize("How is a table cared for?")

    assert (result.answer, result.reward, result.stop_reason) == (
        "Rub oil into it.",
        2.0,
        "target_reward",
    )
    assert [one["responses"] for one in judge.asked] == [["Oil."], ["Rub oil into it."]]
