"""What each stop rule saves, in exact calls, and what it may lose, on given reward curves.

The answer is always the best of the rounds that were made. What the rounds left out would have
found on top is bounded by what the rule was told: on any curve for a reward that was asked for, on
curves of diminishing returns for the others. No rule can know of a curve that rises late.
"""

from itertools import accumulate
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langchain_tpo import TPOSettings
from tests.support.properties import examples
from tests.support.reward_curves import (
    CURVES,
    Curve,
    best_of,
    diminishing,
    down_from,
    least_contrast,
    simulate,
)

ROUND = 2 + 5
"""Completions of a round: loss, gradient, five revisions."""

UNSEEN = 884
"""What the first round is expected to cost more: critiques of 300 words in place of 150, wherever
they are written or quoted, and what chat templates add to three prompts."""

TOKENS = [611, 3461, 6311, 9161, 12011, 14861]
"""Words in and out of these runs after each round."""


@pytest.mark.parametrize(
    ("rule", "curve", "reason", "rounds", "lost"),
    [
        # Reaching a target loses what lies above it, and nothing when it is not reached.
        ({"target_reward": 9}, "rising", "target_reward", 3, 1),
        ({"target_reward": 9}, "easy", "target_reward", 1, 1),
        ({"target_reward": 7}, "early peak", "target_reward", 1, 0),
        ({"target_reward": 9}, "hard", "depth", 5, 0),
        # A plateau loses nothing where gains shrink ...
        ({"patience": 1}, "rising", "depth", 5, 0),
        ({"patience": 1}, "flat", "plateau", 1, 0),
        ({"patience": 1}, "early peak", "plateau", 2, 0),
        ({"patience": 2}, "early peak", "plateau", 3, 0),
        ({"patience": 1, "min_gain": 1}, "rising", "plateau", 4, 0),
        ({"patience": 1, "min_gain": 2}, "rising", "plateau", 3, 1),
        ({"patience": 1, "min_gain": 1}, "easy", "plateau", 1, 1),
        # ... and more patience bridges the gaps of a noisy curve, but not every gap.
        ({"patience": 1}, "noisy", "plateau", 1, 3),
        ({"patience": 2}, "noisy", "depth", 5, 0),
        ({"patience": 2}, "late bloom", "plateau", 2, 6),
        # Without contrast a loss has nothing to explain; this one rule cannot be switched off.
        ({}, "no contrast", "no_contrast", 0, 0),
        ({}, "alike at first", "no_contrast", 0, 4),
        ({"min_contrast": 4}, "flat", "no_contrast", 0, 0),
        ({"min_contrast": 3}, "flat", "depth", 5, 0),
        # A gate looks once: easy questions cost N, hard ones everything.
        ({"gate_reward": 8}, "easy", "gate", 0, 2),
        ({"gate_reward": 8}, "hard", "depth", 5, 0),
        ({"gate_contrast": 4}, "flat", "gate", 0, 0),
        ({"gate_contrast": 3}, "flat", "depth", 5, 0),
        ({"gate_contrast": 2}, "narrow", "gate", 0, 1),
        # Budgets lose what the rounds that do not fit would have found.
        ({"call_budget": 5 + 2 * ROUND}, "rising", "call_budget", 2, 3),
        ({"call_budget": 5 + 3 * ROUND - 1}, "rising", "call_budget", 2, 3),
        ({"call_budget": 5 + 5 * ROUND - 1}, "rising", "call_budget", 4, 0),
        ({"token_budget": TOKENS[2]}, "rising", "token_budget", 1, 6),
        ({"token_budget": TOKENS[2] + 1}, "rising", "token_budget", 2, 3),
        ({"token_budget": TOKENS[3]}, "early peak", "token_budget", 2, 0),
    ],
    ids=str,
)
def test_a_rule_saves_whole_rounds_and_loses_no_more_than_it_was_told(
    rule: dict[str, Any], curve: str, reason: str, rounds: int, lost: float
) -> None:
    outcome = simulate(CURVES[curve], **rule)

    assert (outcome.result.stop_reason, outcome.rounds) == (reason, rounds)
    assert outcome.saved == (5 - rounds) * ROUND
    assert outcome.tokens == TOKENS[rounds]
    assert outcome.lost == lost
    assert lost <= outcome.bound


@pytest.mark.parametrize(
    ("budget", "rounds", "calls", "seconds"),
    [
        (0.3, 0, 5, 0.3),
        (0.4, 0, 6, 0.5),
        (0.6, 0, 7, 0.75),
        (0.8, 1, 12, 1.1),  # what is drawn is scored all the same
        (1.2, 1, 13, 1.3),
        (4.4, 5, 40, 4.3),
    ],
)
def test_past_a_time_budget_no_model_is_called(
    budget: float, rounds: int, calls: int, seconds: float
) -> None:
    outcome = simulate(CURVES["rising"], time_budget=budget)

    assert (outcome.rounds, outcome.calls) == (rounds, calls)
    assert outcome.result.seconds == pytest.approx(seconds)
    assert outcome.result.reward == (0, 4, 7, 9, 10, 10)[rounds]


