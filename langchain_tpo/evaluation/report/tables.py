"""The tables of a report as rows of text: one form for the page and for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_tpo.costs import COSTS_IN_THE_PAPER
from langchain_tpo.evaluation.metrics.of_answers import METRICS
from langchain_tpo.evaluation.report.statistics import FEWEST, Estimate
from langchain_tpo.evaluation.report.summaries import Analysis, SystemComparison
from langchain_tpo.evaluation.report.wording import (
    UNKNOWN,
    counted,
    interval,
    number,
    percent,
    significant,
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its title."""

    title: str
    """What it shows."""
    about: str
    """How to read it."""
    head: Sequence[str]
    """Names of its columns."""
    rows: Sequence[Sequence[str]]
    """Its cells."""
    heat: Sequence[Sequence[float | None]] = ()
    """How strongly each cell but the first of its row is coloured, from -1 to 1."""
    of_examples: bool = False
    """Whether each row begins with the name of an example."""


def tables(analysis: Analysis) -> list[Table]:
    """Return the tables that the run has figures for, those of the verdict first."""
    others = [
        comparison
        for comparison in analysis.comparisons
        if comparison.baseline != analysis.baseline
    ]
    drawn = [_results(analysis), _matched(analysis), _kinds(analysis), _hurt(analysis)]
    crowded = len(analysis.systems) >= CROWDED
    drawn += [
        _heat_map(analysis) if crowded else _comparisons(others),
        _metrics(analysis),
        _costs(analysis),
    ]
    drawn += [_prices(analysis.comparisons[: len(analysis.systems) - 1]), _endings(analysis)]
    return [table for table in drawn if table.rows]


def _results(analysis: Analysis) -> Table:
    versus = {
        comparison.system: comparison
        for comparison in analysis.comparisons
        if comparison.baseline == analysis.baseline
    }
    judged = any(comparison.judged or comparison.unjudged for comparison in versus.values())
    against = [*("gained", "win rate", "win rate, equal length"), *(_JUDGED if judged else ())]
    return Table(
        title="Results" + (f" against {analysis.baseline}" if versus else ""),
        about="Means over the n examples that all systems answered, with 95% intervals: "
        f"studentized bootstrap, win rates Wilson's; none under {FEWEST} examples. A tie is half a "
        "win. Failed examples are counted, never averaged in. Equal length: the win rate that a "
        "logistic model of this run's own pairs predicts when both answers are equally long; "
        "AlpacaEval's published figure fits the difficulty of each instruction on many systems and "
        "can lie far from it (`--difficulty` takes such a file).",
        head=[
            *("system", "n", "failed", "reward", *(against if versus else ())),
            *("characters", "length correlation"),
        ],
        rows=[
            [
                system.name,
                number(system.averaged),
                number(system.failed),
                interval(system.reward),
                *(_against(versus.get(system.name), judged=judged) if versus else ()),
                interval(system.length, 0),
                number(system.length_correlation, 2),
            ]
            for system in analysis.systems
        ],
    )


def _matched(analysis: Analysis) -> Table:
    return Table(
        title="Against best-of-N at equal cost",
        about="Every system that plain draws were matched with, on the examples that both answered:"
        " mean of the paired differences, and examples on which the system is ahead, level and "
        "behind. A metric that wants to be low counts the other way round.",
        head=["system", "against", "by", "n", "gained", "ahead", "level", "behind"],
        rows=[
            [
                *(match.system, match.baseline, match.measure, number(match.difference.count)),
                *(interval(match.difference), number(match.ahead), number(match.level)),
                number(match.behind),
            ]
            for match in analysis.matched
        ],
    )


_JUDGED = ("second judge", "second judge, equal length", "undecided")


def _against(comparison: SystemComparison | None, *, judged: bool) -> list[str]:
    """Return the cells of a system's row that compare it; the baseline's own say nothing."""
    if comparison is None:
        return [UNKNOWN] * (3 + (len(_JUDGED) if judged else 0))
    cells = [
        interval(comparison.difference),
        percent(comparison.win_rate),
        percent(comparison.length_controlled),
    ]
    return [*cells, *(_judged(comparison) if judged else ())]


