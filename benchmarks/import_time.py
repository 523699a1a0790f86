"""What `import langchain_tpo` takes of a processor beside what it is built on.

    python benchmarks/import_time.py [--rounds 15]

Every import in a fresh interpreter, in turn, from compiled files. `import langgraph` alone loads
nothing (a namespace package): `langgraph.graph` is what any graph needs. Then what the package
adds to it, module by module, by Python's own count, which slows every import a little. Up to
Python 3.12, most of `settings` is pydantic reading the docstrings of its fields.
"""

import argparse
import heapq
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.alternating import in_turn, ratio

PACKAGE = "langchain_tpo"
BASE = "langgraph.graph"
BESIDE = ("langgraph", "langchain_core", BASE, "langchain_openai", PACKAGE)

TIMED = "import time; since = time.process_time(); import {}; print(time.process_time() - since)"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as compiled:
        python = Interpreter(compiled)
        print_taken({name: partial(python.seconds, name) for name in BESIDE}, rounds)
        print_added(python.own_seconds(PACKAGE), python.own_seconds(BASE))


def print_taken(sides: Mapping[str, Callable[[], float]], rounds: int) -> None:
    """Print medians, and ratios of what was taken side by side; the first round compiles."""
    taken = {name: each[1:] for name, each in in_turn(sides, 1 + rounds).items()}
    print(f"{'import':<20}{'ms':>6}{'of ' + PACKAGE:>20}")
    for name, each in taken.items():
        share = ratio(each, taken[PACKAGE])
        print(f"{name:<20}{statistics.median(each) * 1000:>6.0f}{share:>20.2f}")
    print(f"{PACKAGE} / {BASE}: {ratio(taken[PACKAGE], taken[BASE]):.2f}")


def print_added(ours: Mapping[str, float], base: Mapping[str, float]) -> None:
    """Print what the package loads that its base does not: by package, then its own modules."""
    added = {name: taken for name, taken in ours.items() if name not in base}
    packages: dict[str, float] = defaultdict(float)
    for name, taken in added.items():
        packages[name.partition(".")[0]] += taken
    own = {name: taken for name, taken in added.items() if name.startswith(PACKAGE)}
    for title, table in (("added by package", packages), ("heaviest modules of its own", own)):
        print(f"\n{title:<40}{'ms':>6}")
        for name in heapq.nlargest(8, table, key=table.__getitem__):
            print(f"{name:<40}{table[name] * 1000:>6.1f}")


class Interpreter:
    """Imports in fresh interpreters that keep what they compile."""

    def __init__(self, compiled: str) -> None:
        """Take the folder for what is compiled."""
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def seconds(self, module: str) -> float:
        """Time one import."""
        return float(self._run("-c", TIMED.format(module)).stdout)

    def own_seconds(self, module: str) -> dict[str, float]:
        """Return the seconds of every module that an import loads, without what it loads itself."""
        lines = self._run("-X", "importtime", "-c", f"import {module}").stderr.splitlines()[1:]
        cells = (line.removeprefix("import time:").split("|") for line in lines)
        return {name.strip(): int(own) / 1e6 for own, _, name in cells}

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 our own words
            [sys.executable, *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=sys.path[0],
            env=self._environment,
        )


if __name__ == "__main__":
    main()
