"""How a report writes numbers, the same on a page and in Markdown."""

import math

from langchain_tpo.evaluation.report.statistics import FEWEST, Estimate

UNKNOWN = "-"
"""Stands where nothing is known."""

TOO_FEW = f"under {FEWEST} examples"
"""Stands where an interval would promise more than it holds."""


ALIKE = "all alike"
"""Stands where examples do not differ, so that nothing shows how far others may."""


def _without_ends(estimate: Estimate) -> str:
    return TOO_FEW if estimate.count < FEWEST else ALIKE


def interval(estimate: Estimate | None, digits: int = 3) -> str:
    """Write an estimate with its interval.

    Example:
        >>> interval(Estimate(value=0.5, low=0.25, high=0.75, count=8), 2)
        '0.50 [0.25, 0.75]'
    """
    if estimate is None:
        return UNKNOWN
    value = f"{estimate.value:.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return f"{value} ({_without_ends(estimate)})"
    return f"{value} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def percent(estimate: Estimate | None) -> str:
    """Write a share with its interval, in percent.

    Example:
        >>> percent(Estimate(value=0.5, low=0.25, high=0.75, count=8))
        '50% [25, 75]'
    """
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.0%} ({_without_ends(estimate)})"
    return f"{estimate.value:.0%} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def number(value: float | None, digits: int = 0) -> str:
    """Write a number; an unknown one is a dash.

    Example:
        >>> number(12345.6), number(None), number(0.25, 2)
        ('12,346', '-', '0.25')
    """
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def significant(value: float | None) -> str:
    """Write a number that may be tiny with three digits that matter.

    Example:
        >>> significant(0.000712345), significant(9.2834), significant(None)
        ('0.000712', '9.28', '-')
    """
    if value is None:
        return UNKNOWN
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(places, 12)}f}"


def counted(counts: dict[str, int]) -> str:
    """Write counts by name.

    Example:
        >>> counted({"depth": 38, "error": 2}), counted({})
        ('depth 38, error 2', '-')
    """
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or UNKNOWN
