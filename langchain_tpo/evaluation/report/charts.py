"""The plots of a report. Knows analyses; knows no HTML and no files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product

from langchain_tpo.evaluation.report.chart import (
    COLOURS,
    MUTED,
    Axes,
    Chart,
    figure,
    label,
    legend_below,
    log_scale,
)
from langchain_tpo.evaluation.report.second_opinion import SecondOpinion
from langchain_tpo.evaluation.report.statistics import Estimate
from langchain_tpo.evaluation.report.summaries import Analysis, SystemComparison, SystemSummary

CROWDED = 100
"""Dots of one system that are drawn small."""

POINTS = 1500
"""Dots of a scatter plot: more would only make the page heavy."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a system is told apart from the others."""

    colour: str
    """Of its lines and dots."""
    mark: str
    """The shape of its dots, in matplotlib's letters."""


LOOKS = [Look(colour=colour, mark=mark) for mark, colour in product("osD^", COLOURS)]
"""One per system: colours first, other shapes when they run out."""


def charts(analysis: Analysis, points: Mapping[str, Sequence[tuple[float, float]]]) -> list[Chart]:
    """Draw every plot that the run has figures for.

    Args:
        analysis: The run in numbers.
        points: Length and reward of single answers, by system.
    """
    answered = [system for system in analysis.systems if system.answered]
    names = [system.name for system in analysis.systems]
    looks = dict(zip(names, cycle(LOOKS), strict=False))
    if not answered:
        return []
    drawn = [_rounds(answered, looks)]
    if _pairs(analysis):
        drawn.append(_win_rates(analysis, looks))
    if all(system.tokens_by_round and system.tokens_by_round[-1] for system in answered):
        drawn.append(_tokens(answered, looks))
    drawn.append(_lengths(points, looks))
    drawn.append(_stop_reasons(answered))
    return drawn


def opinion_charts(opinions: Sequence[SecondOpinion]) -> list[Chart]:
    """Draw what a second reward says of answers chosen among more and more candidates.

    Args:
        opinions: By system; without any there is nothing to draw.
    """
    if not opinions:
        return []

    def draw(axes: Axes) -> None:
        for opinion, look in zip(opinions, cycle(LOOKS), strict=False):
            numbers = range(1, len(opinion.second) + 1)
            values = [estimate.value for estimate in opinion.second]
            axes.plot(
                numbers,
                values,
                f"{look.mark}-",
                color=look.colour,
                label=label(opinion.system),
                markersize=3,
            )
            at_peak = (opinion.peak, values[opinion.peak - 1])
            axes.plot(*at_peak, "o", markersize=9, markerfacecolor="none", color=look.colour)
        axes.set_xlabel("candidates scored")
        axes.set_ylabel("second reward of the chosen one, mean")
        legend_below(axes)

    return [
        Chart(
            name="second_opinion",
            title="Second opinion",
            caption="What a second reward gives the candidate that the run's own reward prefers "
            "among the first 1, 2, ...; circles mark where it is highest. "
            + " ".join(opinion.sentence() for opinion in opinions),
            figure=figure(draw),
        )
    ]


def _rounds(systems: Sequence[SystemSummary], looks: Mapping[str, Look]) -> Chart:
    def draw(axes: Axes) -> None:
        last = max(len(system.curve) for system in systems) - 1
        for system in systems:
            known = [(at, mean) for at, mean in enumerate(system.curve) if mean is not None]
            if len(known) == 1 and last > 0:  # no rounds: a level to compare with
                known = [(0, known[0][1]), (last, known[0][1])]
            rounds = [at for at, _ in known]
            values = [mean for _, mean in known]
            flat = "--" if len(system.curve) == 1 else f"{looks[system.name].mark}-"
            axes.plot(
                rounds,
                [point.value for point in values],
                flat,
                color=looks[system.name].colour,
                label=label(system.name),
                markersize=4,
            )
            if len(system.curve) == 1:
                continue
            axes.fill_between(
                rounds,
                [point.value if point.low is None else point.low for point in values],
                [point.value if point.high is None else point.high for point in values],
                color=looks[system.name].colour,
                alpha=0.13,
                linewidth=0,
            )
        axes.set_xticks(range(last + 1))
        axes.set_xlabel("round")
        axes.set_ylabel("best reward so far, mean")
        legend_below(axes)

    return Chart(
        name="reward_per_round",
        title="Reward per round",
        caption="The best reward so far, averaged over examples, with 95% bootstrap intervals. "
        "Dashed: systems without rounds.",
        figure=figure(draw),
    )


MOST_PAIRS = 12
"""Rows of the plot of win rates: more would fill screens."""

WIN_RATES = (
    ("by reward", "o", "win_rate"),
    ("by reward, equal length", "s", "length_controlled"),
    ("second judge", "D", "judged"),
    ("second judge, equal length", "^", "judged_length_controlled"),
)
"""Label, mark and field of every kind of win rate."""


