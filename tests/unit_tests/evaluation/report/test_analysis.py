"""A run in numbers: what is averaged, what is counted apart, who is compared with whom."""

from typing import Any

import pytest

from langchain_tpo.evaluation.outcomes import Failed, Outcome, outcome_of
from langchain_tpo.evaluation.report.analysis import analyse
from langchain_tpo.evaluation.report.pairing import pairs_to_compare
from langchain_tpo.evaluation.report.tables import tables
from tests.unit_tests.evaluation.run_folders import record_of, run_of


def outcome(*arguments: Any, **more: Any) -> Outcome | Failed:
    return outcome_of(record_of(*arguments, **more), lambda *_: {})  # type: ignore[arg-type]


def test_failed_and_unscored_examples_are_counted_and_never_averaged_in() -> None:
    outcomes = [
        outcome("1", "tpo", run_of([[1.0, None], [3.0, 2.0]])),
        outcome("2", "tpo"),
        outcome("1", "single", run_of([[0.0]])),
        outcome("2", "single", run_of([[100.0]])),
    ]

    analysis = analyse(outcomes, {"single": "single", "tpo": "tpo"})

    single, tpo = analysis.systems
    assert (tpo.answered, tpo.failed, tpo.failures) == (1, 1, {"RuntimeError: broken": 1})
    assert tpo.reward is not None
    assert tpo.reward.value == 3.0
    assert (single.answered, single.averaged) == (2, 1)
    assert single.reward is not None
    assert single.reward.value == 0.0  # of the example that both answered
    (comparison,) = analysis.comparisons
    assert comparison.difference is not None
    assert (comparison.difference.value, comparison.difference.count) == (3.0, 1)
    assert analysis.examples == 2


def test_the_curve_never_falls_and_a_run_that_stopped_early_keeps_its_best() -> None:
    outcomes = [
        outcome("1", "tpo", run_of([[1.0, 0.0], [0.5, 0.2], [4.0, 2.0]])),
        outcome("2", "tpo", run_of([[2.0, 2.0]])),
    ]

    (tpo,) = analyse(outcomes, {"tpo": "tpo"}).systems

    assert [one.value for one in tpo.curve if one] == [1.5, 1.5, 3.0]
    assert [one.count for one in tpo.curve if one] == [2, 2, 2]
    assert tpo.tokens_by_round == [50, 75, 100]


def test_turns_are_averaged_and_their_costs_are_summed() -> None:
    both = outcome("1", "tpo", run_of([[1.0]], answer="ab"), run_of([[3.0]], answer="abcd"))

    assert isinstance(both, Outcome)
    assert (both.reward, both.length, both.usage["output_tokens"]) == (2.0, 3.0, 80)


def test_shortened_prompts_are_counted_and_shown() -> None:
    shortened = run_of([[1.0], [2.0]])
    shortened["steps"][1]["left_out"] = 1234
    outcomes = [outcome("1", "tpo", shortened, shortened), outcome("2", "tpo", run_of([[1.0]]))]

    analysis = analyse(outcomes, {"tpo": "tpo"})

    assert analysis.systems[0].shortened == 2
    (table,) = [one for one in tables(analysis) if "shortened prompts" in one.head]
    assert table.rows[0][table.head.index("shortened prompts")] == "2"


def test_unknown_tokens_make_a_cost_unknown_not_smaller() -> None:
    unknown = run_of([[1.0]])
    unknown["usage"] = {**unknown["usage"], "output_tokens": None}
    outcomes = [outcome("1", "tpo", run_of([[1.0]])), outcome("2", "tpo", unknown)]

    (tpo,) = analyse(outcomes, {"tpo": "tpo"}, parameters=1e9).systems

    assert (tpo.input_tokens, tpo.output_tokens, tpo.pflops) == (10, None, None)


