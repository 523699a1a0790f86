"""What each stop rule saves and loses on given reward curves, exactly.

    python benchmarks/stop_rules.py

D5-N5 runs with a scripted model, the same on every machine: tokens are words, seconds are those of
a server that is never busy. Rewards are points. The second table has calls made / points lost.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.reward_curves import CURVES, Outcome, simulate

RULES: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "target_reward=8": {"target_reward": 8},
    "gate_reward=8": {"gate_reward": 8},
    "gate_contrast=2": {"gate_contrast": 2},
    "min_contrast=2": {"min_contrast": 2},
    "patience=1": {"patience": 1},
    "patience=1, min_gain=1": {"patience": 1, "min_gain": 1},
    "patience=2": {"patience": 2},
    "call_budget=19": {"call_budget": 19},
    "token_budget=7000": {"token_budget": 7000},
    "time_budget=2": {"time_budget": 2.0},
    "gate_reward=8, patience=1": {"gate_reward": 8, "patience": 1},
    "gate, patience, fused": {"gate_reward": 8, "patience": 1, "strategy": "fused"},
}

MIX = {"easy": 4, "rising": 1, "hard": 2, "flat": 1, "narrow": 1, "early peak": 1}
"""Ten questions."""


def main() -> None:
    """Print what a mix of questions costs under each rule, and every curve by itself."""
    outcomes = {
        rule: {name: simulate(curve, **options) for name, curve in CURVES.items()}
        for rule, options in RULES.items()
    }
    print_mix(outcomes)
    print_curves(outcomes)


def print_mix(outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Print totals over the mix, in shares of what the full runs cost."""
    print("Ten questions: " + ", ".join(f"{count} {name}" for name, count in MIX.items()))
    print(
        f"{'':28}{'calls':>7}{'':>6}{'tokens':>9}{'':>6}{'seconds':>9}{'':>6}{'lost':>7}{'most':>6}"
    )
    full = totals(outcomes["none"])
    for rule, ended in outcomes.items():
        costs = totals(ended)
        cells = "".join(
            f"{cost:>{width}.{digits}f}{cost / most:>6.0%}"
            for cost, most, width, digits in zip(costs, full, (7, 9, 9), (0, 0, 1), strict=True)
        )
        lost = [ended[name].lost for name, count in MIX.items() for _ in range(count)]
        print(f"{rule:28}{cells}{sum(lost) / len(lost):>7.1f}{max(lost):>6.0f}")


def print_curves(outcomes: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Print calls made and points lost for every rule and curve."""
    print(f"\n{'':28}" + "".join(f"{name:>15}" for name in CURVES))
    for rule, ended in outcomes.items():
        cells = (f"{outcome.calls} / {outcome.lost:.0f}" for outcome in ended.values())
        print(f"{rule:28}" + "".join(f"{cell:>15}" for cell in cells))


def totals(ended: Mapping[str, Outcome]) -> tuple[float, float, float]:
    """Add up calls, tokens and seconds over the mix."""
    runs = [ended[name] for name, count in MIX.items() for _ in range(count)]
    return (
        sum(run.calls for run in runs),
        sum(run.tokens for run in runs),
        sum(run.result.seconds for run in runs),
    )


if __name__ == "__main__":
    main()
