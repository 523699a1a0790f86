"""Which share of its prompt tokens a server with a prefix cache need not read, by set of prompts.

    python benchmarks/prefix_cache.py [--prompts 6] [--sets small small-fused tpo ...]

D2-N5 with the embedded model on real prompts (AlpacaEval 2, in `../shared/data`; made-up ones where
that is not there), a fresh server for each set. Cached tokens are those that llama.cpp reports.
The whole reply is the revision, tags or not, so that a small model's runs take all their rounds.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openai import DefaultHttpxClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.embedded_floor import QUERIES
from langchain_tpo import SamplingOptions, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.evaluation.report.statistics import bootstrap, np
from langchain_tpo.local import LocalServer
from langchain_tpo.reward_models.preference_head import PreferenceHead
from langchain_tpo.sampling.usage import Usage, total_usage
from langchain_tpo.strategies import strategy_of

DATA = Path(__file__).parents[2] / "shared" / "data" / "alpaca_eval2_prompts.jsonl"
SETS = {
    "small": ("tpo", "small"),
    "small-fused": ("fused", "small"),
    "tpo": ("tpo", "paper"),
    "threaded": ("threaded", "paper"),
    "fused": ("fused", "paper"),
}
LONGEST_QUERY = 500
"""In characters: a small model's context holds the query four times."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the runs with one set of prompts took."""

    prompts: str
    results: Sequence[TPOResult]
    prefill_seconds: float

    def usage(self, step: str) -> Usage:
        """Add up what a step took in all runs."""
        records = [record for result in self.results for record in result.steps]
        return total_usage(record["usage"] for record in records if record["step"] == step)


def main() -> None:
    """Measure every set and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="as `weights_file` understands it")
    parser.add_argument("--prompts", type=int, default=6)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--at-once", type=int, default=1, help="queries in flight")
    parser.add_argument("--cache-mib", type=int, help="of `LocalServer`")
    parser.add_argument("--max-tokens", type=int, default=96, help="of an answer or a critique")
    options = parser.parse_args()
    queries = real_queries(options.prompts)
    print(f"{len(queries)} prompts, {options.at_once} at once, D2-N5; tokens per run")
    print(f"{'':12}{'':18}{'prompt':>8}{'cached':>8}{'share':>7}{'read':>8}{'prefill s':>11}")
    for name in options.sets:
        print_rows(measured(name, queries, options))


def real_queries(count: int) -> list[str]:
    """Return short prompts out of all parts of the data set."""
    if not DATA.is_file():
        return QUERIES[:count]
    lines = DATA.read_text(encoding="utf-8").splitlines()
    every = [json.loads(line)["instruction"] for line in lines]
    short = [query for query in every if len(query) <= LONGEST_QUERY]
    return short[:: len(short) // count][:count]


def measured(name: str, queries: Iterable[str], options: argparse.Namespace) -> Measured:
    """Run a set of prompts on a fresh server."""
    sampling = SamplingOptions(temperature=0.7, top_p=0.95, max_tokens=options.max_tokens)
    steps = ("sample", "textual_loss", "textual_gradient", "update")
    strategy, style = SETS[name]
    prompts = replace(strategy_of(strategy).worded(style), revision_tag=None)
    settings = TPOSettings(
        strategy=strategy, prompts=prompts, seed=1, **dict.fromkeys(steps, sampling)
    )
    cache = {} if options.cache_mib is None else {"cache_mib": options.cache_mib}
    milliseconds: list[float] = []

    def note(response: Any) -> None:
        response.read()
        milliseconds.append(response.json()["timings"]["prompt_ms"])

    with LocalServer(options.model, **cache) as server:
        client = DefaultHttpxClient(trust_env=False, event_hooks={"response": [note]})
        model = server.chat_model(http_client=client)
        tpo = TPORunnable(model=model, reward=PreferenceHead(), settings=settings)
        with client, ThreadPoolExecutor(options.at_once) as pool:
            results = list(pool.map(tpo.optimize, queries))
    return Measured(prompts=name, results=results, prefill_seconds=sum(milliseconds) / 1000)


def print_rows(these: Measured) -> None:
    """Print a row for every step, and one for all with an interval of its share."""
    runs = len(these.results)
    for step in ("sample", "textual_loss", "textual_gradient", "update"):
        usage = these.usage(step)
        if usage["requests"]:
            print(f"{these.prompts:12}{step:18}{figures(usage, runs)}")
    used = [result.usage for result in these.results]
    share = bootstrap(
        np.asarray([(one["cached_tokens"], one["input_tokens"]) for one in used], dtype=float),
        lambda rows: rows[..., 0].sum(axis=-1) / rows[..., 1].sum(axis=-1),
        seed=0,
    )
    between = "" if share is None else f"   share {share.low:.0%} to {share.high:.0%}"
    prefill = f"{these.prefill_seconds / runs:>11.2f}"
    print(f"{these.prompts:12}{'all':18}{figures(total_usage(used), runs)}{prefill}{between}")


def figures(usage: Usage, runs: int) -> str:
    """Return prompt tokens, cached ones, their share, and what is left to read."""
    prompt, cached = usage["input_tokens"] or 0, usage["cached_tokens"] or 0
    read = prompt - cached
    return f"{prompt / runs:>8.0f}{cached / runs:>8.0f}{cached / prompt:>7.0%}{read / runs:>8.0f}"


if __name__ == "__main__":
    main()
