"""What a step asks of a model: a prompt, how often it is drawn for, and what may be left out.

One envelope from the step to the request: each on the way changes what it knows of, a copy at a
time. Knows neither models nor pools.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage

Shorter: TypeAlias = Callable[[], tuple[list[BaseMessage], int]]
"""Renders a prompt with less of what it quotes; says how many characters are left out."""


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """`n` responses to the same messages; immutable.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> request = DrawRequest(messages=[HumanMessage("Wood?")], n=3, first_seed=7, labels={})
        >>> third = request.part(2)
        >>> third.n, third.seeded_options, third.trace_labels
        (1, {'seed': 9}, {'tpo_candidate': 2})
    """

    messages: list[BaseMessage]
    n: int
    labels: dict[str, Any]
    """What the requests' traces say of themselves."""
    at_least: int = 0
    """With fewer answered requests than this, the first failure is raised."""
    options: dict[str, Any] = field(default_factory=dict)
    """Sampling options, sent with every request."""
    first_seed: int | None = None
    """Seed of draw 0; draw i gets `first_seed + i` where it is a request of its own."""
    first: int = 0
    """Number of the first of these draws among all of their step."""
    one_request: bool = True
    """Whether to ask for all at once where the model can."""
    shorter: Sequence[Shorter] = ()
    """The prompts to try where this one does not fit, each shorter than the one before; none is
    rendered before it is needed."""
    context_tokens: int | None = None
    """The window, where it is known: prompt and completion together."""
    left_out: int = 0
    """How many characters of quoted text this prompt lacks."""
    refused: int = 0
    """Requests with longer prompts that a server has refused."""

    def part(self, index: int, *, n: int = 1) -> "DrawRequest":
        """Return the request for some of the draws, with a conversation that a model may change.

        Args:
            index: Which of these draws is the first of them.
            n: How many they are.
        """
        return replace(self, messages=copies(self.messages), first=self.first + index, n=n)

    @property
    def seeded_options(self) -> dict[str, Any]:
        """The sampling options, and the seed of the first draw."""
        if self.first_seed is None:
            return self.options
        return {**self.options, "seed": self.first_seed + self.first}

    @property
    def trace_labels(self) -> dict[str, Any]:
        """The labels, and the number of the first draw."""
        return {**self.labels, "tpo_candidate": self.first}

    @property
    def reply_tokens(self) -> int:
        """How long a reply is asked for; 0 where that is left to the model."""
        return self.options.get("max_tokens") or 0

    def with_reply_of(self, room: int) -> "DrawRequest":
        """Return the request with a reply of no more tokens than there is room for."""
        if self.reply_tokens <= room:
            return self
        return replace(self, options={**self.options, "max_tokens": room})

    def shortened(self) -> "DrawRequest":
        """Return the request with the next shorter prompt."""
        messages, left_out = self.shorter[0]()
        return replace(self, messages=messages, shorter=self.shorter[1:], left_out=left_out)


def copies(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return copies of messages: what a model does to those it is handed changes no others.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> asked = [HumanMessage("Wood?")]
        >>> copies(asked)[0].content = "Oil?"
        >>> asked[0].content
        'Wood?'
    """
    return [message.model_copy(deep=True) for message in messages]
