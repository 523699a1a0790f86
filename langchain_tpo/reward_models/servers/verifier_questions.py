"""What a verifier may be asked about a response, and how its reply becomes a reward.

Each question is one frozen object: its wording, the grammar that fits the reply, the read-out.
Knows no server.
"""

import json
import re
from collections.abc import Sequence
from typing import ClassVar, Self, TypeAlias

from pydantic import ConfigDict, JsonValue, model_validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers.verifier_readout import (
    Readout,
    TopToken,
    expected_rating,
    yes_no_margin,
)
from langchain_tpo.text.thinking import split_thinking

FROZEN = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
"""How all questions are: immutable, and without other options."""

FEWEST_TOKENS = 16
"""Room for `{"score": 100}` with any tokenizer."""


_WRITTEN = re.compile(
    r"""["']score["']\s*:\s*["']?\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?:/\s*([1-9]\d*)|%)?"""
    r"""\s*["']?\s*[,}\]\n]""",
    re.IGNORECASE,
)
"""A score with what ends it: of a reply that was cut off, 8 may have been 85."""


class YesNo(OneTypedLine):
    """Asks whether the response meets the criteria; the reward is log P(yes) - log P(no).

    Example:
        >>> YesNo(yes="Good", no="Bad").regex
        '(Good|Bad)'
    """

    model_config = FROZEN

    yes: str = "Yes"
    """The label that praises: one token of the model."""
    no: str = "No"
    """The label that blames: one token of the model."""
    wording: str = "Does the response meet the criteria? Reply with one word, {yes} or {no}."
    """What is asked; a verifier trained on other words is asked in those."""

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if not self.yes.strip() or self.yes.casefold() == self.no.casefold():
            raise SettingsError(
                f"`yes` and `no` must be two different labels, got `{self.yes}` and `{self.no}`."
            )
        return self

    @property
    def text(self) -> str:
        """The question, ready to send."""
        return self.wording.replace("{yes}", self.yes).replace("{no}", self.no)

    @property
    def labels(self) -> tuple[str, ...]:
        """The replies that count."""
        return (self.yes, self.no)

    @property
    def regex(self) -> str:
        """What the reply may be."""
        return f"({'|'.join(map(re.escape, self.labels))})"

    def read(self, tokens: Sequence[TopToken]) -> Readout:
        """Return the reward in the likeliest first tokens."""
        return yes_no_margin(tokens, yes=self.yes, no=self.no)


class Rating(OneTypedLine):
    """Asks for a rating from 1 to `highest`; the reward is the expected rating.

    Example:
        >>> Rating().labels
        ('1', '2', '3', '4', '5')
    """

    model_config = FROZEN

    highest: int = 5
    """The best rating; 5 fits the five likeliest tokens that TGI lists at most."""

    @model_validator(mode="after")
    def _each_is_one_token(self) -> Self:
        if not 2 <= self.highest <= 9:  # noqa: PLR2004 - a choice, in single digits
            raise SettingsError(
                f"`highest` must be from 2 to 9 (one token each), got `{self.highest!r}`."
            )
        return self

    @property
    def text(self) -> str:
        """The question, ready to send."""
        return (
            "How well does the response meet the criteria? Reply with one digit, from 1 (not at "
            f"all) to {self.highest} (fully)."
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The replies that count."""
        return tuple(str(rating) for rating in range(1, self.highest + 1))

    @property
    def regex(self) -> str:
        """What the reply may be."""
        return f"[1-{self.highest}]"

    def read(self, tokens: Sequence[TopToken]) -> Readout:
        """Return the reward in the likeliest first tokens."""
        return expected_rating(tokens, highest=self.highest)


class JsonScore(OneTypedLine):
    """Asks for a score from 0 to 100 in writing: the last resort, where no log-probabilities come.

    Coarser than the others: scores of several responses are often equal. What a model thinks aloud
    before it answers is skipped.

    Example:
        >>> JsonScore().read_text('<think>Is it 12?</think> Here you go: {"score": 87}')
        87.0
    """

    model_config = FROZEN

    max_tokens: int = 1024
    """Most tokens of the reply: room for the object, and for a thought before it."""

    text: ClassVar[str] = (
        "How well does the response meet the criteria? Reply with nothing but a JSON object such "
        'as {"score": 50}, where the score is from 0 (not at all) to 100 (fully).'
    )
    """The question, ready to send."""

    @property
    def reply_schema(self) -> dict[str, JsonValue]:
        """The JSON schema of the reply."""
        score: JsonValue = {"type": "integer", "minimum": 0, "maximum": 100}
        return {
            "type": "object",
            "properties": {"score": score},
            "required": ["score"],
            "additionalProperties": False,
        }

    @model_validator(mode="after")
    def _there_is_room(self) -> Self:
        if self.max_tokens < FEWEST_TOKENS:
            raise SettingsError(
                f"`max_tokens` must be at least {FEWEST_TOKENS}, got `{self.max_tokens!r}`."
            )
        return self

    def read_text(self, reply: str) -> float:
        """Return the score in a reply.

        Raises:
            RewardServerError: There is none or several, it is out of range, or a share of 1.
        """
        thought, answer = split_thinking(reply)
        if thought and not answer:
            raise RewardServerError(
                f"The verifier was still thinking after {self.max_tokens} tokens: give it more "
                "room, `question=JsonScore(max_tokens=...)`, or a model that does not think aloud."
            )
        scores = {_of_hundred(found) for found in _WRITTEN.finditer(answer)}
        score = scores.pop() if len(scores) == 1 else -1.0
        if not 0 <= score <= 100 or 0 < score < 1:  # noqa: PLR2004 - the scale asked for
            raise RewardServerError(
                f"The verifier's reply holds no score from 0 to 100: {json.dumps(answer[:60])}."
            )
        return score


def _of_hundred(found: re.Match[str]) -> float:
    return float(found[1]) if found[2] is None else 100 * float(found[1]) / float(found[2])


LabelQuestion: TypeAlias = YesNo | Rating
"""A question that is answered by the log-probabilities of one token."""

Question: TypeAlias = LabelQuestion | JsonScore
"""Any question."""
