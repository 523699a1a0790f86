"""Progress: a line now and then in logs, a table or a bar on terminals, never on stdout."""

import io
from typing import Any

import pytest
from rich.console import Console

from langchain_tpo import TPOSettings
from langchain_tpo.cli.evaluation_display import LiveProgress, PlainProgress, Tally
from langchain_tpo.cli.rounds_display import LiveRounds, PlainRounds, rounds_display
from tests.unit_tests.evaluation.run_folders import record_of, run_of

ROUND: dict[str, Any] = {
    "event": "tpo_round",
    "round": 0,
    "rewards": [1.0, None, 2.0],
    "best_reward": 2.0,
    "usage": {"input_tokens": 5, "output_tokens": 7},
    "seconds": 1.0,
}
UPDATED = {"event": "tpo_step", "step": "update"}


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=terminal, width=100, color_system=None), written


def test_a_log_gets_a_line_per_round() -> None:
    to, written = console(terminal=False)

    with rounds_display(to, settings=TPOSettings(depth=2), quiet=False) as display:
        display.show({"event": "tpo_step", "step": "sample"})
        display.show(ROUND)

    assert isinstance(display, PlainRounds)
    assert written.getvalue() == ("round 0: best 2.000, rewards 2.00 1.00 -, 12 tokens, 1.0s\n")


def test_a_terminal_gets_a_table_and_what_is_going_on() -> None:
    to, written = console(terminal=True)

    with rounds_display(to, settings=TPOSettings(depth=2), quiet=False) as display:
        display.show({"event": "tpo_step", "step": "sample"})
        display.show(ROUND)
        display.show({"event": "tpo_step", "step": "textual_loss"})
        display.show({"event": "tpo_step", "step": "textual_gradient"})
        display.show({"event": "tpo_of_tomorrow"})

    assert isinstance(display, LiveRounds)
    assert "2.00 1.00 -" in written.getvalue()
    assert "stage 4 of 7: revising" in written.getvalue()
    assert "best so far +2.00" in written.getvalue()


@pytest.mark.parametrize(
    ("strategy", "after", "doing"),
    [
        ("tpo", [ROUND], "stage 2 of 7: writing the textual loss"),
        ("explain", [ROUND], "stage 2 of 3: revising"),
        ("explain", [ROUND, UPDATED], "stage 2 of 3: scoring"),
        ("fused", [ROUND, {"event": "tpo_step", "step": "textual_loss"}], "stage 3 of 5: revising"),
    ],
)
def test_a_step_that_the_strategy_leaves_out_is_not_what_a_run_is_doing(
    strategy: str, after: list[Any], doing: str
) -> None:
    to, written = console(terminal=True)

    with rounds_display(to, settings=TPOSettings(strategy=strategy), quiet=False) as display:
        for event in after:
            display.show(event)

    assert doing in written.getvalue()


def test_a_log_of_an_evaluation_is_throttled_and_says_how_long_it_takes() -> None:
    to, written = console(terminal=False)
    now = [0.0]
    display = PlainProgress(to, total=100, clock=lambda: now[0])
    tally = Tally()
    for second in range(100):
        now[0] = float(second)
        tally.add(record_of(str(second), "tpo", run_of([[1.0]])))  # type: ignore[arg-type]
        display.show(tally)

    lines = written.getvalue().splitlines()
    assert len(lines) == 20
    assert lines[0].startswith("6 of 100, ")
    assert "left" in lines[0]
    assert "tokens/s, 0 failed" in lines[-1]


def test_draws_that_systems_share_are_counted_once() -> None:
    run = run_of([[1.0], [2.0]])
    sharing = {**run, "steps": [{**run["steps"][0], "shared": True}, run["steps"][1]]}
    tally = Tally()
    tally.add(record_of("1", "tpo", run))  # type: ignore[arg-type]
    tally.add(record_of("1", "explain", sharing))  # type: ignore[arg-type]

    assert tally.tokens == 3 * 50


def test_failures_are_counted() -> None:
    tally = Tally()
    tally.add(record_of("1", "tpo"))  # type: ignore[arg-type]
    tally.add(record_of("2", "tpo", run_of([[1.0]])))  # type: ignore[arg-type]

    assert (tally.ok, tally.failed, tally.tokens) == (1, 1, 50)


def test_a_terminal_gets_a_bar() -> None:
    to, written = console(terminal=True)

    with LiveProgress(to, total=2) as display:
        tally = Tally()
        tally.add(record_of("1", "tpo"))  # type: ignore[arg-type]
        display.show(tally)

    assert "1/2" in written.getvalue()
    assert "1 failed" in written.getvalue()
