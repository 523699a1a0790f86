"""Evaluations of scripted models, straight to a file of records."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from langchain_tpo import TPOSettings
from langchain_tpo.evaluation.attempts import InProcess
from langchain_tpo.evaluation.done import Done
from langchain_tpo.evaluation.examples import Example, Row
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import Record, RecordFile, read_records
from langchain_tpo.evaluation.run_evaluation import run_evaluation
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.reward_models.coercion import as_reward_model
from tests.support.fakes import ScriptedModelWithN, last_number


def questions(count: int) -> Iterator[Row]:
    for number in range(count):
        yield Example(id=str(number), messages=(HumanMessage(f"question {number}"),))


async def evaluated(  # noqa: PLR0913 what an evaluation consists of
    path: Path,
    rows: Iterable[Row],
    systems: list[str],
    *,
    model: Any = None,
    reward: Any = last_number,
    resume: bool = False,
    settings: TPOSettings | None = None,
    concurrency: int = 4,
    **options: Any,
) -> list[Record]:
    parsed = parse_systems(systems, settings or TPOSettings(width=2, depth=1))
    parts = Parts(
        model=model or ScriptedModelWithN(),
        reward=as_reward_model(reward),
        model_named=lambda name: ScriptedModelWithN(reply=lambda *_: f"critique by {name} 1"),
    )
    done = Done(path if resume else None)
    with RecordWriter(RecordFile(path)) as writer:
        answerer = InProcess(parsed, parts, concurrency=concurrency)
        await run_evaluation(rows, parsed, answerer, writer, done=done, **options)
    return list(read_records(path))


def keys(records: Iterable[Record]) -> Counter[tuple[str, str]]:
    return Counter((record["example"], record["system"]) for record in records)
