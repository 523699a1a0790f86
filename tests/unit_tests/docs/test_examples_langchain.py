"""The examples of agents, graphs, checkpoints and traces run without a key and say what they do."""

import io
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableLambda

import langchain_tpo.local
from langchain_tpo.errors import TPOError
from tests.support.scripts import STRICTLY

ROOT = Path(__file__).parents[3]

EXAMPLES = {
    "01_in_a_chain": ("best of the first 3: ", ", in the end: "),
    "03_agent": ("tool: Tung oil is right for oak.", "rewards: ["),
    "02_node_of_a_graph": ("round 0: [", "round 2: [", "Yours, the carpenter."),
    "04_checkpoints": ("broke off before ('textual_loss',) after 4 calls", "done after 9 calls: "),
    "05_human_in_the_loop": ("Answer with one score from 0 to 10", "chosen: "),
    "06_compare_systems": ("best-of-n ", "tpo-D1 "),
    "07_opentelemetry_spans": ('"name": "tpo.textual_gradient"', '"tpo.rewards"'),
    "08_functions_and_their_tests": ("first: 0 of 1 tests pass.", 'part[0] + "."'),
    "studio_graph": (),
}


OF_ITS_OWN = "07_opentelemetry_spans"
"""Sets up tracing for its whole process."""


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {OF_ITS_OWN}))
def test_an_example_runs_without_a_key(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    ran(name, monkeypatch)

    out, err = capsys.readouterr()
    assert err == ""
    for line in EXAMPLES[name]:
        assert line in out


WRONG = "def listed(items):\n    return ', '.join(items)"
RIGHT = """\
def listed(items):
    *others, last = items or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last
"""


@pytest.mark.parametrize(
    ("learns", "said"),
    [
        (True, ("round 1   rewards 1.00", "BEST REWARD BY ROUND: 0.25 -> 1.00", "*others, last")),
        (False, ("NOTHING IMPROVED on the best first answer (0.25 -> 0.25 -> 0.25)",)),
    ],
)
def test_the_demo_says_what_became_of_the_first_answer(
    *,
    learns: bool,
    said: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def reply(messages: list[BaseMessage], **_sampling: object) -> AIMessage:
        told = "right is 'tea and cake'" in messages[-1].text
        return AIMessage(RIGHT if told and learns else WRONG)

    monkeypatch.setattr(
        langchain_tpo.local, "local_chat_model", lambda *_, **__: RunnableLambda(reply)
    )
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    monkeypatch.chdir(tmp_path)

    ran("demo", monkeypatch, NO_COLOR="1")

    shown = capsys.readouterr().out
    for line in ("assert listed([]) == 'nothing'", "at most 12 completions", *said):
        assert line in shown
    assert "others" in (tmp_path / "demo.html").read_text() or not learns


def ran(name: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """Run an example here, as Python would from its own folder, with no other variable set."""
    for variable in os.environ:
        if variable != "PATH" and not variable.startswith("PYTEST"):
            monkeypatch.delenv(variable)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.syspath_prepend(ROOT / "examples")
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")


def test_an_example_of_tracing_runs_in_a_process_of_its_own() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="needs `opentelemetry-sdk`")

    ended = subprocess.run(  # noqa: S603 our own example
        [*STRICTLY, str(ROOT / "examples" / f"{OF_ITS_OWN}.py")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.stderr == ""
    assert ended.returncode == 0
    for line in EXAMPLES[OF_ITS_OWN]:
        assert line in ended.stdout
    assert "Dust it" not in ended.stdout


def test_the_gallery_shows_every_example_and_each_is_one_idea() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    paths = sorted((ROOT / "examples").glob("*.py"))

    assert [path.name for path in paths if f"examples/{path.name})" not in page] == []
    numbered = [path for path in paths if path.stem[0].isdigit()]
    assert {path.stem for path in numbered} == EXAMPLES.keys() - {"studio_graph"}
    for path in numbered:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 60, path.name


STAND_IN = {"TPO_MODEL": "python:stand_in_model:StandInModel"}


@pytest.mark.parametrize(
    ("reward", "candidates", "rounds"),
    [
        pytest.param({}, 15, 2, id="the head that comes along"),
        pytest.param({"TPO_REWARD": "python:stand_in_model:tips_in"}, 15, 2, id="named"),
    ],
)
def test_studio_takes_the_model_and_the_reward_of_the_command_line(
    reward: dict[str, str], candidates: int, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = ran("studio_graph", monkeypatch, **STAND_IN, **reward)

    run = studio["tpo"].invoke({"messages": [("user", "A wooden table?")]})["tpo"]

    assert run["stop_reason"] == "depth"
    assert (len(run["pool"]), len(run["rounds"])) == (candidates, rounds)
    assert len({one["reward"] for one in run["pool"]}) > 1


def test_studio_says_which_reward_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TPOError, match=r"No reward model is called `oracle:\.\.\.`"):
        ran("studio_graph", monkeypatch, **STAND_IN, TPO_REWARD="oracle:x")
