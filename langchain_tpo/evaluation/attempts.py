"""One example answered by one system, and the record of it, whatever comes of it.

The only place where examples are run: in this process as in those that `spread` starts. Knows
systems and how many requests there may be; knows no order and no files.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from langchain_tpo.errors import RunError
from langchain_tpo.evaluation.examples import BadRow, Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.giving_up import Trouble, trouble_of
from langchain_tpo.evaluation.metrics.measured import Measure, measure
from langchain_tpo.evaluation.records import Record, RecordedFailure
from langchain_tpo.evaluation.system_runner import Parts, Spending, SystemRunner
from langchain_tpo.evaluation.systems import System
from langchain_tpo.sampling.request_limit import RequestLimit
from langchain_tpo.text.shown import message_of


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one example and one system; goes from process to process."""

    record: Record
    """All that is written down."""
    trouble: Trouble | None = None
    """What the failure means for the others, where it means anything."""


class Answerer(Protocol):
    """Who answers examples: this process or many."""

    @property
    def rows_at_once(self) -> int:
        """How many examples it takes at a time."""

    async def attempt(
        self, row: Row, system: str, shared: SharedSamples, budget: Spending | None
    ) -> Attempt:
        """Answer an example; a failure is a record.

        Args:
            row: The example, or the row that holds none.
            system: The name of the system that answers.
            shared: What other systems drew for it.
            budget: What each turn of the matched system took.
        """


class InProcess:
    """Answers in this process; immutable but for the places of its limit."""

    def __init__(
        self,
        systems: Sequence[System],
        parts: Parts,
        *,
        concurrency: int = 4,
        measures: Mapping[str, Measure] | None = None,
    ) -> None:
        """Build what the systems need.

        Args:
            systems: What is compared.
            parts: Models and reward.
            concurrency: Requests on their way to the model at once; nearly twice as many examples
                are worked on, so that those places are taken while some examples are being scored.
            measures: What is measured of every answer, by name.

        Raises:
            ConfigurationError: In one line, when a system cannot be built.
        """
        self._runners = {system.name: SystemRunner(system, parts) for system in systems}
        self._limit = RequestLimit(max(1, concurrency))
        self._measures = measures or {}

    @property
    def rows_at_once(self) -> int:
        """How many examples keep the places for requests taken."""
        return self._limit.queries

    async def attempt(
        self, row: Row, system: str, shared: SharedSamples, budget: Spending | None
    ) -> Attempt:
        """Answer an example; a failure is a record.

        Args:
            row: The example, or the row that holds none.
            system: The name of the system that answers.
            shared: What other systems drew for it.
            budget: What each turn of the matched system took.
        """
        record, since = empty_record(row, system), time.perf_counter()
        error: Exception | None = None
        try:
            with self._limit.shared():
                record["runs"] = await self._runs(row, system, shared, budget)
        except Exception as raised:  # noqa: BLE001 any provider's: it is the result of this example
            error = raised
            fail(record, type(error).__name__, message_of(error))
        record["seconds"] = round(time.perf_counter() - since, 3)
        if error is None:
            await measure(record, self._measures)
        return Attempt(record=record, trouble=trouble_of(error))

    async def _runs(
        self, row: Row, system: str, shared: SharedSamples, budget: Spending | None
    ) -> list[dict[str, Any]]:
        if isinstance(row, BadRow):
            raise RunError(row.reason)
        turns = await self._runners[system].answer(row, shared, budget)
        return [turn.as_dict() for turn in turns]


def empty_record(row: Row, system: str) -> Record:
    """Return the record of an attempt that begins now.

    Args:
        row: The example, or the row that holds none.
        system: Who answers it.
    """
    return Record(
        example=row.id,
        system=system,
        status="ok",
        fields={} if isinstance(row, BadRow) else dict(row.fields),
        runs=[],
        failure=None,
        started=datetime.now(tz=UTC).isoformat(timespec="milliseconds"),
        seconds=0.0,
    )


def fail(record: Record, kind: str, message: str) -> None:
    """Write into a record why there is no answer.

    Args:
        record: The record.
        kind: The class of the error.
        message: What it said.
    """
    record["status"] = "failed"
    record["failure"] = RecordedFailure(type=kind, message=message)
