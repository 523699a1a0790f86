"""`tools/replay_stop_rules.py` finds what a stop rule does without running it."""

import os
import subprocess
from pathlib import Path

from langchain_tpo.cli.main import run_app
from tests.support.scripts import STRICTLY

ROOT = Path(__file__).parents[3]
PARTS = ["-m", "python:tests.support.evaluation_models:teachable_where_even", "--quiet"]
PARTS += ["-r", "python:tests.support.fakes:last_number", "-N", "2", "-D", "3"]
RULES = {"waiting": "patience=1", "gated": "gate_reward=2", "frugal": "call_budget=6"}


def test_a_replayed_rule_does_what_the_rule_did(tmp_path: Path) -> None:
    prompts, folder = tmp_path / "prompts.jsonl", tmp_path / "run"
    prompts.write_text("".join(f'{{"prompt": "question {n}"}}\n' for n in range(4)))
    systems = ["tpo", *(f"{name}=tpo:{rule}" for name, rule in RULES.items())]
    asked = [word for system in systems for word in ("-s", system)]
    assert run_app(["evaluate", str(prompts), "--out", str(folder), *asked, *PARTS]) == 0

    script = [str(ROOT / "tools" / "replay_stop_rules.py"), str(folder), *RULES.values()]
    ran = subprocess.run(  # noqa: S603 our own example
        [*STRICTLY, *script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    rows = {line[:36].strip(): line[36:] for line in ran.stdout.splitlines()}
    assert rows["tpo"].split()[0] == "3.500"
    assert all(rows[name] == rows[f"tpo, {rule}"] for name, rule in RULES.items())
    assert len({rows["tpo"], *(rows[name] for name in RULES)}) == 4
