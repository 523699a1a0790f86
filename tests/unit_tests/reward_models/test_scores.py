"""What may come back from a reward model, value by value."""

import itertools
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import numpy as np
import pytest

from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.scores import (
    MOST_COUNTED,
    NUMBER_FIELDS,
    WORD_FIELDS,
    as_score,
    checked_scores,
)

NOT_SCORED = {"reward": None}


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (None, None),
        (2, 2),
        (0.5, 0.5),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        ((0.5, "long"), {"reward": 0.5, "rationale": "long"}),
        ((None, "long"), {"reward": None, "rationale": "long"}),
        ((math.nan, "long"), {"reward": None, "rationale": "long"}),
        ({"score": 1}, 1.0),
        ({"score": None}, None),
        ({"score": 1, "comment": ""}, 1.0),
        ({"score": 1, "comment": None, "reason": 7}, {"reward": 1.0, "rationale": "7"}),
        (SimpleNamespace(score=1, reason="a"), {"reward": 1.0, "rationale": "a"}),
        (SimpleNamespace(value=1), 1.0),
    ],
)
def test_what_is_a_score(value: object, score: object) -> None:
    read = as_score(value)
    assert read == score
    assert type(read) is type(score)


@pytest.mark.parametrize("number", NUMBER_FIELDS)
@pytest.mark.parametrize("words", WORD_FIELDS)
def test_evaluators_call_it_by_many_names(number: str, words: str) -> None:
    explained = {"reward": 1.0, "rationale": "a"}
    assert as_score({number: 1, words: "a"}) == explained
    assert as_score(SimpleNamespace(**{number: 1, words: "a"})) == explained


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ((0.5, " \n"), {"reward": 0.5}),
        ({"reward": 0.5, "rationale": "  "}, {"reward": 0.5}),
        (
            {"reward": 0.5, "rationale": " ", "comment": "Long."},
            {"reward": 0.5, "rationale": "Long."},
        ),
        (
            {"reward": 0.5, "rationale": "Good.", "flaws": "\n"},
            {"reward": 0.5, "rationale": "Good.", "flaws": ""},
        ),
    ],
)
def test_blanks_say_nothing(value: object, score: object) -> None:
    assert checked_scores([value], ["a"]) == {"a": score}


def test_of_two_names_the_first_counts() -> None:
    assert as_score({"value": 3, "reward": 1, "score": 2, "feedback": "b", "comment": "a"}) == {
        "reward": 1.0,
        "rationale": "a",
    }


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("7", "A score must be a number or None, got str `7`."),
        (b"7", "A score must be a number or None, got bytes `b'7'`."),
        (object, "A score must be a number or None, got type `<class 'object'>`."),
        ([7.0], "A score must be a number or None, got list `[7.0]`."),
        ((1.0, 2.0), "A score must be a number or None, got tuple `(1.0, 2.0)`."),
        ((1.0, "a", "b"), "A score must be a number or None, got tuple `(1.0, 'a', 'b')`."),
        (1j, "A score must be a number or None, got complex `1j`."),
        (np.array([1.0, 2.0]), "A score must be one number, got ndarray `[1. 2.]`."),
        ({"stars": 1}, "A score lacks the key `reward` (or `score`): got dict `{'stars': 1}`."),
        ({"score": "7"}, "A score must be a number or None, got str `7`."),
        (
            {"comment": "a"},
            "A score lacks the key `reward` (or `score`): got dict `{'comment': 'a'}`.",
        ),
    ],
)
def test_what_is_no_score(value: object, line: str) -> None:
    with pytest.raises(RewardOutputError) as raised:
        as_score(value)
    assert str(raised.value) == line


@pytest.mark.parametrize(
    ("value", "scored"),
    [
        (1, {"reward": 1.0}),
        (None, NOT_SCORED),
        (math.nan, NOT_SCORED),
        (-math.inf, NOT_SCORED),
        (10**400, NOT_SCORED),
        ((1, "cut \ud83d"), {"reward": 1.0, "rationale": "cut \ufffd"}),
        ((1, ""), {"reward": 1.0}),
        ({"reward": 10**400, "comment": "a"}, {"reward": None, "rationale": "a"}),
    ],
)
def test_what_is_not_finite_is_not_scored(value: object, scored: object) -> None:
    assert checked_scores([value], ["a"]) == {"a": scored}


def test_scores_are_paired_with_their_texts_in_order() -> None:
    scores = checked_scores((number for number in (1, 2)), ["b", "a"])
    assert scores == {"b": {"reward": 1.0}, "a": {"reward": 2.0}}
    assert checked_scores([], []) == {}


@pytest.mark.parametrize(
    ("scores", "seen"),
    [("12", "str `12`"), (b"12", "bytes `b'12'`"), ({1: 2}, "dict `{1: 2}`"), (3, "int `3`")],
)
def test_scores_are_a_list(scores: object, seen: str) -> None:
    with pytest.raises(RewardOutputError) as raised:
        checked_scores(scores, ["a", "b"])
    assert str(raised.value) == (
        f"The reward model returned {seen}, expected a list with one score for each of 2 responses."
    )


@pytest.mark.parametrize("given", [0, 1, 3, MOST_COUNTED + 2, MOST_COUNTED + 9])
def test_there_is_one_for_each(given: int) -> None:
    counted = min(given, MOST_COUNTED + 2)
    with pytest.raises(RewardOutputError) as raised:
        checked_scores([1.0] * given, ["a", "b"])
    assert str(raised.value) == (
        f"The reward model returned {counted} scores for 2 responses: return one for each, in "
        "their order."
    )


def test_an_endless_list_is_left() -> None:
    with pytest.raises(RewardOutputError, match=f"returned {MOST_COUNTED + 1} scores for 1 "):
        checked_scores(itertools.repeat(1.0), ["a"])


def test_a_list_that_fails_is_one_line() -> None:
    def failing() -> Iterator[float]:
        yield 1.0
        raise OSError("gone")

    with pytest.raises(RewardOutputError) as raised:
        checked_scores(failing(), ["a", "b"])
    assert str(raised.value) == (
        "The scores of the reward model cannot be read (OSError: gone): return a list."
    )


def test_a_score_that_fails_is_one_line() -> None:
    class Failing(dict[str, Any]):
        def __contains__(self, _key: object) -> bool:
            raise OSError("gone")

    with pytest.raises(RewardOutputError) as raised:
        as_score(Failing())
    assert str(raised.value) == (
        "A score cannot be read (OSError: gone): a Failing came, expected a number or None."
    )


@pytest.mark.parametrize("kind", [Mock, MagicMock, AsyncMock])
def test_a_stand_in_without_a_value_is_no_score(kind: type[Mock]) -> None:
    for value in (kind(), {"score": kind()}, (kind(), "fine")):
        with pytest.raises(RewardOutputError, match="give the stand-in a value"):
            as_score(value)
