"""Statistics: right on what can be worked out, repeatable, and fair to both sides."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tpo.evaluation.outcomes import best_of
from langchain_tpo.evaluation.report.length_control import length_controlled_win_rate
from langchain_tpo.evaluation.report.statistics import (
    Estimate,
    correlation,
    mean,
    paired_difference,
    win_rate,
)

numbers = st.floats(min_value=-1e3, max_value=1e3, allow_nan=False)
scores = st.dictionaries(st.text(min_size=1, max_size=3), numbers, min_size=1, max_size=12)
few = settings(max_examples=40, deadline=None)


@few
@given(st.lists(numbers, min_size=1, max_size=30), st.integers(0, 5))
def test_the_interval_holds_the_mean_and_stays_within_the_values(
    values: list[float], seed: int
) -> None:
    estimate = mean(values, seed=seed)

    assert estimate is not None
    assert estimate.value == pytest.approx(np.mean(values))
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert min(values) - slack <= estimate.low <= estimate.value + slack
    assert estimate.value - slack <= estimate.high <= max(values) + slack
    assert estimate == mean(values, seed=seed)


@few
@given(scores, scores)
def test_swapping_the_sides_turns_the_comparison_round(
    ours: dict[str, float], theirs: dict[str, float]
) -> None:
    here, there = win_rate(ours, theirs), win_rate(theirs, ours)
    ahead, behind = paired_difference(ours, theirs), paired_difference(theirs, ours)

    if here is None or there is None or ahead is None or behind is None:
        assert not ours.keys() & theirs.keys()
        return
    assert here.value + there.value == pytest.approx(1)
    assert (here.low, here.high) == pytest.approx((1 - there.high, 1 - there.low))
    assert ahead.value == pytest.approx(-behind.value)
    assert here.count == len(ours.keys() & theirs.keys())


@few
@given(scores)
def test_pairing_takes_away_what_examples_share(ours: dict[str, float]) -> None:
    better = {name: value + 1.0 for name, value in ours.items()}

    gained = paired_difference(better, ours)

    assert gained is not None
    assert (gained.low, gained.high) == pytest.approx((1.0, 1.0), abs=1e-6)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        estimate = mean(generator.normal(3.0, 1.0, size=60).tolist(), seed=seed)
        assert estimate is not None
        covered += estimate.low <= 3.0 <= estimate.high

    assert 0.88 <= covered / 200 <= 0.99


@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_at_equal_lengths_length_control_changes_nothing(wins: list[float]) -> None:
    controlled = length_controlled_win_rate(wins, [0.0] * len(wins))

    assert controlled is not None
    assert controlled.value == pytest.approx(np.mean(wins), abs=1e-4)


@few
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.floats(-500, 500)), min_size=3, max_size=30
    )
)
def test_length_control_treats_both_sides_alike(pairs: list[tuple[float, float]]) -> None:
    ours = length_controlled_win_rate([won for won, _ in pairs], [more for _, more in pairs])
    theirs = length_controlled_win_rate([1 - won for won, _ in pairs], [-more for _, more in pairs])

    assert ours is not None
    assert theirs is not None
    assert ours.value + theirs.value == pytest.approx(1, abs=1e-3)


def test_wins_that_are_due_to_length_alone_are_taken_away() -> None:
    generator = np.random.default_rng(3)
    longer = generator.normal(120, 150, size=800)
    won = generator.random(800) < 1 / (1 + np.exp(-longer / 80))

    controlled = length_controlled_win_rate(won.astype(float).tolist(), longer.tolist())

    assert won.mean() > 0.7
    assert controlled is not None
    assert controlled.low <= 0.5 <= controlled.high


def test_wins_that_are_due_to_skill_are_kept() -> None:
    generator = np.random.default_rng(4)
    longer = generator.normal(0, 150, size=800)
    won = generator.random(800) < 0.7

    controlled = length_controlled_win_rate(won.astype(float).tolist(), longer.tolist())

    assert controlled is not None
    assert controlled.value == pytest.approx(won.mean(), abs=0.03)


def test_a_side_that_always_wins_is_no_error() -> None:
    controlled = length_controlled_win_rate([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])

    assert isinstance(controlled, Estimate)
    assert controlled.value > 0.99


def test_nothing_to_go_by_is_none() -> None:
    assert mean([]) is None
    assert win_rate({}, {"a": 1.0}) is None
    assert length_controlled_win_rate([], []) is None
    assert correlation([1, 2], [1, 2]) is None
    assert correlation([1, 1, 1], [1, 2, 3]) is None


def test_rank_correlation_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(5)
    first = generator.integers(0, 9, size=50).astype(float)
    second = first + generator.normal(0, 4, size=50)

    assert correlation(first.tolist(), second.tolist()) == pytest.approx(
        stats.spearmanr(first, second).statistic
    )


@few
@given(st.lists(numbers, min_size=1, max_size=6))
def test_the_best_of_some_is_what_trying_all_subsets_gives(rewards: list[float]) -> None:
    for draws in range(1, len(rewards) + 1):
        tried = [max(subset) for subset in itertools.combinations(rewards, draws)]
        assert best_of(rewards, draws) == pytest.approx(np.mean(tried), abs=1e-6)
