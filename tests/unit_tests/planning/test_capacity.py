"""Batches and fleets, against what can be worked out by hand and against whole simulations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tpo import TPOSettings
from langchain_tpo.errors import SettingsError
from langchain_tpo.planning import (
    Fleet,
    Lengths,
    Server,
    Servers,
    chains,
    fleet_within,
    forecast,
    predict,
    rehearse,
)
from tests.support.properties import examples

RUN = rehearse(TPOSettings(width=3, depth=1), Lengths(prompt=30, answer=90, critique=60))
JUDGED = rehearse(TPOSettings(width=3, depth=1), Lengths(verdict=20), judge=True)
POLICY = Server(seconds_per_token={1: 0.01, 16: 0.02}, seconds_to_read={1000: 0.1}, slots=16)
CLASSIFIER = Server(seconds_per_token={1: 0.0}, seconds_to_read={1: 1 / 5000})


def test_chains_have_the_tokens_of_the_run_on_average() -> None:
    many = chains(RUN, 400)

    written = [sum(sum(one.writes) for one in stage.requests) for chain in many for stage in chain]
    read = [sum(one.reads for one in stage.requests) for chain in many for stage in chain]
    usages = [step["usage"] for step in RUN.steps]
    expected = sum(usage["output_tokens"] or 0 for usage in usages)
    assert sum(written) / 400 == pytest.approx(expected, rel=0.02)
    models = sum((one["input_tokens"] or 0) - (one["cached_tokens"] or 0) for one in usages)
    assert sum(read) / 400 == pytest.approx(models + sum(map(sum, RUN.scored)))


def test_no_draw_is_lost_where_requests_of_a_round_are_unlike() -> None:
    """Five revisions in two forms are two requests, for three and for two."""
    forms = "explain:forms=remind/remind/repair"
    run = rehearse(TPOSettings(strategy=forms, depth=1), Lengths(remark=40))

    (chain,) = chains(run, 1, reward=False)
    drawn, revised = (stage for stage in chain if stage.requests)

    assert [len(one.writes) for one in drawn.requests] == [5]
    assert sorted(len(one.writes) for one in revised.requests) == [2, 3]


def test_a_batch_beyond_the_sample_takes_what_a_whole_simulation_takes() -> None:
    servers = Servers(policy=POLICY, reward=CLASSIFIER)

    whole = predict({"": POLICY, "reward": CLASSIFIER}, chains(RUN, 1500), at_once=16).seconds

    assert forecast(RUN, servers, Fleet(), 1500).seconds == pytest.approx(whole, rel=0.03)


def test_a_small_batch_is_simulated_whole() -> None:
    servers = Servers(policy=POLICY)

    whole = predict(POLICY, chains(RUN, 20, reward=False), at_once=16).seconds

    assert forecast(RUN, servers, Fleet(), 20).seconds == whole


def test_a_full_policy_writes_all_the_time_at_its_speed() -> None:
    found = forecast(RUN, Servers(policy=POLICY), Fleet(), 10_000)

    tokens = sum(step["usage"]["output_tokens"] or 0 for step in RUN.steps)
    read = sum(
        (step["usage"]["input_tokens"] or 0) - (step["usage"]["cached_tokens"] or 0)
        for step in RUN.steps
    )
    per_run = tokens * 0.02 / 16 + read * 0.1 / 1000
    assert found.per_second == pytest.approx(1 / per_run, rel=0.06)
    assert found.busy["policy"] > 0.99


def test_a_slow_reward_sets_the_pace_until_there_are_more_of_it() -> None:
    slow = Server(seconds_per_token={1: 0.0}, seconds_to_read={1: 1 / 500})
    servers = Servers(policy=POLICY, reward=slow)

    alone, five = (forecast(RUN, servers, Fleet(rewards=n), 10_000) for n in (1, 5))

    per_run = sum(map(sum, RUN.scored)) / 500
    assert alone.per_second == pytest.approx(1 / per_run, rel=0.02)
    assert alone.busy["reward"] > 0.95
    assert five.busy["policy"] > 0.99  # which sets the pace now
    assert five.per_second > 1.4 * alone.per_second


def test_a_judge_without_a_server_of_its_own_is_the_policy() -> None:
    own = Servers(policy=POLICY, reward=POLICY)

    shared, apart = (forecast(JUDGED, one, Fleet(), 200) for one in (Servers(policy=POLICY), own))

    assert set(shared.busy) == {"policy"}
    assert set(apart.busy) == {"policy", "reward"}
    assert apart.seconds < shared.seconds


def test_what_a_rounds_scores_take_besides_comes_on_top() -> None:
    without, with_ = (
        forecast(RUN, Servers(policy=POLICY, reward_seconds=extra), Fleet(), 1)
        for extra in (0.0, 3.0)
    )

    assert with_.alone_seconds == pytest.approx(without.alone_seconds + 2 * 3.0)


@examples(15)
@given(st.integers(1, 3000), st.integers(1, 6), st.floats(1.0, 30.0))
def test_a_fleet_is_done_in_time_and_one_policy_less_is_not(
    prompts: int, hours: int, slower: float
) -> None:
    reward = Server(seconds_per_token={1: 0.0}, seconds_to_read={1: slower / 5000})
    servers, deadline = Servers(policy=POLICY, reward=reward), 60.0 * hours

    found = fleet_within(deadline, RUN, servers, prompts)

    fleet = found.fleet
    assert found.seconds <= deadline
    if fleet.policies > 2:
        fewer = Fleet(policies=fleet.policies * 3 // 4, rewards=fleet.rewards)
        assert forecast(RUN, servers, fewer, prompts).seconds > deadline


def test_a_deadline_below_one_run_is_refused() -> None:
    with pytest.raises(SettingsError, match="shorter than one run"):
        fleet_within(1.0, RUN, Servers(policy=POLICY), 10)


def test_a_request_that_never_fits_is_refused() -> None:
    small = Server(seconds_per_token={1: 0.01}, seconds_to_read={1: 0.0}, slots=2)

    with pytest.raises(SettingsError, match="3 sequences, but 2 slots: give a server more slots"):
        forecast(RUN, Servers(policy=small), Fleet(), 10)
