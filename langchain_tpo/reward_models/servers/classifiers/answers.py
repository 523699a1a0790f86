"""Reads the answers of classifier servers: one raw logit per text, in the order of the texts.

Knows shapes that several servers share. Raises one line where an answer cannot be a reward.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from langchain_tpo.errors import RewardServerError

SOFTMAX_ROUNDING = 1e-3
"""How far from 1 the sum of probabilities may be by rounding."""


class Label(BaseModel):
    """One label and its score, as text-classification routes give them."""

    label: str
    """The label's name."""
    score: float | None
    """Its logit or probability."""


def only_score(labels: Sequence[Label], where: str) -> float | None:
    """Return the score of the one label.

    Args:
        labels: The labels of one text.
        where: The server, for the error's line.

    Example:
        >>> only_score([Label(label="LABEL_0", score=-1.5)], "http://rm:8080")
        -1.5
        >>> only_score([], "http://rm:8080")
        Traceback (most recent call last):
        langchain_tpo.errors.RewardServerError: `http://rm:8080` answered with 0 labels where a \
reward model has 1: serve a model trained as a reward model, or say with `weights` how much each \
label counts.
    """
    return only([label.score for label in labels], where)


def only(scores: Sequence[float | None], where: str) -> float | None:
    """Return the one score of a text.

    Args:
        scores: The scores of one text, one per label.
        where: The server, for the error's line.
    """
    if len(scores) != 1:
        raise RewardServerError(
            f"`{where}` answered with {len(scores)} labels where a reward model has 1: serve a "
            "model trained as a reward model, or say with `weights` how much each label counts."
        )
    return scores[0]


def weighted(
    scores: Mapping[str, float | None], weights: Mapping[str, float], where: str
) -> float | None:
    """Return the weighted sum of several labels; None if one of them has no score.

    Args:
        scores: By label.
        weights: By label; a label without one does not count.
        where: The server, for the error's line.

    Example:
        >>> weighted({"helpful": 2.0, "verbose": 1.0}, {"helpful": 1, "verbose": -0.5}, "http://rm")
        1.5
    """
    if missing := sorted(weights.keys() - scores.keys()):
        known = ", ".join(f"`{name}`" for name in sorted(scores)[:20])
        raise RewardServerError(f"`{where}` has no label `{missing[0]}`: it has {known}.")
    parts = [(weight, scores[name]) for name, weight in weights.items()]
    known_parts = [weight * score for weight, score in parts if score is not None]
    return sum(known_parts) if len(known_parts) == len(parts) else None


def are_probabilities(scores: Sequence[float | None]) -> bool:
    """Return whether several numbers are shares of one whole, as after a softmax.

    Example:
        >>> are_probabilities([0.25, 0.75]), are_probabilities([2.5, -1.0])
        (True, False)
    """
    known = [score for score in scores if score is not None]
    shares = len(known) > 1 and all(0 <= score <= 1 for score in known)
    return shares and abs(sum(known) - 1) < SOFTMAX_ROUNDING


def in_order(scores: Sequence[tuple[int, float | None]], where: str) -> list[float | None]:
    """Put scores that carry the index of their text into the order of the texts.

    Args:
        scores: Index and score of each text, in any order.
        where: The server, for the error's line.

    Example:
        >>> in_order([(1, 0.9), (0, -2.0)], "http://rm:8080")
        [-2.0, 0.9]
    """
    by_index = dict(scores)
    if len(by_index) != len(scores) or sorted(by_index) != list(range(len(scores))):
        raise RewardServerError(
            f"`{where}` answered with indices {[index for index, _ in scores]} for "
            f"{len(scores)} scores: check that the kind of server is right."
        )
    return [by_index[index] for index in range(len(scores))]
