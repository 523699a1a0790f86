"""Answers that exist already: found by name or prompt, scored like others, at a cost unknown; and a
run's own answers in the formats of three benchmarks, which can be read as such again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.cli.main import run_app
from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation import evaluate
from langchain_tpo.evaluation.answer_formats import ANSWER_FORMATS, exported
from langchain_tpo.evaluation.records import Record, read_records
from langchain_tpo.evaluation.report.report import Report
from langchain_tpo.evaluation.report.tables import tables
from langchain_tpo.evaluation.report.verdict import verdict
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.settings import TPOSettings

ALPACA = [{"instruction": f"Question {n}?", "output": f"reference {n}"} for n in range(3)]
BENCH = [{"question_id": n, "turns": [f"Question {n}?", f"And {n}?"]} for n in (81, 82)]


def written(path: Path, rows: Sequence[object]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def policy() -> Runnable[Any, str]:
    def answer(messages: Sequence[BaseMessage]) -> str:
        return f"Ours to {messages[-1].text}"

    return RunnableLambda(answer)


def run(dataset: Sequence[Mapping[str, Any]], folder: Path, *systems: str) -> Report:
    return evaluate(
        list(dataset),
        systems=list(systems),
        model=policy(),
        reward=lambda prompt, response: float(len(response)),
        folder=folder,
        concurrency=1,  # answers stand in the order of their questions
    )


def answers(folder: Path, system: str) -> dict[str, list[str]]:
    return {
        record["example"]: [one["answer"] for one in record["runs"]]
        for record in read_records(folder / "records.jsonl")
        if record["system"] == system
    }


def of_system(folder: Path, system: str) -> list[Record]:
    return [one for one in read_records(folder / "records.jsonl") if one["system"] == system]


def test_given_answers_are_scored_and_compared_like_others(tmp_path: Path) -> None:
    rows = [
        {"instruction": f"Question {n}?", "output": "x" * n, "generator": "gpt-4"} for n in range(3)
    ]
    file = written(tmp_path / "gpt-4.jsonl", rows)

    report = run(ALPACA, tmp_path / "r", f"given={file}", "best-of-n:width=2")

    assert [(one.name, one.kind, one.averaged) for one in report.analysis.systems] == [
        ("gpt-4", "given", 3),
        ("best-of-n-N2", "best-of-n", 3),
    ]
    assert sorted(
        float(record["runs"][0]["reward"]) for record in of_system(tmp_path / "r", "gpt-4")
    ) == [0.0, 1.0, 2.0]
    (record, *_) = of_system(tmp_path / "r", "gpt-4")
    assert record["runs"][0]["given"] == {"instruction": "Question 0?", "generator": "gpt-4"}
    assert record["fields"] == ALPACA[0]
    assert "gpt-4 (the given answers) trails" in verdict(report.analysis, report.manifest)


def test_what_given_answers_cost_is_unknown_and_not_counted(tmp_path: Path) -> None:
    file = written(tmp_path / "theirs.jsonl", [{"id": n + 1, "output": "hm"} for n in range(3)])

    report = run(ALPACA, tmp_path / "r", f"given={file}", "best-of-n:width=2")

    given, ours = report.analysis.systems
    assert (given.requests, given.completions, given.output_tokens, given.seconds) == (None,) * 4
    assert (ours.requests, report.analysis.paid["requests"]) == (2.0, 6)
    (costs,) = (table for table in tables(report.analysis) if table.title == "Cost per example")
    assert list(costs.rows[0]) == ["theirs", "3", "1.0", "-", "-", "-", "-", "-"]
    assert "is not known" in costs.about
    assert report.analysis.comparisons[0].extra_seconds is None


def test_a_run_of_given_answers_alone_names_no_model(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", [{"id": n + 1, "output": "hm"} for n in range(3)])

    report = run(ALPACA, tmp_path / "r", f"given={file}")

    assert report.manifest["model"] == "none"


def test_answers_can_be_added_to_a_run_whatever_model_is_named(tmp_path: Path) -> None:
    data = written(tmp_path / "d.jsonl", ALPACA)
    file = written(tmp_path / "a.jsonl", [{"id": n + 1, "output": "7"} for n in range(3)])
    common = ["evaluate", data, "--out", str(tmp_path / "r"), "-q"]
    ours = ["-m", "python:tests.support.fakes:ScriptedModelWithN"]
    reward = ["-r", "python:tests.support.fakes:last_number"]

    assert run_app([*common, *reward, "-s", f"given={file}"]) == 0
    assert run_app([*common, *reward, *ours, "-s", "single", "--resume"]) == 0
    assert run_app([*common, *reward, "-s", f"given={file}", "--resume"]) == 0

    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["model"].startswith("python:")
    assert [one["name"] for one in manifest["systems"]] == ["a", "single"]
    written(tmp_path / "a.jsonl", [{"id": n + 1, "output": "other"} for n in range(3)])
    assert run_app([*common, *reward, "-s", f"given={file}", "--resume"]) == 2


@pytest.mark.parametrize(
    "row",
    [
        {"question_id": 81, "choices": [{"index": 0, "turns": ["a", "b"]}]},
        {"question_id": 81, "choices": [{"turns": [{"content": "a"}, {"content": "b"}]}]},
        {"id": "81", "answer": ["a", "b"]},
        {
            "uid": "81",
            "messages": [
                {"role": "user", "content": "Question 81?"},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "And 81?"},
                {"role": "assistant", "content": {"answer": "b"}},
            ],
        },
        {
            "id": 81,
            "conversations": [
                {"from": "human", "value": "Question 81?"},
                {"from": "gpt", "value": "a"},
                {"from": "human", "value": "And 81?"},
                {"from": "gpt", "value": "b"},
            ],
        },
    ],
)
def test_files_of_benchmarks_are_read_turn_by_turn(tmp_path: Path, row: Mapping[str, Any]) -> None:
    file = written(tmp_path / "a.jsonl", [row])

    run(BENCH[:1], tmp_path / "r", f"given={file}")

    assert answers(tmp_path / "r", "a") == {"81": ["a", "b"]}


@pytest.mark.parametrize(
    "row",
    [
        {"custom_id": "1", "response": {"body": {"choices": [{"message": {"content": "a"}}]}}},
        {"prompt": "  Question\n0? ", "completion": "a"},
        {"prompt": [{"role": "user", "content": "Question 0?"}], "completion": [{"content": "a"}]},
        {"messages": [{"role": "user", "content": "Question 0?"}], "response": "a"},
        {
            "messages": [
                {"role": "user", "content": "Question 0?"},
                {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
            ]
        },
        {"instruction": "[INST] Question 0? [/INST]", "id": 1, "output": "a"},
    ],
)
def test_files_of_one_answer_are_read(tmp_path: Path, row: Mapping[str, Any]) -> None:
    file = written(tmp_path / "a.jsonl", [row])

    run(ALPACA[:1], tmp_path / "r", f"given={file}")

    assert answers(tmp_path / "r", "a") == {"1": ["a"]}


def test_a_question_that_is_asked_twice_gets_its_answers_in_their_order(tmp_path: Path) -> None:
    asked = [{"instruction": "Same?"}, {"instruction": "Same?"}]
    file = written(tmp_path / "a.jsonl", [{**one, "output": str(n)} for n, one in enumerate(asked)])

    run(asked, tmp_path / "r", f"given={file}")

    assert answers(tmp_path / "r", "a") == {"1": ["0"], "2": ["1"]}


@pytest.mark.parametrize(
    "names",
    [["3", "1", "2"], ["2", "2", "2"], ["q", "q", "1"], ["9", "8", "7"]],
    ids=["names of others", "one name", "two names", "names of their own"],
)
def test_questions_find_their_answers_where_the_names_are_those_of_the_answers(
    tmp_path: Path, names: Sequence[str]
) -> None:
    rows = [
        {"id": name, "instruction": one["instruction"], "output": f"To {number}"}
        for number, (name, one) in enumerate(zip(names, ALPACA, strict=True))
    ]
    file = written(tmp_path / "a.jsonl", rows)

    run(ALPACA, tmp_path / "r", f"given={file}")

    assert answers(tmp_path / "r", "a") == {"1": ["To 0"], "2": ["To 1"], "3": ["To 2"]}


def test_an_answer_that_is_null_is_a_failed_example(tmp_path: Path) -> None:
    rows = [{"id": 1, "output": "a"}, {"id": 2, "output": None}, {"id": 3, "output": "c"}]
    file = written(tmp_path / "a.jsonl", rows)

    report = run(ALPACA, tmp_path / "r", f"given={file}")

    (given,) = report.analysis.systems
    assert (given.answered, given.failed) == (2, 1)
    assert list(given.failures) == [f"RunError: Row 2 of `{file}` says: no answer."]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"id": 1, "output": "a"}], "has no answer to 2 of 3 examples, the first is `2`"),
        ([{"id": 1, "output": "a"}, {"id": "1", "output": "b"}], "rows 1 and 2 both answer"),
        (
            [{**one, "output": n} for one in ALPACA for n in "ab"],
            "rows 1 and 2 answer the same question, `Question 0?`",
        ),
        (
            [{"id": n + 1, "prompt": "Else?", "output": "a"} for n in range(3)],
            "row 1 answers another question than example `1` asks: `Else?`, not `Question 0?`",
        ),
        ([{"output": "a"}], "row 1 does not say what it answers"),
        ([{"id": 1, "says": "a"}], "row 1 must have an answer in one of the fields `output`"),
        ([{"id": 1, "output": {"a": 1}}], "row 1: `output` must hold texts"),
        ([{"id": 1, "output": ["a", "b"]}], "row 1 holds 2 answers, and example `1` asks 1"),
        (["a"], "row 1 must be an object, got str `a`"),
    ],
)
def test_a_mistake_in_a_file_of_answers_is_one_line_and_nothing_is_written(
    tmp_path: Path, rows: Sequence[object], said: str
) -> None:
    file = written(tmp_path / "a.jsonl", rows)

    with pytest.raises(DatasetError) as raised:
        run(ALPACA, tmp_path / "r", "single", f"given={file}")

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "r").exists()


def test_given_answers_have_names_and_match_nothing() -> None:
    systems = parse_systems(
        ["given=data/gpt-4.jsonl.gz", "mine=given=x.json", "given=hf:owner/theirs?split=test"],
        TPOSettings(token_budget=5),
    )

    assert [one.name for one in systems] == ["gpt-4", "mine", "theirs"]
    assert systems[0].settings == TPOSettings(width=1, depth=0)
    assert [one.kind for one in parse_systems(["given=tpo:depth=1"], TPOSettings())] == ["tpo"]
    with pytest.raises(SettingsError, match="must match the tokens of a system with rounds"):
        parse_systems(["mine=given=x.json", "best-of-n-matched:match=mine"], TPOSettings())
    with pytest.raises(SettingsError, match="names no file of answers"):
        parse_systems(["given"], TPOSettings())


@pytest.mark.parametrize("layout", ANSWER_FORMATS)
def test_what_is_exported_is_read_again_as_it_was(tmp_path: Path, layout: str) -> None:
    dataset = BENCH if layout == "mt-bench" else ALPACA
    run(dataset, tmp_path / "r", "best-of-n:width=2")
    file = tmp_path / "ours.json"
    asked = ["export", str(tmp_path / "r"), "--format", layout, "--out", str(file)]

    assert run_app(asked) == 0

    run(dataset, tmp_path / "again", f"given={file}")
    assert answers(tmp_path / "again", "ours") == answers(tmp_path / "r", "best-of-n-N2")
    assert file.read_text() == "".join(
        exported(of_system(tmp_path / "r", "best-of-n-N2"), layout=layout, name="best-of-n-N2")
    )


@pytest.mark.parametrize("layout", ["arena-hard", "mt-bench"])
@pytest.mark.parametrize("field", ["id", "question_id"])
def test_examples_of_one_name_are_exported_and_read_again(
    tmp_path: Path, layout: str, field: str
) -> None:
    dataset = [{field: "q", "prompt": f"Question {number}?"} for number in range(3)]
    run(dataset, tmp_path / "r", "single")
    file = tmp_path / "ours.jsonl"

    run_app(["export", str(tmp_path / "r"), "--format", layout, "--out", str(file)])

    named = "uid" if layout == "arena-hard" else "question_id"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row[named] for row in rows] == ["q", "q~2", "q~3"]
    run(dataset, tmp_path / "again", f"given={file}")
    assert answers(tmp_path / "again", "ours") == answers(tmp_path / "r", "single")


def test_formats_hold_what_their_judges_look_for(tmp_path: Path) -> None:
    run([{**ALPACA[0], "dataset": "koala", "input": "More."}], tmp_path / "a", "single")
    run(BENCH[:1], tmp_path / "b", "single")
    one, two = of_system(tmp_path / "a", "single"), of_system(tmp_path / "b", "single")

    (alpaca,) = json.loads("".join(exported(one, layout="alpaca-eval", name="TPO")))
    (bench,) = map(json.loads, exported(two, layout="mt-bench", name="TPO"))
    (arena,) = map(json.loads, exported(one, layout="arena-hard", name="TPO"))

    assert alpaca == {
        "instruction": "Question 0?",
        "input": "More.",
        "dataset": "koala",
        "output": "Ours to Question 0?\n\nMore.",
        "generator": "TPO",
    }
    assert bench["question_id"] == 81
    assert bench["choices"] == [{"index": 0, "turns": ["Ours to Question 81?", "Ours to And 81?"]}]
    assert (arena["uid"], arena["model"]) == ("1", "TPO")
    assert arena["messages"][-1]["content"] == {"answer": "Ours to Question 0?\n\nMore."}


def test_an_export_that_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(BENCH, tmp_path / "r", "single", "best-of-n:width=2")
    folder, out = str(tmp_path / "r"), tmp_path / "out.json"
    out.write_text("before")

    for options, said in [
        (["--format", "alpaca-eval", "-s", "single"], "`81` has 2 turns: use `mt-bench`"),
        (["--format", "mt-bench"], "must say whose answers are written, one of `single`"),
        (["--format", "mt-bench", "-s", "tpo"], "`tpo` is no system of this run"),
        (["--format", "csv", "-s", "single"], "`--format` must be one of `alpaca-eval`"),
    ]:
        assert run_app(["export", folder, *options, "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
    assert out.read_text() == "before"
    assert not list(tmp_path.glob("*.fresh"))