def _win_rates(analysis: Analysis, looks: Mapping[str, Look]) -> Chart:
    rows = _pairs(analysis)
    marks = [mark for mark in WIN_RATES if any(getattr(row, mark[2]) for row in rows)]

    def draw(axes: Axes) -> None:
        for index, (kind, mark, name) in enumerate(marks):
            shift = (index - (len(marks) - 1) / 2) * 0.17
            for place, row in enumerate(rows):
                estimate: Estimate | None = getattr(row, name)
                if estimate is not None:
                    _whisker(axes, estimate, place + shift, mark, looks[row.system].colour)
            axes.plot([], [], mark, color=MUTED, markersize=5, label=kind)
        axes.axvline(0.5, color=MUTED, linewidth=0.8)
        axes.set_xlim(-0.02, 1.02)
        pairs = [f"{label(row.system)}\nvs {label(row.baseline)}" for row in rows]
        axes.set_yticks(range(len(rows)), pairs)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("win rate")
        legend_below(axes)

    return Chart(
        name="win_rates",
        title="Win rates",
        caption="How often the first system beats the second on the same example; a tie is half a "
        "win. Right of the line, the first is ahead."
        + (" The table has the other pairs." if len(rows) < len(analysis.comparisons) else ""),
        figure=figure(draw, height=1.2 + 0.55 * len(rows)),
    )


def _whisker(axes: Axes, estimate: Estimate, height: float, mark: str, colour: str) -> None:
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [height, height], color=colour, alpha=0.5)
    axes.plot(estimate.value, height, mark, color=colour, markersize=5)


def _pairs(analysis: Analysis) -> list[SystemComparison]:
    against = [
        comparison
        for comparison in analysis.comparisons
        if comparison.baseline == analysis.baseline
    ]
    return [comparison for comparison in against if comparison.win_rate is not None][:MOST_PAIRS]


def _tokens(systems: Sequence[SystemSummary], looks: Mapping[str, Look]) -> Chart:
    def draw(axes: Axes) -> None:
        for system in systems:
            path = [
                (tokens, estimate.value)
                for tokens, estimate in zip(system.tokens_by_round, system.curve, strict=True)
                if tokens is not None and estimate is not None
            ]
            if system.best_of and path:
                path = _sample_path(system, path[-1][0])
            axes.plot(
                [tokens for tokens, _ in path],
                [value for _, value in path],
                f"{looks[system.name].mark}-",
                color=looks[system.name].colour,
                label=label(system.name),
                markersize=4 if len(path) < 10 else 2,  # noqa: PLR2004 a line of dots
            )
        log_scale(axes)
        axes.set_xlabel("tokens per example, prompts included")
        axes.set_ylabel("best reward, mean")
        legend_below(axes)

    return Chart(
        name="reward_at_matched_tokens",
        title="Reward at matched tokens",
        caption="A dot for every round, and for best-of-N one for every further sample: read it "
        "upwards from any number of tokens.",
        figure=figure(draw),
    )


def _sample_path(system: SystemSummary, tokens: float) -> list[tuple[float, float]]:
    """Spread what a best-of-N took over its samples: prompts in full, output by sample."""
    output = system.output_tokens or 0.0
    each = output / max(system.width, 1.0)
    path = [
        (tokens - output + each * draws, value)
        for draws, value in enumerate(system.best_of, start=1)
        if draws < system.width
    ]
    return [*path, (tokens, system.reward.value)] if system.reward else path


def _lengths(
    points: Mapping[str, Sequence[tuple[float, float]]], looks: Mapping[str, Look]
) -> Chart:
    def draw(axes: Axes) -> None:
        for name, found in points.items():
            look = looks.get(name, LOOKS[0])
            step = max(1, len(found) * len(points) // POINTS)
            axes.plot(
                [max(length, 1) for length, _ in found[::step]],
                [reward for _, reward in found[::step]],
                look.mark,
                color=look.colour,
                label=label(name),
                markersize=3 if len(found) > CROWDED else 5,
                alpha=0.55,
                markeredgewidth=0,
            )
        log_scale(axes)
        axes.set_xlabel("characters of the answer")
        axes.set_ylabel("reward")
        legend_below(axes)

    return Chart(
        name="reward_against_length",
        title="Reward against length",
        caption="One dot per answer. Where reward rises with length alone, gains may be no more "
        "than verbosity.",
        figure=figure(draw),
    )


def _stop_reasons(systems: Sequence[SystemSummary]) -> Chart:
    reasons = list(dict.fromkeys(reason for system in systems for reason in system.stop_reasons))

    def draw(axes: Axes) -> None:
        left = [0.0] * len(systems)
        for reason, colour in zip(reasons, cycle(COLOURS), strict=False):
            counts = [
                system.stop_reasons.get(reason, 0) / max(1, sum(system.stop_reasons.values()))
                for system in systems
            ]
            places = range(len(systems))
            axes.barh(places, counts, left=left, color=colour, label=label(reason), height=0.6)
            left = [done + more for done, more in zip(left, counts, strict=True)]
        axes.set_yticks(range(len(systems)), [label(system.name) for system in systems])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of runs")
        legend_below(axes)

    return Chart(
        name="stop_reasons",
        title="Why runs ended",
        caption="depth: all rounds were done. Any other reason ended runs earlier: no_contrast, if "
        "all responses earned the same; error, when a call failed and the best response before it "
        "was kept; and the stop rules that were set.",
        figure=figure(draw, height=1.1 + 0.4 * len(systems)),
    )
