"""The pool C of the paper: every response of a run, in order of arrival.

Pure functions over plain values; knows nothing of models or prompts.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

Finish: TypeAlias = Literal["length", "content_filter", "refusal"]
"""How a reply ended, where it is not complete: cut by a limit of tokens, cut or emptied by a filter
of the provider's, or refused in so many words of the provider's own."""


class MessageParts(TypedDict, total=False):
    """What a model's message held beside its text; a part that was empty is left out."""

    content: str | list[Any]
    """Content blocks, where the message had any: text, reasoning, citations, images. Of a message
    that calls tools, its text as well."""
    tool_calls: list[dict[str, Any]]
    """The tools that it calls, where whole replies compete."""
    invalid_tool_calls: list[dict[str, Any]]
    """Calls among them whose arguments cannot be read."""
    response_metadata: dict[str, Any]
    additional_kwargs: dict[str, Any]
    id: str
    name: str


class Reply(TypedDict):
    """What a model sent."""

    text: str
    """Its text, byte for byte, without what it thought before it."""
    finish: NotRequired[Finish]
    """How it ended; complete replies say nothing."""
    message: NotRequired[MessageParts]
    """What came with it."""
    instead: NotRequired[str]
    """What it holds where it holds no text: calls of tools, say, or nothing because of a filter."""
    fault: NotRequired[str]
    """Why it cannot be used, where whole replies compete: arguments that are no JSON, or an answer
    that does not fit its schema."""


class Candidate(TypedDict):
    """One response of a run and what it earned."""

    text: str
    """The response, byte for byte as the model wrote it (a revision: between its tags)."""
    reward: float | None
    """R(x, y), finite, higher is better; None when it could not be scored."""
    round: int
    """0 for first samples and drafts, r for the revisions of round r."""
    draft: NotRequired[bool]
    """True for a response that the caller handed in."""
    rationale: NotRequired[str]
    """What the reward model said of it, where it says anything."""
    flaws: NotRequired[str]
    """What of the rationale tells what is wrong, where not all of it does."""
    finish: NotRequired[Finish]
    """How the model ended it, where it is not complete."""
    demoted: NotRequired[bool]
    """True for one that is not complete, or faulty, and therefore loses to any that is neither."""
    fault: NotRequired[str]
    """Why it cannot be used. No reward model is asked about it: it earns no more than any other."""
    message: NotRequired[MessageParts]
    """What came with its text from the model; `TPOResult.message_of` makes a message of it."""
    form: NotRequired[str]
    """How its draw was asked for, where a strategy asks in more than one form."""
    direction: NotRequired[str]
    """What its draw was told to do, where a strategy tells each draw something else."""


class KeptScore(TypedDict):
    """The score of one response as the pool keeps it."""

    reward: float | None
    rationale: NotRequired[str]
    flaws: NotRequired[str]


def with_score(candidate: Candidate, score: KeptScore | Candidate | None) -> Candidate:
    """Return a candidate with what it earned; without a score it stays as it is.

    Example:
        >>> with_score({"text": "a", "reward": None, "round": 0}, {"reward": 1.0})
        {'text': 'a', 'reward': 1.0, 'round': 0}
    """
    if score is None:
        return candidate
    scored: Candidate = {**candidate, "reward": score["reward"]}
    if "rationale" in score:
        scored["rationale"] = score["rationale"]
    if "flaws" in score:
        scored["flaws"] = score["flaws"]
    return scored


def flaws_of(scored: Candidate | KeptScore) -> str:
    """Return what a reward model found wrong with a response, in its words; empty for nothing.

    Example:
        >>> flaws_of({"reward": 0.5, "rationale": "Too long."})
        'Too long.'
        >>> flaws_of({"reward": 1.0, "rationale": "rules: All kept.", "flaws": ""})
        ''
    """
    return scored.get("flaws", scored.get("rationale", ""))