def test_arithmetic_is_two_operations_per_parameter_and_token() -> None:
    outcomes = [
        outcome("1", "tpo", run_of([[1.0], [2.0]])),
        outcome("1", "single", run_of([[1.0]])),
    ]

    analysis = analyse(outcomes, {"single": "single", "tpo": "tpo"}, parameters=1e12)

    assert [one.pflops for one in analysis.systems] == [pytest.approx(0.1), pytest.approx(0.2)]


def test_a_gain_has_a_price_in_tokens_seconds_and_arithmetic() -> None:
    outcomes = [
        outcome("1", "tpo", run_of([[1.0], [3.0]])),
        outcome("1", "single", run_of([[1.0]])),
        outcome("2", "single", run_of([[1.0], [2.0], [9.0]])),  # nobody to compare it with
    ]

    (comparison,) = analyse(
        outcomes, {"single": "single", "tpo": "tpo"}, parameters=1e12
    ).comparisons

    assert (comparison.extra_tokens, comparison.extra_seconds) == (50, 0.5)
    assert comparison.tokens_per_point == 25
    assert comparison.extra_pflops == pytest.approx(0.1)
    assert comparison.pflops_per_point == pytest.approx(0.05)


@pytest.mark.parametrize("ours", [[[1.0], [1.0]], [[1.0], [0.5]], [[5.0]]])
def test_nothing_gained_or_nothing_spent_has_no_price(ours: Any) -> None:
    outcomes = [outcome("1", "tpo", run_of(ours)), outcome("1", "single", run_of([[1.0]]))]

    (comparison,) = analyse(
        outcomes, {"single": "single", "tpo": "tpo"}, parameters=1e12
    ).comparisons

    assert (comparison.tokens_per_point, comparison.pflops_per_point) == (None, None)


def test_a_second_judge_is_shown_beside_the_reward() -> None:
    outcomes = [
        outcome(str(n), who, run_of([[1.0]])) for n in range(3) for who in ("tpo", "single")
    ]

    analysis = analyse(
        outcomes,
        {"single": "single", "tpo": "tpo"},
        verdicts={
            ("tpo", "single"): {"0": 1.0, "1": None, "9": 1.0},
            ("single", "tpo"): {"2": 0.5},
        },
    )

    (comparison,) = analysis.comparisons
    assert comparison.win_rate is not None
    assert comparison.win_rate.value == 0.5
    assert comparison.judged is not None
    assert (comparison.judged.value, comparison.judged.count) == (0.75, 2)
    assert comparison.unjudged == 1


def test_loops_are_compared_with_everything_and_each_pair_once() -> None:
    kinds = {"single": "single", "a": "tpo", "b": "tpo", "revision": "revision"}

    assert pairs_to_compare(kinds) == [
        ("a", "single"),
        ("a", "b"),
        ("a", "revision"),
        ("b", "single"),
        ("b", "revision"),
    ]
    assert pairs_to_compare({"x": "single", "y": "best-of-n"}) == [("x", "y")]


def test_an_empty_run_is_an_analysis_of_nothing() -> None:
    analysis = analyse([], {"tpo": "tpo", "single": "single"})

    assert [one.reward for one in analysis.systems] == [None, None]
    assert analysis.comparisons[0].win_rate is None


def test_a_system_that_never_answered_does_not_empty_the_comparison_of_the_others() -> None:
    outcomes = [
        outcome("1", "tpo", run_of([[1.0]])),
        outcome("1", "single", run_of([[0.0]])),
        outcome("1", "broken"),
    ]

    analysis = analyse(outcomes, {"single": "single", "tpo": "tpo", "broken": "best-of-n"})

    assert analysis.common == 1
    assert analysis.systems[1].averaged == 1


