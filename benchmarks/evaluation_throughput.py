"""How fast `tpo evaluate` goes when the model costs nothing, and whether its memory stays flat.

Run it on an idle machine: `python benchmarks/evaluation_throughput.py [PROMPTS]`.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.memory import mebibytes  # noqa: E402 after the path is set
from langchain_tpo.cli import evaluate as command  # noqa: E402
from langchain_tpo.cli.display import Display  # noqa: E402
from langchain_tpo.cli.evaluation_display import Tally  # noqa: E402
from langchain_tpo.cli.main import run_app  # noqa: E402


class Watch(Display[Tally]):
    """Prints speed and memory ten times in a run."""

    def __init__(self, total: int) -> None:
        self.every = max(1, total // 10)

    def show(self, news: Tally) -> None:
        if news.records % self.every == 0:
            print(
                f"{news.records:>7,} records  {news.records / news.seconds:6.0f} per second  "
                f"{mebibytes():6.1f} MiB"
            )


def main() -> None:
    """Evaluate D0-N2 on made-up prompts and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prompts", type=int, nargs="?", default=10_000)
    prompts = parser.parse_args().prompts
    command.evaluation_display = lambda *_args, **_options: Watch(prompts)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.jsonl"
        with path.open("w") as file:
            for number in range(prompts):
                file.write(json.dumps({"id": number, "prompt": f"question {number}"}) + "\n")
        since, busy = time.perf_counter(), time.process_time()
        run_app(
            [
                *("evaluate", str(path), "--out", f"{folder}/run", "-s", "best-of-n:width=2"),
                *("-m", "python:benchmarks.zero_latency:model"),
                *("-r", "python:benchmarks.zero_latency:reward", "-j", "8"),
            ]
        )
        wall, cpu = time.perf_counter() - since, time.process_time() - busy
    print(f"{prompts / wall:.0f} prompts per second, {prompts / cpu:.0f} per CPU second")


if __name__ == "__main__":
    main()
