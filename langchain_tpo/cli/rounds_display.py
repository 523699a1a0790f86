"""A run, round by round, on a terminal or as plain lines.

Reads the custom events of a run (`langchain_tpo.loop.progress`); knows no texts.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from langchain_tpo.cli.console import count, duration

FOLLOWING = {
    "sample": "scoring",
    "textual_loss": "writing the textual gradient",
    "textual_gradient": "revising",
    "update": "scoring",
}
"""What a run does after each step; after a reward it depends on the round."""


class RoundsDisplay(Protocol):
    """Shows the events of one run."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave the terminal as it was."""
        ...

    def show(self, event: Mapping[str, Any]) -> None:
        """Take note of an event."""
        ...


class NoDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def show(self, event: Mapping[str, Any]) -> None:
        """Do nothing."""


class PlainRounds(NoDisplay):
    """One line for every round: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Take where to write.

        Args:
            console: Usually on stderr.
        """
        self._console = console

    def show(self, event: Mapping[str, Any]) -> None:
        """Write a line when a round has been scored."""
        if event["event"] != "tpo_round":
            return
        number, rewards, best, tokens, seconds = round_cells(event)
        self._console.print(
            f"round {number}: best {best}, rewards {rewards}, {tokens} tokens, {seconds}",
            markup=False,
        )


class LiveRounds:
    """A table that grows, with what the run is doing right now below it."""

    def __init__(self, console: Console) -> None:
        """Take where to draw.

        Args:
            console: A terminal.
        """
        self._table = Table("round", "rewards", "best", "tokens", "seconds", box=None)
        self._spinner = Spinner("dots", "drawing the first responses")
        self._live = Live(self._whole(busy=True), console=console, transient=False)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the table and take the rest away."""
        self._live.update(self._whole(busy=False), refresh=True)
        self._live.__exit__(kind, error, trace)

    def show(self, event: Mapping[str, Any]) -> None:
        """Add a round, or say what comes next."""
        if event["event"] == "tpo_round":
            self._table.add_row(*round_cells(event))
            self._spinner.update(text="writing the textual loss")
        elif event.get("step") in FOLLOWING:
            self._spinner.update(text=FOLLOWING[event["step"]])
        self._live.update(self._whole(busy=True))

    def _whole(self, *, busy: bool) -> Table:
        whole = Table.grid()
        whole.add_row(self._table)
        if busy:
            whole.add_row(self._spinner)
        return whole


def rounds_display(console: Console, *, quiet: bool) -> RoundsDisplay:
    """Return the display that fits where it is shown."""
    if quiet:
        return NoDisplay()
    return LiveRounds(console) if console.is_terminal else PlainRounds(console)


def round_cells(event: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Write a scored round: its number, rewards from best to worst, best so far, tokens, time.

    Example:
        >>> round_cells(
        ...     {
        ...         "round": 1,
        ...         "rewards": [0.5, None],
        ...         "best_reward": 0.5,
        ...         "usage": {"input_tokens": 7, "output_tokens": None},
        ...         "seconds": 2.0,
        ...     }
        ... )
        ('1', '0.50 -', '0.500', '-', '2.0s')
    """
    known = sorted((reward for reward in event["rewards"] if reward is not None), reverse=True)
    unscored = ["-"] * (len(event["rewards"]) - len(known))
    best = event["best_reward"]
    usage = event["usage"]
    parts = (usage["input_tokens"], usage["output_tokens"])
    tokens = None if None in parts else sum(parts)
    return (
        str(event["round"]),
        " ".join([*(f"{reward:.2f}" for reward in known), *unscored]),
        "-" if best is None else f"{best:.3f}",
        count(tokens),
        duration(event["seconds"]),
    )
