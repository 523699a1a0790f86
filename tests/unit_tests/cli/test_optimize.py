"""`tpo optimize`: the answer alone on stdout, everything else on stderr."""

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from langchain_tpo.cli.main import run_app
from langchain_tpo.cli.word_diff import word_diff

SCRIPTED = [
    *(
        "-m",
        "python:tests.support.fakes:ScriptedModelWithN",
        "-r",
        "python:tests.support.fakes:last_number",
    ),
    *("-N", "3", "-D", "1"),
]
# Samples are numbered 0 to 2, then come loss and gradient: the last revision is the best.
ANSWER = "revision 7\n"


def test_the_answer_is_alone_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_app(["optimize", "Hi", *SCRIPTED]) == 0

    out, err = capfd.readouterr()
    assert out == ANSWER
    assert "round 0: best 2.000, rewards 2.00 1.00 0.00" in err
    assert "round 1: best 7.000" in err
    assert "N=3 D=1: up to 4 stages, 8 completions" in err
    assert "first sample +0.00 -> answer +7.00" in err
    assert "stopped by depth" in err


def test_what_became_of_the_first_sample_is_shown_word_by_word(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run_app(["optimize", "Hi", "--diff", "--quiet", *SCRIPTED]) == 0

    assert capfd.readouterr() == (ANSWER, "[-sample-]{+revision+} [-2-]{+7+}\n")

    assert run_app(["optimize", "Hi", "--diff", "--quiet", *SCRIPTED, "-D", "0"]) == 0
    assert "no diff: the answer is a first sample" in capfd.readouterr().err


def test_a_diff_is_coloured_where_there_are_colours_and_obeys_nothing_in_it() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)

    shown = word_diff("[red]kept[/red] old", "[red]kept[/red] new", terminal)

    assert shown.plain == "[red]kept[/red] oldnew"
    assert [str(span.style) for span in shown.spans] == ["red strike", "green underline"]
    assert word_diff("a b", "a c", Console(no_color=True)).plain == "a [-b-]{+c+}"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("no/page.html", "No such file or directory"),
        ("", "Is a directory"),
        ("file/page.html", "Not a directory"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_asked(
    page: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert run_app(["optimize", "Hi", "--html", str(tmp_path / page), *SCRIPTED]) == 2

    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"could not be written: {words}" in err


def test_a_page_that_the_disk_does_not_take_costs_no_answer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")

    assert run_app(["optimize", "Hi", "--html", "/dev/full", "--quiet", *SCRIPTED]) == 2

    out, err = capfd.readouterr()
    assert out == ANSWER
    assert "could not be written: No space left on device" in err


def test_quiet_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    run_app(["optimize", "Hi", "--quiet", *SCRIPTED])

    assert capfd.readouterr() == (ANSWER, "")


def test_json_is_the_whole_result(capfd: pytest.CaptureFixture[str]) -> None:
    run_app(["optimize", "Hi", "--json", *SCRIPTED])

    result = json.loads(capfd.readouterr().out)
    assert result["answer"] + "\n" == ANSWER
    assert len(result["pool"]) == 6
    setup = result["setup"]
    assert (setup["prompt"], setup["reward"]) == ("Hi", "python:tests.support.fakes:last_number")
    assert setup["model"].startswith("python:tests.support.fakes:ScriptedModelWithN")
    assert setup["settings"]["width"] == 3
    assert "seed" in setup
    assert result["rounds"][0]["textual_loss"] == "textual_loss 3"


def test_rounds_can_be_shown(capfd: pytest.CaptureFixture[str]) -> None:
    run_app(["optimize", "Hi", "--show", "rounds", *SCRIPTED])

    out, err = capfd.readouterr()
    assert out == ANSWER
    assert "textual_loss 3" in err
    assert "textual_gradient 4" in err
    assert "the reward on the best" not in err


def test_rounds_without_a_critique_show_what_the_reward_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    short = ["-r", "instructions", "--strategy", "explain", "-D", "1"]

    run_app(["optimize", "In exactly 9 sentences.", "--show", "rounds", *SCRIPTED, *short])

    err = capfd.readouterr().err
    assert "the reward on the best\nBroken: 1 sentence" in err
    assert "textual loss" not in err


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_the_prompt_may_come_from_stdin(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("From a pipe\n"))

    assert run_app(["optimize", *arguments, *SCRIPTED]) == 0
    assert capfd.readouterr().out == ANSWER


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfOil?\r\n", "Oil?\n".encode("utf-16"), b"Oil?\r\n", b"\nOil?"]
)
@pytest.mark.parametrize("piped", [True, False])
def test_a_prompt_is_read_as_data_sets_are(
    data: bytes,
    piped: bool,  # noqa: FBT001 both ways
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "prompt.md").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    source = [] if piped else ["--file", str(tmp_path / "prompt.md")]

    assert run_app(["optimize", *source, "--json", *SCRIPTED]) == 0
    assert json.loads(capfd.readouterr().out)["setup"]["prompt"] == "Oil?"


@pytest.mark.parametrize(
    "data", [b"caf\xe9?", b"\xff\xfea", "Oil?".encode("utf-16-le"), b"PK\x03\x04"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_prompt_that_is_no_text_is_one_line(
    data: bytes,
    encoding: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="surrogateescape")
    (tmp_path / "prompt.md").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", stdin)

    for source in ([], ["--file", str(tmp_path / "prompt.md")]):
        code = run_app(["optimize", *source, *SCRIPTED])
        out, err = capfd.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert " is no " in err


@pytest.mark.parametrize(
    ("arguments", "called"),
    [(["caf\udce9"], "The prompt"), (["Hi", "--system", "caf\udce9"], "`--system`")],
)
def test_what_was_typed_and_is_no_text_is_one_line(
    arguments: list[str], called: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["optimize", *arguments, *SCRIPTED]) == 2
    assert f"{called} is no UTF-8 (byte 0xe9)" in capfd.readouterr().err


def test_the_prompt_may_come_from_a_file_and_a_system_message_before_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompt.md").write_text("From a file\n")
    arguments = ["--file", str(tmp_path / "prompt.md"), "--system", "Be brief."]

    assert run_app(["optimize", *arguments, *SCRIPTED]) == 0
    assert capfd.readouterr().out == ANSWER


def test_a_round_that_fails_leaves_the_best_answer_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_critic.py").write_text(
        "from tests.support.fakes import ScriptedModelWithN\n"
        "def reply(step, messages, number):\n"
        "    raise TimeoutError('too slow')\n"
        "def critic():\n"
        "    return ScriptedModelWithN(reply=reply)\n"
    )
    monkeypatch.chdir(tmp_path)

    code = run_app(["optimize", "Hi", "--critic", "python:broken_critic:critic", *SCRIPTED])

    out, err = capfd.readouterr()
    assert (code, out) == (0, "sample 2\n")
    assert "textual_loss of round 1 failed (TimeoutError: too slow)" in err


def test_shortened_prompts_are_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    model = ["-m", "python:tests.support.evaluation_models:long_answers", *SCRIPTED[2:]]

    assert run_app(["optimize", "Be long", "--set", "context_tokens=20000", *model]) == 0
    assert "characters left out of prompts" in capfd.readouterr().err
    assert run_app(["optimize", "Be long", *model]) == 0
    assert "left out" not in capfd.readouterr().err