def test_a_gate_makes_easy_questions_cost_n_and_hard_ones_the_full_loop() -> None:
    questions = ["easy"] * 6 + ["hard"] * 4
    outcomes = [simulate(CURVES[name], gate_reward=8) for name in questions]

    assert [outcome.calls for outcome in outcomes] == [5] * 6 + [40] * 4
    assert sum(outcome.saved for outcome in outcomes) == 6 * 5 * ROUND  # 210 of 400
    assert all(outcome.result.reward >= 8 for outcome in outcomes)


def test_fused_prompts_save_a_call_a_round_on_top_of_a_rule() -> None:
    outcomes = [
        simulate(CURVES["early peak"], strategy=way, patience=1) for way in ("tpo", "fused")
    ]

    assert [outcome.calls for outcome in outcomes] == [5 + 2 * 7, 5 + 2 * 6]
    assert outcomes[0].result.reward == outcomes[1].result.reward == 7


WIDTH, DEPTH = 2, 3
points = st.integers(-4, 4).map(float)
draws = st.lists(points, min_size=WIDTH, max_size=WIDTH)
curves = st.lists(draws, min_size=DEPTH + 1, max_size=DEPTH + 1)
rules = st.fixed_dictionaries(
    {},
    optional={
        "target_reward": points,
        "patience": st.integers(1, DEPTH),
        "min_gain": st.integers(0, 3),
        "min_contrast": st.integers(0, 3),
        "gate_reward": points,
        "gate_contrast": st.integers(0, 3),
        "call_budget": st.integers(WIDTH, WIDTH + DEPTH * (2 + WIDTH) + 1),
    },
)


gains = st.lists(st.integers(0, 4), min_size=DEPTH + 1, max_size=DEPTH + 1).map(sorted)


@st.composite
def diminishing_curves(draw: st.DrawFn) -> Curve:
    contrast, *later = reversed(draw(gains))
    bests = accumulate(later, initial=0)
    return down_from(*bests, by=contrast, width=WIDTH)


@pytest.mark.slow
@examples(50)
@given(curves | diminishing_curves(), rules)
def test_on_any_curve_a_run_makes_the_rounds_its_rules_allow_and_keeps_the_best(
    curve: Curve, rule: dict[str, Any]
) -> None:
    outcome = simulate(curve, **rule)

    made = next(done for done in range(DEPTH + 1) if ends(curve, done, outcome.settings))
    assert outcome.rounds == made
    assert outcome.calls == WIDTH + made * (2 + WIDTH)
    assert outcome.result.reward == best_of(curve[: made + 1])
    assert 0 <= outcome.lost <= outcome.bound


@given(diminishing_curves())
def test_the_curves_on_which_every_rule_is_bounded_have_diminishing_returns(curve: Curve) -> None:
    assert diminishing(curve)


@examples(20)
@given(st.integers(TOKENS[0] + 1, TOKENS[5] + 1000))
@example(TOKENS[1])
@example(TOKENS[1] + UNSEEN)
@example(TOKENS[1] + UNSEEN + 1)
def test_a_token_budget_is_kept_and_no_round_that_fits_is_left_out(budget: int) -> None:
    outcome = simulate(CURVES["rising"], token_budget=budget)

    cost = TOKENS[1] - TOKENS[0] + (UNSEEN if outcome.rounds == 0 else 0)
    assert outcome.tokens <= budget
    assert outcome.rounds == 5 or outcome.tokens + cost >= budget
    assert outcome.lost <= outcome.bound


def ends(curve: Curve, done: int, told: TPOSettings) -> bool:
    """Say whether a run ends after so many rounds, read off its curve alone."""
    top, bottom = best_of(curve[: done + 1]), min(map(min, curve[: done + 1]))
    since = done - (told.patience or DEPTH + 1)
    return (
        done == DEPTH
        or (told.target_reward is not None and top >= told.target_reward)
        or (done == 0 and told.gate_reward is not None and top >= told.gate_reward)
        or (done == 0 and told.gate_contrast is not None and top - bottom <= told.gate_contrast)
        or top - bottom <= least_contrast(told)
        or (since >= 0 and top - best_of(curve[: since + 1]) <= told.min_gain)
        or (told.call_budget or 99) < WIDTH + (done + 1) * (2 + WIDTH)
    )
