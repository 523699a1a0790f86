import math
from typing import Any

import pytest

from langchain_tpo.reward_models.human.human_answers import (
    AnswerError,
    Standing,
    pick_rewards,
    rank_rewards,
    scores,
)

FIRST = Standing()
LATER = Standing(best=3.0, worst=1.0)


@pytest.mark.parametrize("answer", [2, 2.0, "2", " 2 "])
def test_a_pick_earns_one_in_a_first_round(answer: object) -> None:
    assert pick_rewards(answer, fresh=3, standing=FIRST) == [0.0, 1.0, 0.0]


def test_a_later_pick_beats_the_best_so_far_and_the_others_join_the_worst() -> None:
    assert pick_rewards(1, fresh=2, standing=LATER) == [4.0, 1.0]


def test_the_best_so_far_can_be_picked_again() -> None:
    assert pick_rewards(3, fresh=2, standing=LATER) == [1.0, 1.0]
    assert pick_rewards(3, fresh=2, standing=Standing(best=0.0)) == [-1.0, -1.0]


@pytest.mark.parametrize(
    "answer", [0, 4, -1, 1.5, True, None, [1], "two", "", {"pick": 1}, math.inf]
)
def test_a_pick_of_nothing_there_is_refused(answer: object) -> None:
    with pytest.raises(AnswerError):
        pick_rewards(answer, fresh=2, standing=LATER)


@pytest.mark.parametrize("answer", [[3, 1, 2], "[3, 1, 2]", "3, 1, 2", [3.0, 1, 2]])
def test_a_first_order_earns_whole_steps(answer: object) -> None:
    assert rank_rewards(answer, fresh=3, standing=FIRST) == [1.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([1, 2, 3, 4], [5.0, 4.0]),  # both above the best so far
        ([3, 1, 2, 4], [3 - 2 / 3, 3 - 4 / 3]),  # both between the two
        ([3, 4, 1, 2], [0.0, -1.0]),  # both below the worst so far
        ([2, 3, 4, 1], [0.0, 4.0]),
    ],
)
def test_a_later_order_is_placed_around_best_and_worst_so_far(
    order: list[int], expected: list[float]
) -> None:
    assert rank_rewards(order, fresh=2, standing=LATER) == pytest.approx(expected)


def test_a_later_order_around_one_reference_goes_by_whole_steps() -> None:
    assert rank_rewards([1, 3, 2], fresh=2, standing=Standing(best=0.5)) == [1.5, -0.5]


@pytest.mark.parametrize(
    "answer", [[1, 2, 3], [1, 2, 3, 3], [1, 2, 3, 5], 1, "1 2", [1, 2, 3, True]]
)
def test_an_order_that_is_none_is_refused(answer: object) -> None:
    with pytest.raises(AnswerError):
        rank_rewards(answer, fresh=2, standing=LATER)


def test_an_earlier_verdict_cannot_be_turned_round() -> None:
    with pytest.raises(AnswerError, match="keep these two in that order"):
        rank_rewards([4, 1, 2, 3], fresh=2, standing=LATER)


@pytest.mark.parametrize("answer", [[7, None, 0], "7, null, 0", "[7, null, 0]"])
def test_scores_are_read_as_given(answer: object) -> None:
    assert scores(answer, fresh=3, scale=10) == [7.0, None, 0.0]


@pytest.mark.parametrize(
    "answer",
    [[1], [1, 2, 3], [11, 1], [-1, 1], ["7", 1], [True, 1], "NaN, 1", [[1], 1], "[" * 10_000],
)
def test_scores_that_do_not_fit_are_refused_in_one_line(answer: Any) -> None:
    with pytest.raises(AnswerError) as refusal:
        scores(answer, fresh=2, scale=10)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 150