def _kinds(analysis: Analysis) -> Table:
    kinds = analysis.kinds
    return Table(
        title="Effect by " + (kinds.field if kinds else "kind"),
        about=f"Reward of {analysis.subject} less that of {analysis.baseline}, by the data set's "
        "own kinds.",
        head=["kind", "n", "gained"],
        rows=[
            [row.name, number(row.difference.count), interval(row.difference)]
            for row in (kinds.rows if kinds else ())
        ],
    )


def _hurt(analysis: Analysis) -> Table:
    losses = analysis.losses
    if losses is None or not losses.worse:
        return Table(title="", about="", head=[], rows=[])
    return Table(
        title="Where it hurt",
        about=f"{analysis.subject} earned more than {analysis.baseline} on {losses.better} "
        f"examples, the same on {losses.equal}, and less on {losses.worse}, there "
        f"{-losses.mean_loss:.3f} on average. The largest losses:",
        head=["example", "gained"],
        rows=[[name, number(gain, 3)] for name, gain in losses.examples],
        of_examples=True,
    )


def _comparisons(comparisons: Sequence[SystemComparison]) -> Table:
    judged = any(comparison.judged or comparison.unjudged for comparison in comparisons)
    return Table(
        title="All other pairs",
        about="As above.",
        head=[
            *("system", "against", "n", "gained", "win rate", "win rate, equal length"),
            *(_JUDGED if judged else ()),
        ],
        rows=[
            [
                comparison.system,
                comparison.baseline,
                number(comparison.difference.count if comparison.difference else 0),
                *_against(comparison, judged=judged),
            ]
            for comparison in comparisons
        ],
    )


CROWDED = 6
"""From so many systems on, a map of colours shows all pairs: a row for each would fill screens."""


def _heat_map(analysis: Analysis) -> Table:
    known: dict[tuple[str, str], Estimate] = {}
    for comparison in analysis.comparisons:
        if comparison.difference is not None:
            known[comparison.system, comparison.baseline] = comparison.difference
            known[comparison.baseline, comparison.system] = comparison.difference.turned()
    ranked = sorted(
        analysis.systems, key=lambda system: -(system.reward.value if system.reward else 0)
    )
    names = [system.name for system in ranked if system.reward]
    largest = max((abs(estimate.value) for estimate in known.values()), default=0.0) or 1.0
    return Table(
        title="Every pair",
        about="Reward of the row's system less the column's, best first; bold colours are large "
        "differences, * those that chance does not explain.",
        head=["system", *names],
        rows=[[ours, *(_heat(known.get((ours, theirs))) for theirs in names)] for ours in names],
        heat=[
            [
                known[pair].value / largest if (pair := (ours, theirs)) in known else None
                for theirs in names
            ]
            for ours in names
        ],
    )


def _heat(difference: Estimate | None) -> str:
    if difference is None:
        return ""
    return f"{difference.value:+.3f}{'*' if difference.side() else ''}"


def _judged(comparison: SystemComparison) -> list[str]:
    return [
        percent(comparison.judged),
        percent(comparison.judged_length_controlled),
        number(comparison.unjudged),
    ]


def _metrics(analysis: Analysis) -> Table:
    about = {metric.name: f"{metric.about}; {metric.better} is better" for metric in METRICS}
    written = {metric.name: percent if metric.is_share else interval for metric in METRICS}
    return Table(
        title="Metrics that do not trust the reward",
        about="Where they and the reward part, the reward was hacked. Unchecked examples are "
        "counted apart.",
        head=["metric", "system", "n", "value", "unchecked", "what it says"],
        rows=[
            [
                metric.name,
                system.name,
                number(metric.estimate.count if metric.estimate else 0),
                written[metric.name](metric.estimate),
                number(metric.uncheckable),
                about[metric.name],
            ]
            for system in analysis.systems
            for metric in system.metrics
        ],
    )


