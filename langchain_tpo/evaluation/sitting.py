"""An evaluation, and one process's work on it: what is compared on what, into which folder.

The command line and `evaluate` are both faces of this. Knows the order of things; shows nothing.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.attempts import Answerer, InProcess
from langchain_tpo.evaluation.datasets import Dataset
from langchain_tpo.evaluation.done import Done
from langchain_tpo.evaluation.given_answers import GivenAnswer, GivenAnswers, given_answers
from langchain_tpo.evaluation.giving_up import HopelessError, Patience
from langchain_tpo.evaluation.manifest import NO_MODEL, manifest_of
from langchain_tpo.evaluation.metrics.measured import Measure
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import RECORDS
from langchain_tpo.evaluation.run_evaluation import Observer, run_evaluation
from langchain_tpo.evaluation.run_folder import open_run
from langchain_tpo.evaluation.spread import RayActors, Recipe
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import System, asks_a_model


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is compared on what."""

    dataset: Dataset
    """The examples."""
    systems: Sequence[System]
    """Who answers them, those that match others last."""
    parts: Parts
    """Models and reward."""
    labels: Mapping[str, str | None]
    """`model`, `critic` and `reward`, by names without credentials."""
    model_options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the policy."""
    seed: int | None = None
    """What makes draws repeatable."""
    limit: int | None = None
    """How many examples at most."""
    concurrency: int = 4
    """Requests to the model at once, of each process that sends any."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """What is measured of every answer, by name."""
    patience: int = 10
    """Equal failures in a row that end the work; 0: none do."""
    spread: RayActors | None = None
    """Which processes answer; None: this one."""
    make_parts: Callable[[], Parts] | None = None
    """Makes the same parts in other processes; None: they travel as they are."""

    def in_process(self) -> InProcess:
        """Build every system in this process.

        Raises:
            ConfigurationError: In one line, when one of them cannot be built.
        """
        return InProcess(
            self.systems,
            replace(self.parts, answers=self._by_example),
            concurrency=self.concurrency,
            measures=self.measures,
        )

    @asynccontextmanager
    async def answerer(self, here: InProcess) -> AsyncIterator[Answerer]:
        """Hold who answers: this process, or those that `spread` starts.

        Args:
            here: This one, which can build what they will.

        Raises:
            ConfigurationError: In one line, when they cannot be started.
        """
        if self.spread is None:
            yield here
            return
        recipe = Recipe(
            systems=self.systems,
            make_parts=self.make_parts or partial(_same, self.parts),
            answers=self._by_example,
            concurrency=self.concurrency,
            measures=self.measures,
        )
        async with self.spread.answerer(recipe) as spread:
            yield spread

    def total(self) -> int | None:
        """Return how many records there will be; None where nobody knows before.

        Raises:
            DatasetError: In one line, when there is nothing to answer.
        """
        rows = self.dataset.count()
        if rows is None:
            return None
        if not rows:
            raise DatasetError(f"`{self.dataset.source}` holds no rows: there is nothing to do.")
        return (rows if self.limit is None else min(rows, self.limit)) * len(self.systems)

    @cached_property
    def answers(self) -> Mapping[str, GivenAnswers]:
        """Answers that exist already, by system.

        Raises:
            DatasetError: In one line, when a file of them does not fit the data set.
        """
        return {
            system.name: given_answers(system.answers, islice(self.dataset.examples(), self.limit))
            for system in self.systems
            if system.answers is not None
        }

    @property
    def _by_example(self) -> Mapping[str, Mapping[str, GivenAnswer]]:
        return {name: given.by_example for name, given in self.answers.items()}

    def manifest(self) -> dict[str, Any]:
        """Describe the run as JSON values.

        Raises:
            DatasetError: As `answers` does.
        """
        described = manifest_of(
            dataset={"source": self.dataset.source, "sha256": self.dataset.sha256},
            labels=self.labels
            if asks_a_model(self.systems)
            else {**self.labels, "model": NO_MODEL},
            systems=self.systems,
            model_options=self.model_options,
            limit=self.limit,
            seed=self.seed,
            metrics=sorted(self.measures),
        )
        for system in described["systems"]:
            if system["name"] in self.answers:
                system["answers_sha256"] = self.answers[system["name"]].sha256
        return {**described, "expected": self.total()}


def _same(parts: Parts) -> Parts:
    return parts


class Sitting:
    """Holds the folder of a run from its construction to the end of `run`."""

    def __init__(
        self,
        evaluation: Evaluation,
        folder: Path,
        *,
        resume: bool = False,
        retry_failed: bool = False,
    ) -> None:
        """Take the folder for this process.

        Args:
            evaluation: What to do.
            folder: A new one, or that of a run to go on with.
            resume: Whether to go on with what is there.
            retry_failed: Whether failed examples are to be tried again.

        Raises:
            ConfigurationError: In one line, when a system cannot be built or the folder cannot be
                had; it is as it was then.
        """
        self.folder = folder
        self.stopped: str | None = None
        """Why the work ended early; None when it did not."""
        self._evaluation = evaluation
        self._here = evaluation.in_process()
        file = open_run(folder, evaluation.manifest(), resume=resume, retry_failed=retry_failed)
        self._writer = RecordWriter(file)
        try:
            self._done = Done(folder / RECORDS)
        except BaseException:
            file.close()
            raise

    @property
    def before(self) -> int:
        """How many of the records that are asked for were there already."""
        return self._before[0]

    @property
    def failed_before(self) -> int:
        """How many of these hold no answer."""
        return self._before[1]

    @cached_property
    def _before(self) -> tuple[int, int]:
        names = [system.name for system in self._evaluation.systems]
        dataset, limit = self._evaluation.dataset, self._evaluation.limit
        there = self._done.number(names), self._done.number_failed(names)
        if not there[0] or limit is None or not dataset.local:
            return there
        asked = [(row.id, name) for row in islice(dataset.examples(), limit) for name in names]
        return sum(one in self._done for one in asked), sum(
            self._done.failed(*one) for one in asked
        )

    @property
    def lost(self) -> int:
        """How many answers are recorded as failed since the disk did not take their results."""
        return self._writer.lost

    @property
    def unwritten(self) -> int:
        """How many results the disk did not take."""
        return self._writer.unwritten

    async def run(self, observe: Observer | None = None) -> None:
        """Answer what is not answered yet, and let go of the folder.

        Args:
            observe: Is told of every record.

        Raises:
            ConfigurationError: In one line, when processes that answer cannot be started.
        """
        todo = self._evaluation
        try:
            with self._writer:
                async with todo.answerer(self._here) as answerer:
                    await run_evaluation(
                        islice(todo.dataset.examples(), todo.limit),
                        todo.systems,
                        answerer,
                        self._writer,
                        done=self._done,
                        observe=observe,
                        patience=Patience(todo.patience),
                    )
        except HopelessError as error:
            self.stopped = str(error)
        except OSError as error:  # the disk's: a provider's are results of their examples
            reason = error.strerror or str(error)
            self.stopped = f"`{self.folder / RECORDS}` could not be written: {reason}."
