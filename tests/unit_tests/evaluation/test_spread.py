"""What is ours of an evaluation on Ray: shares, deaths, suspects, and refusals in one line."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_tpo import TPOSettings
from langchain_tpo.errors import ConfigurationError, MissingExtraError, SettingsError
from langchain_tpo.evaluation import evaluate, spread
from langchain_tpo.evaluation.attempts import InProcess
from langchain_tpo.evaluation.examples import BadRow, Row
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import Record, RecordFile, read_records
from langchain_tpo.evaluation.run_evaluation import run_evaluation
from langchain_tpo.evaluation.spread import RayActors, Recipe, spread_named
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.reward_models.coercion import as_reward_model
from tests.support.evaluation_models import length, seeded_model
from tests.support.evaluation_runs import keys, questions
from tests.support.fakes import ScriptedModelWithN, last_number
from tests.support.ray_double import RayDouble, RayTaskError

SYSTEMS = parse_systems(["single", "tpo", "best-of-n-matched"], TPOSettings(width=2, depth=1))


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[RayDouble]:
    double = RayDouble(known=True)
    monkeypatch.setattr(spread, "_ray", lambda: double)
    monkeypatch.setattr(spread, "SECONDS_BETWEEN_CALLS", 0.0)
    yield double
    assert double.killed == double.handles


def parts(model: Any = None) -> Parts:
    return Parts(model=model or ScriptedModelWithN(), reward=as_reward_model(last_number))


def recipe(make_parts: Callable[[], Parts] = parts, **options: Any) -> Recipe:
    return Recipe(systems=SYSTEMS, make_parts=make_parts, **{"concurrency": 2, **options})


async def spread_out(
    path: Path, actors: RayActors, todo: Recipe, rows: Iterator[Row] | None = None
) -> list[Record]:
    with RecordWriter(RecordFile(path)) as writer:
        async with actors.answerer(todo) as answerer:
            await run_evaluation(rows or questions(12), SYSTEMS, answerer, writer)
    return list(read_records(path))


def timeless(records: list[Record]) -> list[Any]:
    """Leave out what differs from run to run."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            clocks = ("started", "seconds", "waiting")
            return {name: without(one) for name, one in value.items() if name not in clocks}
        return [without(one) for one in value] if isinstance(value, list) else value

    return sorted(map(without, records), key=lambda one: (one["example"], one["system"]))


async def test_records_are_those_of_one_process(tmp_path: Path, ray: RayDouble) -> None:
    rows: list[Row] = [*questions(8), BadRow(id="row 9", reason="No JSON.")]
    answerer = InProcess(SYSTEMS, parts(seeded_model()))
    with RecordWriter(RecordFile(tmp_path / "one")) as writer:
        await run_evaluation(rows, SYSTEMS, answerer, writer)

    todo = recipe(lambda: parts(seeded_model()))
    records = await spread_out(tmp_path / "many", RayActors(actors=3), todo, iter(rows))

    assert timeless(records) == timeless(list(read_records(tmp_path / "one")))
    assert len(ray.handles) == 3
    assert all(len(handle.asked) > 1 for handle in ray.handles)


async def test_what_a_dead_actor_had_in_hand_is_answered_by_another(
    tmp_path: Path, ray: RayDouble
) -> None:
    class Mortal(ScriptedModelWithN):
        def _result(self, call: Any) -> Any:
            # Two calls may be noted before either comes here: the fifth is not always seen alone.
            if len(self.notebook.calls) >= 5 and not any(handle.deaths for handle in ray.handles):
                ray.handles[0].die()
            return super()._result(call)

    records = await spread_out(
        tmp_path / "r", RayActors(actors=2), recipe(lambda: parts(Mortal(latency=0.001)))
    )

    assert sum(handle.deaths for handle in ray.handles) >= 1
    assert {record["status"] for record in records} == {"ok"}
    assert set(keys(records).values()) == {1}
    assert len(records) == 12 * len(SYSTEMS)


