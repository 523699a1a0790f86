"""Why replies held no text, and what to do about it, in the words of an error. Pure."""

from collections import Counter
from collections.abc import Sequence

_REMEDIES = (
    (
        "calls of",
        (
            'let calls compete (`whole_replies=True`; `optimize="tool_calls"` in `ChatTPO` and '
            "`TPOMiddleware`), or offer the tools through one of these two, without a "
            "`tool_choice` that forces a call"
        ),
    ),
    ("filter", "put the question in other words, or change the model's own safety settings"),
    ("reasoning", "raise the model's `max_tokens`, or have it reason less"),
    ("cut", "raise the model's `max_tokens`"),
    ("failed", "look at the error of those that failed"),
    ("refusal", "take another critic"),
)
"""What helps, by a word of what is wrong; the first that fits."""


def why_no_text(found: Sequence[str]) -> str:
    """Return what replies held in place of a text, the most frequent first, and what helps.

    Args:
        found: What each of them held.

    Example:
        >>> why_no_text(["empty", "calls of `add`", "empty"])
        '(2 empty, 1 calls of `add`): look at what the model answers.'
        >>> why_no_text(["stopped by the provider's filter (`SAFETY`)"]).partition(":")[0]
        "(stopped by the provider's filter (`SAFETY`))"
    """
    counted = Counter(found or ["nothing"]).most_common()
    most = counted[0][0]
    listed = ", ".join(f"{times} {held}" for held, times in counted) if len(found) > 1 else most
    helps = (does for word, does in _REMEDIES if word in most)
    return f"({listed}): {next(helps, 'look at what the model answers')}."