def _costs(analysis: Analysis) -> Table:
    systems = [system for system in analysis.systems if system.answered]
    columns: dict[str, Sequence[str]] = {
        "system": [system.name for system in systems],
        "n": [number(system.averaged) for system in systems],
        "width": [number(system.width, 1) for system in systems],
        "of them shared": [number(system.taken, 1) for system in systems],
        "requests": [number(system.requests, 1) for system in systems],
        "completions": [number(system.completions, 1) for system in systems],
        "input tokens": [number(system.input_tokens) for system in systems],
        "of them cached": [number(system.cached_tokens) for system in systems],
        "output tokens": [number(system.output_tokens) for system in systems],
        "seconds": [number(system.seconds, 2) for system in systems],
        "PFLOPs": [significant(system.pflops) for system in systems],
        "price": [significant(system.price) for system in systems],
    }
    shared = any(system.taken for system in systems)
    if not shared:
        del columns["of them shared"]
    if not any(system.cached_tokens for system in systems):
        del columns["of them cached"]
    for name, known in (("PFLOPs", "pflops"), ("price", "price")):
        if all(getattr(system, known) is None for system in systems):
            del columns[name]
    return Table(
        title="Cost per example",
        about="Means; critic and judges included."
        + (_SHARED + _in_all(analysis) if shared else "")
        + (_GIVEN if any(system.kind == "given" for system in systems) else "")
        + (" PFLOPs: 2 x parameters x tokens." if "PFLOPs" in columns else "")
        + (" Price: in the currency of the prices given." if "price" in columns else ""),
        head=list(columns),
        rows=list(zip(*columns.values(), strict=True)),
    )


_SHARED = (
    " Systems share their first samples: what one drew, others began with. Each row counts them as "
    "if that system had drawn them itself; part of a shared draw counts by its characters."
)


_GIVEN = (
    " What answers cost that existed already is not known: they are scored here, not drawn, and "
    "that is all that the run paid for them."
)


def _in_all(analysis: Analysis) -> str:
    paid = analysis.paid
    return (
        f" The whole run, shared draws counted once: {number(paid['requests'])} requests, "
        f"{number(paid['input_tokens'])} input and {number(paid['output_tokens'])} output tokens."
    )


def _prices(comparisons: Sequence[SystemComparison]) -> Table:
    arithmetic = any(comparison.extra_pflops is not None for comparison in comparisons)
    return Table(
        title="What the gain costs",
        about="Means of the paired differences, and what one point of reward would cost at that "
        "rate; no price where nothing was gained or nothing more was spent."
        + (f" For scale: {COSTS_IN_THE_PAPER}" if arithmetic else ""),
        head=[
            *("system", "against", "n", "gained", "more tokens", "more seconds"),
            *("tokens / point", *(("more PFLOPs", "PFLOPs / point") if arithmetic else ())),
        ],
        rows=[
            _price(comparison, arithmetic=arithmetic)
            for comparison in comparisons
            if comparison.difference
        ],
    )


def _price(comparison: SystemComparison, *, arithmetic: bool) -> list[str]:
    return [
        comparison.system,
        comparison.baseline,
        number(comparison.difference.count if comparison.difference else 0),
        number(comparison.difference.value if comparison.difference else None, 3),
        number(comparison.extra_tokens),
        number(comparison.extra_seconds, 2),
        number(comparison.tokens_per_point),
        *(
            (significant(comparison.extra_pflops), significant(comparison.pflops_per_point))
            if arithmetic
            else ()
        ),
    ]


def _endings(analysis: Analysis) -> Table:
    return Table(
        title="How runs ended, and what could not be used",
        about="Dropped draws: requests that failed, empty replies, revisions without their tag, "
        "responses without a score. Shortened prompts: those that left out some of what they quote,"
        " to fit the model's window.",
        head=["system", "stop reasons", "dropped draws", "shortened prompts", "failed examples"],
        rows=[
            [
                system.name,
                counted(dict(system.stop_reasons)),
                counted(dict(system.dropped)),
                number(system.shortened),
                counted({reason[:120]: times for reason, times in system.failures.items()}),
            ]
            for system in analysis.systems
        ],
    )
