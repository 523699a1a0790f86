"""A run in numbers: each system, and each system against the others.

Reads records once and keeps no texts. Failed and unscored examples are counted apart and never
averaged in.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any, TypeAlias

from langchain_tpo.costs import ModelRole, Price, pflops, price_of_models
from langchain_tpo.evaluation.metrics.of_answers import METRICS
from langchain_tpo.evaluation.outcomes import (
    Failed,
    Outcome,
    best_of,
    known_mean,
    total_tokens,
)
from langchain_tpo.evaluation.report.length_control import length_controlled_win_rate
from langchain_tpo.evaluation.report.statistics import (
    Estimate,
    correlation,
    mean,
    paired_difference,
    shared,
    win_rate,
    wins,
)
from langchain_tpo.evaluation.report.summaries import (
    Analysis,
    Comparison,
    MetricSummary,
    SystemSummary,
)
from langchain_tpo.sampling.usage import total_usage

Verdicts: TypeAlias = Mapping[tuple[str, str], Mapping[str, float | None]]
"""How often a second judge prefers a system to a baseline, by example: `(system, baseline)`; None
where it could not say."""


def analyse(
    outcomes: Iterable[Outcome | Failed],
    kinds: Mapping[str, str],
    *,
    verdicts: Verdicts | None = None,
    parameters: float | None = None,
    prices: Mapping[ModelRole, Price] | None = None,
    seed: int = 0,
) -> Analysis:
    """Return a run in numbers.

    Args:
        outcomes: Of all records.
        kinds: What each system is, by name, in the order of a table.
        verdicts: Of a second judge.
        parameters: Of the policy, to estimate arithmetic.
        prices: Of the models, to work out money; a critic without one is the policy itself.
        seed: Makes the intervals repeatable.
    """
    answered: dict[str, dict[str, Outcome]] = {name: {} for name in kinds}
    failed: dict[str, list[Failed]] = {name: [] for name in kinds}
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            failed.setdefault(outcome.system, []).append(outcome)
        else:
            answered.setdefault(outcome.system, {})[outcome.example] = outcome
    systems = [
        _with_costs(
            _summary(name, kind, list(answered[name].values()), failed[name], seed),
            answered[name].values(),
            parameters=parameters,
            prices=prices or {},
        )
        for name, kind in kinds.items()
    ]
    examples = {name for found in answered.values() for name in found}
    examples |= {one.example for found in failed.values() for one in found}
    return Analysis(
        systems=systems,
        comparisons=[
            _comparison(
                ours,
                theirs,
                answered,
                verdicts=_of_pair(verdicts or {}, ours, theirs),
                parameters=parameters,
                seed=seed,
            )
            for ours, theirs in pairs_to_compare(kinds)
        ],
        examples=len(examples),
        paid=total_usage(one.paid for side in answered.values() for one in side.values()),
        seed=seed,
    )


def pairs_to_compare(kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of a report: each `tpo` system, or else the first one, against the others.

    Example:
        >>> pairs_to_compare({"single": "single", "tpo": "tpo"})
        [('tpo', 'single')]
    """
    ours = [name for name, kind in kinds.items() if kind == "tpo"] or list(kinds)[:1]
    pairs = [(one, other) for one in ours for other in kinds if one != other]
    return [pair for index, pair in enumerate(pairs) if pair[::-1] not in pairs[:index]]


def _summary(
    name: str, kind: str, outcomes: Sequence[Outcome], failed: Sequence[Failed], seed: int
) -> SystemSummary:
    lengths = [one.length for one in outcomes]
    return SystemSummary(
        name=name,
        kind=kind,
        answered=len(outcomes),
        failed=len(failed),
        failures=dict(Counter(one.reason for one in failed).most_common(20)),
        reward=mean([one.reward for one in outcomes], seed=seed),
        curve=_mean_curve(outcomes, seed),
        tokens_by_round=_mean_tokens(outcomes),
        best_of=_best_of_curve(outcomes) if kind.startswith("best-of-n") else [],
        input_tokens=_all_known([one.usage["input_tokens"] for one in outcomes]),
        cached_tokens=_all_known([one.usage["cached_tokens"] for one in outcomes]),
        output_tokens=_all_known([one.usage["output_tokens"] for one in outcomes]),
        requests=_mean_or_zero([one.usage["requests"] for one in outcomes]),
        completions=_mean_or_zero([one.usage["completions"] for one in outcomes]),
        seconds=_mean_or_zero([one.seconds for one in outcomes]),
        width=_mean_or_zero([one.width for one in outcomes]),
        taken=_mean_or_zero([one.taken for one in outcomes]),
        length=mean(lengths, seed=seed),
        length_correlation=correlation([one.reward for one in outcomes], lengths),
        pflops=None,
        price=None,
        stop_reasons=_counted(reason for one in outcomes for reason in one.stop_reasons),
        dropped=dict(sum((Counter(one.dropped) for one in outcomes), Counter())),
        shortened=sum(one.shortened for one in outcomes),
        metrics=_metrics(outcomes, seed),
    )


