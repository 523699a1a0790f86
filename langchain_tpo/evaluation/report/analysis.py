"""A run in numbers: each system, and each system against the others.

Reads records once and keeps no texts. Failed and unscored examples are counted apart and never
averaged in.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any, TypeAlias

from langchain_tpo.costs import ModelRole, Price, pflops, price_of
from langchain_tpo.evaluation.metrics.of_answers import METRICS
from langchain_tpo.evaluation.outcomes import (
    CATEGORY_FIELDS,
    Failed,
    Outcome,
    best_of,
    known_mean,
)
from langchain_tpo.evaluation.report.length_control import length_controlled_win_rate
from langchain_tpo.evaluation.report.matched import matched_gains
from langchain_tpo.evaluation.report.pairing import (
    chosen_pair,
    common_examples,
    pairs_of_report,
)
from langchain_tpo.evaluation.report.statistics import (
    Estimate,
    correlation,
    mean,
    paired_difference,
    share,
    shared,
    win_rate,
    wins,
)
from langchain_tpo.evaluation.report.summaries import (
    Analysis,
    Kind,
    Kinds,
    Losses,
    MetricSummary,
    SystemComparison,
    SystemSummary,
)
from langchain_tpo.sampling.usage import Usage, total_tokens, total_usage

Verdicts: TypeAlias = Mapping[tuple[str, str], Mapping[str, float | None]]
"""How often a second judge prefers a system to a baseline, by example: `(system, baseline)`; None
where it could not say."""


MOST_KINDS = 40
"""Values of a field that sorts examples: more of them tell examples apart, not kinds."""

LARGEST_LOSSES = 20
"""Examples that are named where the subject lost most."""


def analyse(  # noqa: PLR0913 what it is told of is what it can be told of
    outcomes: Iterable[Outcome | Failed],
    kinds: Mapping[str, str],
    *,
    baseline: str | None = None,
    verdicts: Verdicts | None = None,
    difficulties: Mapping[str, float] | None = None,
    parameters: float | None = None,
    prices: Mapping[ModelRole, Price] | None = None,
    matches: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Analysis:
    """Return a run in numbers.

    Args:
        outcomes: Of all records.
        kinds: What each system is, by name, in the order of a table.
        baseline: Whom everything is compared with; by default the fairest that there is.
        verdicts: Of a second judge.
        difficulties: Of instructions, by example, for the win rate at equal length.
        parameters: Of the policy, to estimate arithmetic.
        prices: Of the models, to work out money; a critic without one is the policy itself.
        matches: From a matched best-of-N to the system whose cost it takes.
        seed: Makes the intervals repeatable.
    """
    answered, failed = _sorted(outcomes, kinds)
    common = common_examples(answered)
    compared = {name: _only(common, outcomes) for name, outcomes in answered.items()}
    subject, baseline = chosen_pair(kinds, baseline)
    compare = partial(_comparison, difficulties=difficulties, parameters=parameters, seed=seed)
    costs = partial(_with_costs, parameters=parameters, prices=prices or {})
    return Analysis(
        systems=[
            costs(
                _summary(name, kind, answered[name], compared[name], failed[name], seed),
                compared[name].values(),
            )
            for name, kind in kinds.items()
        ],
        subject=subject,
        baseline=baseline,
        comparisons=[
            compare(*pair, compared, verdicts=_of_pair(verdicts or {}, *pair))
            for pair in pairs_of_report(kinds, baseline)
        ],
        kinds=_kinds(compared, subject, baseline, seed),
        losses=_losses(compared, subject, baseline),
        matched=matched_gains(answered, matches or {}, seed=seed),
        examples=_count(answered, failed),
        common=len(common),
        paid=_paid(answered),
        seed=seed,
    )


def _only(examples: Collection[str], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    return {example: outcomes[example] for example in examples if example in outcomes}


def _count(
    answered: Mapping[str, Mapping[str, Outcome]], failed: Mapping[str, Sequence[Failed]]
) -> int:
    """Count each example once, whichever systems answered it or failed."""
    names = {name for outcomes in answered.values() for name in outcomes}
    return len(names | {failure.example for side in failed.values() for failure in side})


def _paid(answered: Mapping[str, Mapping[str, Outcome]]) -> Usage:
    return total_usage(outcome.paid for side in answered.values() for outcome in side.values())


def _sorted(
    outcomes: Iterable[Outcome | Failed], kinds: Mapping[str, str]
) -> tuple[dict[str, dict[str, Outcome]], dict[str, list[Failed]]]:
    answered: dict[str, dict[str, Outcome]] = {name: {} for name in kinds}
    failed: dict[str, list[Failed]] = {name: [] for name in kinds}
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            failed.setdefault(outcome.system, []).append(outcome)
        else:
            answered.setdefault(outcome.system, {})[outcome.example] = outcome
    return answered, failed


def _kinds(
    compared: Mapping[str, Mapping[str, Outcome]],
    subject: str | None,
    baseline: str | None,
    seed: int,
) -> Kinds | None:
    """Sort by the first field that tells examples apart and does not name each of them."""
    if subject is None or baseline is None:
        return None
    ours, theirs = compared[subject], compared[baseline]
    for field in CATEGORY_FIELDS:
        gains: dict[str, list[float]] = {}
        for name in shared(ours, theirs):
            kind = ours[name].categories.get(field)
            if kind is not None:
                gains.setdefault(kind, []).append(ours[name].reward - theirs[name].reward)
        if 1 < len(gains) <= min(MOST_KINDS, len(ours) / 2):
            known = {kind: mean(values, seed=seed) for kind, values in gains.items()}
            rows = [
                Kind(name=kind, difference=difference)
                for kind, difference in known.items()
                if difference
            ]
            return Kinds(field=field, rows=sorted(rows, key=lambda row: -row.difference.value))
    return None


def _losses(
    compared: Mapping[str, Mapping[str, Outcome]], subject: str | None, baseline: str | None
) -> Losses | None:
    if subject is None or baseline is None:
        return None
    ours, theirs = compared[subject], compared[baseline]
    gains = {name: ours[name].reward - theirs[name].reward for name in shared(ours, theirs)}
    worse = sorted((gain, name) for name, gain in gains.items() if gain < 0)
    return Losses(
        better=sum(gain > 0 for gain in gains.values()),
        equal=sum(gain == 0 for gain in gains.values()),
        worse=len(worse),
        mean_loss=_mean_or_zero([gain for gain, _ in worse]),
        examples=[(name, gain) for gain, name in worse[:LARGEST_LOSSES]],
    )


def _summary(
    name: str,
    kind: str,
    answered: Mapping[str, Outcome],
    compared: Mapping[str, Outcome],
    failed: Sequence[Failed],
    seed: int,
) -> SystemSummary:
    """Average over what is compared; count over all that was answered."""
    outcomes, everything = list(compared.values()), list(answered.values())
    lengths = [outcome.length for outcome in outcomes]
    asked = [outcome.usage for outcome in outcomes] if kind != "given" else None
    return SystemSummary(
        name=name,
        kind=kind,
        answered=len(everything),
        averaged=len(outcomes),
        failed=len(failed),
        failures=dict(Counter(outcome.reason for outcome in failed).most_common(20)),
        reward=mean([outcome.reward for outcome in outcomes], seed=seed),
        curve=_mean_curve(outcomes, seed),
        tokens_by_round=_mean_tokens(outcomes),
        best_of=_best_of_curve(outcomes) if kind.startswith("best-of-n") else [],
        input_tokens=_all_known([outcome.usage["input_tokens"] for outcome in outcomes]),
        cached_tokens=_all_known([outcome.usage["cached_tokens"] for outcome in outcomes]),
        output_tokens=_all_known([outcome.usage["output_tokens"] for outcome in outcomes]),
        requests=None if asked is None else _mean_or_zero([usage["requests"] for usage in asked]),
        completions=None
        if asked is None
        else _mean_or_zero([usage["completions"] for usage in asked]),
        seconds=_all_known([outcome.seconds for outcome in outcomes]),
        width=_mean_or_zero([outcome.width for outcome in outcomes]),
        taken=_mean_or_zero([outcome.taken for outcome in outcomes]),
        length=mean(lengths, seed=seed),
        length_correlation=correlation([outcome.reward for outcome in outcomes], lengths),
        pflops=None,
        price=None,
        stop_reasons=_counted(reason for outcome in everything for reason in outcome.stop_reasons),
        dropped=dict(sum((Counter(outcome.dropped) for outcome in everything), Counter())),
        shortened=sum(outcome.shortened for outcome in everything),
        metrics=_metrics(outcomes, seed),
    )


def _comparison(
    ours: str,
    theirs: str,
    answered: Mapping[str, Mapping[str, Outcome]],
    *,
    verdicts: Mapping[str, float | None],
    difficulties: Mapping[str, float] | None,
    parameters: float | None,
    seed: int,
) -> SystemComparison:
    mine, other = answered[ours], answered[theirs]
    rewards = [{name: outcome.reward for name, outcome in side.items()} for side in (mine, other)]
    longer = {name: mine[name].length - other[name].length for name in shared(mine, other)}
    asked = {name: win for name, win in sorted(verdicts.items()) if name in longer}
    judged = {name: win for name, win in asked.items() if win is not None}
    difference = paired_difference(rewards[0], rewards[1], seed=seed)
    tokens = _all_known([_more_tokens(mine[name], other[name]) for name in longer])
    arithmetic = None if tokens is None or parameters is None else pflops(parameters, tokens)
    return SystemComparison(
        system=ours,
        baseline=theirs,
        difference=difference,
        win_rate=win_rate(rewards[0], rewards[1]),
        length_controlled=_at_equal_length(
            dict(zip(longer, wins(rewards[0], rewards[1]), strict=True)), longer, difficulties
        ),
        judged=share(list(judged.values())),
        judged_length_controlled=_at_equal_length(judged, longer, difficulties),
        unjudged=len(asked) - len(judged),
        extra_tokens=tokens,
        extra_seconds=_all_known(
            [_less(mine[name].seconds, other[name].seconds) for name in longer]
        ),
        extra_pflops=arithmetic,
        tokens_per_point=_per_point(tokens, difference),
        pflops_per_point=_per_point(arithmetic, difference),
    )


def _at_equal_length(
    won: Mapping[str, float],
    longer: Mapping[str, float],
    difficulties: Mapping[str, float] | None,
) -> Estimate | None:
    known = (
        won if difficulties is None else {name: won[name] for name in won if name in difficulties}
    )
    return length_controlled_win_rate(
        list(known.values()),
        [longer[name] for name in known],
        None if difficulties is None else [difficulties[name] for name in known],
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
        price = partial(
            price_of,
            model=prices["model"],
            critic=prices.get("critic"),
            reward=prices.get("reward"),
        )
        paid = [price(outcome.usage_by_model) for outcome in outcomes]
        system = replace(system, price=_all_known(paid))
    return system


def _mean_curve(outcomes: Sequence[Outcome], seed: int) -> list[Estimate | None]:
    """Average over all examples in every round: one that stopped early stays where it was."""
    longest = max((len(outcome.curve) for outcome in outcomes), default=0)
    return [
        mean(
            [value for outcome in outcomes if (value := _at(outcome.curve, number)) is not None],
            seed=seed,
        )
        for number in range(longest)
    ]


def _mean_tokens(outcomes: Sequence[Outcome]) -> list[float | None]:
    longest = max((len(outcome.tokens_by_round) for outcome in outcomes), default=0)
    return [
        _all_known([_at(outcome.tokens_by_round, number) for outcome in outcomes])
        for number in range(longest)
    ]


def _best_of_curve(outcomes: Sequence[Outcome]) -> list[float]:
    """Go as far as every example has samples."""
    most = min((len(outcome.first_rewards) for outcome in outcomes), default=0)
    return [
        fmean(best_of(outcome.first_rewards, draws) for outcome in outcomes)
        for draws in range(1, most + 1)
    ]


def _metrics(outcomes: Sequence[Outcome], seed: int) -> list[MetricSummary]:
    summaries = []
    for metric in METRICS:
        values = [
            outcome.metrics[metric.name] for outcome in outcomes if metric.name in outcome.metrics
        ]
        known = [value for value in values if value is not None]
        if values:
            summaries.append(
                MetricSummary(
                    name=metric.name,
                    estimate=_bounded(known, seed),
                    uncheckable=len(values) - len(known),
                )
            )
    return summaries


def _bounded(values: Sequence[float], seed: int) -> Estimate | None:
    """Shares have an interval of their own; what may be anything has a bootstrap's."""
    within = all(0 <= value <= 1 for value in values)
    return share(values) if within else mean(values, seed=seed)


def _at(values: Sequence[Any], number: int) -> Any:  # noqa: ANN401 as the sequence
    return values[min(number, len(values) - 1)]


def _more_tokens(ours: Outcome, theirs: Outcome) -> float | None:
    return _less(total_tokens(ours.usage), total_tokens(theirs.usage))


def _less(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs


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
