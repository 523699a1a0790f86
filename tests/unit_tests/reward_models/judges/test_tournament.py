"""A judge that is right finds the best and the worst; one that is often wrong loses little."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tpo.reward_models.judges.tournament import Effort, Tournament, most_pairs

Judge = Callable[[float, float], float]
"""From the worth of two responses to what the first wins, both orders averaged."""


def right(one: float, other: float) -> float:
    return 1.0 if one > other else 0.0


def mostly_right(rng: random.Random) -> Judge:
    """Return a judge that is right in 80 % of its answers, each order asked for itself."""
    return lambda one, other: sum((one > other) == (rng.random() < 0.8) for _ in "ab") / 2


def played(
    worth: dict[str, float], judge: Judge, effort: Effort = "linear"
) -> tuple[dict[str, float], int]:
    """Return the strengths after a tournament, and how many pairs have met."""
    tournament = Tournament(players=list(worth), effort=effort)
    pairs = 0
    while stage := tournament.stage():
        for pair in stage:
            tournament.record(pair, judge(worth[pair[0]], worth[pair[1]]))
        pairs += len(stage)
    return tournament.strengths(), pairs


def ends(values: dict[str, float]) -> tuple[str, str]:
    """Return whose value is the highest, and whose the lowest."""
    return max(values, key=lambda name: values[name]), min(values, key=lambda name: values[name])


def everyone_meets(worth: dict[str, float], judge: Judge) -> dict[str, float]:
    """Return what each wins when everyone meets everyone: what more questions could bring."""
    wins = dict.fromkeys(worth, 0.0)
    names = list(worth)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            share = judge(worth[one], worth[other])
            wins[one] += share
            wins[other] += 1 - share
    return wins


def field_of(width: int, rng: random.Random) -> dict[str, float]:
    return {f"response {number}": rng.random() for number in range(width)}


@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("effort", ["linear", "loglinear"])
def test_a_judge_that_is_right_puts_the_best_first_and_the_worst_last(
    width: int, effort: Effort
) -> None:
    rng = random.Random(width)  # noqa: S311 repeatable
    for _ in range(30):
        worth = field_of(width, rng)
        strengths, pairs = played(worth, right, effort)
        assert ends(strengths) == ends(worth)
        assert pairs <= most_pairs(width, effort)
        assert effort == "loglinear" or 2 * pairs <= 3 * width


@pytest.mark.parametrize("width", [5, 10, 20])
def test_a_judge_that_is_right_four_times_in_five_comes_near_its_ceiling(width: int) -> None:
    rng = random.Random(width)  # noqa: S311 repeatable
    found, ceiling, low = 0, 0, 0.0
    for _ in range(120):
        worth = field_of(width, rng)
        best, worst = ends(played(worth, mostly_right(rng))[0])
        found += best == ends(worth)[0]
        ceiling += ends(everyone_meets(worth, mostly_right(rng)))[0] == ends(worth)[0]
        low += sum(other < worth[worst] for other in worth.values()) / (width - 1)

    assert found > 0.9 * ceiling
    assert low / 120 < 0.19  # of the others, so many are worse than the one that stands last


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, None]), max_size=200), st.integers(0, 12)
)
def test_whatever_a_judge_says_a_tournament_ends_within_its_limit(
    said: list[float | None], width: int
) -> None:
    tournament = Tournament(players=[str(number) for number in range(width)])
    answers = iter(said)
    asked = []
    while stage := tournament.stage():
        for pair in stage:
            tournament.record(pair, next(answers, None))
        asked += stage

    assert len({frozenset(pair) for pair in asked}) == len(asked) <= most_pairs(width, "linear")
    assert set(tournament.strengths()) <= set(tournament.players)


def test_a_loser_stands_below_the_winner() -> None:
    tournament = Tournament(players=["a", "b", "c"])
    for pair, share in ((("a", "b"), 1.0), (("a", "c"), 0.5)):
        tournament.record(pair, share)

    strengths = tournament.strengths()

    assert strengths["b"] < min(strengths["a"], strengths["c"])
