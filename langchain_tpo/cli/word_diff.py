"""What became of a text, word by word, in colours or in git's marks where there are none."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from rich.console import Console
from rich.text import Text

from langchain_tpo.candidate_pool import Candidate

Part: TypeAlias = tuple[Literal["same", "gone", "new"], str]
"""Words that stay, go or come."""

_STYLES = {"same": "", "gone": "red strike", "new": "green underline"}
_MARKS = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}


def word_diff(before: str, after: str, console: Console) -> Text:
    """Return both texts in one, with what went and what came marked.

    Args:
        before: The older one.
        after: The newer one.
        console: Where it will be printed: without colours the marks are those of `git diff`.

    Example:
        >>> print(word_diff("light bends", "light scatters", Console(no_color=True)).plain)
        light [-bends-]{+scatters+}
    """
    coloured = console.color_system is not None and not console.no_color
    shown = Text()
    for kind, words in word_parts(before, after):
        opening, closing = ("", "") if coloured else _MARKS[kind]
        shown.append(f"{opening}{words}{closing}", style=_STYLES[kind] if coloured else "")
    return shown


def word_parts(before: str, after: str) -> Iterator[Part]:
    """Go through both texts at once; spaces are words as well, so nothing is lost.

    Example:
        >>> list(word_parts("a b", "a c"))
        [('same', 'a '), ('gone', 'b'), ('new', 'c')]
    """
    ours, theirs = (re.findall(r"\s+|\S+", text) for text in (before, after))
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield "same", "".join(ours[begin:end])
            continue
        if end > begin:
            yield "gone", "".join(ours[begin:end])
        if other_end > other_begin:
            yield "new", "".join(theirs[other_begin:other_end])


def best_first_sample(pool: Sequence[Candidate]) -> Candidate | None:
    """Return what best-of-N would have answered; None where no first sample has a reward.

    Example:
        >>> pool = [{"text": text, "reward": len(text), "round": 0} for text in ("a", "bb")]
        >>> best_first_sample(pool)["text"]
        'bb'
    """
    first = [one for one in pool if one["round"] == 0 and one["reward"] is not None]
    return max(first, key=lambda one: one["reward"] or 0.0, default=None)
