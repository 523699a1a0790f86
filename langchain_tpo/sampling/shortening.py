"""Makes quoted texts shorter where a model's window is too small: the longest ones, in the middle.

Pure; knows texts by their names and nothing of models, tokens or prompts.
"""

from collections.abc import Collection, Mapping

SHARES = (3 / 4, 1 / 2, 1 / 4, 1 / 8)
"""How much of the quoted text is kept, try by try: so many tries there are, and no more."""

MARK = "\n[... {count} characters left out here ...]\n"
"""Stands where something was left out, for the model to see."""

_LEAST = 2 * len(MARK)
"""Less than this is not worth a mark."""


def shorter(texts: Mapping[str, str], share: float) -> tuple[dict[str, str], int]:
    """Keep a share of some texts, and say how many characters were left out.

    The longest are cut to one common length, so that a text is cut only when all longer ones are.
    What is left out is the middle; beginning and end stay.

    Args:
        texts: What is quoted, by name.
        share: How much of it all may stay, between 0 and 1.

    Example:
        >>> kept, left_out = shorter({"best": "a" * 300, "advice": "Oil it."}, 1 / 2)
        >>> kept["advice"], left_out
        ('Oil it.', 154)
        >>> kept["best"].splitlines()[1]
        '[... 154 characters left out here ...]'
    """
    most = _common_length([len(text) for text in texts.values()], share)
    cut = {name for name, text in texts.items() if len(text) - most >= _LEAST}
    kept = {name: _ends(text, most) if name in cut else text for name, text in texts.items()}
    return kept, sum(len(texts[name]) - most for name in cut)


def _common_length(lengths: Collection[int], share: float) -> int:
    """Find the length to which the longest have to be cut for all to fit."""
    room = int(share * sum(lengths))
    longest = max(lengths, default=0)
    for place, length in enumerate(sorted(lengths)):
        even = room // (len(lengths) - place)
        if length > even:
            return even
        room -= length
    return longest


def _ends(text: str, length: int) -> str:
    """Return the first and the last part of a text, `length` characters together, and the mark."""
    tail = length // 2
    mark = MARK.format(count=len(text) - length)
    return f"{text[: length - tail]}{mark}{text[len(text) - tail :]}"
