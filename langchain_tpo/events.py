"""What a run tells of itself while it goes on: the types of its events.

They reach `astream_events` (as custom events by the name in `event`) and LangGraph's
`stream_mode="custom"`, and all their values are JSON. They hold figures; texts only where
`TPOSettings.progress_text` asks for them. A type checker knows them apart by `event`.

Example:
    >>> def told(event: TPOEvent) -> str:
    ...     return f"round {event['round']}" if event["event"] == "tpo_round" else event["event"]
"""

from typing import Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from langchain_tpo.sampling.usage import Usage
from langchain_tpo.state import Failure, StepRecord, StopReason


class RunSummary(TypedDict):
    """The figures of a whole run, without its texts: also in `response_metadata["tpo"]`."""

    reward: float | None
    """That of the answer; None for a refusal that was not scored."""
    best_rewards: list[float | None]
    """The best reward after round 0, 1, ..."""
    stop_reason: StopReason
    rounds: int
    candidates: int
    """Responses in the pool."""
    dropped: int
    """Draws that could not be used."""
    left_out: int
    """Characters that prompts left out to fit a model's window."""
    unseeded: bool
    """Whether a seed was set that a model does not take: the run is not repeatable then."""
    cut: int
    refused: int
    usage: Usage
    seconds: float
    waiting: float
    """Seconds of it in queues, at models and at the reward."""
    failure: Failure | None


class StartEvent(TypedDict):
    """A run begins: what it takes, unless something ends it early."""

    event: Literal["tpo_start"]
    run: str
    """The same in all events of a run: several may be on their way at once."""
    width: int
    depth: int
    strategy: str
    completions: int
    """Completions of models, judges' aside."""
    stages: int
    """Model calls that have to wait for each other."""


class StepEvent(StepRecord):
    """A step has ended: what it cost."""

    event: Literal["tpo_step"]
    run: str


class RoundEvent(TypedDict):
    """A round has been scored."""

    event: Literal["tpo_round"]
    run: str
    round: int
    """0 for the first responses."""
    rewards: list[float | None]
    """Of this round's responses."""
    best_reward: float | None
    """Of the whole pool."""
    chosen: int | None
    """Place in the pool of the best response so far."""
    rejected: int | None
    """Place in the pool of the worst."""
    dropped: int
    """Draws of this round that could not be used."""
    stop_reason: StopReason | None
    """None while the run goes on."""
    usage: Usage
    """Of this round."""
    seconds: float
    """Of this round."""
    text: NotRequired[str]
    """The best response so far, with `progress_text`: after round 0 it is the answer of best-of-N,
    to show at once and to replace by what follows."""


class EndEvent(RunSummary):
    """A run has its answer."""

    event: Literal["tpo_end"]
    run: str
    answer_id: str | None
    """The id of the answer's message."""
    text: NotRequired[str]
    """The answer, with `progress_text`."""


TPOEvent: TypeAlias = StartEvent | StepEvent | RoundEvent | EndEvent
"""Any of them."""

__all__ = ["EndEvent", "RoundEvent", "RunSummary", "StartEvent", "StepEvent", "TPOEvent"]
