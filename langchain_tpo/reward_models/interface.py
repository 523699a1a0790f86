"""What a reward model is: R(x, y) of the paper, for all responses of a round at once.

A reward model is any Runnable from a `ScoreRequest` to one `Score` per response, in the order of
the responses, higher is better. It knows nothing of rounds, pools or the model that answers.
"""

from collections.abc import Mapping
from typing import NotRequired, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Candidate


class ScoreRequest(TypedDict):
    """One batch to score: a conversation and the responses to it."""

    messages: list[BaseMessage]
    """The conversation that is answered, system message and earlier turns included."""
    responses: list[str]
    """The responses, in full: whoever has to shorten a text does so visibly."""
    context: NotRequired[Mapping[str, object]]
    """What else is known of the question, by name: a reference, retrieved passages, a row's
    fields. Functions and evaluators are given those that they name."""
    replies: NotRequired[list[AIMessage]]
    """The messages whose texts the responses are, in their order, tool calls included; only there
    where whole replies compete."""
    pool: NotRequired[list[Candidate]]
    """C: the responses of this run that have been scored before, for whoever compares."""


class ExplainedScore(TypedDict):
    """A score that says in words what earned it; the textual loss is shown the words."""

    reward: float | None
    """As a plain score."""
    rationale: NotRequired[str]
    """Why, in a sentence or two."""
    flaws: NotRequired[str]
    """What of the rationale tells what is wrong, where not all of it does; empty for nothing."""


Score: TypeAlias = float | ExplainedScore | None
"""Higher is better. None, NaN and infinity mean "not scored", never "bad"."""

RewardModel: TypeAlias = Runnable[ScoreRequest, list[Score]]
"""One score per response, in their order."""


def in_context(field: str, value: str = "...") -> str:
    """Return how a field of the context is passed on, in the words of an error.

    Args:
        field: Its name.
        value: What stands for its value.
    """
    return (
        f"`context={{{field!r}: {value}}}` beside `messages` (`tpo_context` in a graph's state; "
        "`ChatTPO` and `TPOMiddleware` take no context)"
    )
