"""What a report opens with: one true sentence, and what a reader should be warned of.

Knows an analysis and the manifest of its run; works nothing out.
"""

import math
from collections.abc import Mapping
from typing import Any

from langchain_tpo.evaluation.report.statistics import FEWEST, Estimate, rarest
from langchain_tpo.evaluation.report.summaries import Analysis, SystemComparison
from langchain_tpo.evaluation.report.wording import number

_CALLED = {
    "single": "a single sample",
    "best-of-n": "best-of-N",
    "revision": "revision",
    "tpo": "TPO",
    "given": "the given answers",
}

_MATCHED_ON = {"all": "tokens", "money": "cost"}
"""What a matched best-of-N has as much of as its rival, where it is not output tokens alone."""

MANY_SYSTEMS = 6
"""From here on the best of them owes much to luck."""

JUDGES = ("judge", "pairwise", "listwise")
"""How rewards that ask a chat model are called on the command line."""

MISSING = 0.1
"""Share of the examples that may be missing before a reader is told."""


def verdict(analysis: Analysis, manifest: Mapping[str, Any]) -> str:
    """Return what the run shows of its subject against its baseline, in one sentence.

    Example:
        >>> from langchain_tpo.evaluation.report.analysis import analyse
        >>> verdict(analyse([], {"tpo": "tpo"}), {"systems": []})
        'There is nothing to compare: the run has one system.'
    """
    main = _main(analysis)
    if main is None:
        return "There is nothing to compare: the run has one system."
    described = {system["name"]: system for system in manifest["systems"]}
    ours = _called(main.system, described, main)
    theirs = _called(main.baseline, described, main)
    if main.difference is None:
        return f"Nothing can be said of {ours} against {theirs}: no example has answers of all."
    return _sentence(ours, theirs, main.difference)


def cautions(analysis: Analysis, manifest: Mapping[str, Any]) -> list[str]:
    """Return what a reader of the verdict should know, most important first."""
    main, sentences = _main(analysis), []
    if main is not None and main.difference is not None:
        sentences += _of_the_judge(main)
    missing = analysis.examples - analysis.common
    if analysis.examples and missing > MISSING * analysis.examples:
        sentences.append(
            f"Only {analysis.common} of {analysis.examples} examples have answers of all systems; "
            "averages are over those."
        )
    if len(analysis.systems) >= MANY_SYSTEMS:
        sentences.append(
            f"{len(analysis.systems)} systems were compared: the best of many looks better than it "
            "is. Check it on other prompts."
        )
    judges = {_judge_in(manifest.get("reward")), manifest.get("critic")} - {None}
    if manifest.get("model") in judges:
        sentences.append(
            f"The model judges its own answers: `{manifest['model']}` is policy and reward or "
            "critic at once."
        )
    return sentences


def _judge_in(reward: object) -> object:
    """Return the model that a reward of the command line asks: of `judge:MODEL?...`, `MODEL`."""
    kind, colon, model = str(reward).partition(":")
    return model.partition("?")[0] if colon and kind in JUDGES else reward


def _main(analysis: Analysis) -> SystemComparison | None:
    wanted = (analysis.subject, analysis.baseline)
    pairs = (
        comparison
        for comparison in analysis.comparisons
        if (comparison.system, comparison.baseline) == wanted
    )
    return next(pairs, None)


def _sentence(ours: str, theirs: str, gain: Estimate) -> str:
    ours = ours if ours.endswith(")") else ours[0].upper() + ours[1:]  # names stay as they are
    on = f"on {gain.count} prompt{'s' * (gain.count != 1)}"
    sign = -1 if gain.value < 0 else 1
    ends = sorted(sign * end for end in (gain.low, gain.high) if end is not None)
    value, *written = _in_same_digits(sign * gain.value, *ends)
    claim = f"{ours} {'beats' if sign > 0 else 'trails'} {theirs} by {value}"
    if gain.value == 0:
        claim = f"{ours} and {theirs} earn the same reward"
    if not written and gain.count >= FEWEST:
        return (
            f"{claim} {on}, and on each of them: of such prompts at most {rarest(gain.count):.0%} "
            "differ from that."
        )
    if not written:
        return f"{claim} {on}: too few to say, {FEWEST} are needed."
    concluded = "more than chance explains" if gain.side() else "not distinguishable"
    return f"{claim} [{', '.join(written)}] {on}: {concluded}."


def _in_same_digits(*values: float) -> list[str]:
    """Write values with the digits that the largest of them needs, two of them at least."""
    sizes = [abs(value) for value in values if value]
    digits = max(2, 1 - math.floor(math.log10(max(sizes)))) if sizes else 2
    return [f"{value:.{min(digits, 9)}f}" for value in values]


def _called(name: str, described: Mapping[str, Any], main: SystemComparison) -> str:
    system = described.get(name, {"kind": name})
    kind = system["kind"]
    if kind == "best-of-n-matched":
        called = f"best-of-N at equal {_MATCHED_ON.get(system.get('match_on'), 'output tokens')}"
        if system.get("match") not in (None, main.system):
            called += f" (those of {system['match']})"
    else:
        called = _CALLED.get(kind, kind)
    return called if name in (kind, called) else f"{name} ({called})"


def _of_the_judge(main: SystemComparison) -> list[str]:
    if main.judged is None or main.difference is None:
        return [
            "No second judge was asked: a gain in reward may be a gain in what the reward likes."
        ]
    won, reward = main.judged.side(0.5), main.difference.side()
    rate = f"{main.judged.value:.0%} of {number(main.judged.count)} pairs"
    if reward and won == -reward:
        return [f"The second judge says the opposite: it prefers {main.system} in {rate}."]
    if reward and won == 0:
        return [f"The second judge does not confirm it: it prefers {main.system} in {rate}."]
    return []
