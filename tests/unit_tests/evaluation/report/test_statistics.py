"""Statistics: right on what can be worked out, repeatable, and fair to both sides."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from langchain_tpo.evaluation.outcomes import best_of
from langchain_tpo.evaluation.report.length_control import length_controlled_win_rate
from langchain_tpo.evaluation.report.statistics import (
    Estimate,
    correlation,
    mean,
    paired_difference,
    rarest,
    share,
    win_rate,
)
from tests.support.properties import examples

numbers = st.floats(min_value=-1e3, max_value=1e3, allow_nan=False)
scores = st.dictionaries(st.integers(0, 30).map(str), numbers, min_size=1, max_size=30)
few = examples(40)


@few
@given(st.lists(numbers, min_size=1, max_size=30), st.integers(0, 5))
def test_the_interval_holds_the_mean_from_ten_examples_on(values: list[float], seed: int) -> None:
    estimate = mean(values, seed=seed)

    assert estimate is not None
    assert estimate.value == pytest.approx(np.mean(values))
    assert estimate == mean(values, seed=seed)
    if len(values) < 10:
        assert (estimate.low, estimate.high) == (None, None)
        return
    assert estimate.low is not None
    assert estimate.high is not None
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert estimate.low - slack <= estimate.value <= estimate.high + slack


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
    assert ahead.value == pytest.approx(-behind.value)
    assert here.count == len(ours.keys() & theirs.keys())
    if here.low is None or there.low is None or there.high is None:
        assert here.count < 10
        return
    assert (here.low, here.high) == pytest.approx((1 - there.high, 1 - there.low))


@few
@given(scores)
def test_pairing_takes_away_what_examples_share(ours: dict[str, float]) -> None:
    better = {name: value + 1.0 for name, value in ours.items()}

    gained = paired_difference(better, ours)

    assert gained is not None
    assert gained.value == pytest.approx(1.0)
    if len(ours) >= 10:
        assert (gained.low, gained.high) == (None, None)  # alike: no interval of no width
        assert (gained.side(), gained.side(2.0)) == (1, -1)


Sampler = Callable[[np.random.Generator, int], NDArray[np.float64]]

DIFFERENCES: dict[str, tuple[Sampler, float]] = {
    "normal": (lambda generator, size: generator.normal(0.3, 1, size), 0.3),
    "lopsided": (lambda generator, size: generator.exponential(1, size), 1.0),
    "heavy tails": (lambda generator, size: generator.standard_t(3, size), 0.0),
    "mostly no difference": (
        lambda generator, size: np.where(
            generator.random(size) < 0.6, 0, generator.normal(0.5, 1, size)
        ),
        0.2,
    ),
    "shares of tests, mostly no difference": (
        lambda generator, size: np.where(
            generator.random(size) < 0.6, 0, generator.choice([-0.5, -0.25, 0.25, 0.5], size)
        ),
        0.0,
    ),
}
"""What paired differences look like, with their true mean."""


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_intervals_of_differences_hold_the_truth_at_twenty_examples(kind: str) -> None:
    sample, truth = DIFFERENCES[kind]
    generator = np.random.default_rng(11)
    runs = 400

    held = sum(
        holds(mean(sample(generator, 20).tolist(), seed=seed), truth) for seed in range(runs)
    )

    assert held / runs >= 0.93


@pytest.mark.parametrize(
    ("size", "rate"), [(20, 0.1), (30, 0.05), (30, 0.08), (50, 0.01), (50, 0.03), (100, 0.01)]
)
def test_verdicts_that_differ_by_chance_are_seldom_told_apart(size: int, rate: float) -> None:
    """Exact: every outcome of systems that are ahead and behind at one rate, by its chance."""
    multinomial = pytest.importorskip("scipy.stats").multinomial(size, [rate, rate, 1 - 2 * rate])
    told = 0.0
    for ahead, behind in itertools.product(range(12), repeat=2):
        chance = multinomial.pmf([ahead, behind, size - ahead - behind])
        if chance < 1e-4 or ahead == behind or ahead + behind > size:
            continue
        found = mean([1.0] * ahead + [-1.0] * behind + [0.0] * (size - ahead - behind))
        assert found is not None
        told += chance * (found.side() != 0)

    assert told <= 0.05


@pytest.mark.parametrize("size", [20, 50])
@pytest.mark.parametrize("rate", [0.5, 0.7, 0.9])
def test_intervals_of_win_rates_hold_the_truth(rate: float, size: int) -> None:
    binomial = pytest.importorskip("scipy.stats").binom(size, rate)

    held = sum(
        binomial.pmf(won)
        for won in range(size + 1)
        if holds(share([1.0] * won + [0.0] * (size - won)), rate)
    )

    assert held >= 0.93


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_intervals_at_equal_length_hold_the_truth(rate: float) -> None:
    generator, runs = np.random.default_rng(5), 400
    skill = np.log(rate / (1 - rate))
    held = 0
    for _ in range(runs):
        longer = generator.normal(50, 150, 20)
        chance = 1 / (1 + np.exp(-(skill + 0.7 * np.tanh(longer / longer.std()))))
        won = (generator.random(20) < chance).astype(float)
        held += holds(length_controlled_win_rate(won.tolist(), longer.tolist()), rate)

    assert held / runs >= 0.93


def holds(estimate: Estimate | None, truth: float) -> bool:
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize(("won", "size"), [(0, 12), (7, 10), (20, 20), (53, 100)])
def test_win_rates_have_the_interval_that_statsmodels_and_scipy_give(won: int, size: int) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    stats = pytest.importorskip("scipy.stats")

    ours = share([1.0] * won + [0.0] * (size - won))

    assert ours is not None
    ends = (ours.low, ours.high)
    theirs = stats.binomtest(won, size).proportion_ci(method="wilson")
    assert ends == pytest.approx(proportion.proportion_confint(won, size, method="wilson"))
    assert ends == pytest.approx((theirs.low, theirs.high))


def test_a_studentized_interval_is_close_to_students_where_that_is_right() -> None:
    stats = pytest.importorskip("scipy.stats")
    sample = np.random.default_rng(2).normal(1, 2, 60)

    ours = mean(sample.tolist())

    assert ours is not None
    student = stats.t.interval(0.96, 59, sample.mean(), stats.sem(sample))
    assert (ours.low, ours.high) == pytest.approx(student, abs=0.06)


def test_one_difference_among_none_has_an_interval_that_ends() -> None:
    estimate = mean([0.0] * 19 + [1.0])

    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert -0.2 < estimate.low < 0 < estimate.high < 0.35
    assert estimate.side() == 0


@pytest.mark.parametrize("known", [False, True])
def test_the_rate_at_equal_length_is_that_of_statsmodels(*, known: bool) -> None:
    models = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(8)
    longer, hard = generator.normal(60, 150, 400), generator.normal(0, 1, 400)
    scaled = np.tanh(longer / longer.std())
    won = (generator.random(400) < 1 / (1 + np.exp(-(0.4 + scaled - 0.8 * hard)))).astype(float)

    ours = length_controlled_win_rate(
        won.tolist(), longer.tolist(), hard.tolist() if known else None
    )

    columns = [np.ones(400), scaled, *([hard] if known else [])]
    fit = models.Logit(won, np.column_stack(columns)).fit(disp=0)
    columns[1] = np.zeros(400)
    assert ours is not None
    assert ours.value == pytest.approx(fit.predict(np.column_stack(columns)).mean(), abs=0.002)


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
    assert holds(controlled, 0.5)


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


@pytest.mark.parametrize("count", [10, 20, 100])
def test_how_rare_others_may_be_is_the_exact_binomial_bound(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert rarest(count) == pytest.approx(stats.beta.ppf(0.95, 1, count))
