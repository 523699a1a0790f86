"""A second judge: both orders, each pair once, failures with a reason."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo.evaluation.judging import judge_run, pairs_of, read_judgements, verdicts
from langchain_tpo.evaluation.records import RecordFile
from tests.unit_tests.evaluation.run_folders import record_of, run_of

RECORDS: list[Any] = [
    record_of(name, system, run_of([[1.0]], answer=f"{system} {name}"))
    for name in ("1", "2")
    for system in ("single", "tpo")
]
WANTED = [("tpo", "single")]


async def judged(
    path: Path, reply: Any, done: set[tuple[str, str, str]] | None = None, style: str = "own"
) -> None:
    pairs = pairs_of(RECORDS, WANTED, done or set())
    with RecordFile(path) as file:
        await judge_run(pairs, RunnableLambda(reply), file, label="it", style=style)


def prefers_tpo(messages: list[Any]) -> AIMessage:
    asked = messages[-1].text
    first = asked.index("tpo ") < asked.index("single ")
    return AIMessage(f'{{"a_is_better": {90 if first else 10}}}')


async def test_a_preference_counts_in_both_orders(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"

    await judged(path, prefers_tpo)

    assert verdicts(read_judgements(path)) == {
        ("tpo", "single"): {"1": pytest.approx(0.9), "2": pytest.approx(0.9)}
    }


@pytest.mark.parametrize(
    ("style", "first", "second", "win"),
    [
        ("alpaca-eval", "m", "M", 1.0),
        ("arena-hard", "My final verdict is: [[A>B]]", "[[B>A]]", 0.75),
        ("mt-bench", "[[A]]", "[[C]]", 0.75),
    ],
)
async def test_a_judge_is_asked_in_a_published_style(
    tmp_path: Path, style: str, first: str, second: str, win: float
) -> None:
    path = tmp_path / "judgements.jsonl"

    def reply(messages: list[Any]) -> AIMessage:
        asked = messages[-1].text
        return AIMessage(first if asked.index("tpo ") < asked.index("single ") else second)

    await judged(path, reply, style=style)
    assert [one["win"] for one in read_judgements(path)] == [win, win]


async def test_a_judge_that_favours_a_place_is_worth_a_tie(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"

    await judged(path, lambda _messages: AIMessage('{"a_is_better": 100}'))

    assert [one["win"] for one in read_judgements(path)] == [0.5, 0.5]


async def test_a_judge_that_fails_is_recorded_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"

    await judged(path, lambda _messages: AIMessage("I would rather not."))

    assert [one["win"] for one in read_judgements(path)] == [None, None]
    assert all(one["failure"] for one in read_judgements(path))
    assert verdicts(read_judgements(path)) == {("tpo", "single"): {"1": None, "2": None}}


async def test_a_disk_that_is_full_is_the_error_that_it_is(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    path.symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        await judged(path, prefers_tpo)


async def test_a_pair_that_was_judged_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"

    await judged(path, prefers_tpo, done={("1", "tpo", "single")})

    assert [one["example"] for one in read_judgements(path)] == ["2"]


def test_later_turns_are_part_of_the_answer() -> None:
    second = run_of([[1.0]], answer="later")
    second["messages"] = [{"role": "user", "content": "And?"}]
    records: list[Any] = [
        record_of("1", system, run_of([[1.0]], answer="first"), second)
        for system in ("tpo", "single")
    ]

    ((_, _, _, ours, _),) = pairs_of(records, WANTED, set())

    assert ours.text == "first\n\nUser: And?\n\nAssistant: later"
    assert [message.text for message in ours.messages] == ["Why?"]


def test_failed_answers_are_not_judged() -> None:
    assert list(pairs_of([record_of("1", "tpo"), RECORDS[0]], WANTED, set())) == []  # type: ignore[list-item]
