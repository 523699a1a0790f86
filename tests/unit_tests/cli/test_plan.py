"""`tpo plan`: what it prints, and what it refuses in a line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo.cli.main import run_app

SPEED = ["--policy-tps", "1=50,16=400", "--policy-read-tps", "5000"]


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run_app(["plan", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_counts_what_the_settings_make(capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys, "--prompts", "1e3", "-N", "4", "-D", "3", "--strategy", "fused")

    one = plan["per_prompt"]
    assert (one["completions"], one["stages"], one["scores"]) == (4 + 3 * 5, 1 + 3 * 2, 16)
    assert plan["forecast"] is None
    assert plan["prompts"] == 1000


def test_the_money_is_that_of_the_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys, "--prompts", "10", "--price", "1/2/0.5", "--price", "critic=3/4")

    models = plan["per_prompt"]["by_model"]

    def price(of: Any, read: float, cached: float, written: float) -> float:
        fresh = of["input_tokens"] - of["cached_tokens"]
        paid = fresh * read + of["cached_tokens"] * cached + of["output_tokens"] * written
        return float(paid) / 1e6

    expected = price(models["model"], 1, 0.5, 2) + price(models["critic"], 3, 3, 4)
    assert plan["price_by_token"] == pytest.approx(10 * expected)


def test_hours_are_paid_for_every_server(capsys: pytest.CaptureFixture[str]) -> None:
    hours = ["--policy-hour", "6", "--reward-hour", "2"]
    two = ["--policies", "2", "--rewards", "3", "--reward-tps", "9000"]

    plan = planned(capsys, "--prompts", "100", *SPEED, *two, *hours)

    seconds = plan["forecast"]["seconds"]
    assert plan["price_by_hour"] == pytest.approx(seconds / 3600 * (2 * 6 + 3 * 2))


def test_a_deadline_finds_the_servers(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--prompts", "2000", *SPEED, "--reward-tps", "3000"]

    day, hours = (planned(capsys, *asked, "--within", time)["forecast"] for time in ("1d", "6h"))

    assert day["seconds"] <= 86_400
    assert hours["seconds"] <= 6 * 3600
    assert hours["fleet"]["policies"] > day["fleet"]["policies"]


def test_a_file_with_settings_is_what_will_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tpo.toml"
    file.write_text('model = "local"\n[settings]\nwidth = 3\ndepth = 1\n', encoding="utf-8")

    plan = planned(capsys, "--prompts", "1", "--config", str(file))

    assert plan["settings"]["prompts"] == "small"  # as `local` models are asked
    assert plan["per_prompt"]["completions"] == 3 + 1 * 3


@pytest.mark.parametrize(
    ("more", "told"),
    [([], 40), (["--remark-tokens", "0"], 0), (["-D", "0"], 0), (["--remark-tokens", "9"], 9)],
)
def test_what_the_reward_says_is_told(
    more: list[str], told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--prompts", "3", "--strategy", "explain", *more]

    assert run_app(["plan", *asked]) == 0
    assert (f", remarks of {told} tokens" in capsys.readouterr().out) == bool(told)
    assert planned(capsys, *asked)["remark_tokens"] == told


def test_it_prints_no_credentials(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tpo.toml"
    extra = 'extra = {api_key = "hush", note = "Bearer hush-hush", top_k = 40}'
    file.write_text(f"[settings.sample]\n{extra}\n", encoding="utf-8")

    plan = planned(capsys, "--prompts", "5", "--config", str(file))

    shown = {"api_key": "(hidden)", "note": "Bearer (hidden)", "top_k": 40}
    assert plan["settings"]["sample"]["extra"] == shown


def test_a_judge_is_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["plan", "--prompts", "1", "-N", "2", "-D", "1", "--judge"]) == 0

    out = capsys.readouterr().out
    assert "the judge:  4 requests" in out
    assert "completions: 6, scores: 4" in out


def test_it_says_how_far_to_trust_it_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["plan", "--prompts", "1"]) == 0

    out, err = capsys.readouterr()
    assert "time:       unknown" in out
    assert "0.95 of the measured time" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prompts", "1.5"], "whole number"),
        (["--prompts", "0"], "whole number"),
        (["--prompts", "inf"], "whole number"),
        (["--prompts", "nan"], "whole number"),
        (["--prompts", "1e300"], "whole number from 1 to 1e+12"),
        ([], "--prompts"),
        (["--prompts", "3", "--within", "3h"], "needs `--policy-tps`"),
        (["--prompts", "3", "--at-once", "3"], "`--at-once` needs `--policy-tps`"),
        (["--prompts", "3", "--policy-hour", "3"], "`--policy-hour` needs `--policy-tps`"),
        (["--prompts", "3", "--reward-tps", "3"], "`--reward-tps` needs `--policy-tps`"),
        (["--prompts", "3", *SPEED, "--rewards", "3"], "`--rewards` needs `--reward-tps`"),
        (["--prompts", "3", *SPEED, "--reward-hour", "3"], "needs `--reward-tps`"),
        (
            ["--prompts", "3", *SPEED, "--reward-tps", "9", "--reward-write-tps", "9"],
            "`--reward-write-tps` needs `--judge`",
        ),
        (["--prompts", "3", "--policy-tps", "fast"], "`--policy-tps fast`"),
        (["--prompts", "3", "--policy-tps", "0"], "`--policy-tps 0`"),
        (["--prompts", "3", "--policy-tps", "0=4"], "`--policy-tps 0=4`"),
        (["--prompts", "3", "--policy-tps", "9", "--within", "1s"], "shorter than one run"),
        (["--prompts", "3", "--policy-tps", "9", "--within", "soon"], "`--within soon`"),
        (["--prompts", "3", *SPEED, "--policy-slots", "2"], "5 sequences, but 2 slots"),
        (["--prompts", "3", *SPEED, "--policy-slots", "0"], "--policy-slots"),
        (["--prompts", "3", *SPEED, "--policies", "0"], "--policies"),
        (["--prompts", "3", *SPEED, "--at-once", "-1"], "--at-once"),
        (["--prompts", "3", *SPEED, "--within", "9h", "--policies", "2"], "leave out"),
        (["--prompts", "3", *SPEED, "--reward-tps", "0"], "`--reward-tps`"),
        (["--prompts", "3", *SPEED, "--reward-seconds", "-1"], "--reward-seconds"),
        (["--prompts", "3", *SPEED, "--reward-seconds", "inf"], "`--reward-seconds` must be"),
        (["--prompts", "3", "--price", "1/2", "--price", "3/4"], "`model` is named already"),
        (["--prompts", "3", *SPEED, "--reward-write-tps", "9"], "needs `--reward-tps`"),
        (["--prompts", "3", "--policy-tps", "9", "--policy-read-tps", "-1"], "above 0"),
        (["--prompts", "3", "--answer-tokens", "0"], "`answer` of Lengths"),
        (["--prompts", "3", "--remark-tokens", "-1"], "`remark` of Lengths"),
        (
            ["--prompts", "3", "--judge", "--remark-tokens", "9"],
            "`--judge` excludes `--remark-tokens`",
        ),
        (["--prompts", "3", "--price", "cheap"], "`--price cheap`"),
        (["--prompts", "3", "-N", "1"], "`width`"),
        (["--prompts", "3", *SPEED, "--policy-hour", "-2"], "--policy-hour"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_app(["plan", *arguments])

    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
