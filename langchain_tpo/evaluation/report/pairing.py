"""Who is compared with whom, and on which examples. Knows names and kinds of systems only."""

from collections.abc import Mapping, Sequence
from typing import Any

BASELINES = ("best-of-n-matched", "best-of-n", "revision", "single")
"""Whom a system is compared with, the fairest first."""

COMPARED_WITH = (*BASELINES, "given")
"""What no report is about, where there is a strategy: answers that exist already among it."""


def common_examples(answered: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the examples that all systems answered; one without any answer counts as absent.

    Example:
        >>> common_examples({"tpo": {"a": 1, "b": 1}, "single": {"b": 1}, "broken": {}})
        ['b']
    """
    sets = [set(found) for found in answered.values() if found]
    return sorted(set.intersection(*sets)) if sets else []


def chosen_pair(
    kinds: Mapping[str, str], baseline: str | None = None
) -> tuple[str | None, str | None]:
    """Return the system that a report is about, and the one that it is compared with.

    Example:
        >>> chosen_pair({"single": "single", "best-of-n": "best-of-n", "tpo": "tpo"})
        ('tpo', 'best-of-n')
    """
    ranked = sorted(
        (name for name in kinds if name != baseline),
        key=lambda name: (kinds[name] in COMPARED_WITH, _rank(kinds[name], ("tpo", "revision"))),
    )
    subject = next(iter(ranked), None)
    others = [name for name in kinds if name != subject]
    others.sort(key=lambda name: _rank(kinds[name], BASELINES))
    return subject, baseline or next(iter(others), None)


def _rank(kind: str, order: Sequence[str]) -> int:
    return order.index(kind) if kind in order else len(order)


def pairs_to_compare(kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the pairs of a report: each strategy, or else the first system, against the others.

    The revision baseline is one to compare with.

    Example:
        >>> pairs_to_compare({"single": "single", "tpo": "tpo"})
        [('tpo', 'single')]
    """
    ours = [name for name, kind in kinds.items() if kind not in COMPARED_WITH] or list(kinds)[:1]
    pairs = [(one, other) for one in ours for other in kinds if one != other]
    return [pair for index, pair in enumerate(pairs) if pair[::-1] not in pairs[:index]]


def pairs_of_report(kinds: Mapping[str, str], baseline: str | None) -> list[tuple[str, str]]:
    """Return everything against the baseline, then each loop against everything else."""
    pairs = [] if baseline is None else [(kind, baseline) for kind in kinds if kind != baseline]
    more = pairs_to_compare(kinds)
    return pairs + [pair for pair in more if pair not in pairs and pair[::-1] not in pairs]
