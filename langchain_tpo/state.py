"""What travels along the edges of the graph: plain values only, so that any checkpointer works.

Custom classes would warn or come back as something else when a checkpoint is loaded.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, TypeAlias, get_type_hints

from langchain_core.messages import AnyMessage
from langgraph.channels import EphemeralValue
from langgraph.graph.message import add_messages
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.constructors import what_was_meant
from langchain_tpo.errors import RunError
from langchain_tpo.sampling.usage import Usage as Usage  # noqa: PLC0414 also of this module
from langchain_tpo.text.shown import shown

_WITH_DOCSTRINGS = with_config(ConfigDict(use_attribute_docstrings=True))
"""Docstrings of keys are their help in the forms that Studio draws."""

StepName: TypeAlias = Literal["sample", "reward", "textual_loss", "textual_gradient", "update"]
"""The five steps of Algorithm 1, by the names of their nodes."""

StopReason: TypeAlias = Literal[
    "depth",
    "target_reward",
    "gate",
    "no_contrast",
    "plateau",
    "call_budget",
    "token_budget",
    "time_budget",
    "no_usable_update",
    "refusal",
    "error",
]
"""Why a run ended.

`depth`: all D rounds are done. `target_reward`: the best reward is high enough. `gate`: the first
responses were good or alike enough. `no_contrast`: best and worst are too close for a loss to
explain anything. `plateau`: the last rounds brought no gain. `call_budget`, `token_budget`,
`time_budget`: what comes next would not fit. `no_usable_update`: a whole round of revisions was
unusable. `refusal`: the model refused, and its refusal is the answer. `error`: a call of a later
round failed, or the first draws did where a draft was at hand; the answer is the best response
before it.
"""

DropReason: TypeAlias = Literal[
    "failed",
    "empty",
    "no_tag",
    "ambiguous",
    "echo",
    "not_scored",
    "cut",
    "filtered",
    "refused",
    "after_refusal",
]
"""Why a draw was not used: its request failed, it held no text, a revision lacked its opening
tag, had tags around several texts (`ambiguous`) or was a copy of its prompt (`echo`), or the reward
model could not score it (then it stays in the pool, neither chosen nor rejected). `cut` and
`filtered`: nothing usable was left when a limit of tokens or a filter of the provider's ended it.
`refused`: the provider marked it as a refusal; `after_refusal`: it complied where another refused,
and `on_refusal="end"` set it aside."""


class Round(TypedDict):
    """One pass of loss, gradient and update; it grows as the steps come by."""

    chosen: int
    """Index in the pool of the response that the loss praises."""
    rejected: int | None
    """Index in the pool of the response that the loss holds against it; None where no other has
    been scored."""
    textual_loss: NotRequired[str]
    """Why the chosen response beats the rejected one."""
    textual_gradient: NotRequired[str]
    """What to do better, as instructions; with fused prompts the loss says that too."""
    directions: NotRequired[list[str]]
    """What a strategy's draws can be told, where it asks the critic for several replies."""


class Drop(TypedDict):
    """A draw that could not be used."""

    step: StepName
    round: int
    reason: DropReason
    detail: str
    """The provider's error, or the first characters of the reply."""
    draft: NotRequired[bool]
    """True where it was none of the N draws: a draft, or an agent's first reply."""


class StepRecord(TypedDict):
    """What one step of one round cost."""

    step: StepName
    round: int
    usage: Usage
    seconds: float
    """Wall time of the step, waiting included."""
    waiting: float
    """Seconds of it spent on its call: in a queue, at a model, at the reward. The rest is ours."""
    left_out: NotRequired[int]
    """Characters of quoted text that its prompt left out, because it was longer than the model's
    window; only there when some were."""
    unseeded: NotRequired[bool]
    """True where a seed was set that the step's model does not take."""
    shared: NotRequired[bool]
    """True where an earlier run paid for it: see `FirstSamples`."""


class Failure(TypedDict):
    """The error that ended a run early."""

    step: StepName
    round: int
    type: str
    message: str


class AskedMessages(TypedDict):
    """Which messages of the thread a run answers."""

    messages: int
    """How many they are, from the first one on."""
    digest: str
    """Fingerprint of their content."""


class FirstSamples(TypedDict):
    """Draws of an earlier run to the same conversation, taken over as if this run had made them.

    They count towards N: a run of width 5 that is given five of them draws none of its own.
    """

    candidates: list[Candidate]
    """The responses in the order they were drawn, with their rewards where they have them."""
    drops: NotRequired[list[Drop]]
    """Draws among them that could not be used."""
    steps: NotRequired[list[StepRecord]]
    """What drawing and scoring them cost; the run's budgets and usage count it. They are marked as
    `shared`, unless a record says False: this run has paid for it."""


