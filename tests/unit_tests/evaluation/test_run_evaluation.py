"""An evaluation: every example and system once, failures recorded, work bounded, memory flat."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo.evaluation.examples import BadRow, Example, Row
from langchain_tpo.evaluation.records import Record, read_records
from langchain_tpo.reward_models import ScoreRequest
from langchain_tpo.settings import TPOSettings
from tests.support.evaluation_models import failing_on_seven, not_a_number
from tests.support.evaluation_runs import evaluated, keys, questions
from tests.support.fakes import Call, ScriptedModel, ScriptedModelWithN, last_number, obedient


async def test_each_example_is_answered_by_each_system_once(tmp_path: Path) -> None:
    records = await evaluated(tmp_path / "r", questions(9), [])

    expected = itertools.product(
        map(str, range(9)), ["single", "best-of-n", "revision", "tpo", "best-of-n-matched"]
    )
    assert keys(records) == Counter(expected)
    assert {record["status"] for record in records} == {"ok"}


async def test_a_failing_example_a_bad_row_and_a_nan_reward_are_records_with_reasons(
    tmp_path: Path,
) -> None:
    rows = [*questions(9), BadRow(id="row 10", reason="No JSON.")]

    records = await evaluated(
        tmp_path / "r", rows, ["tpo"], model=failing_on_seven(), reward=not_a_number
    )

    failures = {
        record["example"]: record["failure"] for record in records if record["status"] == "failed"
    }
    assert len(records) == 10
    assert failures == {
        "3": {"type": "NothingScoredError", "message": failures["3"]["message"]},  # type: ignore[index]
        "7": {"type": "RuntimeError", "message": "the provider is out of sevens"},
        "row 10": {"type": "RunError", "message": "No JSON."},
    }


async def test_what_is_done_is_not_asked_again(tmp_path: Path) -> None:
    path, first, again = tmp_path / "r", ScriptedModelWithN(), ScriptedModelWithN()
    await evaluated(path, questions(4), ["tpo"], model=first)

    records = await evaluated(
        path, questions(6), ["tpo", "best-of-n-matched"], model=again, resume=True
    )

    assert len(records) == 12
    assert max(keys(records).values()) == 1
    # Two new examples with a run each, and six matched ones that know the old budgets: four
    # more samples fit, of which two are drawn first.
    assert again.notebook.steps().count("textual_loss") == 2
    drawn = [call.n for call in again.notebook.calls if call.step == "sample"]
    assert sorted(drawn) == [1] * (6 + 6) + [2] * (6 + 2)


async def test_a_matched_system_takes_the_tokens_of_its_rival(tmp_path: Path) -> None:
    records = await evaluated(tmp_path / "r", questions(1), ["tpo", "best-of-n-matched"])

    tpo, matched = (record["runs"][0]["usage"]["output_tokens"] for record in records)
    assert abs(tpo - matched) <= 1  # a sample is two words long


async def test_a_matched_system_fails_where_its_rival_did(tmp_path: Path) -> None:
    rows = [Example(id="7", messages=(HumanMessage("question 7"),))]

    records = await evaluated(
        tmp_path / "r", rows, ["tpo", "best-of-n-matched"], model=failing_on_seven()
    )

    assert records[1]["failure"] is not None
    assert "no answer whose tokens" in records[1]["failure"]["message"]


async def test_a_matched_system_draws_no_further_once_something_failed(tmp_path: Path) -> None:
    model, asked = ScriptedModelWithN(), iter(range(100))

    def good_for_the_rival(prompt: str, response: str) -> float:
        if next(asked) >= 2 + 2:
            raise ConnectionError("the reward is gone")
        return last_number(prompt, response)

    records = await evaluated(
        tmp_path / "r",
        questions(1),
        ["tpo", "best-of-n-matched"],
        model=model,
        reward=good_for_the_rival,
    )

    drawn = [call.n for call in model.notebook.calls if call.step == "sample"]
    assert drawn == [2, 2]  # the rival's, and the first part of four that fit
    assert records[1]["failure"] == {"type": "ConnectionError", "message": "the reward is gone"}


async def test_a_matched_system_is_no_dearer_than_a_rival_whose_reward_is_a_judge(
    tmp_path: Path,
) -> None:
    judge = ScriptedModel(reply=lambda *_: "a verdict of " + "many words " * 10)

    async def judged(request: ScoreRequest, config: RunnableConfig) -> list[float]:
        for _ in request["responses"]:
            await judge.ainvoke("Judge!", config)
        return [last_number("", response) for response in request["responses"]]

    records = await evaluated(
        tmp_path / "r",
        questions(1),
        ["tpo:depth=2", "best-of-n-matched"],
        reward=RunnableLambda(judged),
    )

    tpo, matched = (record["runs"][0]["usage"]["output_tokens"] for record in records)
    assert abs(tpo - matched) <= 13  # half of a sample, which is of two words, and its verdict


@pytest.mark.parametrize("requests", [1, 2])
async def test_a_rival_of_one_draw_does_not_make_prompts_free(
    tmp_path: Path, requests: int
) -> None:
    row = Example(id="1", messages=(HumanMessage("question " + "word " * 200),))

    records = await evaluated(
        tmp_path / "r",
        [row],
        [f"directions:width=1,depth={requests}", "best-of-n-matched:match_on=all"],
        model=ScriptedModel(),
    )

    directions, matched = (
        run["input_tokens"] + run["output_tokens"]
        for run in (record["runs"][0]["usage"] for record in records)
    )
    assert abs(directions - matched) <= 102  # half of a sample


async def test_prompts_are_not_free_where_a_model_makes_fewer_at_once_than_asked(
    tmp_path: Path,
) -> None:
    class TwoAtOnce(ScriptedModelWithN):
        def _result(self, call: Call) -> ChatResult:
            call.n = min(call.n, 2)
            return super()._result(call)

    row = Example(id="1", messages=(HumanMessage("question " + "word " * 100),))

    records = await evaluated(
        tmp_path / "r",
        [row],
        ["tpo:width=5", "best-of-n-matched:match_on=all"],
        model=TwoAtOnce(),
    )

    tpo, matched = (
        run["input_tokens"] + run["output_tokens"]
        for run in (record["runs"][0]["usage"] for record in records)
    )
    assert abs(tpo - matched) <= 102  # a request


async def test_a_matched_system_draws_on_in_place_of_what_failed(tmp_path: Path) -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if step == "sample" and number % 3 == 1:
            raise ConnectionError("lost")
        return obedient(step, messages, number)

    records = await evaluated(
        tmp_path / "r",
        questions(1),
        ["tpo:width=8", "best-of-n-matched"],
        model=ScriptedModel(reply=reply),
    )

    tpo, matched = (record["runs"][0]["usage"]["output_tokens"] for record in records)
    assert abs(tpo - matched) <= 1


async def test_a_matched_system_ends_where_more_fails_than_comes(tmp_path: Path) -> None:
    model = ScriptedModel(
        reply=lambda step, messages, number: (
            _lost() if step == "sample" and number > 9 else obedient(step, messages, number)
        )
    )

    records = await evaluated(
        tmp_path / "r", questions(1), ["tpo:width=4", "best-of-n-matched"], model=model
    )

    run = records[1]["runs"][0]
    assert (len(run["pool"]), len(run["drops"])) == (4, 6)  # half of the six that fit, twice


def _lost() -> str:
    raise ConnectionError("lost")


async def test_a_matched_system_keeps_to_the_completions_it_may_ask_for(tmp_path: Path) -> None:
    settings = TPOSettings(width=2, depth=1, call_budget=9)

    records = await evaluated(
        tmp_path / "r",
        questions(1),
        ["tpo", "best-of-n-matched:match_on=all"],
        settings=settings,
    )

    assert records[1]["runs"][0]["usage"]["completions"] == 9


async def test_later_turns_see_the_answers_before_them(tmp_path: Path) -> None:
    row = Example(id="1", messages=(HumanMessage("One"),), follow_ups=("Two",))

    (record,) = await evaluated(tmp_path / "r", [row], ["best-of-n"])

    first, second = record["runs"]
    assert [one["content"] for one in second["messages"]] == ["One", first["answer"], "Two"]


async def test_no_more_requests_are_under_way_and_no_more_rows_read_than_asked(
    tmp_path: Path,
) -> None:
    model = ScriptedModelWithN(latency=0.005)
    taken: list[int] = []

    def rows() -> Iterator[Row]:
        for number, row in enumerate(questions(30)):
            taken.append(number)
            yield row

    recorded: list[int] = []
    ahead: list[int] = []

    def observe(_record: Record) -> None:
        recorded.append(1)
        ahead.append(len(taken) - len(recorded))

    await evaluated(tmp_path / "r", rows(), ["single"], model=model, concurrency=3, observe=observe)

    assert model.notebook.most_in_flight == 3
    assert max(ahead) <= 2 * 3 - 1


async def test_critiques_can_be_swapped_given_and_withheld(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    critiques = tmp_path / "critiques.jsonl"
    critiques.write_text('{"id": "0", "critique": "Too long."}\n')
    systems = [
        "swapped=tpo:critic=other",
        f"given=tpo:critique={critiques}",
        "none=tpo:critique=withheld",
    ]
    model = ScriptedModelWithN()

    limits = TPOSettings(width=2, depth=1, seed=7)
    with caplog.at_level(logging.INFO):
        records = await evaluated(
            tmp_path / "r", questions(2), systems, model=model, settings=limits
        )

    assert not [line for line in caplog.messages if "refused" in line]
    said = {
        (record["example"], record["system"]): record["runs"][0]["rounds"][0]["textual_gradient"]
        for record in records
        if record["runs"]
    }
    assert said["0", "swapped"] == "critique by other 1"
    assert said["0", "given"] == "Too long."
    assert said["0", "none"] == "No critique is given."
    assert ("1", "given") not in said  # no critique for it: a failure, with its reason
    assert not {"textual_loss", "textual_gradient"} & set(model.notebook.steps())
    known = next(record for record in records if record["system"] == "none")
    assert known["runs"][0]["usage"]["output_tokens"] is not None


async def test_a_cancelled_evaluation_keeps_what_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r"
    task = asyncio.create_task(
        evaluated(path, questions(100), ["tpo"], model=ScriptedModelWithN(latency=0.005))
    )
    while not path.exists() or path.stat().st_size == 0:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    before = keys(read_records(path))
    assert 0 < len(before) < 100
    after = keys(await evaluated(path, questions(100), ["tpo"], resume=True))
    assert len(after) == 100
    assert max(after.values()) == 1


async def test_a_record_holds_everything(tmp_path: Path) -> None:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        return "no tag 5" if step == "update" and number % 2 else obedient(step, messages, number)

    row = Example(id="1", messages=(HumanMessage("Hi"),), fields={"label": "safe"})
    (record,) = await evaluated(
        tmp_path / "r", [row], ["tpo:width=4"], model=ScriptedModelWithN(reply=reply)
    )

    (run,) = record["runs"]
    assert record["fields"] == {"label": "safe"}
    assert run["messages"] == [{"role": "user", "content": "Hi"}]
    assert {"answer", "reward", "pool", "rounds", "drops", "steps", "usage", "stop_reason"} <= set(
        run
    )
    assert [drop["reason"] for drop in run["drops"]] == ["no_tag", "no_tag"]
