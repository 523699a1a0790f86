"""An evaluation stops when going on would only bring more of the same failure."""

from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.evaluation.giving_up import HopelessError, Patience
from langchain_tpo.evaluation.records import read_records
from tests.support.evaluation_runs import evaluated, questions
from tests.support.fakes import ScriptedModelWithN


class AuthenticationError(Exception):
    pass


class ServerError(Exception):
    status_code = 404


class Broken(ScriptedModelWithN):
    error: Any

    def _result(self, call: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "asked"),
    [(AuthenticationError("no key"), 1), (ServerError("no model"), 1), (OSError("slow"), 3)],
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
            patience=Patience(3),
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
