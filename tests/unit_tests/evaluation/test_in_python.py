"""An evaluation from Python: one import, a report, a data frame."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import langsmith
import pandas as pd
import pyarrow as pa
import pytest
from langsmith import Client
from langsmith.schemas import Example

from langchain_tpo import TPOSettings
from langchain_tpo.errors import DatasetError, RunError
from langchain_tpo.evaluation import evaluate, target_of
from langchain_tpo.evaluation.datasets import open_dataset
from tests.support.evaluation_models import failing_on_seven
from tests.support.fakes import ScriptedModelWithN, last_number

SETTINGS = TPOSettings(width=2, depth=1)
ROWS = [{"id": name, "question": f"question {name}", "answer": "sample 0"} for name in "ab"]


def test_one_call_gives_a_report_and_a_data_frame(tmp_path: Path) -> None:
    report = evaluate(
        ROWS,
        systems=["single", "tpo"],
        model=ScriptedModelWithN(),
        reward=last_number,
        settings=SETTINGS,
        metrics=["exact-match"],
        folder=tmp_path / "run",
    )

    frame = report.frame()
    assert sorted(zip(frame["example"], frame["system"], strict=True)) == [
        (example, system) for example in "ab" for system in ("single", "tpo")
    ]
    first = frame[(frame.system == "single") & (frame.example == "a")]
    assert list(first["exact match"]) == [1.0]
    assert set(frame[frame.system == "tpo"]["exact match"]) == {0.0}
    assert (tmp_path / "run" / "records.jsonl").exists()
    assert report.manifest["reward"] == "last_number"


def test_the_rows_of_a_data_frame_are_the_examples() -> None:
    table = pd.DataFrame([*ROWS, {"id": "c", "question": "question c", "answer": None}])

    report = evaluate(
        table, systems=["single"], model=ScriptedModelWithN(), reward=last_number, settings=SETTINGS
    )

    assert sorted(report.frame()["example"]) == ["a", "b", "c"]


def test_columns_are_no_rows() -> None:
    table = pa.table({"question": ["question a", "question b"], "answer": ["1", None]})
    with open_dataset(table) as dataset:
        assert [row.id for row in dataset.examples()] == ["1", "2"]
    columns: Any = {"question": ["question a"], "answer": ["1"]}
    with pytest.raises(DatasetError, match="list of rows or a data frame, got dict"):
        open_dataset(columns)


async def test_it_works_where_a_loop_runs_already() -> None:
    report = evaluate(
        ROWS, systems=["single"], model=ScriptedModelWithN(), reward=last_number, settings=SETTINGS
    )

    assert report.analysis.systems[0].answered == 2


def test_what_cannot_work_is_typed() -> None:
    options: Any = {"model": ScriptedModelWithN(), "reward": last_number, "systems": ["single"]}
    with pytest.raises(DatasetError, match="no rows"):
        evaluate([], **options)
    with pytest.raises(RunError, match="10 equal failures"):
        evaluate(["question 7"] * 20, **{**options, "model": failing_on_seven()})


def test_a_langsmith_target_takes_inputs_and_gives_outputs() -> None:
    target = target_of(model=ScriptedModelWithN(), reward=last_number, settings=SETTINGS)

    outputs = target({"question": "Why?"})

    assert outputs["answer"] == "revision 5"
    assert json.dumps(outputs)


@pytest.mark.filterwarnings("ignore:'upload_runs' parameter is in beta")
async def test_langsmith_evaluates_the_target_in_both_of_its_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("langsmith.Client.request_with_retries", lambda *_, **__: None)
    client = Client(api_key="-", api_url="http://127.0.0.1:9", auto_batch_tracing=False)
    target = target_of(model=ScriptedModelWithN(), reward=last_number, settings=SETTINGS)
    data = [
        Example(id=uuid4(), dataset_id=uuid4(), inputs=row, created_at=datetime.now(tz=UTC))
        for row in ({"question": "Why?"}, {"question": "And why not?"})
    ]
    options: Any = {"data": data, "client": client, "upload_results": False}

    sync = [row["run"] for row in langsmith.evaluate(target, **options)]
    awaited = [row["run"] async for row in await langsmith.aevaluate(target, **options)]

    for run in (*sync, *awaited):
        assert run.error is None
        assert run.outputs["answer"].startswith("revision")
        assert run.outputs["usage"]["completions"] == 6


def test_the_fields_of_a_row_reach_the_reward() -> None:
    seen: list[str] = []

    def reward(response: str, answer: str) -> float:
        seen.append(answer)
        return float(len(response))

    evaluate(ROWS, systems=["single"], model=ScriptedModelWithN(), reward=reward)

    assert seen == ["sample 0"] * 2
