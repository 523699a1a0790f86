import asyncio
import math
import threading
from typing import Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.errors import RewardOutputError, RewardTypeError, SettingsError
from langchain_tpo.reward_models.combined.combination import How, combine
from langchain_tpo.reward_models.combined.ensemble import Ensemble
from langchain_tpo.reward_models.combined.length_penalty import LengthPenalty
from langchain_tpo.reward_models.combined.scaling import Scaling
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.verifiable_instructions import VerifiableInstructions, uppercase
from tests.unit_tests.reward_models.judges.judge_fakes import BOTH_WAYS, request_for, score

ABLE = {"a": 4.0, "b": 2.0}
BRIEF = {"a": 0.0, "b": 1.0}


def table(scores: dict[str, Any]) -> Runnable[ScoreRequest, list[Score]]:
    return RunnableLambda(lambda request: [scores[one] for one in request["responses"]])


def both(**options: Any) -> Ensemble:
    return Ensemble({"able": table(ABLE), "brief": table(BRIEF)}, **options)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2.0, 1.5]),
        ({"weights": {"able": 3, "brief": 1}}, [3.0, 1.75]),
        ({"weights": {"able": 1, "brief": 0}}, [4.0, 2.0]),
        ({"how": "worst"}, [0.0, 1.0]),
        ({"how": "mean_minus_std", "k": 0.5}, [1.0, 1.25]),
        (
            {"how": "mean_minus_std", "weights": {"able": 3, "brief": 1}, "k": 1},
            [3 - math.sqrt(3), 1.75 - math.sqrt(3) / 4],
        ),
        ({"normalize": {"able": (3.0, 1.0), "brief": Scaling(0.5, 0.5)}}, [0.0, 0.0]),
        ({"normalize": {"able": (2, 2), "brief": (0, 1)}, "how": "worst"}, [0.0, 0.0]),
    ],
)
async def test_rewards_are_combined(
    run: str, options: dict[str, Any], expected: list[float]
) -> None:
    assert await score(run, both(**options), request_for("a", "b")) == pytest.approx(expected)


@pytest.mark.parametrize("how", ["mean", "worst", "mean_minus_std"])
def test_agreement_costs_nothing(how: How) -> None:
    assert combine([(2.0, 1.0), (2.0, 5.0)], how=how) == 2.0


@pytest.mark.parametrize("missing", [None, math.nan, -math.inf])
@BOTH_WAYS
async def test_what_a_member_did_not_score_is_not_scored(run: str, missing: float | None) -> None:
    members = {"able": table(ABLE), "brief": table({"a": missing, "b": 1.0})}
    assert await score(run, Ensemble(members), request_for("a", "b")) == [None, 1.5]
    lenient = Ensemble(members, skip_missing=True)
    assert await score(run, lenient, request_for("a", "b")) == [4.0, 1.5]


def test_what_nobody_scored_has_no_score_even_when_missing_ones_are_skipped() -> None:
    silent = table({"a": None})
    ensemble = Ensemble({"x": silent, "y": silent}, skip_missing=True)
    assert ensemble.invoke(request_for("a")) == [None]
    weighted = Ensemble(
        {"x": silent, "y": table(ABLE)}, skip_missing=True, weights={"x": 1, "y": 0}
    )
    assert weighted.invoke(request_for("a")) == [None]


def test_rationales_are_joined_under_their_members_names() -> None:
    judge = table({"a": {"reward": 1.0, "rationale": "apt"}, "b": 0.0})
    tone = table({"a": {"reward": 3.0, "rationale": "kind"}, "b": 0.0})
    ensemble = Ensemble({"judge": judge, "tone": tone, "size": table(ABLE)})
    scores = ensemble.invoke(request_for("a", "b"))
    assert scores[0] == {"reward": pytest.approx(8 / 3), "rationale": "judge: apt\ntone: kind"}
    assert scores[1] == pytest.approx(2 / 3)


SHOUTED = VerifiableInstructions(rules=(uppercase(),))
KEPT = "rules: Kept: asked for all capital letters, so it is."


def test_what_a_satisfied_member_says_is_told_and_is_no_flaw() -> None:
    judge = table({"OIL": {"reward": 3.0, "rationale": "Curt."}})
    assert Ensemble({"rules": SHOUTED, "judge": judge}).invoke(request_for("OIL")) == [
        {"reward": 2.0, "rationale": f"{KEPT}\njudge: Curt.", "flaws": "judge: Curt."}
    ]
    assert Ensemble({"rules": SHOUTED, "size": table({"OIL": 3.0})}).invoke(request_for("OIL")) == [
        {"reward": 2.0, "rationale": KEPT, "flaws": ""}
    ]


def test_flaws_pass_through_whatever_stands_around_an_ensemble() -> None:
    judge = table({"OIL": {"reward": 3.0, "rationale": "Curt."}})
    inside = Ensemble({"rules": SHOUTED, "judge": judge})
    (outer,) = Ensemble({"both": inside}).invoke(request_for("OIL"))
    assert outer == {
        "reward": 2.0,
        "rationale": f"both: {KEPT}\njudge: Curt.",
        "flaws": "both: judge: Curt.",
    }
    (charged,) = LengthPenalty(inside, per_word=1.0).invoke(request_for("OIL"))
    assert isinstance(charged, dict)
    assert charged["flaws"] == "judge: Curt. 1 word over 0 cost it 1."
    (alone,) = LengthPenalty(SHOUTED, per_word=1.0).invoke(request_for("OIL"))
    assert isinstance(alone, dict)
    assert alone["flaws"] == "1 word over 0 cost it 1."


