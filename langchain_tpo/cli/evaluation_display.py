"""An evaluation under way: how far, how fast, how many failures.

Counts records as they come; knows nothing of where they go.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from langchain_tpo.cli.console import count, duration
from langchain_tpo.cli.display import Display
from langchain_tpo.evaluation.outcomes import usages_paid
from langchain_tpo.evaluation.records import Record, why_failed
from langchain_tpo.sampling.usage import Usage

SECONDS_BETWEEN_LINES = 5.0
"""How often a log gets a line."""

SHOWN_REASON = 300
"""Characters of a failure's reason that are shown; the records hold all of it."""


@dataclass
class Tally:
    """What has been recorded in this sitting."""

    ok: int = 0
    failed: int = 0
    tokens: int = 0
    """Tokens of all models, where they were counted; draws that systems share once."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why examples failed."""
    since: float = field(default_factory=time.monotonic)
    _metrics: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Count a record."""
        if record["status"] == "ok":
            self.ok += 1
        else:
            self.failed += 1
            self.reasons[why_failed(record)] += 1
        self.tokens += sum(map(_tokens, usages_paid(record["runs"])))
        for name, value in record.get("metrics", {}).items():
            if value is not None:
                total, number = self._metrics.get((record["system"], name), (0.0, 0))
                self._metrics[record["system"], name] = (total + value, number + 1)

    def metrics(self) -> dict[str, dict[str, float]]:
        """Return the means of what was measured in this sitting, by system and metric."""
        means: dict[str, dict[str, float]] = {}
        for (system, name), (total, number) in self._metrics.items():
            means.setdefault(system, {})[name] = total / number
        return means

    @property
    def records(self) -> int:
        """How many there are."""
        return self.ok + self.failed

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.since

    def speed(self) -> str:
        """Say how fast tokens come and how much has failed."""
        rate = self.tokens / self.seconds if self.seconds > 0 else 0.0
        return f"{count(round(rate))} tokens/s, {self.failed} failed"


class PlainProgress(Display[Tally]):
    """A line every few seconds: for logs and pipes."""

    def __init__(
        self,
        console: Console,
        total: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where to write and how much there is to do.

        Args:
            console: Usually on stderr.
            total: Records to come; None where nobody knows.
            clock: Gives the time in seconds.
        """
        self._console = console
        self._total = total
        self._clock = clock
        self._last = clock()

    def show(self, news: Tally) -> None:
        """Write a line when it is time for one."""
        if self._clock() - self._last < SECONDS_BETWEEN_LINES and news.records != self._total:
            return
        self._last = self._clock()
        self._console.print(f"{self._done(news)}, {news.speed()}{self._left(news)}", markup=False)

    def _done(self, tally: Tally) -> str:
        return count(tally.records) + (f" of {count(self._total)}" if self._total else "")

    def _left(self, tally: Tally) -> str:
        if not self._total or not tally.records or tally.records >= self._total:
            return ""
        left = tally.seconds / tally.records * (self._total - tally.records)
        return f", {duration(left)} left"


class LiveProgress(Display[Tally]):
    """A bar."""

    def __init__(self, console: Console, total: int | None) -> None:
        """Take where to draw and how much there is to do.

        Args:
            console: A terminal.
            total: Records to come; None where nobody knows.
        """
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self._progress.stop()

    def show(self, news: Tally) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=news.records, description=news.speed())


def evaluation_display(console: Console, total: int | None, *, quiet: bool) -> Display[Tally]:
    """Return the display that fits where it is shown."""
    if quiet:
        return Display()
    return LiveProgress(console, total) if console.is_terminal else PlainProgress(console, total)


def most_frequent(reasons: Counter[str]) -> str:
    """Say in one line what mostly went wrong.

    Example:
        >>> most_frequent(Counter({"TimeoutError: too slow": 3, "ValueError: odd": 1}))
        '3 of 4: TimeoutError: too slow'
    """
    ((reason, times),) = reasons.most_common(1)
    shown = " ".join(reason.split())[:SHOWN_REASON]
    return f"{times} of {reasons.total()}: {shown}"


def _tokens(usage: Usage) -> int:
    return (usage["input_tokens"] or 0) + (usage["output_tokens"] or 0)
