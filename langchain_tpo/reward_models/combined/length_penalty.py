"""A reward model that charges another one's responses for their length.

Knows lengths; the reward itself comes from the reward model inside.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from pydantic import Field, field_validator, model_validator

from langchain_tpo.candidate_pool import KeptScore, flaws_of
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.base import (
    ComposedReward,
    OnCopy,
    maximum_of,
    with_flaws,
    without_rewards,
)
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores, explained


class LengthPenalty(ComposedReward):
    """Takes `per_word` or `per_token` off the reward for each one beyond the first `free`.

    Reward models, and judges more so, favour long answers, and revisions grow. What a response
    lost is added to its rationale, so that the textual loss can say so. Words are what white space
    separates: for Chinese or Japanese, count tokens.

    Raises:
        RewardTypeError: When `reward` cannot be made into a reward model.
        SettingsError: Unless exactly one of `per_word` and `per_token` is given, the latter with
            `count_tokens`.

    Example:
        >>> terse = LengthPenalty(lambda prompt, response: 1.0, per_word=0.25, free=2)
        >>> terse.invoke({"messages": [], "responses": ["two words", "now it has five words"]})
        [1.0, {'reward': 0.25, 'rationale': '3 words over 2 cost it 0.75.'}]
    """

    reward: RewardModel = Field(repr=False)
    """What scores before length is charged."""
    per_word: float | None = Field(ge=0, allow_inf_nan=False)
    """Price of a word."""
    per_token: float | None = Field(ge=0, allow_inf_nan=False)
    """Price of a token."""
    free: int = Field(ge=0)
    """How many words or tokens cost nothing."""
    count_tokens: Callable[[str], int] | None
    """Counts the tokens of a text."""

    def __init__(
        self,
        reward: RewardLike,
        *,
        per_word: float | None = None,
        per_token: float | None = None,
        free: int = 0,
        count_tokens: Callable[[str], int] | None = None,
        name: str | None = None,
    ) -> None:
        """Check the options; nothing is called.

        Args:
            reward: A reward model, or a function `(prompt, response) -> float`.
            per_word: Price of a word.
            per_token: Price of a token, as `count_tokens` counts them.
            free: How many words or tokens cost nothing.
            count_tokens: Such as `model.get_num_tokens`.
            name: How traces call this reward model.
        """
        super().__init__(
            reward=reward,
            per_word=per_word,
            per_token=per_token,
            free=free,
            count_tokens=count_tokens,
            name=name,
        )

    @field_validator("reward", mode="before")
    @classmethod
    def _can_score(cls, reward: RewardLike) -> RewardModel:
        return as_reward_model(reward)

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.per_word is None) == (self.per_token is None):
            raise SettingsError(
                "`LengthPenalty` needs either `per_word` or `per_token`, got "
                f"`per_word={self.per_word}`, `per_token={self.per_token}`."
            )
        if (self.per_token is None) != (self.count_tokens is None):
            raise SettingsError(
                "`per_token` and `count_tokens` of LengthPenalty belong together: pass both, such "
                "as `count_tokens=model.get_num_tokens`, or neither."
            )
        return self

    @property
    def inside(self) -> Sequence[RewardModel]:
        """The reward model that is corrected."""
        return (self.reward,)

    @property
    def maximum(self) -> float | None:
        """That of the reward model inside: what is short enough loses nothing."""
        return maximum_of(self.reward)

    @property
    def explains(self) -> bool:
        """Whether scores come with words: a price always does."""
        return True

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Score, then charge."""
        return RunnableSequence(
            RunnableLambda(without_rewards),
            OnCopy(self.reward),
            RunnableLambda(partial(self._charged, request), name="charged"),
            name=self.get_name(),
        )

    def _charged(self, request: ScoreRequest, scores: list[Score]) -> list[Score]:
        by_text = checked_scores(scores, request["responses"])
        return [self._charge(text, by_text[text]) for text in request["responses"]]

    def _charge(self, text: str, scored: KeptScore) -> Score:
        scored = with_flaws(self.reward, scored)
        reward = scored["reward"]
        if reward is None:
            return None
        over = max(0, self._length(text) - self.free)
        price = over * (self.per_word or self.per_token or 0.0)
        unit = ("word" if self.count_tokens is None else "token") + ("" if over == 1 else "s")
        cost = f"{over} {unit} over {self.free} cost it {price:g}." if price else ""
        said, wrong = scored.get("rationale", ""), flaws_of(scored)
        return explained(reward - price, f"{said} {cost}".strip(), f"{wrong} {cost}".strip())

    def _length(self, text: str) -> int:
        return len(text.split()) if self.count_tokens is None else self.count_tokens(text)
