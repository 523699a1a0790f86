"""The examples of agents, graphs, checkpoints and traces run without a key and say what they do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_without_a_key(name: str) -> None:
    if name == "07_opentelemetry_spans":
        pytest.importorskip("opentelemetry.sdk", reason="needs `opentelemetry-sdk`")

    ran = subprocess.run(  # noqa: S603 our own examples
        [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.stderr == ""
    assert ran.returncode == 0
    for line in EXAMPLES[name]:
        assert line in ran.stdout
    if name == "07_opentelemetry_spans":
        assert "Dust it" not in ran.stdout


def test_the_gallery_shows_every_example_and_each_is_one_idea() -> None:
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    paths = sorted((ROOT / "examples").glob("*.py"))

    assert [path.name for path in paths if f"examples/{path.name})" not in page] == []
    numbered = [path for path in paths if path.stem[0].isdigit()]
    assert {path.stem for path in numbered} == EXAMPLES.keys() - {"studio_graph"}
    for path in numbered:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 60, path.name


STUDIO = """
import studio_graph
ran = studio_graph.tpo.invoke({"messages": [("user", "A wooden table?")]})["tpo"]
rewards = {one["reward"] for one in ran["pool"]}
print(ran["stop_reason"], len(ran["pool"]), len(ran["rounds"]), len(rewards) > 1)
"""


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        pytest.param({}, "depth 15 2 True", id="the head that comes along"),
        pytest.param({"TPO_REWARD": "python:stand_in_model:tips_in"}, "2 True", id="named"),
        pytest.param(
            {"TPO_REWARD": "oracle:x"}, "No reward model is called `oracle:...`", id="bad"
        ),
    ],
)
def test_studio_takes_the_model_and_the_reward_of_the_command_line(
    reward: dict[str, str], expected: str
) -> None:
    ran = subprocess.run(  # noqa: S603 our own example
        [sys.executable, "-c", STUDIO],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")]),
            "TPO_MODEL": "python:stand_in_model:StandInModel",
            **reward,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert expected in ran.stdout + ran.stderr
    assert (ran.returncode == 0) == (
        "TPO_REWARD" not in reward or "python:" in reward["TPO_REWARD"]
    )
