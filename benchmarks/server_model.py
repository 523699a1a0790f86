"""Predicts how long runs take on a server that batches, without running any.

    python benchmarks/server_model.py --queries 100 --width 5 --depth 2 \
        --seconds-per-token 1=0.008,64=0.014 --read-per-second 10000 --slots 64

Measure a server with two or three plain requests: the seconds per token of one sequence and of many
at once, and how fast it reads a long prompt. `server_model_check.py` does so with the embedded
model, and compares. Lengths vary by half around those given. N draws read their prompt once, as
with `n` or a prefix cache; threads need the cache. "Floor" is the longest run with the server to
itself: no batch can be done sooner.
"""

import argparse
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.batching_server import Chain, Request, Server, Stage, predict
from langchain_tpo import TPOSettings

COMPARING, QUOTING, GOING_ON = 140, 500, 100
"""Tokens that a prompt adds of its own, roughly: a loss, one that quotes it, a turn of a thread."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of what is asked and written, on average."""

    prompt: int
    answer: int
    critique: int
    """Of a loss, and of a gradient."""


def main() -> None:
    """Print a row for each way to spend the same draws."""
    options = arguments()
    server = Server(
        seconds_per_token=options.seconds_per_token,
        seconds_to_read={1_000_000: 1_000_000 / options.read_per_second},
        slots=options.slots,
    )
    lengths = Lengths(prompt=options.prompt, answer=options.answer, critique=options.critique)
    print(f"{'':<16}{'seconds':>9}{'floor':>8}{'per query':>11}{'reading':>9}{'active':>8}")
    for name, settings in ways(options.width, options.depth).items():
        runs = Runs(settings, lengths, reward=options.reward_seconds)
        print(f"{name:<16}" + row(server, runs.chains(options.queries), options.at_once))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--at-once", type=int, help="queries under way at once; all of them")
    parser.add_argument("--width", type=int, default=5)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--seconds-per-token", type=points, required=True, metavar="N=S,...")
    parser.add_argument("--read-per-second", type=float, required=True, help="prompt tokens")
    parser.add_argument("--slots", type=int, help="most sequences at once; no limit")
    parser.add_argument("--reward-seconds", type=float, default=0.0, help="for a round's scores")
    parser.add_argument("--prompt", type=int, default=60, help="tokens of a query")
    parser.add_argument("--answer", type=int, default=400, help="tokens of a response")
    parser.add_argument("--critique", type=int, default=500, help="tokens of a loss or a gradient")
    return parser.parse_args()


def points(text: str) -> dict[int, float]:
    """Read `1=0.008,64=0.014`.

    Example:
        >>> points("1=0.008,64=0.014")
        {1: 0.008, 64: 0.014}
    """
    pairs = (pair.split("=") for pair in text.split(","))
    return {int(active): float(seconds) for active, seconds in pairs}


def ways(width: int, depth: int) -> Mapping[str, TPOSettings]:
    """Return the paper's loop, the ways to spend less, and as many draws without any loop."""
    return {
        "tpo": TPOSettings(width=width, depth=depth),
        "threaded": TPOSettings(width=width, depth=depth, strategy="threaded"),
        "fused": TPOSettings(width=width, depth=depth, strategy="fused"),
        f"best of {width * (depth + 1)}": TPOSettings(width=width * (depth + 1), depth=0),
    }


def row(server: Server, chains: list[Chain], at_once: int | None) -> str:
    """Return the figures of a batch."""
    outcome = predict(server, chains, at_once=at_once)
    floor = max(predict(server, [chain]).seconds for chain in chains)
    per_query = outcome.seconds / len(chains)
    shares = f"{outcome.reading / outcome.seconds:>9.0%}{outcome.active:>8.1f}"
    return f"{outcome.seconds:>9.1f}{floor:>8.1f}{per_query:>11.2f}{shares}"


class Runs:
    """The stages of runs that nothing stops early."""

    def __init__(self, settings: TPOSettings, lengths: Lengths, *, reward: float) -> None:
        """Take what they do; `reward` is the seconds for a round's scores."""
        self._settings = settings
        self._lengths = lengths
        self._reward = reward
        self._chance = random.Random(0)  # noqa: S311 no secret

    def chains(self, queries: int) -> list[Chain]:
        """Return so many runs, the same ones at every call of a fresh instance."""
        return [self._chain() for _ in range(queries)]

    def _chain(self) -> Chain:
        first = self._draws(self._lengths.prompt)
        return [first, *(stage for _ in range(self._settings.depth) for stage in self._round())]

    def _round(self) -> list[Stage]:
        long, strategy = self._lengths, self._settings.strategy
        calls = len(strategy.critiques)
        answers = long.prompt + 2 * long.answer
        reads = [COMPARING + answers, *[GOING_ON] * calls]  # the rest is in the prefix cache
        if strategy.name == "tpo":
            quoting = (QUOTING + answers + written * long.critique for written in (1, 2))
            reads = [COMPARING + answers, *quoting]
        *critiques, update = reads
        writes = 2 * long.critique // max(calls, 1)
        replies = [strategy.replies(step, self._settings.width) for step in strategy.critiques]
        asked = zip(critiques, replies, strict=True)
        return [*(self._critique(each, writes, n) for each, n in asked), self._draws(update)]

    def _critique(self, reads: int, writes: int, n: int) -> Stage:
        replies = tuple(self._about(writes) for _ in range(n))
        return Stage(requests=(Request(reads=reads, writes=replies),))

    def _draws(self, reads: int) -> Stage:
        """N draws: whether in one request or with a prefix cache, their prompt is read once."""
        each = (self._about(self._lengths.answer) for _ in range(self._settings.width))
        requests = tuple(
            Request(reads=0 if draw else reads, writes=(writes,))
            for draw, writes in enumerate(each)
        )
        return Stage(requests=requests, then_seconds=self._reward)

    def _about(self, tokens: int) -> int:
        return round(tokens * self._chance.uniform(0.5, 1.5))


if __name__ == "__main__":
    main()
