"""A reward model small enough to travel in the package: a linear Bradley-Terry head.

A demonstration and a test instrument, not a judge: `docs/preference_head_card.md` says what it
gets right, and how often. Knows features and weights; reads no meaning.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.preference_head.features import features
from langchain_tpo.reward_models.preference_head.reading import Reading
from langchain_tpo.reward_models.preference_head.weights import HeadWeights
from langchain_tpo.text.conversation import conversation_text, message_text


class PreferenceHead(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """Guesses which response people would prefer, from its form and its words, in a millisecond.

    The difference of two rewards is the log-odds that people prefer the first response, as learnt
    from public comparisons; needs no key, no GPU, no download. The same request always gets the
    same rewards. English only; blind to facts, to mathematics and to harm.

    The prompt is what the user has said, all turns of it; system messages and the model's own
    turns are not read. A response without a single word is not scored (None): there is nothing to
    compare, and as the worst of a round it would teach the critic nothing.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> head = PreferenceHead()
        >>> good, off_topic = head.invoke(
        ...     {
        ...         "messages": [HumanMessage("Why does the sky look blue?")],
        ...         "responses": [
        ...             "The sky looks blue because air scatters blue light more than red light.",
        ...             "Knead the dough for ten minutes and let it rest for about an hour.",
        ...         ],
        ...     }
        ... )
        >>> good > off_topic
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = "preference_head"
    """What traces call it."""
    weights: HeadWeights = Field(default_factory=HeadWeights.packaged)
    """The trained weights; by default those that come with the package."""

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Return one reward per response, None for a response without words."""
        return self._call_with_config(self._score, input, config, **kwargs)

    def _score(self, request: ScoreRequest) -> list[Score]:
        prompt = Reading(text=_asked(request["messages"]))
        rewards = {text: self._reward(prompt, text) for text in set(request["responses"])}
        return [rewards[text] for text in request["responses"]]

    def _reward(self, prompt: Reading, text: str) -> float | None:
        response = Reading(text=text)
        return self.weights.reward(features(prompt, response)) if response.words else None


def _asked(messages: Sequence[BaseMessage]) -> str:
    turns = [message_text(message) for message in messages if isinstance(message, HumanMessage)]
    return "\n\n".join(turns) or conversation_text(messages)
