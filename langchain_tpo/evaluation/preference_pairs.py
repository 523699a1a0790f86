"""Chosen and rejected responses of a run as a preference data set that TRL trains on as it is.

Conversational, with an explicit prompt: `prompt`, `chosen` and `rejected` are lists of messages.
Pure.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_tpo.evaluation.records import Record

PreferencePair = dict[str, Any]
"""One row of the data set."""


def preference_pairs(
    records: Iterable[Record], *, systems: Iterable[str] = (), least_gap: float = 0.0
) -> Iterator[PreferencePair]:
    """Return the best against the worst response of every run.

    Runs whose responses all earned the same teach nothing and are left out, as are responses
    without a score.

    Args:
        records: Of a run.
        systems: Whose runs; none: all of them.
        least_gap: How much better the chosen response has to be.

    Example:
        >>> pool = [{"text": "a", "reward": 1.0}, {"text": "b", "reward": 3.0}]
        >>> run = {"messages": [{"role": "user", "content": "Hi"}], "pool": pool}
        >>> (pair,) = preference_pairs([{"system": "tpo", "runs": [run]}])
        >>> pair["chosen"], pair["score_chosen"]
        ([{'role': 'assistant', 'content': 'b'}], 3.0)
    """
    wanted = set(systems)
    seen: set[tuple[str, str, str]] = set()
    for record in records:
        if wanted and record["system"] not in wanted:
            continue
        for run in record["runs"]:
            scored = [one for one in run["pool"] if one["reward"] is not None]
            if not scored:
                continue
            best = max(scored, key=lambda one: one["reward"])
            worst = min(scored, key=lambda one: one["reward"])
            gap = best["reward"] - worst["reward"]
            key = (str(run["messages"]), best["text"], worst["text"])
            if gap > 0 and gap >= least_gap and key not in seen:
                seen.add(key)
                yield _pair(run["messages"], best, worst)


def _pair(
    messages: list[dict[str, Any]], best: dict[str, Any], worst: dict[str, Any]
) -> PreferencePair:
    return {
        "prompt": messages,
        "chosen": [{"role": "assistant", "content": best["text"]}],
        "rejected": [{"role": "assistant", "content": worst["text"]}],
        "score_chosen": best["reward"],
        "score_rejected": worst["reward"],
    }
