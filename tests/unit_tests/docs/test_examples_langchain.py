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
