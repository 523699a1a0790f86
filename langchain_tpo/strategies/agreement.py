"""Which of several answers the others agree with most: a guard against a weak reward's outliers.

Minimum Bayes risk in words: the answer that resembles all others most is the least likely to be
one that a reward was taken in by (MBR-BoN, arXiv 2404.01054). Pure; knows texts only.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise


def most_agreed(texts: Sequence[str], among: Iterable[int]) -> int:
    """Return the index of the text that resembles all the others most, the first of equals.

    Texts resemble each other by the words and pairs of neighbouring words that they share, whatever
    their case: twice what they share over what they have.

    Args:
        texts: Every one that has a say; a text that stands there twice counts twice.
        among: The indices to choose from, the preferred ones first; one at least.

    Example:
        >>> most_agreed(["It is 42.", "It is 42", "Forty, I think."], among=[2, 0])
        0
    """
    words = [_words(text) for text in texts]

    def agreement(index: int) -> float:
        others = (other for place, other in enumerate(words) if place != index)
        return sum(_alike(words[index], other) for other in others)

    return max(among, key=agreement)


def _words(text: str) -> Counter[tuple[str, ...]]:
    words = [stripped for word in text.lower().split() if (stripped := word.strip(".,;:!?\"'()"))]
    return Counter([*((word,) for word in words), *pairwise(words)])


def _alike(one: Counter[tuple[str, ...]], other: Counter[tuple[str, ...]]) -> float:
    together = one.total() + other.total()
    return 2 * (one & other).total() / together if together else 1.0
