"""What an analysis says: figures of each system, and of each pair of systems.

Plain values with a meaning each; how they come about is `analysis`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_tpo.evaluation.report.matched import MatchedGain
from langchain_tpo.evaluation.report.statistics import Estimate
from langchain_tpo.sampling.usage import Usage


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """One metric of one system."""

    name: str
    """Which."""
    estimate: Estimate | None
    """Its mean; None where nothing could be checked."""
    uncheckable: int
    """Examples that it could not be checked on."""


@dataclass(frozen=True, kw_only=True)
class SystemSummary:
    """What one system did."""

    name: str
    """Its name."""
    kind: str
    """What it is."""
    answered: int
    """Examples with an answer."""
    averaged: int
    """Examples that its averages are over: those that all systems answered."""
    failed: int
    """Examples without one."""
    failures: Mapping[str, int]
    """Why, the most frequent reasons first."""
    reward: Estimate | None
    """Mean reward of the answers."""
    curve: Sequence[Estimate | None]
    """Mean best reward after round 0, 1, ...: the paper's test-time training curve."""
    tokens_by_round: Sequence[float | None]
    """Mean tokens until the end of each round."""
    best_of: Sequence[float]
    """For best-of-N: the mean reward to expect from 1, 2, ... of its samples."""
    input_tokens: float | None
    """Mean per example."""
    cached_tokens: float | None
    """Mean of those input tokens that a server said it had worked out before."""
    output_tokens: float | None
    """Mean per example."""
    requests: float | None
    """Mean per example; None for answers that existed already."""
    completions: float | None
    """Mean per example; None for answers that existed already."""
    seconds: float | None
    """Mean per example; None for answers that existed already."""
    width: float
    """Mean number of first samples."""
    taken: float
    """Mean number of them that another system had drawn."""
    length: Estimate | None
    """Mean characters of an answer."""
    length_correlation: float | None
    """Spearman's, of reward and length over examples."""
    pflops: float | None
    """Estimated arithmetic per example, where the number of parameters is known."""
    price: float | None
    """Mean money per example, where prices are known."""
    stop_reasons: Mapping[str, int]
    """Why runs ended."""
    dropped: Mapping[str, int]
    """Draws that could not be used, unscored responses among them."""
    shortened: int
    """Prompts that had to leave something out to fit the model's window."""
    metrics: Sequence[MetricSummary]
    """What does not trust the reward."""


@dataclass(frozen=True, kw_only=True)
class SystemComparison:
    """One system against another on the examples that both answered."""

    system: str
    """Ours."""
    baseline: str
    """Theirs."""
    difference: Estimate | None
    """Mean of our reward less theirs."""
    win_rate: Estimate | None
    """By reward; a tie is half a win."""
    length_controlled: Estimate | None
    """The same at equal length."""
    judged: Estimate | None
    """By a second judge, in both orders."""
    judged_length_controlled: Estimate | None
    """The same at equal length."""
    unjudged: int
    """Examples that the judge could not decide."""
    extra_tokens: float | None
    """Mean of our tokens less theirs."""
    extra_seconds: float | None
    """Mean of our seconds less theirs."""
    extra_pflops: float | None
    """Estimated arithmetic of the extra tokens, where the number of parameters is known."""
    tokens_per_point: float | None
    """Extra tokens for a gain of one point of reward; None where nothing was gained or spent."""
    pflops_per_point: float | None
    """Estimated arithmetic for a gain of one point of reward."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Examples of one kind."""

    name: str
    """What the data set calls it."""
    difference: Estimate
    """Mean of the subject's reward less the baseline's."""


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """What the subject gains on each kind of example."""

    field: str
    """The data set's field that tells them apart."""
    rows: Sequence[Kind]
    """From the largest gain to the largest loss."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Where the subject answered worse than the baseline."""

    better: int
    """Examples on which it was better."""
    equal: int
    """On which both earned the same."""
    worse: int
    """On which it was worse."""
    mean_loss: float
    """On those, on average; 0 where there are none."""
    examples: Sequence[tuple[str, float]]
    """The largest losses, by example."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A run in numbers."""

    systems: Sequence[SystemSummary]
    """In the order of the manifest."""
    subject: str | None
    """The system that the report is about: the first loop."""
    baseline: str | None
    """The system that all others are compared with."""
    comparisons: Sequence[SystemComparison]
    """Everything against the baseline, then each loop against everything else."""
    kinds: Kinds | None
    """What the subject gains on each kind of example; None where the data set names none."""
    losses: Losses | None
    """Where it hurt; None without a baseline."""
    matched: Sequence[MatchedGain]
    """Systems against best-of-N at their own cost, where such were run."""
    examples: int
    """Different examples in the records."""
    common: int
    """Of them those that all systems answered: averages, charts and comparisons are over these."""
    paid: Usage
    """What the whole run took, first samples that systems share counted once."""
    seed: int
    """Of the bootstrap."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)
