"""The examples of agents, graphs, checkpoints and traces run without a key and say what they do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

EXAMPLES = {
    "agent_middleware": ("tool: Tung oil is right for oak.", "rewards: ["),
    "subgraph": ("round 0: [", "round 2: [", "Yours, the carpenter."),
    "checkpoints": ("broke off before ('textual_loss',) after 4 calls", "done after 9 calls: "),
    "human_in_the_loop": ("Answer with one score from 0 to 10", "chosen: "),
    "opentelemetry_spans": ('"name": "tpo.textual_gradient"', '"tpo.rewards"'),
    "studio_graph": (),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_without_a_key(name: str) -> None:
    if name == "opentelemetry_spans":
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
    if name == "opentelemetry_spans":
        assert "Dust it" not in ran.stdout


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
