"""Runs systems over examples: many at once, each recorded as it finishes, none of them twice.

Knows order and what is done already; who answers, here or elsewhere, is handed over.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from langchain_tpo.evaluation.attempts import Answerer, Attempt
from langchain_tpo.evaluation.examples import Example, Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.giving_up import Patience
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import Record, read_placed_records, records_at
from langchain_tpo.evaluation.system_runner import Spending
from langchain_tpo.evaluation.systems import System, drawing_order
from langchain_tpo.evaluation.token_matching import spent_in

Key = tuple[str, str]
"""Names of an example and of a system."""

Observer = Callable[[Record], None]
"""Is told of every record."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What is in the records already."""

    keys: frozenset[Key] = frozenset()
    """Which examples are done by which system, failures included."""
    budgets: Mapping[Key, Spending] = field(default_factory=dict)
    """What they took, for systems whose tokens another one matches."""
    path: Path | None = None
    """The file of records."""
    places: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Where in it the answers to an example are that some system has still to answer."""

    def shared(self, example: str) -> SharedSamples:
        """Read the first samples of an example that are recorded."""
        places = self.places.get(example, ())
        if self.path is None or not places:
            return SharedSamples()
        return SharedSamples(run for one in records_at(self.path, places) for run in one["runs"])


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


def read_done(path: Path, systems: Sequence[System]) -> Done:
    """Find out what a file of records holds already.

    Args:
        path: The file; none yet is as good as an empty one.
        systems: What will be compared.
    """
    matched = {system.match for system in systems}
    keys, budgets, places = set(), {}, defaultdict(list)
    for place, record in read_placed_records(path) if path.is_file() else ():
        key = (record["example"], record["system"])
        keys.add(key)
        if record["status"] != "ok":
            continue
        places[record["example"]].append(place)
        if record["system"] in matched:
            budgets[key] = [spent_in(run) for run in record["runs"]]
    unfinished = {
        example: found
        for example, found in places.items()
        if any((example, system.name) not in keys for system in systems)
    }
    return Done(keys=frozenset(keys), budgets=budgets, path=path, places=unfinished)


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
            budgets: dict[str, Spending] = {}
            shared = self.done.shared(row.id)
            for system in self.systems:
                key = (row.id, system.name)
                if key in self.done.keys:
                    budgets |= _known(self.done, key)
                    continue
                budget = budgets.get(system.match) if system.match else None
                attempt = await self.answerer.attempt(row, system.name, shared, budget)
                record = attempt.record
                if record["status"] == "ok":
                    budgets[system.name] = [spent_in(run) for run in record["runs"]]
                    shared.add_runs(record["runs"])
                self._note(row, attempt)
            await asyncio.sleep(0)  # rows that are done already must not starve the others

    def _note(self, row: Row, attempt: Attempt) -> None:
        self.writer.add(attempt.record)
        self.observe(attempt.record)
        if self.patience and isinstance(row, Example):
            self.patience.note(attempt.record, attempt.trouble)


def _ignore(record: Record) -> None:
    """Tell nobody."""


def _known(done: Done, key: Key) -> dict[str, Spending]:
    return {key[1]: done.budgets[key]} if key in done.budgets else {}
