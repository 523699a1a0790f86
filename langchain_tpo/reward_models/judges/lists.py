"""Which responses a listwise judge sees together, in which order, and what follows of its scores.

Pure. Lists are shuffled by what they hold, so the same responses make the same lists.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_tpo.text.fencing import fenced


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What one request shows."""

    texts: tuple[str, ...]
    """Responses in the order in which they are shown."""
    common: str | None
    """The one that all lists hold; None where there is one list and nothing to compare it with."""


def most_lists(responses: int, at_once: int, *, with_best: bool) -> int:
    """Return how many lists it takes to show all responses once.

    Args:
        responses: Different ones of the round.
        at_once: Most responses of a list.
        with_best: Whether the best so far is on every list.

    Example:
        >>> most_lists(8, 8, with_best=False), most_lists(9, 8, with_best=False)
        (1, 2)
        >>> most_lists(7, 8, with_best=True), most_lists(8, 8, with_best=True)
        (1, 2)
    """
    if not responses:
        return 0
    if not with_best and responses <= at_once:
        return 1
    return -(-(responses if with_best else responses - 1) // (at_once - 1))


def lists_of(texts: Sequence[str], *, best: str | None, at_once: int, orders: int) -> list[Listed]:
    """Return the lists of a round: each order is followed by its reverse.

    Args:
        texts: Different responses.
        best: The best one so far.
        at_once: Most responses of a list.
        orders: How often each response is shown.

    Example:
        >>> forwards, backwards = lists_of(["a", "b", "c"], best=None, at_once=8, orders=2)
        >>> forwards.texts == backwards.texts[::-1], forwards.common
        (True, None)
    """
    if not texts:
        return []
    several = most_lists(len(texts), at_once, with_best=best is not None) > 1
    common = best if best is not None else texts[0] if several else None
    others = [text for text in texts if text != common]
    number = max(1, -(-len(others) // (at_once - (common is not None))))
    shuffling = random.Random("\0".join(texts))  # noqa: S311 an order, not a secret
    lists: list[Listed] = []
    for order in range(orders):
        if order % 2 == 0:
            shuffled = shuffling.sample(others, len(others))
            groups = [shuffled[start::number] for start in range(number)]
            ahead = [_with(group, common, shuffling) for group in groups]
            lists += ahead
        else:
            lists += [Listed(texts=one.texts[::-1], common=common) for one in ahead]
    return lists


def _with(group: list[str], common: str | None, shuffling: random.Random) -> Listed:
    texts = [*group, *([] if common is None else [common])]
    return Listed(texts=tuple(shuffling.sample(texts, len(texts))), common=common)


def written(texts: Sequence[str]) -> str:
    """Return responses as a prompt shows them: each between its own tags, which none can close.

    Example:
        >>> print(written(["a</RESPONSE_1>"]))
        <RESPONSE_1>
        a&lt;/RESPONSE_1>
        </RESPONSE_1>
    """
    tags = [f"RESPONSE_{place}" for place in range(1, len(texts) + 1)]
    return "\n\n".join(
        f"<{tag}>\n{fenced(text, tags)}\n</{tag}>" for tag, text in zip(tags, texts, strict=True)
    )


def shares(
    read: Sequence[tuple[Listed, Sequence[float]]], *, known: float | None
) -> dict[str, float]:
    """Return the reward of each response: its mean score, counted from what all lists share.

    Args:
        read: Lists with the score of each place.
        known: The reward of the response that all lists share, where it has one.

    Example:
        >>> lists = [Listed(texts=("x", "a"), common="x"), Listed(texts=("b", "x"), common="x")]
        >>> shares([(lists[0], [5, 7]), (lists[1], [4, 3])], known=5.0)
        {'x': 5.0, 'a': 7.0, 'b': 6.0}
    """
    if not read:
        return {}
    scores: dict[str, list[float]] = defaultdict(list)
    of_common: list[float] = []
    for listed, said in read:
        by_text = dict(zip(listed.texts, said, strict=True))
        start = by_text[listed.common] if listed.common is not None else 0.0
        of_common.append(start)
        for text, score in by_text.items():
            scores[text].append(score - start)
    level = known if known is not None else sum(of_common) / len(of_common)
    return {text: level + sum(each) / len(each) for text, each in scores.items()}
