"""How many of the hidden tests the answers of a run of `tpo evaluate` pass, by system.

    python benchmarks/hidden_tests.py runs/b-15b examples/conventions.jsonl

The metric `humaneval` says of an answer whether it passes all of a row's `test`; this counts each
assertion, all of them and those on values that no test of the reward has. Runs code that a model
wrote, as `UnitTests` does.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from langchain_core.messages import HumanMessage

from langchain_tpo.evaluation.records import RECORDS, read_records
from langchain_tpo.reward_models import ScoreRequest, UnitTests

Row = Mapping[str, Any]


def hidden(row: Row, *, new: bool) -> list[str]:
    """Return the assertions of a row's `test`; if `new`, those on values of their own.

    Example:
        >>> told = ["assert more(1) == 2"]
        >>> row = {"entry_point": "more", "tests": told, "test": "    assert candidate(5) == 6"}
        >>> hidden(row, new=True)
        ['assert more(5) == 6']
    """
    found = re.findall(r"^\s*(assert .*)$", row["test"], re.MULTILINE)
    named = [line.replace("candidate(", f"{row['entry_point']}(") for line in found]
    told = {_called(line) for line in row["tests"]}
    return [line for line in named if not (new and _called(line) in told)]


def _called(assertion: str) -> str:
    return assertion.split("==", maxsplit=1)[0].strip()


def passed(answer: str, tests: Sequence[str], row: Row) -> float:
    """Return the share of assertions that an answer passes."""
    reward = UnitTests(run_code=True, tests=tests)
    scored = reward.check(
        ScoreRequest(
            messages=[HumanMessage(row["prompt"])],
            responses=[answer],
            context={"entry_point": row["entry_point"]},
        ),
        answer,
    )
    return scored["reward"] or 0.0


def main(folder: str, rows_file: str) -> None:
    """Print the means of each system."""
    lines = Path(rows_file).read_text(encoding="utf-8").splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    shares: dict[str, dict[bool, list[float]]] = defaultdict(lambda: {False: [], True: []})
    for record in read_records(Path(folder) / RECORDS):
        for new in (False, True) if record["status"] == "ok" else ():
            row = rows[record["example"]]
            if tests := hidden(row, new=new):
                share = passed(record["runs"][0]["answer"], tests, row)
                shares[record["system"]][new].append(share)
    for system, by_kind in shares.items():
        every, own = (f"{fmean(by_kind[new]):.3f}" for new in (False, True))
        print(f"{system}: {every} of the hidden tests, {own} of those on other values")


if __name__ == "__main__":
    main(*sys.argv[1:])
