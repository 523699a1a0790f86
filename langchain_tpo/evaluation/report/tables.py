"""The tables of a report as rows of text: one form for the page and for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_tpo.costs import COSTS_IN_THE_PAPER
from langchain_tpo.evaluation.metrics.of_answers import METRICS
from langchain_tpo.evaluation.report.summaries import Analysis, Comparison
from langchain_tpo.evaluation.report.wording import counted, interval, number, percent, significant


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


def tables(analysis: Analysis) -> list[Table]:
    """Return the tables that the run has figures for."""
    drawn = [_results(analysis), _comparisons(analysis), _metrics(analysis), _costs(analysis)]
    drawn += [_prices(analysis), _losses(analysis)]
    return [table for table in drawn if table.rows]


def _results(analysis: Analysis) -> Table:
    return Table(
        title="Results",
        about="Mean with 95% bootstrap interval over answered examples. Failed examples are "
        "counted, never averaged in. Length correlation: Spearman's, of reward and characters.",
        head=["system", "answered", "failed", "reward", "characters", "length correlation"],
        rows=[
            [
                one.name,
                number(one.answered),
                number(one.failed),
                interval(one.reward),
                interval(one.length, 0),
                number(one.length_correlation, 2),
            ]
            for one in analysis.systems
        ],
    )


def _comparisons(analysis: Analysis) -> Table:
    judged = any(one.judged or one.unjudged for one in analysis.comparisons)
    return Table(
        title="Comparisons",
        about="Paired, on the examples that both answered. Equal length: the win rate that a "
        "logistic model predicts when both answers are equally long.",
        head=[
            *("system", "against", "reward gained", "win rate", "win rate, equal length"),
            *(("second judge", "second judge, equal length", "undecided") if judged else ()),
        ],
        rows=[
            [
                one.system,
                one.baseline,
                interval(one.difference),
                percent(one.win_rate),
                percent(one.length_controlled),
                *(_judged(one) if judged else ()),
            ]
            for one in analysis.comparisons
        ],
    )


def _judged(one: Comparison) -> list[str]:
    return [percent(one.judged), percent(one.judged_length_controlled), number(one.unjudged)]


def _metrics(analysis: Analysis) -> Table:
    about = {metric.name: f"{metric.about}; {metric.better} is better" for metric in METRICS}
    return Table(
        title="Metrics that do not trust the reward",
        about="Where they and the reward part, the reward was hacked. Unchecked examples are "
        "counted apart.",
        head=["metric", "system", "value", "unchecked", "what it says"],
        rows=[
            [
                metric.name,
                system.name,
                percent(metric.estimate),
                number(metric.uncheckable),
                about[metric.name],
            ]
            for system in analysis.systems
            for metric in system.metrics
        ],
    )


def _costs(analysis: Analysis) -> Table:
    systems = [one for one in analysis.systems if one.answered]
    columns: dict[str, Sequence[str]] = {
        "system": [one.name for one in systems],
        "width": [number(one.width, 1) for one in systems],
        "of them shared": [number(one.taken, 1) for one in systems],
        "requests": [number(one.requests, 1) for one in systems],
        "completions": [number(one.completions, 1) for one in systems],
        "input tokens": [number(one.input_tokens) for one in systems],
        "of them cached": [number(one.cached_tokens) for one in systems],
        "output tokens": [number(one.output_tokens) for one in systems],
        "seconds": [number(one.seconds, 2) for one in systems],
        "PFLOPs": [significant(one.pflops) for one in systems],
        "price": [significant(one.price) for one in systems],
    }
    shared = any(one.taken for one in systems)
    if not shared:
        del columns["of them shared"]
    if not any(one.cached_tokens for one in systems):
        del columns["of them cached"]
    for name, known in (("PFLOPs", "pflops"), ("price", "price")):
        if all(getattr(one, known) is None for one in systems):
            del columns[name]
    return Table(
        title="Cost per example",
        about="Means; critic and judges included."
        + (_SHARED + _in_all(analysis) if shared else "")
        + (" PFLOPs: 2 x parameters x tokens." if "PFLOPs" in columns else "")
        + (" Price: in the currency of the prices given." if "price" in columns else ""),
        head=list(columns),
        rows=list(zip(*columns.values(), strict=True)),
    )


_SHARED = (
    " Systems share their first samples: what one drew, others began with. Each row counts them as "
    "if that system had drawn them itself; part of a shared draw counts by its characters."
)


def _in_all(analysis: Analysis) -> str:
    paid = analysis.paid
    return (
        f" The whole run, shared draws counted once: {number(paid['requests'])} requests, "
        f"{number(paid['input_tokens'])} input and {number(paid['output_tokens'])} output tokens."
    )


def _prices(analysis: Analysis) -> Table:
    arithmetic = any(one.extra_pflops is not None for one in analysis.comparisons)
    return Table(
        title="What the gain costs",
        about="Means of the paired differences, and what one point of reward would cost at that "
        "rate; no price where nothing was gained or nothing more was spent."
        + (f" For scale: {COSTS_IN_THE_PAPER}" if arithmetic else ""),
        head=[
            *("system", "against", "reward gained", "more tokens", "more seconds"),
            *("tokens / point", *(("more PFLOPs", "PFLOPs / point") if arithmetic else ())),
        ],
        rows=[_price(one, arithmetic=arithmetic) for one in analysis.comparisons if one.difference],
    )


def _price(one: Comparison, *, arithmetic: bool) -> list[str]:
    return [
        one.system,
        one.baseline,
        number(one.difference.value if one.difference else None, 3),
        number(one.extra_tokens),
        number(one.extra_seconds, 2),
        number(one.tokens_per_point),
        *((significant(one.extra_pflops), significant(one.pflops_per_point)) if arithmetic else ()),
    ]


def _losses(analysis: Analysis) -> Table:
    return Table(
        title="How runs ended, and what could not be used",
        about="Dropped draws: requests that failed, empty replies, revisions without their tag, "
        "responses without a score. Shortened prompts: those that left out some of what they quote,"
        " to fit the model's window.",
        head=["system", "stop reasons", "dropped draws", "shortened prompts", "failed examples"],
        rows=[
            [
                one.name,
                counted(dict(one.stop_reasons)),
                counted(dict(one.dropped)),
                number(one.shortened),
                counted({reason[:120]: times for reason, times in one.failures.items()}),
            ]
            for one in analysis.systems
        ],
    )