@_WITH_DOCSTRINGS
class TPOInput(TypedDict):
    """What a run is given."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation to answer."""
    tpo_drafts: NotRequired[Annotated[list[str], Field(title="Drafts"), EphemeralValue]]
    """Answers that exist already, a text each; they enter the pool in round 0."""
    tpo_first_samples: NotRequired[
        Annotated[FirstSamples, Field(title="First samples"), EphemeralValue]
    ]
    """Draws of an earlier run, in place of as many of this one's."""
    tpo_context: NotRequired[
        Annotated[dict[str, Any], Field(title="Context of the question"), EphemeralValue]
    ]
    """What else is known of the question, by name, for the reward: see `ScoreRequest`."""


class TPOUpdate(TypedDict, total=False):
    """What a step may change."""

    responses: list[Candidate]
    """Fresh responses on their way to the reward model."""
    pool: list[Candidate]
    """C: every response of the run."""
    rounds: list[Round]
    """Rounds begun, oldest first: their number is the round in progress, 0 while sampling."""
    drops: list[Drop]
    """Draws that could not be used."""
    steps: list[StepRecord]
    """What every step cost, in order."""
    stop_reason: StopReason | None
    """None while the run goes on."""
    failure: Failure | None
    """Set when `stop_reason` is `error`."""
    answer: int | None
    """The answer's index in the pool; set when the run ends with one that is scored."""
    answer_id: str | None
    """The id of the message that is the answer; set when the run ends."""


class TPORun(TPOUpdate, total=False):
    """What a thread keeps of its newest run; `sample` sets every key of it."""

    id: str
    """Tells its events from those of other runs."""
    question: AskedMessages
    """What is answered: no step goes on with the run of another question."""
    context: dict[str, Any]
    """What else is known of it."""
    options: dict[str, Any]
    """Settings that the run's context has set, so that a resumed run keeps them."""


_RUN: Mapping[str, object] = get_type_hints(TPORun)

RUN_KEYS = tuple(_RUN)
"""Everything that a run knows, by name."""


class TPOState(TPORun, total=False):
    """Everything a step knows: the run, and the conversation that it answers."""

    messages: Required[list[AnyMessage]]
    """The conversation, without the answer."""
    drafts: list[str]
    """Given to `sample` alone."""
    first_samples: FirstSamples | None
    """Given to `sample` alone."""


def merged(run: TPORun, changes: TPORun) -> TPORun:
    """Put what a step, or a person in Studio, has changed into the run."""
    if not isinstance(changes, Mapping):
        raise RunError(f"`tpo` must be a dict of what changes in a run, got `{shown(changes)}`.")
    if (unknown := _unknown_key(changes)) is not None:
        raise RunError(unknown)
    return {**run, **changes}


_PARTS: Mapping[str, Mapping[str, object]] = {
    "rounds": get_type_hints(Round),
    "pool": get_type_hints(Candidate),
    "responses": get_type_hints(Candidate),
    "drops": get_type_hints(Drop),
    "steps": get_type_hints(StepRecord),
}
"""The keys of what a run has several of."""


def _unknown_key(changes: Mapping[str, Any]) -> str | None:
    """Say which key of a change means nothing: who edits a thread types it by hand."""
    places: list[tuple[str, Mapping[Any, Any], Mapping[str, object]]] = [("tpo", changes, _RUN)]
    for name, known in _PARTS.items():
        parts = changes.get(name)
        for number, part in enumerate(parts if isinstance(parts, list) else []):
            if isinstance(part, Mapping):  # another shape is refused where the run goes on
                places.append((f"tpo.{name}.{number}", part, known))
    for place, given, known in places:
        if given.keys() <= known.keys():
            continue
        key = next(key for key in given if key not in known)
        hint = what_was_meant(shown(key), [*known])
        return f"`{place}` has the key `{shown(key)}`, which means nothing there: {hint}"
    return None


@_WITH_DOCSTRINGS
class TPOThread(TPOInput):
    """What travels along the edges, under names that no graph around it has of its own.

    `messages` is the one key that is shared on purpose. What a run is given lasts for its first
    step alone: a question whose first step failed leaves nothing to the next one.
    """

    tpo: Annotated[TPORun, Field(title="Run"), merged]
    """The run of the newest question."""


class TPOStep(TypedDict, total=False):
    """What a node writes."""

    messages: list[AnyMessage]
    """The answer, once there is one."""
    tpo: TPORun
    """What changes in the run."""
