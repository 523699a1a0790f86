"""An evaluation spread over the processes of a Ray cluster, each of which answers like this one.

Ray starts the actors, starts them again when they or their machines die, and carries examples and
records; the process that was started by the user reads the data set and writes the records, one by
one, as it does without Ray. Knows Ray's actors; how an example is answered is `attempts`.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import ModuleType
from typing import Any

from langchain_tpo.constructors import typed_fields
from langchain_tpo.errors import ConfigurationError, MissingExtraError, SettingsError
from langchain_tpo.evaluation.attempts import Answerer, Attempt, InProcess, empty_record, fail
from langchain_tpo.evaluation.examples import Row
from langchain_tpo.evaluation.first_samples import SharedSamples
from langchain_tpo.evaluation.given_answers import GivenAnswer
from langchain_tpo.evaluation.metrics.measured import Measure
from langchain_tpo.evaluation.system_runner import Parts, Spending
from langchain_tpo.evaluation.systems import System

logger = logging.getLogger(__name__)

MOST_DEATHS = 4
"""Actors that an example may outlive: one that kills whoever takes it up must not go round for
ever."""

DEATHS_IN_COMPANY = 2
"""After so many of them it is tried one at a time, so that it cannot take its neighbours along."""

SECONDS_BETWEEN_CALLS = 0.5
"""How often an actor that is being started again is asked whether it is there."""

SECONDS_UNTIL_WORD = 30.0
"""How long actors may wait for room in the cluster before a line says so."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an actor needs to answer as this process would; travels to it."""

    systems: Sequence[System]
    """What is compared."""
    make_parts: Callable[[], Parts]
    """Makes models and reward there: clients with open connections do not travel."""
    concurrency: int
    """Requests to the model at once, of each actor."""
    answers: Mapping[str, Mapping[str, GivenAnswer]] = field(default_factory=dict)
    """Answers that exist already, by system and example."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """What is measured of every answer, by name."""


@typed_fields
@dataclass(frozen=True, kw_only=True)
class RayActors:
    """How an evaluation is spread over a Ray cluster.

    Raises:
        SettingsError: In one line, when there would be an actor that may not ask anything.

    Example:
        >>> RayActors(actors=3, requests=32).shares(each=16, cpus_there=8)
        [11, 11, 10]
    """

    actors: int | None = None
    """How many; None: as many as the cluster has processors for."""
    cpus: float = 1.0
    """Processors that each of them takes up, in Ray's bookkeeping; a part of one is enough for
    actors that wait for servers."""
    gpus: float = 0.0
    """GPUs that each of them takes up: for models inside the actors."""
    requests: int | None = None
    """Requests to the model at once, of all actors together; None: what each may send, times their
    number."""
    address: str | None = None
    """The cluster, as `ray.init` takes it; None: the one that Ray finds, or a new one here."""
    make: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False)
    """Returns `model`, `reward` and, where there is one, `critic`, called once in each actor; for
    `evaluate` with models that do not travel, such as those with open connections."""

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to do."""
        for name in ("actors", "requests"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"`{name}` of RayActors must be at least 1, got {value}.")
        for name in ("cpus", "gpus"):
            if not getattr(self, name) >= 0:  # NaN as well
                raise SettingsError(
                    f"`{name}` of RayActors must be at least 0, got {getattr(self, name)}."
                )
        if self.actors and self.requests and self.requests < self.actors:
            raise SettingsError(
                f"`requests={self.requests}` leaves some of {self.actors} actors none: start at "
                f"most {self.requests} actors."
            )
        if self.address and "://" in self.address:
            raise SettingsError(
                f"`address` must be a cluster that this machine is part of, got `{self.address}`: "
                "start the evaluation on one of its machines, or with `ray job submit`."
            )

    def shares(self, *, each: int, cpus_there: float) -> list[int]:
        """Return how many requests each actor may have on their way.

        Fixed shares hold whoever dies, and cost no question per request. A share that is idle is
        lent to nobody; but whoever has a free place is handed the next example.

        Args:
            each: What one actor may have at most.
            cpus_there: Processors of the cluster.
        """
        fitting = max(1, int(cpus_there // self.cpus) if self.cpus else 1)
        actors = self.actors or min(fitting, self.requests or fitting)
        if self.requests is None:
            return [each] * actors
        share, more = divmod(self.requests, actors)
        return [min(each, share + (number < more)) for number in range(actors)]

    @asynccontextmanager
    async def answerer(self, recipe: Recipe) -> AsyncIterator[Answerer]:
        """Start the actors, and end them afterwards.

        Args:
            recipe: What they need.

        Raises:
            MissingExtraError: When Ray is not installed.
            ConfigurationError: In one line, when there is no cluster or no actor can be set up.
        """
        ray = _ray()
        with _connected(ray, self.address):
            there = ray.cluster_resources().get("CPU", 1.0)
            shares = self.shares(each=max(1, recipe.concurrency), cpus_there=there)
            pool = _Pool(ray, self._members(ray, recipe, shares))
            try:
                async with asyncio.TaskGroup() as group:
                    pool.start(group)
                    yield pool
                    pool.stop()
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            finally:
                pool.end()

    def _members(self, ray: ModuleType, recipe: Recipe, shares: Sequence[int]) -> list["_Member"]:
        members = []
        for places in shares:
            rows = 2 * places - 1
            started = ray.remote(Actor).options(
                num_cpus=self.cpus,
                **({"num_gpus": self.gpus} if self.gpus else {}),
                max_restarts=-1,
                max_task_retries=0,  # by us, who know what is recorded
                max_concurrency=rows + 1,  # and the question whether it is there
            )
            try:
                members.append(_Member(started.remote(recipe, places), rows))
            except TypeError as error:
                raise SettingsError(
                    f"Model, reward and critic cannot travel to the actors ({_about(error)}): give "
                    "`RayActors(make=...)` a function that makes them there."
                ) from error
        return members


class Actor:
    """What runs in each process of the cluster."""

    def __init__(self, recipe: Recipe, places: int) -> None:
        """Make models and reward, once.

        Args:
            recipe: Of what.
            places: Requests to the model at once.
        """
        self._answerer = InProcess(
            recipe.systems,
            replace(recipe.make_parts(), answers=recipe.answers),
            concurrency=places,
            measures=recipe.measures,
        )

    async def ready(self) -> None:
        """Answer once there is something to answer with."""

    async def attempt(
        self, row: Row, system: str, shared: SharedSamples, budget: Spending | None
    ) -> Attempt:
        """Answer an example, as `InProcess` does.

        Args:
            row: The example.
            system: The name of the system that answers.
            shared: What other systems drew for it.
            budget: What each turn of the matched system took.
        """
        return await self._answerer.attempt(row, system, shared, budget)


@dataclass
class _Member:
    """An actor, and which of its lives it is in."""

    handle: Any
    rows_at_once: int
    life: int = 0
    there: bool = False


class _Pool:
    """Hands each example to an actor that has room for it, and to another one when that dies."""

    def __init__(self, ray: ModuleType, members: Sequence[_Member]) -> None:
        self._errors = ray.exceptions
        self._kill = ray.kill
        self._members = members
        self._room: asyncio.Queue[tuple[_Member, int]] = asyncio.Queue()
        self._suspects = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def rows_at_once(self) -> int:
        return sum(member.rows_at_once for member in self._members)

    def start(self, group: asyncio.TaskGroup) -> None:
        """Wait for all actors, beside the work of those that are there."""
        self._group = group
        for member in self._members:
            self._run(self._join(member))
        self._run(self._say_who_is_missing())

    def stop(self) -> None:
        """Wait for nobody any longer."""
        for task in self._tasks:
            task.cancel()

    def end(self) -> None:
        """End the actors."""
        for member in self._members:
            self._kill(member.handle)

    async def attempt(
        self, row: Row, system: str, shared: SharedSamples, budget: Spending | None
    ) -> Attempt:
        began = empty_record(row, system)
        for deaths in range(MOST_DEATHS):
            alone = self._suspects if deaths >= DEATHS_IN_COMPANY else nullcontext()
            async with alone:
                attempt = await self._tried(row, system, shared, budget)
            if attempt is not None:
                return attempt
        message = f"Each of {MOST_DEATHS} actors died over it: see Ray's log for why."
        fail(began, "ActorDiedError", message)
        return Attempt(record=began)

    async def _tried(self, *asked: Any) -> Attempt | None:
        """Have an actor answer; None when it died over it."""
        member, life = await self._place()
        try:
            attempt: Attempt = await member.handle.attempt.remote(*asked)
        except self._errors.RayTaskError:  # a mistake in a metric: as without Ray
            raise
        except self._errors.RayError as error:
            self._lost(member, life, error)
            return None
        finally:
            if member.life == life:
                self._room.put_nowait((member, life))
        return attempt

    async def _place(self) -> tuple[_Member, int]:
        while True:
            member, life = await self._room.get()
            if member.life == life:
                return member, life

    def _lost(self, member: _Member, life: int, error: Exception) -> None:
        if member.life == life:
            logger.warning("An actor is gone, its examples go elsewhere: %s", _first_line(error))
            member.life, member.there = life + 1, False
            self._run(self._join(member))

    async def _join(self, member: _Member) -> None:
        """Give out the places of an actor as soon as it is there, for the first time or again."""
        while not member.there:
            try:
                await member.handle.ready.remote()
                member.there = True
            except self._errors.ActorUnavailableError:
                await asyncio.sleep(SECONDS_BETWEEN_CALLS)
            except self._errors.RayActorError as error:
                raise ConfigurationError(
                    f"An actor could not be set up: {_last_line(error)}"
                ) from error
        for _ in range(member.rows_at_once):
            self._room.put_nowait((member, member.life))

    async def _say_who_is_missing(self) -> None:
        await asyncio.sleep(SECONDS_UNTIL_WORD)
        missing = sum(not member.there for member in self._members)
        if missing:
            logger.warning(
                "%d of %d actors wait for room in the cluster: it has too few processors or GPUs "
                "for them, or they take long to start.",
                missing,
                len(self._members),
            )

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def spread_named(text: str) -> RayActors | None:
    """Read an engine as users type it: `process`, or `ray[:option=value,...]`.

    Args:
        text: What was typed.

    Raises:
        SettingsError: In one line, when there is no such engine or option.

    Example:
        >>> spread_named("ray:actors=8,cpus=0.5,requests=64")
        RayActors(actors=8, cpus=0.5, gpus=0.0, requests=64, address=None)
    """
    kind, _, listed = text.partition(":")
    if kind not in ("process", "ray") or (kind == "process" and listed):
        raise SettingsError(f"`--engine` must be `process` or `ray:actors=4`, got `{text}`.")
    options: dict[str, Any] = {}
    for part in filter(None, listed.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name not in _OPTIONS:
            known = ", ".join(f"`{known}`" for known in _OPTIONS)
            raise SettingsError(f"`--engine {text}`: `{part}` is no option, use {known}.")
        if name in options:
            raise SettingsError(f"`--engine {text}` says `{name}` twice.")
        try:
            options[name] = _OPTIONS[name](value)
        except ValueError:
            raise SettingsError(f"`--engine {text}`: `{value}` is no number.") from None
    return RayActors(**options) if kind == "ray" else None


_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "actors": int,
    "cpus": float,
    "gpus": float,
    "requests": int,
    "address": str,
}


@contextmanager
def _connected(ray: ModuleType, address: str | None) -> Iterator[None]:
    """Use the cluster that this process is connected to, or connect for as long as it is used."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of our own reports to nobody
    try:
        ray.init(address=address, logging_level=logging.WARNING)
    except Exception as error:  # Ray's are of many types
        where = f"at `{address}`" if address else "here"
        raise ConfigurationError(f"No Ray cluster {where}: {_last_line(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> ModuleType:
    try:
        return import_module("ray")
    except ImportError:
        raise MissingExtraError("ray", "ray") from None


def _about(error: TypeError) -> str:
    """Return the line that says what cannot be pickled, out of Ray's account of it."""
    told = [line for line in str(error).splitlines() if "pickle" in line]
    return told[0].strip().rstrip(".") if told else _last_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
