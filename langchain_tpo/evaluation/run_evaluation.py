"""Runs systems over examples: many at once, each recorded as it finishes, none of them twice.

Knows order and what is done already; who answers, here or elsewhere, is handed over.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from langchain_tpo.evaluation.attempts import Answerer, Attempt
from langchain_tpo.evaluation.done import Done
from langchain_tpo.evaluation.examples import Example, Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.giving_up import Patience
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import Record
from langchain_tpo.evaluation.system_runner import Spending
from langchain_tpo.evaluation.systems import System, drawing_order
from langchain_tpo.evaluation.token_matching import spent_in

Observer = Callable[[Record], None]
"""Is told of every record."""


async def run_evaluation(
    examples: Iterable[Row],
    systems: Sequence[System],
    answerer: Answerer,
    writer: RecordWriter,
    *,
    done: Done | None = None,
    observe: Observer | None = None,
    patience: Patience | None = None,
) -> None:
    """Answer every example with every system, and record how.

    Args:
        examples: Rows of a data set; read only as fast as they are answered.
        systems: What is compared, those that match others last.
        answerer: Who answers, and how many examples at once.
        writer: Where records go.
        done: What to leave out.
        observe: Is told of every record.
        patience: Says when so much has failed that it is time to stop; None: never.

    Raises:
        HopelessError: When it is time to stop.
        OSError: When records can no longer be written.
    """
    worker = _Worker(
        systems=drawing_order(systems),
        answerer=answerer,
        writer=writer,
        done=done or Done(),
        observe=observe or _ignore,
        patience=patience,
    )
    rows = iter(examples)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(answerer.rows_at_once):
                group.create_task(worker.work(rows))
    except BaseExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


@dataclass(frozen=True, kw_only=True)
class _Worker:
    """Takes rows one by one and has each answered by every system in turn."""

    systems: Sequence[System]
    answerer: Answerer
    writer: RecordWriter
    done: Done
    observe: Observer
    patience: Patience | None

    async def work(self, rows: Iterator[Row]) -> None:
        """Go on until there are no rows left."""
        for row in rows:
            left = [one for one in self.systems if (row.id, one.name) not in self.done]
            if left:
                await self._answer(row, left)
            await asyncio.sleep(0)  # rows that are done already must not starve the others

    async def _answer(self, row: Row, systems: Sequence[System]) -> None:
        budgets: dict[str, Spending] = {}
        shared = SharedSamples()
        for record in self.done.answers(row.id):
            _take_up(record, shared, budgets)
        for system in systems:
            budget = budgets.get(system.match) if system.match else None
            attempt = await self.answerer.attempt(row, system.name, shared, budget)
            if attempt.record["status"] == "ok":
                _take_up(attempt.record, shared, budgets)
            self._note(row, attempt)

    def _note(self, row: Row, attempt: Attempt) -> None:
        self.writer.add(attempt.record)
        self.observe(attempt.record)
        if self.patience and isinstance(row, Example):
            self.patience.note(attempt.record, attempt.trouble)


def _ignore(record: Record) -> None:
    """Tell nobody."""


def _take_up(record: Record, shared: SharedSamples, budgets: dict[str, Spending]) -> None:
    """Keep what other systems need of an answer: its first samples, and what it took."""
    shared.add_runs(record["system"], record["runs"])
    budgets[record["system"]] = [spent_in(run) for run in record["runs"]]