async def test_an_example_that_kills_is_given_up_and_its_neighbours_are_not(
    tmp_path: Path, ray: RayDouble, caplog: pytest.LogCaptureFixture
) -> None:
    class Deadly(ScriptedModelWithN):
        async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            if "question 7" in str(messages):
                for handle in ray.handles:
                    handle.die()
            return await super()._agenerate(messages, *args, **kwargs)

    todo = recipe(lambda: parts(Deadly(latency=0.001)))
    records = await spread_out(tmp_path / "r", RayActors(actors=1), todo)

    failures = [record for record in records if record["status"] == "failed"]
    assert {record["example"] for record in failures} == {"7"}
    assert failures[0]["failure"] == {
        "type": "ActorDiedError",
        "message": "Each of 4 actors died over it: see Ray's log for why.",
    }
    assert set(keys(records).values()) == {1}
    assert "The actor died unexpectedly." in caplog.text


async def test_actors_without_room_hold_nothing_up(
    tmp_path: Path, ray: RayDouble, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(spread, "SECONDS_UNTIL_WORD", 0.0)
    real = ray.remote

    def remote(cls: Any) -> Any:
        made = real(cls)
        start = made.options

        def options(**chosen: Any) -> Any:
            started = start(**chosen)
            begin = started.remote

            def first_only(*given: Any) -> Any:
                handle = begin(*given)
                if len(ray.handles) > 1:
                    handle.down = sys.maxsize
                return handle

            started.remote = first_only
            return started

        made.options = options
        return made

    monkeypatch.setattr(ray, "remote", remote)
    records = await spread_out(tmp_path / "r", RayActors(actors=3), recipe())

    assert len(records) == 12 * len(SYSTEMS)
    assert "of 3 actors wait for room in the cluster" in caplog.text


async def test_an_actor_that_cannot_be_set_up_ends_the_run_in_one_line(
    tmp_path: Path, ray: RayDouble
) -> None:
    def broken() -> Parts:
        raise OSError("no such weights")

    with pytest.raises(ConfigurationError, match="could not be set up: no such weights"):
        await spread_out(tmp_path / "r", RayActors(actors=2), recipe(broken))


async def test_a_mistake_in_a_metric_ends_the_run_as_it_does_in_one_process(
    tmp_path: Path, ray: RayDouble
) -> None:
    def wrong(*_: Any) -> Any:
        raise RayTaskError("no metric at all")

    with pytest.raises(RayTaskError, match="no metric"):
        await spread_out(tmp_path / "r", RayActors(actors=2), recipe(measures={"wrong": wrong}))


async def test_actors_share_the_requests_of_all(tmp_path: Path, ray: RayDouble) -> None:
    models: list[ScriptedModelWithN] = []

    def made() -> Parts:
        models.append(ScriptedModelWithN(latency=0.002))
        return parts(models[-1])

    todo = recipe(made, concurrency=4)
    await spread_out(tmp_path / "r", RayActors(actors=2, requests=3), todo)

    assert sorted(model.notebook.most_in_flight for model in models) == [1, 2]


@pytest.mark.parametrize(
    ("actors", "each", "shares"),
    [
        (RayActors(), 4, [4, 4]),
        (RayActors(cpus=0.5), 4, [4, 4, 4, 4]),
        (RayActors(cpus=0), 4, [4]),
        (RayActors(cpus=64), 4, [4]),
        (RayActors(actors=3, requests=100), 4, [4, 4, 4]),
        (RayActors(actors=3, requests=7), 4, [3, 2, 2]),
        (RayActors(requests=1), 4, [1]),
    ],
)
def test_shares(actors: RayActors, each: int, shares: list[int]) -> None:
    assert actors.shares(each=each, cpus_there=2.0) == shares


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("dask", "`--engine` must be `process` or `ray:actors=4`, got `dask`."),
        ("process:actors=2", "`--engine` must be `process` or"),
        ("ray:workers=2", "`--engine ray:workers=2`: `workers=2` is no option, use `actors`, "),
        ("ray:actors=2,actors=4", "`--engine ray:actors=2,actors=4` says `actors` twice."),
        ("ray:actors=many", "`--engine ray:actors=many`: `many` is no number."),
        ("ray:actors=0", "`actors` of RayActors must be at least 1, got 0."),
        ("ray:cpus=-1", "`cpus` of RayActors must be at least 0, got -1.0."),
        ("ray:cpus=nan", "`cpus` of RayActors must be at least 0, got nan."),
        ("ray:actors=4,requests=3", "`requests=3` leaves some of 4 actors none: start at most 3"),
        ("ray:address=ray://host:10001", "with `ray job submit`"),
    ],
)
def test_an_engine_that_cannot_be_is_refused_in_one_line(typed: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        spread_named(typed)

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_engines_by_name() -> None:
    assert spread_named("process") is None
    assert spread_named("ray") == RayActors()
    named = spread_named("ray:actors=2,cpus=0.5,gpus=1,requests=9,address=10.0.0.1:6379")
    assert named == RayActors(actors=2, cpus=0.5, gpus=1, requests=9, address="10.0.0.1:6379")


async def test_a_missing_ray_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'langchain-tpo\[ray\]'"):
        async with RayActors().answerer(recipe()):
            pass


async def test_a_cluster_of_our_own_is_left_afterwards_and_reports_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = RayDouble()
    monkeypatch.setattr(spread, "_ray", lambda: double)
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)

    await spread_out(tmp_path / "r", RayActors(actors=1, gpus=2), recipe())

    assert [one["address"] for one in double.inits] == [None]
    assert double.shutdowns == 1
    assert spread.os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert double.handles[0].options["num_gpus"] == 2


