"""Where things go: the answer alone to stdout, progress and remarks to stderr.

What models, servers and files say commands no terminal.
"""

import re
import sys

from rich.console import Console

_COMMANDING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and newline, direction marks, halves of surrogate pairs."""


def visible(text: str) -> str:
    r"""Return the text with everything written out that a terminal would obey.

    The form is that of JSON, so that JSON stays JSON.

    Args:
        text: What anybody wrote.

    Example:
        >>> print(visible("two\nlines \x1b[2J"))
        two
        lines \u001b[2J
    """
    return _COMMANDING.sub(lambda one: f"\\u{ord(one[0]):04x}", text.replace("\r\n", "\n"))


def say(line: str) -> None:
    """Write a remark of `tpo` to stderr, as one line.

    Args:
        line: What to say.
    """
    sys.stderr.write(f"tpo: {visible(' '.join(line.split()))}\n")


def tell(text: str) -> None:
    """Write to stderr what goes on or what came of it, in lines of its own.

    Args:
        text: What to say.
    """
    sys.stderr.write(f"{visible(text)}\n")


def give(text: str) -> None:
    """Write to stdout what was asked for: as it is to a file or a pipe, `visible` on a terminal.

    Args:
        text: The answer.
    """
    shown = visible(text) if sys.stdout.isatty() else text
    try:
        sys.stdout.write(f"{shown}\n")
    except UnicodeEncodeError:  # an encoding that lacks a character
        encoding = sys.stdout.encoding
        sys.stdout.write(shown.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def stderr_console() -> Console:
    """Return a console on stderr; it obeys `NO_COLOR` and knows when nobody watches."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)


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
