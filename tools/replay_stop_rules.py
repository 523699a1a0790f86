"""Find the stop rules that suit your prompts and your reward, from one run without any.

A run of `tpo evaluate` holds every round of every example, so that what a rule would have kept and
saved can be worked out exactly and for nothing:

    python tools/replay_stop_rules.py runs/first gate_reward=0.3 patience=1,gate_reward=0.3

Prints, for each `tpo` system of the run and for each rule replayed on the first of them: reward
gained over the best first response, the same per 1,000 tokens beyond the first responses, and gain
and tokens as shares of the first system's; in brackets, 95% bootstrap intervals over examples.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from langchain_tpo import TPOSettings
from langchain_tpo.candidate_pool import best_reward
from langchain_tpo.evaluation.manifest import manifest_at
from langchain_tpo.evaluation.records import RECORDS, read_records
from langchain_tpo.evaluation.report.statistics import bootstrap
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.loop.stopping import stop_reason, usage_of_steps


def main(folder: Path, rules: list[str]) -> None:
    """Print one line per system and rule."""
    systems = [one for one in manifest_at(folder)["systems"] if one["kind"] == "tpo"]
    if not systems:
        sys.exit("No system of the run is a `tpo`: there is nothing to replay rules on.")
    runs: dict[str, dict[str, list]] = {one["name"]: {} for one in systems}
    for record in read_records(folder / RECORDS):
        if record["system"] in runs and record["status"] == "ok":
            runs[record["system"]][record["example"]] = record["runs"]
    examples = sorted(set.intersection(*(set(of_system) for of_system in runs.values())))

    first = systems[0]["name"]  # without a stop rule of its own, or there is little to replay
    settings = TPOSettings.model_validate(systems[0]["settings"])
    replayed = [parse_systems([f"tpo:{rule}"], settings)[0].settings for rule in rules]
    unstopped = TPOSettings(depth=1_000)  # takes a run as it was
    ways = [(name, name, unstopped) for name in runs]
    ways += [(f"{first}, {rule}", first, way) for rule, way in zip(rules, replayed, strict=True)]

    whole = np.array([spent_and_gained(runs[first][one], unstopped) for one in examples])
    titles = ("gain", "per 1,000 tokens", "share of gain", "share of tokens")
    print(f"{f'{len(examples)} examples':<36}" + "".join(f"{title:>24}" for title in titles))
    for name, system, way in ways:
        rows = np.array([spent_and_gained(runs[system][one], way) for one in examples])
        print(f"{name:<36}" + "".join(shares(np.hstack([rows, whole]))))


def spent_and_gained(turns: Iterable[dict[str, Any]], settings: TPOSettings) -> list[float]:
    """Return tokens, tokens beyond the first responses, and gain over them: sums over turns."""
    sums = np.zeros(3)
    for run in turns:
        rounds = [
            [step for step in run["steps"] if step["round"] <= last]
            for last in range(1 + max(step["round"] for step in run["steps"]))
        ]
        for last, steps in enumerate(rounds):  # until a rule ends it, or the record does
            pool = [one for one in run["pool"] if one["round"] <= last]
            if stop_reason(pool, steps, settings=settings):
                break
        gain = best_reward(pool, until=last) - best_reward(pool, until=0)
        sums += [tokens(steps), tokens(steps) - tokens(rounds[0]), gain]
    return sums.tolist()


def tokens(steps: list) -> int:
    """Count the tokens of steps, prompts included."""
    usage = usage_of_steps(steps)
    return (usage["input_tokens"] or 0) + (usage["output_tokens"] or 0)


def shares(examples: np.ndarray) -> Iterable[str]:
    """Write gain, gain per 1,000 tokens, and shares of the whole run's gain and tokens."""

    def ratio(above: int, below: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda rows: rows[..., above].mean(axis=-1) / rows[..., below].mean(axis=-1)

    gain, per_thousand = (lambda rows: rows[..., 2].mean(axis=-1)), ratio(2, 1)
    for statistic, scale in ((gain, 1), (per_thousand, 1000), (ratio(2, 5), 1), (ratio(0, 3), 1)):
        found = bootstrap(examples, statistic, seed=0)
        if found is None:
            sys.exit("No example was answered by every `tpo` system of the run.")
        low, high = scale * found.low, scale * found.high
        yield (
            f"{'-':>24}"
            if np.isnan(found.value)
            else f"{f'{scale * found.value:.3f} [{low:.3f}, {high:.3f}]':>24}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the run")
    parser.add_argument("rules", nargs="*", help="such as `patience=1,gate_reward=0.3`")
    options = parser.parse_args()
    with np.errstate(invalid="ignore"):  # no gain and no tokens: nothing to share
        main(options.folder, options.rules)