async def test_a_cluster_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere(RayDouble):
        def init(self, **options: Any) -> None:
            raise ConnectionError("many lines\nnobody answers")

    monkeypatch.setattr(spread, "_ray", Nowhere)

    with pytest.raises(ConfigurationError) as caught:
        async with RayActors(address="127.0.0.1:1").answerer(recipe()):
            pass
    assert str(caught.value) == "No Ray cluster at `127.0.0.1:1`: nobody answers"


async def test_a_cancelled_run_ends_its_actors(tmp_path: Path, ray: RayDouble) -> None:
    todo = recipe(lambda: parts(ScriptedModelWithN(latency=60.0)))
    work = asyncio.create_task(spread_out(tmp_path / "r", RayActors(actors=2), todo))
    await asyncio.sleep(0.05)
    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert Counter(handle.deaths for handle in ray.handles) == {0: 2}


def test_the_command_line_and_python_spread_alike(
    tmp_path: Path, ray: RayDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_app = pytest.importorskip("langchain_tpo.cli.main").run_app
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "question 1"}\n{"prompt": "question 2"}\n')
    named = "python:tests.support.evaluation_models:"
    code = run_app(
        [
            *("evaluate", str(prompts), "--out", str(tmp_path / "typed"), "--quiet"),
            *("--engine", "ray:actors=2", "-m", f"{named}seeded_model", "-r", f"{named}length"),
            *("-s", "single", "-s", "best-of-n:width=3"),
        ]
    )
    evaluate(
        str(prompts),
        systems=["single", "best-of-n:width=3"],
        model=seeded_model(),
        reward=length,
        settings=TPOSettings.paper(),
        folder=tmp_path / "called",
        spread=RayActors(
            actors=2, make=lambda: {"model": seeded_model(), "reward": length, "critic": None}
        ),
    )

    assert code == 0
    typed, called = (
        timeless(list(read_records(tmp_path / name / "records.jsonl")))
        for name in ("typed", "called")
    )
    assert len(typed) == 4
    assert {record["status"] for record in typed} == {"ok"}
    assert [one["runs"][0]["answer"] for one in typed] == [
        one["runs"][0]["answer"] for one in called
    ]
    assert len(ray.handles) == 4


async def test_a_model_that_cannot_travel_is_one_line(
    tmp_path: Path, ray: RayDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any) -> Any:
        raise TypeError("Could not serialize it\ncannot pickle '_thread.RLock' object\nTo fix it")

    started = SimpleNamespace(remote=start)
    monkeypatch.setattr(ray, "remote", lambda _: SimpleNamespace(options=lambda **_: started))

    with pytest.raises(SettingsError) as caught:
        await spread_out(tmp_path / "r", RayActors(actors=2), recipe())
    assert str(caught.value) == (
        "Model, reward and critic cannot travel to the actors (cannot pickle '_thread.RLock' "
        "object): give `RayActors(make=...)` a function that makes them there."
    )