def test_the_baseline_is_the_fairest_that_there_is_or_the_one_that_is_asked_for() -> None:
    kinds = {"single": "single", "best-of-n": "best-of-n", "m": "best-of-n-matched", "tpo": "tpo"}

    assert (analyse([], kinds).subject, analyse([], kinds).baseline) == ("tpo", "m")
    assert analyse([], kinds, baseline="single").baseline == "single"
    assert [(one.system, one.baseline) for one in analyse([], kinds).comparisons[:3]] == [
        *(("single", "m"), ("best-of-n", "m"), ("tpo", "m"))
    ]
    assert analyse([], {"tpo": "tpo"}).baseline is None


def test_gains_are_shown_by_the_data_sets_own_kinds_and_losses_by_name() -> None:
    outcomes = [
        outcome(str(number), who, run_of([[reward]]), fields={"category": f"kind {number % 2}"})
        for number in range(8)
        for who, reward in (("tpo", float(number % 2)), ("single", 0.25))
    ]

    analysis = analyse(outcomes, {"single": "single", "tpo": "tpo"})

    assert analysis.kinds is not None
    assert analysis.kinds.field == "category"
    gains = [(row.name, row.difference.value) for row in analysis.kinds.rows]
    assert gains == [("kind 1", 0.75), ("kind 0", -0.25)]
    assert analysis.losses is not None
    assert (analysis.losses.better, analysis.losses.equal, analysis.losses.worse) == (4, 0, 4)
    assert analysis.losses.mean_loss == -0.25
    assert analysis.losses.examples[0] == ("0", -0.25)


def test_shared_draws_are_counted_once_in_what_the_run_took() -> None:
    shared = run_of([[1.0], [2.0]])
    shared["steps"][0]["shared"] = True
    outcomes = [outcome("1", "tpo", run_of([[1.0]])), outcome("1", "single", shared)]

    analysis = analyse(outcomes, {"single": "single", "tpo": "tpo"})

    assert analysis.paid["output_tokens"] == 40 + 40
    assert [one.output_tokens for one in analysis.systems] == [80, 40]


def measured(example: str, system: str, reward: float, tests: float | None) -> Outcome | Failed:
    values = {"tests": tests, "preference head": -1.5, "refuses safe": reward / 2}
    record = record_of(example, system, run_of([[reward]]), metrics=values)
    return outcome_of(record, lambda *_: {})  # type: ignore[arg-type]


def test_each_system_is_held_against_its_own_matched_draws_where_both_answered() -> None:
    outcomes = [
        measured("1", "tpo", 1.0, 1.0),
        measured("2", "tpo", 1.0, 0.0),
        measured("3", "tpo", 0.0, None),
        measured("4", "tpo", 0.0, 0.0),
        measured("1", "as-tpo", 0.5, 0.0),
        measured("2", "as-tpo", 0.75, 1.0),
        measured("3", "as-tpo", 0.5, 1.0),
        measured("9", "explain", 1.0, 1.0),
    ]
    kinds = {"tpo": "tpo", "explain": "explain", "as-tpo": "best-of-n-matched"}

    analysis = analyse(outcomes, kinds, matches={"as-tpo": "tpo", "gone": "explain"})

    found = {
        one.measure: (round(one.difference.value, 3), one.ahead, one.level, one.behind)
        for one in analysis.matched
    }
    assert found == {
        "reward": (0.083, 2, 0, 1),
        "tests": (0.0, 1, 0, 1),
        "preference head": (0.0, 0, 3, 0),
        "refuses safe": (-0.042, 1, 0, 2),  # it wants to be low
    }
    (table,) = [one for one in tables(analysis) if "equal cost" in one.title]
    assert table.rows[1][:4] == ["tpo", "as-tpo", "tests", "2"]


def test_a_metric_that_is_no_share_is_not_written_in_percent() -> None:
    outcomes = [measured(str(number), "tpo", 1.0, 1.0) for number in range(3)]

    (table,) = [one for one in tables(analyse(outcomes, {"tpo": "tpo"})) if "metric" in one.head]

    shown = {row[0]: row[3] for row in table.rows}
    assert shown["preference head"].startswith("-1.500")
    assert shown["tests"].startswith("100%")
