"""An evaluation stops when going on would only bring more of the same failure."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.evaluation.examples import Example
from langchain_tpo.evaluation.giving_up import HopelessError, Patience
from langchain_tpo.evaluation.records import read_records
from langchain_tpo.reward_models import UnitTests
from tests.support.evaluation_runs import evaluated, questions
from tests.support.fakes import ScriptedModelWithN


class AuthenticationError(Exception):
    pass


class ServerError(Exception):
    status_code = 404


class BotoError(Exception):
    response = {"ResponseMetadata": {"HTTPStatusCode": 403}}  # noqa: RUF012 read only


class Broken(ScriptedModelWithN):
    error: Any

    def _result(self, call: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (AuthenticationError("no key"), 1),
        (ServerError("no model"), 1),
        (BotoError("no right"), 1),
        (OSError("slow"), 10),
    ],
)
async def test_a_hopeless_failure_stops_at_once_and_any_other_after_some(
    tmp_path: Path, error: Exception, asked: int
) -> None:
    path = tmp_path / "r"
    with pytest.raises(HopelessError, match=str(error)) as caught:
        await evaluated(
            path,
            questions(50),
            ["single"],
            model=Broken(error=error),
            patience=Patience(10),
            concurrency=1,
        )

    assert "\n" not in str(caught.value)
    assert asked <= len(list(read_records(path))) <= asked + 2


def test_failures_that_differ_or_are_broken_by_a_success_are_waited_out() -> None:
    patience = Patience(2)

    def note(status: str, message: str = "") -> None:
        failure = {"type": "OSError", "message": message} if status == "failed" else None
        record: Any = {"status": status, "failure": failure, "runs": []}
        patience.note(record, None)

    for _ in range(5):
        note("failed", "a")
        note("ok")
        note("failed", "a")
        note("failed", "b")
    with pytest.raises(HopelessError, match="2 equal failures in a row: OSError: b"):
        note("failed", "b")


def test_a_critic_without_a_key_stops_the_run_too() -> None:
    failure = {"step": "textual_loss", "round": 1, "type": "AuthenticationError", "message": "no"}
    record: Any = {"status": "ok", "failure": None, "runs": [{"failure": failure}]}

    with pytest.raises(HopelessError, match="AuthenticationError: no"):
        Patience().note(record, None)


async def test_questions_without_anything_to_check_are_failures_but_no_reason_to_stop(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r"
    rows = [
        Example(id=str(number), messages=(HumanMessage(asked),))
        for number, asked in enumerate([">>> 1 + 1\n2", *["Write a poem."] * 5, ">>> 1 + 1\n2"])
    ]

    async def run(rows: list[Example], path: Path) -> None:
        await evaluated(
            path,
            rows,
            ["single"],
            model=ScriptedModelWithN(reply=lambda *_: "x = 1"),
            reward=UnitTests(run_code=True),
            patience=Patience(3),
            concurrency=1,
        )

    await run(rows, path)
    assert [one["status"] for one in read_records(path)] == ["ok", *["failed"] * 5, "ok"]

    with pytest.raises(HopelessError, match="found no tests"):
        await run(rows[1:], tmp_path / "none")