def chosen(pool: Sequence[Candidate]) -> int | None:
    """Return the index of the highest reward, the earliest of equals; None when none is scored.

    A demoted candidate loses to any other; but where all first samples were cut, no revision of a
    lower reward is better than the best of them.

    Example:
        >>> chosen([{"text": "a", "reward": 1.0, "round": 0}])
        0
        >>> cut = Candidate(text="a", reward=1.0, round=0, demoted=True)
        >>> chosen([cut, Candidate(text="b", reward=0.5, round=1)])
        0
    """
    rank = _ranking(pool)
    ranked = [(*rank(candidate), -index) for index, candidate in _scored(pool)]
    return -max(ranked)[-1] if ranked else None


def rejected(pool: Sequence[Candidate]) -> int | None:
    """Return the index of the lowest reward, the earliest of equals; None when none is scored.

    A demoted candidate is lower than any other.

    Example:
        >>> rejected([{"text": "a", "reward": None, "round": 0}]) is None
        True
    """
    rank = _ranking(pool)
    ranked = [(*rank(candidate), index) for index, candidate in _scored(pool)]
    return min(ranked)[-1] if ranked else None


def ranked(pool: Sequence[Candidate]) -> list[int]:
    """Return the indices of what is scored, best first, the earliest of equals first, texts once.

    Example:
        >>> ranked([{"text": text, "reward": 1.0, "round": 0} for text in "aba"])
        [0, 1]
    """
    rank = _ranking(pool)
    earliest: dict[str, int] = {}
    for index, candidate in _scored(pool):
        earliest.setdefault(candidate["text"], index)
    return sorted(earliest.values(), key=lambda index: rank(pool[index]), reverse=True)


def best_reward(pool: Sequence[Candidate], *, until: int) -> float:
    """Return the reward of the chosen one of rounds 0 to `until`; -inf when none is scored.

    Example:
        >>> best_reward([{"text": "a", "reward": 1.0, "round": 0}], until=0)
        1.0
    """
    rounds = [candidate for candidate in pool if candidate["round"] <= until]
    best = chosen(rounds)
    return float("-inf") if best is None else _reward(rounds[best])


def contrast(pool: Sequence[Candidate]) -> float:
    """Return how far the rewards of chosen and rejected lie apart; -inf when none is scored.

    Between a complete and a demoted candidate that is infinitely far: the loss has a fault to name.

    Example:
        >>> contrast([{"text": text, "reward": 1.0, "round": 0} for text in "ab"])
        0.0
    """
    ranks = [*map(_ranking(pool), (candidate for _, candidate in _scored(pool)))]
    if not ranks:
        return float("-inf")
    (complete, high), (also_complete, low) = max(ranks), min(ranks)
    return high - low if complete == also_complete else float("inf")


def known_reward(pool: Sequence[Candidate], text: str) -> Candidate | None:
    """Return the earliest scored candidate with this very text, so that it is not scored twice."""
    same = (one for one in pool if one["text"] == text and one["reward"] is not None)
    return next(same, None)


def _scored(pool: Sequence[Candidate]) -> Iterator[tuple[int, Candidate]]:
    for index, candidate in enumerate(pool):
        if candidate["reward"] is not None:
            yield index, candidate


def _ranking(pool: Sequence[Candidate]) -> Callable[[Candidate], tuple[bool, float]]:
    """Return what candidates of a pool are compared by, the higher the better."""
    first = [candidate for _, candidate in _scored(pool) if candidate.get("round", 0) == 0]
    whole = any(not candidate.get("demoted", False) for candidate in first)
    cut = [_reward(candidate) for candidate in first if "fault" not in candidate]
    least = float("-inf") if whole else max(cut, default=float("-inf"))

    def rank(candidate: Candidate) -> tuple[bool, float]:
        reward = _reward(candidate)
        return not candidate.get("demoted", False) and reward >= least, reward

    return rank


def _reward(candidate: Candidate) -> float:
    reward = candidate["reward"]
    return float("-inf") if reward is None else reward
