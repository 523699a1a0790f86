"""A run, round by round, on a terminal or as plain lines.

Reads the events of a run (`langchain_tpo.events`); knows no texts.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self, TypeAlias

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from langchain_tpo.cli.console import count, duration
from langchain_tpo.cli.display import Display
from langchain_tpo.events import RoundEvent, TPOEvent
from langchain_tpo.sampling.usage import total_tokens
from langchain_tpo.settings import TPOSettings

RoundsDisplay: TypeAlias = Display[TPOEvent]
"""Shows the events of one run."""

DOING = {
    "reward": "scoring",
    "textual_loss": "writing the textual loss",
    "textual_gradient": "writing the textual gradient",
    "update": "revising",
}
"""What a run does in each step, in the order of a round."""

FOLLOWING = {"sample": "reward", "update": "reward"} | dict(pairwise(DOING))
"""Which step comes after each."""


@dataclass
class RunStage:
    """Where a run stands.

    A stage is something that waits for a model: scoring belongs to the draws that it follows.
    """

    stages: int
    """How many stages there will be, unless the run stops early."""
    skips: Callable[[str], bool] = lambda _step: False
    """Whether the run's strategy has no use for a step."""
    clock: Callable[[], float] = time.monotonic
    stage: int = 1
    doing: str = "drawing the first responses"
    best: float | None = None
    since: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self.since = self.clock()

    def note(self, event: TPOEvent) -> None:
        """Take note of an event."""
        if event["event"] == "tpo_round":
            self.best = event["best_reward"]
            self._go_on("reward")
        elif event["event"] == "tpo_step" and event["step"] != "reward":
            self._go_on(event["step"])

    def _go_on(self, ended: str) -> None:
        step = FOLLOWING[ended]
        while self.skips(step):
            step = FOLLOWING[step]
        self.doing = DOING[step]
        self.stage += step != "reward"

    def line(self) -> str:
        """Say where the run stands.

        Example:
            >>> RunStage(stages=7, clock=lambda: 0.0).line()
            'stage 1 of 7: drawing the first responses, 0.0s'
        """
        best = "" if self.best is None else f", best so far {self.best:+.2f}"
        stage = min(self.stage, self.stages)
        elapsed = duration(self.clock() - self.since)
        return f"stage {stage} of {self.stages}: {self.doing}, {elapsed}{best}"


class PlainRounds(Display[TPOEvent]):
    """One line for every round: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Take where to write.

        Args:
            console: Usually on stderr.
        """
        self._console = console

    def show(self, news: TPOEvent) -> None:
        """Write a line when a round has been scored."""
        if news["event"] != "tpo_round":
            return
        number, rewards, best, tokens, seconds = round_cells(news)
        self._console.print(
            f"round {number}: best {best}, rewards {rewards}, {tokens} tokens, {seconds}",
            markup=False,
        )


class LiveRounds(Display[TPOEvent]):
    """A table that grows, with what the run is doing right now below it."""

    def __init__(self, console: Console, settings: TPOSettings) -> None:
        """Take where to draw.

        Args:
            console: A terminal.
            settings: Those of the run, which say how many stages it has at most, and which.
        """
        self._table = Table("round", "rewards", "best", "tokens", "seconds", box=None)
        self._standing = RunStage(stages=settings.stages, skips=settings.skips)
        self._spinner = Spinner("dots")
        self._busy = True
        self._live = Live(get_renderable=self._whole, console=console, transient=False)

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
        self._busy = False
        self._live.refresh()
        self._live.__exit__(kind, error, trace)

    def show(self, news: TPOEvent) -> None:
        """Add a round, or say what comes next."""
        self._standing.note(news)
        if news["event"] == "tpo_round":
            self._table.add_row(*round_cells(news))
        self._live.refresh()

    def _whole(self) -> Table:
        whole = Table.grid()
        if self._table.row_count:
            whole.add_row(self._table)
        if self._busy:
            self._spinner.update(text=self._standing.line())
            whole.add_row(self._spinner)
        return whole


def rounds_display(console: Console, *, settings: TPOSettings, quiet: bool) -> RoundsDisplay:
    """Return the display that fits where it is shown."""
    if quiet:
        return Display()
    return LiveRounds(console, settings) if console.is_terminal else PlainRounds(console)


def round_cells(event: RoundEvent) -> tuple[str, str, str, str, str]:
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
    return (
        str(event["round"]),
        " ".join([*(f"{reward:.2f}" for reward in known), *unscored]),
        "-" if best is None else f"{best:.3f}",
        count(total_tokens(event["usage"])),
        duration(event["seconds"]),
    )
