"""The hacking curve: up to how many candidates a second reward agrees with the run's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_tpo.evaluation.report.report import make_report
from langchain_tpo.evaluation.report.second_opinion import Both, second_opinions
from langchain_tpo.reward_models import as_reward_model
from tests.unit_tests.evaluation.run_folders import folder_of, record_of, run_of


def pool(*second: float) -> list[Both]:
    """Candidates of which each beats those before it, by the first reward."""
    return [(float(number), score) for number, score in enumerate(second)]


def test_a_reward_that_is_hacked_is_caught() -> None:
    spread = [number / 100 for number in range(20)]
    pools = [pool(1 + x, 2 + x, 3 + x, 1.5 - x) for x in spread]

    (curve,) = second_opinions({"tpo": pools})

    assert curve.peak == 3
    assert curve.after is not None
    assert curve.after.high is not None
    assert curve.after.high < 0
    assert "agrees up to 3 candidates and then loses (-1.69 by 4" in curve.sentence()


def test_a_reward_that_agrees_rises_to_the_end() -> None:
    (curve,) = second_opinions({"tpo": [pool(1, 2, 3)] * 12})

    assert (curve.peak, [one.value for one in curve.second]) == (3, [1, 2, 3])
    assert curve.sentence() == "tpo: the second reward rises up to all 3 candidates."


def test_what_chance_may_have_done_is_called_that() -> None:
    pools = [pool(0, 1, 2)] * 6 + [pool(0, 2, 0)] * 6

    (curve,) = second_opinions({"tpo": pools})

    assert curve.peak == 2
    assert "may be chance" in curve.sentence()


def test_the_earliest_of_equals_is_the_answer_as_in_a_run() -> None:
    (curve,) = second_opinions({"tpo": [[(1.0, 5.0), (1.0, 9.0)]] * 10})

    assert [one.value for one in curve.second] == [5.0, 5.0]


def test_one_answer_makes_no_curve_and_a_few_short_pools_do_not_cut_it() -> None:
    assert second_opinions({"single": [pool(1)] * 10}) == []

    (curve,) = second_opinions({"tpo": [pool(1, 2, 3)] * 19 + [pool(1)]})

    assert len(curve.second) == 3
    assert {one.count for one in curve.second} == {19}


def test_a_report_asks_the_second_reward_once_for_each_recorded_text(tmp_path: Path) -> None:
    asked: list[Any] = []

    def later_is_worse(request: Any) -> list[float]:
        asked.append(request)
        return [-float(text.rpartition(".")[0][-1]) for text in request["responses"]]

    records = [record_of(str(n), "tpo", run_of([[0.1, 0.2], [0.9, None]])) for n in range(10)]
    records.append(record_of("broken", "tpo"))
    folder = folder_of(tmp_path / "run", records, {"tpo": "tpo"})

    second = as_reward_model(RunnableLambda(later_is_worse))
    report = make_report(folder, second=second)
    page = report.write(tmp_path / "out")

    assert len(asked) == 10
    assert asked[0]["responses"] == ["an answer 0.0", "an answer 0.1", "an answer 1.0"]
    assert [message.content for message in asked[0]["messages"]] == ["Why?"]
    (told,) = json.loads((tmp_path / "out" / "report.json").read_text())["second_opinions"]
    assert [one["value"] for one in told["second"]] == [0, 0, -1]
    assert told["peak"] == 1
    assert "then loses (-1 by 3" in page.read_text()
    assert (tmp_path / "out" / "plots" / "second_opinion.png").stat().st_size > 1000


def test_without_a_second_reward_nothing_is_said_of_one(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "run", [record_of("1", "tpo", run_of([[0.1, 0.2]]))], {"tpo": "tpo"}
    )

    assert make_report(folder).as_dict()["second_opinions"] == []


@pytest.mark.parametrize("short", [0, 1])
def test_a_pool_that_nothing_scored_is_left_out(short: int) -> None:
    pools = [pool(1, 2)] * 10 + [pool()] * short

    (curve,) = second_opinions({"tpo": pools})

    assert curve.second[0].count == 10
