"""One call of a reward model, and what may come back from it.

The contract of `reward_models/interface.py` is held here, for every reward model alike.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NotRequired, SupportsFloat, TypedDict

from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.config import merge_configs
from langgraph.constants import TAG_NOSTREAM

from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.interface import RewardModel, ScoreRequest
from langchain_tpo.usage import Usage, UsageCounter


class Scored(TypedDict):
    """The score of one response as the pool keeps it."""

    reward: float | None
    rationale: NotRequired[str]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One score per text that was asked for, and what judging cost in model tokens."""

    by_text: Mapping[str, Scored]
    usage: Usage

    def of(self, text: str) -> Scored:
        """Give the score of a text of the request."""
        return self.by_text[text]


class Scorer:
    """Calls one reward model; immutable."""

    def __init__(self, reward_model: RewardModel) -> None:
        """Take the reward model as it is.

        Args:
            reward_model: Anything that keeps the contract of `RewardModel`.
        """
        self._named = RunnableLambda(
            reward_model.invoke, reward_model.ainvoke, name=reward_model.get_name()
        )

    def run(self, request: ScoreRequest, config: RunnableConfig) -> Scores:
        """Score a batch; nothing is called for an empty one."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = self._named.invoke(request, _inner_config(config, counter))
        return Scores(by_text=checked(scores, request["responses"]), usage=counter.usage)

    async def arun(self, request: ScoreRequest, config: RunnableConfig) -> Scores:
        """Score a batch without blocking the event loop."""
        counter = UsageCounter()
        scores: object = []
        if request["responses"]:
            scores = await self._named.ainvoke(request, _inner_config(config, counter))
        return Scores(by_text=checked(scores, request["responses"]), usage=counter.usage)


def checked(scores: object, texts: list[str]) -> dict[str, Scored]:
    """Pair scores with their texts; None, NaN and infinity mean "not scored".

    Raises:
        RewardOutputError: When there are too few or too many, or one is no number.

    Example:
        >>> checked([0.5, float("nan")], ["a", "b"])
        {'a': {'reward': 0.5}, 'b': {'reward': None}}
    """
    if not isinstance(scores, Iterable) or isinstance(scores, str | bytes | Mapping):
        raise RewardOutputError(
            f"The reward model returned {_seen(scores)}, expected a list with one score for each "
            f"of {len(texts)} responses."
        )
    listed = list(scores)
    if len(listed) != len(texts):
        raise RewardOutputError(
            f"The reward model returned {len(listed)} scores for {len(texts)} responses: return "
            "one for each, in their order."
        )
    return {text: _read(score) for text, score in zip(texts, listed, strict=True)}


def _read(score: object) -> Scored:
    if isinstance(score, Mapping):
        if "reward" not in score:
            raise RewardOutputError(f"A score lacks the key `reward`: got {_seen(score)}.")
        scored = Scored(reward=_finite(score["reward"]))
        if score.get("rationale"):
            scored["rationale"] = str(score["rationale"])
        return scored
    return Scored(reward=_finite(score))


def _finite(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, str | bytes) or not isinstance(value, SupportsFloat):
        raise RewardOutputError(f"A score must be a number or None, got {_seen(value)}.")
    number = float(value)
    return number if math.isfinite(number) else None


def _seen(value: object) -> str:
    return f"{type(value).__name__} `{str(value)[:60]}`"


def _inner_config(config: RunnableConfig, counter: UsageCounter) -> RunnableConfig:
    own = RunnableConfig(
        callbacks=[counter],
        tags=[TAG_NOSTREAM],
        metadata={"lc_source": "tpo", "tpo_step": "reward"},
    )
    return merge_configs(config, own)
