"""Where progress and remarks go: stderr, so that stdout holds the answer alone."""

import sys

from rich.console import Console


def stderr_console() -> Console:
    """Give a console on stderr; it obeys `NO_COLOR` and knows when nobody watches."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def count(number: int | None) -> str:
    """Write a number for people; an unknown one is a dash.

    Example:
        >>> count(12345), count(None)
        ('12,345', '-')
    """
    return "-" if number is None else f"{number:,}"


def duration(seconds: float) -> str:
    """Write seconds for people.

    Example:
        >>> duration(3.21), duration(75), duration(7384)
        ('3.2s', '1m15s', '2h03m')
    """
    if seconds < 60:  # noqa: PLR2004 a minute
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 an hour
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"