def _comparison(
    ours: str,
    theirs: str,
    answered: Mapping[str, Mapping[str, Outcome]],
    *,
    verdicts: Mapping[str, float | None],
    parameters: float | None,
    seed: int,
) -> Comparison:
    mine, other = answered[ours], answered[theirs]
    rewards = [{name: one.reward for name, one in side.items()} for side in (mine, other)]
    longer = {name: mine[name].length - other[name].length for name in shared(mine, other)}
    asked = {name: win for name, win in sorted(verdicts.items()) if name in longer}
    judged = {name: win for name, win in asked.items() if win is not None}
    difference = paired_difference(rewards[0], rewards[1], seed=seed)
    tokens = _all_known([_more_tokens(mine[name], other[name]) for name in longer])
    arithmetic = None if tokens is None or parameters is None else pflops(parameters, tokens)
    return Comparison(
        system=ours,
        baseline=theirs,
        difference=difference,
        win_rate=win_rate(rewards[0], rewards[1], seed=seed),
        length_controlled=length_controlled_win_rate(
            wins(rewards[0], rewards[1]), list(longer.values()), seed=seed
        ),
        judged=mean(list(judged.values()), seed=seed),
        judged_length_controlled=length_controlled_win_rate(
            list(judged.values()), [longer[name] for name in judged], seed=seed
        ),
        unjudged=len(asked) - len(judged),
        extra_tokens=tokens,
        extra_seconds=known_mean(mine[name].seconds - other[name].seconds for name in longer),
        extra_pflops=arithmetic,
        tokens_per_point=_per_point(tokens, difference),
        pflops_per_point=_per_point(arithmetic, difference),
    )


def _with_costs(
    system: SystemSummary,
    outcomes: Iterable[Outcome],
    *,
    parameters: float | None,
    prices: Mapping[ModelRole, Price],
) -> SystemSummary:
    if parameters and system.input_tokens is not None and system.output_tokens is not None:
        estimate = pflops(parameters, system.input_tokens + system.output_tokens)
        system = replace(system, pflops=estimate)
    if prices:
        price_of = partial(
            price_of_models,
            model=prices["model"],
            critic=prices.get("critic"),
            reward=prices.get("reward"),
        )
        paid = [price_of(one.usage_by_model) for one in outcomes]
        system = replace(system, price=_all_known(paid))
    return system


def _mean_curve(outcomes: Sequence[Outcome], seed: int) -> list[Estimate | None]:
    """Average over all examples in every round: one that stopped early stays where it was."""
    longest = max((len(one.curve) for one in outcomes), default=0)
    return [
        mean(
            [value for one in outcomes if (value := _at(one.curve, number)) is not None], seed=seed
        )
        for number in range(longest)
    ]


def _mean_tokens(outcomes: Sequence[Outcome]) -> list[float | None]:
    longest = max((len(one.tokens_by_round) for one in outcomes), default=0)
    return [
        _all_known([_at(one.tokens_by_round, number) for one in outcomes])
        for number in range(longest)
    ]


def _best_of_curve(outcomes: Sequence[Outcome]) -> list[float]:
    """Go as far as every example has samples."""
    most = min((len(one.first_rewards) for one in outcomes), default=0)
    return [
        fmean(best_of(one.first_rewards, draws) for one in outcomes) for draws in range(1, most + 1)
    ]


def _metrics(outcomes: Sequence[Outcome], seed: int) -> list[MetricSummary]:
    summaries = []
    for metric in METRICS:
        values = [one.metrics[metric.name] for one in outcomes if metric.name in one.metrics]
        known = [value for value in values if value is not None]
        if values:
            summaries.append(
                MetricSummary(
                    name=metric.name,
                    estimate=mean(known, seed=seed),
                    uncheckable=len(values) - len(known),
                )
            )
    return summaries


def _at(values: Sequence[Any], number: int) -> Any:  # noqa: ANN401 as the sequence
    return values[min(number, len(values) - 1)]


def _more_tokens(ours: Outcome, theirs: Outcome) -> float | None:
    mine, other = total_tokens(ours.usage), total_tokens(theirs.usage)
    return None if mine is None or other is None else mine - other


def _all_known(values: Sequence[float | None]) -> float | None:
    """A mean over some of the examples would not be comparable."""
    return None if None in values else known_mean(values)


def _mean_or_zero(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _of_pair(verdicts: Verdicts, ours: str, theirs: str) -> Mapping[str, float | None]:
    """A judge's win is the other side's loss: what was asked the other way round counts too."""
    turned = verdicts.get((theirs, ours), {})
    losses = {name: None if win is None else 1 - win for name, win in turned.items()}
    return {**losses, **verdicts.get((ours, theirs), {})}


def _per_point(extra: float | None, difference: Estimate | None) -> float | None:
    """What a gain of one point would cost; there is no price where nothing was gained or spent."""
    if extra is None or difference is None or extra <= 0 or difference.value <= 0:
        return None
    return extra / difference.value