def test_members_run_at_once_in_threads() -> None:
    together = threading.Barrier(3, timeout=20)

    def wait(request: ScoreRequest) -> list[Score]:
        together.wait()
        return [1.0]

    members = {name: RunnableLambda(wait) for name in "abc"}
    assert Ensemble(members).invoke(request_for("a")) == [1.0]


async def test_members_run_at_once_when_awaited() -> None:
    together = asyncio.Barrier(3)

    async def wait(request: ScoreRequest) -> list[Score]:
        async with asyncio.timeout(20):
            await together.wait()
        return [1.0]

    members: dict[str, Runnable[ScoreRequest, list[Score]]] = {
        name: RunnableLambda(wait) for name in "abc"
    }
    assert await Ensemble(members).ainvoke(request_for("a")) == [1.0]


@BOTH_WAYS
async def test_the_error_of_a_member_passes_through(run: str) -> None:
    error = KeyError("provider")

    def broken(request: ScoreRequest) -> list[Score]:
        raise error

    with pytest.raises(KeyError) as raised:
        await score(run, Ensemble({"x": RunnableLambda(broken)}), request_for("a"))
    assert raised.value is error


@BOTH_WAYS
async def test_a_wrong_number_of_scores_names_the_member(run: str) -> None:
    short: Runnable[ScoreRequest, list[Score]] = RunnableLambda(lambda request: [1.0])
    with pytest.raises(RewardOutputError, match=r"Member `x` .* 1 scores for 2 responses"):
        await score(run, Ensemble({"x": short}), request_for("a", "b"))


def test_members_do_not_see_the_ensembles_rewards() -> None:
    seen: list[Any] = []

    def look(request: Any) -> list[Score]:
        seen.extend(request["pool"])
        return [1.0]

    pool = [{"text": "old", "reward": 9.0, "round": 1}]
    Ensemble({"x": RunnableLambda(look)}).invoke(request_for("a", pool=pool))
    assert seen == [{"text": "old", "reward": None, "round": 1}]
    assert pool[0]["reward"] == 9.0


def test_rewards_of_different_rounds_are_on_one_scale() -> None:
    ensemble = both().calibrated(on=[request_for("a", "b")])
    together = ensemble.invoke(request_for("a", "b"))
    apart = [*ensemble.invoke(request_for("a")), *ensemble.invoke(request_for("b"))]
    assert together == apart


async def test_calibration_gives_a_new_ensemble_and_leaves_the_old_one() -> None:
    old = both(weights={"able": 2, "brief": 1})
    new = old.calibrated(on=[request_for("a"), request_for("b")])
    assert old.normalize is None
    assert new.normalize == {"able": Scaling(3.0, 1.0), "brief": Scaling(0.5, 0.5)}
    assert new.weights == old.weights
    assert await old.acalibrated(on=[request_for("a"), request_for("b")]) == new


def test_functions_are_members_too() -> None:
    ensemble = Ensemble({"length": lambda prompt, response: len(response)})
    assert ensemble.invoke(request_for("abc")) == [3.0]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"weights": {"able": 1}}, "exactly its members"),
        ({"normalize": {"able": (0, 1), "other": (0, 1)}}, "exactly its members"),
        ({"normalize": {"able": (0, 0), "brief": (0, 1)}}, "scale above 0"),
        ({"weights": {"able": 0, "brief": 0}}, "not all 0"),
        ({"weights": {"able": -1, "brief": 2}}, "0 or more"),
        ({"weights": {"able": math.nan, "brief": 2}}, "0 or more"),
        ({"weights": {"able": 1, "brief": 2}, "how": "worst"}, "mean nothing"),
        ({"how": "median"}, "`how` of Ensemble"),
        ({"k": -1}, "`k` of Ensemble"),
    ],
)
def test_options_that_cannot_work_are_refused_in_one_line(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        both(**options)
    assert problem in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_members_that_cannot_score_are_refused() -> None:
    with pytest.raises(RewardTypeError):
        Ensemble({"x": "a url"})  # type: ignore[dict-item]
    with pytest.raises(SettingsError, match="`members` of Ensemble"):
        Ensemble([table(ABLE)])  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="`members` of Ensemble"):
        Ensemble({})


@pytest.mark.parametrize("how", ["mean", "mean_minus_std"])
def test_what_adds_up_to_infinity_is_not_scored(how: How) -> None:
    huge = Ensemble({"one": table({"a": 1.7e308}), "two": table({"a": 1.7e308})}, how=how)

    assert huge.invoke(request_for("a")) == [None]


def test_the_old_name_of_normalize_is_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="`normalize` now"):
        old = Ensemble({"able": table(ABLE)}, normalise={"able": (1.0, 2.0)})

    assert old.normalize == {"able": Scaling(location=1.0, scale=2.0)}
