"""Each system against best-of-N at its own cost: by reward, and by what does not trust the reward.

Knows outcomes; knows nothing of how they are shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from langchain_tpo.evaluation.metrics.of_answers import METRICS
from langchain_tpo.evaluation.outcomes import Outcome
from langchain_tpo.evaluation.report.statistics import Estimate, mean

OutcomesBySystem = Mapping[str, Mapping[str, Outcome]]
"""By system and example."""

REWARD = "reward"
"""What systems optimize, beside the names of metrics."""


@dataclass(frozen=True, kw_only=True)
class MatchedGain:
    """What a system has over best-of-N at the same cost, by one measure, paired by example."""

    system: str
    """Ours."""
    baseline: str
    """Plain draws, as many as cost the same."""
    measure: str
    """`reward`, or a metric."""
    difference: Estimate
    """Mean of ours less theirs."""
    ahead: int
    """Examples on which ours is better."""
    level: int
    """On which both are equal."""
    behind: int
    """On which it is worse."""


def matched_gains(
    answered: OutcomesBySystem, matches: Mapping[str, str], *, seed: int = 0
) -> list[MatchedGain]:
    """Compare every system with the plain draws that match it.

    Args:
        answered: All outcomes; a pair is compared on the examples that both of it answered.
        matches: From a matched best-of-N to the system whose cost it takes.
        seed: Makes the intervals repeatable.
    """
    gains = []
    for baseline, system in matches.items():
        for measure, pairs in _measured(answered.get(system, {}), answered.get(baseline, {})):
            better = next((metric.better for metric in METRICS if metric.name == measure), "higher")
            sign = 1 if better == "higher" else -1
            differences = [sign * (ours - theirs) for ours, theirs in pairs]
            estimate = mean(differences, seed=seed)
            if estimate is not None:
                gains.append(
                    MatchedGain(
                        system=system,
                        baseline=baseline,
                        measure=measure,
                        difference=estimate,
                        ahead=sum(difference > 0 for difference in differences),
                        level=sum(difference == 0 for difference in differences),
                        behind=sum(difference < 0 for difference in differences),
                    )
                )
    return gains


def _measured(
    ours: Mapping[str, Outcome], theirs: Mapping[str, Outcome]
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    both = [(ours[name], theirs[name]) for name in sorted(ours) if name in theirs]
    yield REWARD, [(one.reward, other.reward) for one, other in both]
    for metric in METRICS:
        values = [
            (one.metrics.get(metric.name), other.metrics.get(metric.name)) for one, other in both
        ]
        yield (
            metric.name,
            [(one, other) for one, other in values if one is not None and other is not None],
        )
