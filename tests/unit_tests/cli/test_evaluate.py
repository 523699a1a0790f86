"""`tpo evaluate`, `judge`, `report` and `export-dpo`, from the data set to the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.cli.main import run_app
from langchain_tpo.evaluation.records import RecordFile

MODEL = ["-m", "python:tests.support.fakes:ScriptedModelWithN", "-N", "2", "-D", "1", "--quiet"]
REWARD = ["-r", "python:tests.support.fakes:last_number"]
SYSTEMS = ["-s", "single", "-s", "tpo"]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(f'{{"prompt": "question {n}"}}\n' for n in range(5)))
    return path


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_a_judge_with_nothing_to_compare_says_so(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    one = ["--system", "single", *MODEL, *REWARD]
    assert run_app(["evaluate", str(prompts), "--out", str(folder), *one]) == 0
    capfd.readouterr()

    judge = ["-m", "python:tests.support.evaluation_models:biased_judge", "--quiet"]
    assert run_app(["judge", str(folder), *judge]) == 2

    assert "There is nothing to compare in" in capfd.readouterr().err


def test_from_the_data_set_to_the_page(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"

    assert run_app(["evaluate", str(prompts), "--out", str(folder), *SYSTEMS, *MODEL, *REWARD]) == 0
    assert capfd.readouterr().out == f"{folder}\n"
    assert len(records(folder)) == 10

    judge = ["-m", "python:tests.support.evaluation_models:biased_judge", "--quiet"]
    assert run_app(["judge", str(folder), *judge]) == 0
    (rate,) = (said := json.loads(capfd.readouterr().out)).pop("win_rates")
    assert said == {"judged": 5, "failed": 0}
    assert (rate["system"], rate["baseline"], rate["value"]) == ("tpo", "single", 0.5)
    assert run_app(["judge", str(folder), *judge]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "judged": 0,
        "failed": 0,
        "win_rates": [rate],
    }

    assert run_app(["judge", str(folder), *judge, "--style", "oracle"]) == 2
    assert "`style` of `tpo judge` must be one of `own`" in capfd.readouterr().err

    assert run_app(["report", str(folder), "--parameters", "8e9", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["comparisons"][0]["judged"]["value"] == 0.5
    assert report["systems"][0]["pflops"] > 0
    assert report["systems"][0]["price"] is None
    assert (folder / "report.html").exists()

    priced = ["report", str(folder), "--json", "--price", "2/8", "--price", "critic=20/80"]
    assert run_app(priced) == 0
    single, tpo = json.loads(capfd.readouterr().out)["systems"]
    assert single["price"] == (2 * single["input_tokens"] + 8 * single["output_tokens"]) / 1e6
    assert tpo["price"] > (2 * tpo["input_tokens"] + 8 * tpo["output_tokens"]) / 1e6
    assert "| price |" in (folder / "report.md").read_text()

    assert run_app(["export-dpo", str(folder), "-s", "tpo"]) == 0
    pairs = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(pairs) == 5
    assert run_app(["export-dpo", str(folder), "--out", str(tmp_path / "pairs.jsonl")]) == 0
    assert capfd.readouterr().err.startswith("5 pairs")


def test_a_system_that_is_named_twice_is_judged_once(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run_app(["evaluate", str(prompts), "--out", str(folder), *SYSTEMS, *MODEL, *REWARD])
    capfd.readouterr()
    judge = ["-m", "python:tests.support.evaluation_models:biased_judge", "--quiet"]

    assert run_app(["judge", str(folder), *judge, "-s", "tpo", "-s", "tpo"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["judged"], len(said["win_rates"])) == (5, 1)


@pytest.mark.parametrize("price", ["0.4", "1/2/3/4", "a/b", "poet=1/2", "critic=1/2", "-1/2"])
def test_a_price_that_is_none_is_refused_in_one_line(
    price: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["report", str(tmp_path), f"--price={price}"]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "price" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parameters", "0"], "`--parameters` must be a number above 0, got 0."),
        (["--parameters", "nan"], "`--parameters` must be a number above 0, got nan."),
        (["--seed", "-1"], "--seed"),
        (["--difficulty", "{file}"], "holds no difficulties"),
        (["--difficulty", "{nan}"], "holds no difficulties (nan is no difficulty)"),
        (["--out", "{file}"], "could not be written to: File exists."),
    ],
)
def test_a_report_that_cannot_be_made_is_one_line(
    arguments: list[str],
    words: str,
    prompts: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = str(tmp_path / "run")
    run_app(["evaluate", str(prompts), "--out", folder, "-s", "single", *MODEL, *REWARD])
    capfd.readouterr()

    (tmp_path / "nan.json").write_text('{"1": NaN}')
    said = [part.format(file=prompts, nan=tmp_path / "nan.json") for part in arguments]
    assert run_app(["report", folder, *said]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_a_report_without_a_place_asks_no_second_reward(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, asked = str(tmp_path / "run"), tmp_path / "asked"
    run_app(["evaluate", str(prompts), "--out", folder, "-s", "single", *MODEL, *REWARD])
    (tmp_path / "second_reward.py").write_text(
        "from pathlib import Path\n"
        "def scored(prompt, response):\n"
        f"    Path({str(asked)!r}).touch()\n"
        "    return 1.0\n"
    )
    report = ["report", folder, "--second", "python:second_reward:scored", "--out"]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        assert run_app([*report, str(prompts / "report")]) == 2
        assert not asked.exists()
        assert "could not be written to: Not a directory." in capfd.readouterr().err
        assert run_app([*report, str(tmp_path / "new" / "report")]) == 0
    assert asked.exists()


def test_pairs_that_a_judge_could_not_decide_are_asked_again(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run_app(["evaluate", str(prompts), "--out", str(folder), *SYSTEMS, *MODEL, *REWARD])
    capfd.readouterr()
    mute = ["-m", "python:tests.support.fakes:ScriptedModelWithN", "--quiet"]
    able = ["-m", "python:tests.support.evaluation_models:biased_judge", "--quiet"]

    for _ in range(2):
        assert run_app(["judge", str(folder), *mute]) == 1
        said = capfd.readouterr()
        assert json.loads(said.out) == {"judged": 0, "failed": 5, "win_rates": []}
        assert said.err.startswith("tpo: why pairs have no verdict, 5 of 5: ")
    run_app(["report", str(folder), "--json"])
    assert json.loads(capfd.readouterr().out)["comparisons"][0]["unjudged"] == 5

    assert run_app(["judge", str(folder), *able]) == 0
    run_app(["report", str(folder), "--json"])
    (comparison,) = json.loads(capfd.readouterr().out.splitlines()[-1])["comparisons"]
    assert (comparison["unjudged"], comparison["judged"]["count"]) == (0, 5)


def test_a_folder_that_holds_a_run_is_not_written_over(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(prompts), "--out", str(tmp_path / "run"), *SYSTEMS, *MODEL]
    run_app([*command, *REWARD])
    before = records(tmp_path / "run")

    assert run_app([*command, *REWARD]) == 2
    assert "--resume" in capfd.readouterr().err
    assert (
        run_app([*command, "-r", "python:tests.support.evaluation_models:length", "--resume"]) == 2
    )
    assert "`reward` was" in capfd.readouterr().err
    assert records(tmp_path / "run") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "tpo:critique=no-such-file"], "no-such-file"),
        (["-s", "tpo:critic=nonsense"], "`nonsense` could not be set up"),
    ],
)
def test_a_system_that_cannot_be_built_takes_no_folder(
    arguments: list[str],
    words: str,
    prompts: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"

    assert run_app(["evaluate", str(prompts), "--out", str(folder), *arguments, *MODEL]) == 2
    assert words in capfd.readouterr().err
    assert not folder.exists()


def test_failed_examples_are_tried_again_when_asked(prompts: Path, tmp_path: Path) -> None:
    with prompts.open("a") as file:
        file.write('{broken\n{"prompt": "question 7"}\n')
    folder = tmp_path / "run"
    model = ["-m", "python:tests.support.evaluation_models:failing_on_seven", *MODEL[2:]]
    command = ["evaluate", str(prompts), "--out", str(folder), *SYSTEMS, *model, *REWARD]

    assert run_app(command) == 0
    assert sum(one["status"] == "failed" for one in records(folder)) == 4
    finished = [one for one in records(folder) if one["status"] == "ok"]

    assert run_app([*command, "--resume"]) == 0
    assert len(records(folder)) == 14
    assert run_app([*command, "--resume", "--retry-failed"]) == 0
    assert len(records(folder)) == 14
    assert records(folder)[: len(finished)] == finished


def test_a_run_that_goes_on_says_how_much_failed_before(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with prompts.open("a") as file:
        file.write('{"prompt": "question 7"}\n{"prompt": "question 8"}\n')
    model = ["-m", "python:tests.support.evaluation_models:failing_on_seven", *MODEL[2:]]
    command = ["evaluate", str(prompts), "--out", str(tmp_path / "r"), *SYSTEMS, *model, *REWARD]
    run_app([*command, "--limit", "6"])
    capfd.readouterr()

    told = "2 of the 12 results from before are failures: `--retry-failed` tries them again."
    for limit, before in (("3", (6, 0)), ("7", (12, 2)), ("6", (12, 2))):
        assert run_app([*command, "--resume", "--json", "--limit", limit]) == 0
        out, err = capfd.readouterr()
        said = json.loads(out)
        assert (said["before"], said["failed_before"], said["failed"]) == (*before, 0)
        assert (told in err) == (before[1] > 0)


def test_results_that_a_full_disk_lost_are_counted_and_asked_for_by_resume(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(prompts), "--out", str(tmp_path / "r"), "-s", "single", "--json"]
    command += [*MODEL, *REWARD]
    append = RecordFile.append

    def no_room(file: RecordFile, record: Any) -> None:
        if record["example"] in "23" and record["status"] == "ok":
            raise OSError(28, "No space left on device")
        append(file, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordFile, "append", no_room)
        run_app(command)
    out, err = capfd.readouterr()
    said = json.loads(out)
    assert (said["ok"], said["failed"], said["lost"], said["unwritten"]) == (3, 2, 2, 0)
    assert "2 results could not be written: make room, then `--resume` asks for them" in err

    assert run_app([*command, "--resume"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert (said["before"], said["failed_before"], said["ok"], said["lost"]) == (3, 0, 2, 0)
    assert [one["status"] for one in records(tmp_path / "r")] == ["ok"] * 5


def test_a_run_in_which_nothing_worked_is_a_failure_that_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("question 7\n")
    model = ["-m", "python:tests.support.evaluation_models:failing_on_seven", *MODEL[2:]]

    assert run_app(["evaluate", str(tmp_path / "p.txt"), "--out", str(tmp_path / "r"), *model]) == 1
    assert "RuntimeError: the provider is out of sevens" in capfd.readouterr().err


def test_no_secret_reaches_the_folder(
    prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-tell")
    monkeypatch.setenv("RM_KEY", "rm-do-not-tell")
    config = tmp_path / "tpo.toml"
    config.write_text('[model_options]\napi_key = "sk-do-not-tell"\nmax_retries = 0\n')
    arguments = ["-m", "openai:x", "--base-url", "http://127.0.0.1:9/v1"]
    reward = ["-r", "tei:http://127.0.0.1:9?api_key_env=RM_KEY"]

    code = run_app(
        [
            *("evaluate", str(prompts), "--limit", "1", "--out", str(tmp_path / "run"), "--quiet"),
            *("-c", str(config), "-s", "single"),
            *arguments,
            *reward,
        ]
    )

    assert code == 1  # nobody answers there
    for path in (tmp_path / "run").iterdir():
        assert "do-not-tell" not in path.read_text(), path


def test_examples_may_be_added_to_a_run(prompts: Path, tmp_path: Path) -> None:
    command = ["evaluate", str(prompts), "--out", str(tmp_path / "run"), *MODEL, *REWARD]

    run_app([*command, "-s", "tpo", "--limit", "2"])
    run_app([*command, "-s", "tpo", "-s", "single", "--limit", "4", "--resume"])

    done = [(one["example"], one["system"]) for one in records(tmp_path / "run")]
    assert len(done) == len(set(done)) == 8


@pytest.mark.parametrize(
    ("again", "left"),
    [
        (["-s", "single"], "5"),
        (["-s", "tpo"], "3"),
        (["-s", "tpo", "-s", "single", "--limit", "3"], "4"),
        (["-s", "best-of-n", "--limit", "2"], "2"),
    ],
)
def test_what_is_left_counts_what_is_asked_for(
    again: list[str], left: str, prompts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = [*MODEL[:-1], *REWARD]
    command = ["evaluate", str(prompts), *told, "--out", str(prompts.parent / "run")]
    run_app([*command, "-s", "tpo", "--limit", "2"])
    capfd.readouterr()

    assert run_app([*command, *again, "--resume"]) == 0

    assert f"{left} answers to come, into " in capfd.readouterr().err


def test_nothing_left_to_do_and_the_newest_run_are_said(
    prompts: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(prompts.parent)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    command = ["evaluate", prompts.name, "-s", "single", *MODEL, *REWARD]

    assert run_app([*command, "--resume"]) == 2
    assert "`--out`" in capfd.readouterr().err
    assert run_app(command) == 0
    folder = capfd.readouterr().out.strip()
    assert (prompts.parent / "tpo-runs" / ".gitignore").read_text() == "*\n"
    assert run_app([*command, "--resume", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["folder"] == folder
    assert err == "tpo: nothing left to do: all 5 results are there.\n"


def test_a_metric_is_measured_recorded_and_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.jsonl").write_text(
        json.dumps(
            {"prompt": "Hi", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        )
    )
    command = ["evaluate", str(tmp_path / "p.jsonl"), "--metric", "ifeval", "-s", "single"]

    assert run_app([*command, "--out", str(tmp_path / "run"), *MODEL, *REWARD]) == 0
    assert "single: all instructions 1.000, instructions 1.000" in capfd.readouterr().err
    (record,) = records(tmp_path / "run")
    assert record["metrics"] == {"all instructions": 1.0, "instructions": 1.0}


def test_equal_failures_end_a_run_which_can_go_on_later(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("question 7\n" * 40)
    model = ["-m", "python:tests.support.evaluation_models:failing_on_seven", *MODEL[2:]]
    command = ["evaluate", str(tmp_path / "p.txt"), "-s", "single", *model, *REWARD]

    assert run_app([*command, "--out", str(tmp_path / "run"), "--give-up", "3"]) == 1
    assert "3 equal failures in a row" in capfd.readouterr().err
    assert 3 <= len(records(tmp_path / "run")) < 20
    assert run_app([*command, "--out", str(tmp_path / "run"), "--resume", "--give-up", "0"]) == 0


def test_pairs_are_asked_for_by_systems_that_there_are(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run_app(["evaluate", str(prompts), "--out", str(folder), *SYSTEMS, *MODEL, *REWARD])

    assert run_app(["export-dpo", str(folder), "-s", "tpoo"]) == 2
    assert "`tpoo` is no system" in capfd.readouterr().err
    assert run_app(["export-dpo", str(folder), "-s", "single"]) == 1
    assert "no pairs" in capfd.readouterr().err


@pytest.mark.parametrize("gap", ["nan", "inf", "-1"])
def test_a_gap_that_is_none_is_refused(
    gap: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["export-dpo", str(tmp_path), f"--least-gap={gap}"]) == 2
    assert f"`--least-gap` must be a number from 0 on, got {gap}." in capfd.readouterr().err


def test_runs_are_listed(prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", str(prompts), "--out", str(tmp_path / "runs" / "a"), *MODEL, *REWARD]
    run_app([*command, "-s", "single", "--limit", "2"])
    (tmp_path / "runs" / "b").mkdir()
    (tmp_path / "runs" / "b" / "manifest.json").write_text("{}")
    capfd.readouterr()

    assert run_app(["runs", str(tmp_path / "runs"), "--json"]) == 0
    whole, damaged = json.loads(capfd.readouterr().out)
    assert (whole["status"], whole["records"], whole["expected"]) == ("finished", 2, 2)
    assert damaged["status"] == "damaged"
    assert run_app(["runs", str(tmp_path / "runs")]) == 0
    assert "a  finished  2 of 2" in capfd.readouterr().out


def test_a_list_of_runs_leaves_them_as_they_are(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs" / "a" / "records.jsonl"
    run_app(["evaluate", str(prompts), "--out", str(path.parent), "-s", "single", *MODEL, *REWARD])
    with path.open("a") as file:
        file.write('{"example": "cut o')
    before = path.read_bytes()

    def status() -> str:
        capfd.readouterr()
        assert run_app(["runs", str(tmp_path / "runs"), "--json"]) == 0
        (listed,) = json.loads(capfd.readouterr().out)
        return str(listed["status"])

    assert status() == "finished"
    assert path.read_bytes() == before
    with RecordFile(path):
        assert status() == "running"


def test_hidden_tests_are_run_when_they_are_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    row = {
        "prompt": "Add.",
        "entry_point": "add",
        "test": "def check(f):\n    assert f(1, 2) == 3\n",
    }
    (tmp_path / "p.jsonl").write_text(json.dumps({"task_id": "x/1", **row}))
    (tmp_path / "coder.py").write_text(
        "from langchain_core.runnables import RunnableLambda\n"
        "code = '```python\\ndef add(a, b):\\n    return a + b\\n```'\n"
        "model = RunnableLambda(lambda messages: code)\n"
    )
    command = ["evaluate", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "run"), "-q"]
    command += ["-s", "single", "--metric", "humaneval", "-r", "unit-tests"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert run_app([*command, "-m", "python:coder:model"]) == 0
    (record,) = records(tmp_path / "run")
    assert (record["metrics"], record["runs"][0]["reward"]) == ({"tests": 1.0}, 1.0)


def test_a_run_is_compared_with_an_earlier_one(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(prompts), "-s", "single", *MODEL, *REWARD]
    run_app([*command, "--out", str(tmp_path / "old")])
    capfd.readouterr()
    other = ["--out", str(tmp_path / "new"), "--compare-with", str(tmp_path / "old"), "--json"]

    assert run_app([*command, *other]) == 0
    out, err = capfd.readouterr()
    (compared,) = json.loads(out)["compared"]
    assert (compared["system"], compared["value"], compared["count"]) == ("single", 0.0, 5)
    assert "single: reward +0.00 on 5 examples that" in err
    nowhere = ["--out", str(tmp_path / "x"), "--compare-with", str(tmp_path / "none")]
    assert run_app([*command, *nowhere]) == 2
    assert not (tmp_path / "x").exists()


def test_a_damaged_run_to_compare_with_is_found_before_anything_is_asked(
    prompts: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(prompts), "-s", "single", *MODEL, *REWARD]
    run_app([*command, "--out", str(tmp_path / "old")])
    kept = (tmp_path / "old" / "records.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "old" / "records.jsonl").write_text("".join(["{}\n", *kept[1:]]))
    capfd.readouterr()

    new = ["--out", str(tmp_path / "new"), "--compare-with", str(tmp_path / "old")]
    assert run_app([*command, *new]) == 2
    assert "Line 1 of" in capfd.readouterr().err
    assert not (tmp_path / "new").exists()
