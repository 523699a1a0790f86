"""The model of a batching server, against cases that can be worked out by hand."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tpo.planning import Chain, Request, Server, Stage, predict

PACE = {1: 0.01, 2: 0.015, 4: 0.02}
READ = {1000: 1.0}
ALONE = Server(seconds_per_token=PACE, seconds_to_read=READ)


def asking(*writes: int, reads: int = 0, then: float = 0.0) -> Stage:
    """Ask for these sequences in requests of their own."""
    requests = tuple(Request(reads=reads, writes=(tokens,)) for tokens in writes)
    return Stage(requests=requests, then_seconds=then)


def together(*writes: int, reads: int = 0) -> Stage:
    """Ask for these sequences in one request."""
    return Stage(requests=(Request(reads=reads, writes=writes),))


@pytest.mark.parametrize(
    ("active", "pace"), [(1, 0.01), (2, 0.015), (3, 0.0175), (4, 0.02), (6, 0.025)]
)
def test_the_pace_is_linear_between_what_is_known_and_beyond(active: int, pace: float) -> None:
    assert ALONE.pace(active) == pytest.approx(pace)


def test_one_pace_holds_for_any_number_of_sequences() -> None:
    server = Server(seconds_per_token={4: 0.02}, seconds_to_read=READ)

    assert [server.pace(1), server.pace(4), server.pace(9)] == [0.02] * 3


def test_a_long_prompt_may_take_longer_by_the_token() -> None:
    server = Server(seconds_per_token=PACE, seconds_to_read={100: 0.1, 200: 0.3})

    assert [server.reading(tokens) for tokens in (0, 50, 150, 300)] == pytest.approx(
        [0.0, 0.05, 0.2, 0.5]
    )


@pytest.mark.parametrize(
    ("chains", "seconds"),
    [
        ([[asking(100, reads=500)]], 0.5 + 100 * 0.01),
        ([[asking(100, then=2.0), asking(50)]], 1.0 + 2.0 + 0.5),
        # Two of a length; then the longer one is alone for the rest.
        ([[asking(100, 100)]], 100 * 0.015),
        ([[asking(100, 300)]], 100 * 0.015 + 200 * 0.01),
        # One prompt is read once for all its sequences, and twice for two requests.
        ([[together(100, 100, reads=400)]], 0.4 + 100 * 0.015),
        ([[asking(100, 100, reads=400)]], 0.8 + 100 * 0.015),
        # Who comes later while another is written makes it wait for the reading of its prompt.
        ([[asking(100)], [asking(0, then=0.5), asking(10, reads=300)]], 0.5 + 0.3 + 0.15 + 0.4),
    ],
)
def test_by_hand(chains: Sequence[Chain], seconds: float) -> None:
    assert predict(ALONE, chains).seconds == pytest.approx(seconds)


def test_with_one_slot_requests_follow_each_other_in_order() -> None:
    server = Server(seconds_per_token=PACE, seconds_to_read=READ, slots=1)

    outcome = predict(server, [[asking(100)], [asking(10)], [asking(20)]])

    assert outcome.finished == pytest.approx({0: 1.0, 1: 1.1, 2: 1.3})


def test_a_request_waits_until_all_its_sequences_fit() -> None:
    server = Server(seconds_per_token={1: 0.01}, seconds_to_read=READ, slots=3)

    outcome = predict(server, [[asking(10, 30)], [together(10, 10)], [asking(5)]])

    assert outcome.finished == pytest.approx({0: 0.3, 1: 0.2, 2: 0.25})


def test_a_request_that_never_fits_is_refused() -> None:
    server = Server(seconds_per_token=PACE, seconds_to_read=READ, slots=2)

    with pytest.raises(ValueError, match="3 sequences, but 2 slots"):
        predict(server, [[together(1, 1, 1)]])


def test_one_chain_at_a_time_takes_the_sum_of_all() -> None:
    chains = [[asking(100, 50, reads=30, then=0.2), asking(40)], [asking(70)], [asking(10, 20)]]

    together_ = predict(ALONE, chains, at_once=1).seconds

    assert together_ == pytest.approx(sum(predict(ALONE, [chain]).seconds for chain in chains))


stages = st.builds(
    lambda n, writes, reads, then: (
        together(*writes, reads=reads) if n else asking(*writes, reads=reads, then=then)
    ),
    st.booleans(),
    st.lists(st.integers(1, 50), min_size=1, max_size=4),
    st.integers(0, 100),
    st.floats(0, 1),
)
many_chains = st.lists(st.lists(stages, min_size=1, max_size=4), min_size=1, max_size=6)


def sequences(chains: Sequence[Chain]) -> list[int]:
    """Return the lengths of all that is written."""
    return [
        tokens
        for chain in chains
        for stage in chain
        for request in stage.requests
        for tokens in request.writes
    ]


def reads(chains: Sequence[Chain]) -> int:
    """Add up all that is read."""
    return sum(one.reads for chain in chains for stage in chain for one in stage.requests)


@given(many_chains)
def test_a_server_without_limits_takes_the_longest_chain(chains: Sequence[Chain]) -> None:
    server = Server(seconds_per_token={1: 0.01}, seconds_to_read={1: 0.0})

    longest = max(
        sum(max(sequences([[stage]])) * 0.01 + stage.then_seconds for stage in chain)
        for chain in chains
    )
    assert predict(server, chains).seconds == pytest.approx(longest)


@given(many_chains, st.integers(4, 8), st.integers(1, 6))
def test_nothing_is_lost_and_time_lies_between_all_at_once_and_one_by_one(
    chains: Sequence[Chain], slots: int, at_once: int
) -> None:
    server = Server(seconds_per_token=PACE, seconds_to_read=READ, slots=slots)

    outcome = predict(server, chains, at_once=at_once)

    tokens, reading = sum(sequences(chains)), reads(chains) / 1000
    elsewhere = sum(stage.then_seconds for chain in chains for stage in chain)
    assert outcome.work[""].written == pytest.approx(tokens)
    assert outcome.work[""].reading == pytest.approx(reading)
    assert sorted(outcome.finished) == list(range(len(chains)))
    assert max(outcome.finished.values()) == outcome.seconds
    assert outcome.seconds >= reading + tokens * server.pace(slots) / slots - 1e-9
    assert outcome.seconds <= reading + tokens * server.pace(1) + elsewhere + 1e-9
    alone = (predict(server, [chain]).seconds for chain in chains)
    assert outcome.seconds >= max(alone) - 1e-9


def test_two_servers_work_at_the_same_time() -> None:
    servers = {"": ALONE, "reward": Server(seconds_per_token={1: 0.01}, seconds_to_read={10: 1.0})}
    scored = Stage(
        requests=(Request(reads=5, writes=()), Request(reads=10, writes=())), on="reward"
    )

    # The second run is scored after the first one, and answered alone meanwhile.
    outcome = predict(servers, [[asking(100), scored], [asking(200), scored]])

    first = 100 * 0.015
    second = first + 100 * 0.01
    assert outcome.finished == pytest.approx({0: first + 1.5, 1: first + 1.5 + 1.5})
    assert second < first + 1.5
    assert outcome.work["reward"].busy == pytest.approx(3.0)
    assert outcome.work[""].busy == pytest.approx(second)


def test_what_no_server_does_takes_its_time() -> None:
    assert predict(ALONE, [[Stage(then_seconds=2.0), asking(10)]]).seconds == pytest.approx(2.1)


def test_a_run_that_begins_later_says_when() -> None:
    outcome = predict(ALONE, [[asking(100)], [asking(50)]], at_once=1)

    assert outcome.begun == pytest.approx({0: 0.0, 1: 1.0})
