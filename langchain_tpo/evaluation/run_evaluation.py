"""Runs systems over examples: many at once, each recorded as it finishes, none of them twice.

A failing example is a record like any other. Knows order, concurrency and what is done already.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from langchain_tpo.errors import RunError
from langchain_tpo.evaluation.examples import BadRow, Example, Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.giving_up import Patience
from langchain_tpo.evaluation.metrics.measured import Measure, measure
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import (
    Record,
    RecordedFailure,
    read_placed_records,
    records_at,
)
from langchain_tpo.evaluation.system_runner import Parts, Spending, SystemRunner, spending
from langchain_tpo.evaluation.systems import System, drawing_order
from langchain_tpo.evaluation.token_matching import spent_in
from langchain_tpo.sampling.request_limit import RequestLimit
from langchain_tpo.text.shown import message_of

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


async def run_evaluation(  # noqa: PLR0913 all that an evaluation consists of
    examples: Iterable[Row],
    systems: Sequence[System],
    parts: Parts,
    writer: RecordWriter,
    *,
    concurrency: int = 4,
    done: Done | None = None,
    observe: Observer | None = None,
    measures: Mapping[str, Measure] | None = None,
    patience: Patience | None = None,
) -> None:
    """Answer every example with every system, and record how.

    Args:
        examples: Rows of a data set; read only as fast as they are answered.
        systems: What is compared, those that match others last.
        parts: Models and reward.
        writer: Where records go.
        concurrency: Requests on their way to the model at once; nearly twice as many examples are
            worked on, so that those places are taken while some examples are being scored.
        done: What to leave out.
        observe: Is told of every record.
        measures: What is measured of every answer, by name.
        patience: Says when so much has failed that it is time to stop; None: never.

    Raises:
        ConfigurationError: In one line, when a system cannot be built.
        HopelessError: When it is time to stop.
        OSError: When records can no longer be written.
    """
    worker = _Worker(
        answerers=[SystemRunner(system, parts) for system in drawing_order(systems)],
        writer=writer,
        done=done or Done(),
        observe=observe or _ignore,
        measures=measures or {},
        patience=patience,
    )
    rows = iter(examples)
    limit = RequestLimit(max(1, concurrency))
    try:
        with limit.shared():
            async with asyncio.TaskGroup() as group:
                for _ in range(limit.queries):
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
    """Takes rows one by one and answers each with every system in turn."""

    answerers: Sequence[SystemRunner]
    writer: RecordWriter
    done: Done
    observe: Observer
    measures: Mapping[str, Measure]
    patience: Patience | None

    async def work(self, rows: Iterator[Row]) -> None:
        """Go on until there are no rows left."""
        for row in rows:
            budgets: dict[str, Spending] = {}
            shared = self.done.shared(row.id)
            for answerer in self.answerers:
                key = (row.id, answerer.system.name)
                if key in self.done.keys:
                    budgets |= _known(self.done, key)
                    continue
                record, error = await self._record(row, answerer, shared, budgets)
                if record["status"] == "ok":
                    await measure(record, self.measures)
                self.writer.add(record)
                self.observe(record)
                if self.patience and isinstance(row, Example):
                    self.patience.note(record, error)
            await asyncio.sleep(0)  # rows that are done already must not starve the others

    async def _record(
        self, row: Row, answerer: SystemRunner, shared: SharedSamples, budgets: dict[str, Spending]
    ) -> tuple[Record, Exception | None]:
        if isinstance(row, BadRow):
            return await recorded(row, answerer.system, _unreadable(row))
        example = row
        match = answerer.system.match

        async def answer() -> list[dict[str, object]]:
            budget = budgets.get(match) if match else None
            turns = await answerer.answer(example, shared, budget)
            budgets[answerer.system.name] = spending(turns)
            return [turn.as_dict() for turn in turns]

        return await recorded(row, answerer.system, answer)


async def recorded(
    row: Row, system: System, answer: Callable[[], Awaitable[list[dict[str, object]]]]
) -> tuple[Record, Exception | None]:
    """Return the record of one attempt, whatever comes of it, and what was raised.

    Args:
        row: The example, or the row that holds none.
        system: Who answers.
        answer: Does.
    """
    record = Record(
        example=row.id,
        system=system.name,
        status="ok",
        fields={} if isinstance(row, BadRow) else dict(row.fields),
        runs=[],
        failure=None,
        started=datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        seconds=0.0,
    )
    since, raised = time.perf_counter(), None
    try:
        record["runs"] = await answer()
    except Exception as error:  # noqa: BLE001 any provider's: it is the result of this example
        raised = error
        record["status"] = "failed"
        record["failure"] = RecordedFailure(type=type(error).__name__, message=message_of(error))
    record["seconds"] = round(time.perf_counter() - since, 3)
    return record, raised


def _ignore(record: Record) -> None:
    """Tell nobody."""


def _unreadable(row: BadRow) -> Callable[[], Awaitable[list[dict[str, object]]]]:
    async def answer() -> list[dict[str, object]]:
        raise RunError(row.reason)

    return answer


def _known(done: Done, key: Key) -> dict[str, Spending]:
    return {key[1]: done.budgets[key]} if key in done.budgets else {}
