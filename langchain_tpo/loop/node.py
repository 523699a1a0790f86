"""How a step becomes a node: pure before, one call, pure after, in sync and in async.

Knows settings, time, cost and the failure policy; knows nothing of what any step asks or does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from langchain_core.callbacks import (
    BaseCallbackManager,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.config import get_config, get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END
from langgraph.runtime import get_runtime
from langgraph.types import Command

from langchain_tpo.errors import RunError
from langchain_tpo.loop.notices import notices
from langchain_tpo.loop.progress import Event, events_of
from langchain_tpo.loop.stopping import over_budget, seconds_of
from langchain_tpo.result import TPOResult
from langchain_tpo.sampling.usage import FAILED_REQUEST, Usage, UsageCounter
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import (
    Failure,
    FirstSamples,
    StepName,
    StepRecord,
    StopReason,
    TPOState,
    TPOUpdate,
)
from langchain_tpo.text.secrecy import keys_hidden, without_credentials

logger = logging.getLogger(__name__)


class Reply(Protocol):
    """What a call brings: anything that knows what it cost."""

    @property
    def usage(self) -> Usage:
        """Tokens and requests of the call."""
        ...

    @property
    def left_out(self) -> int:
        """Characters of quoted text that the prompt had no room for."""
        ...


RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT", bound=Reply)
AskedT_contra = TypeVar("AskedT_contra", contravariant=True)
BroughtT_co = TypeVar("BroughtT_co", bound=Reply, covariant=True)


class Call(Protocol[AskedT_contra, BroughtT_co]):
    """The one thing of a step that waits: draws from a model, or a reward model."""

    def run(self, request: AskedT_contra, config: RunnableConfig) -> BroughtT_co:
        """Make the call."""
        ...

    async def arun(self, request: AskedT_contra, config: RunnableConfig) -> BroughtT_co:
        """Make the call without blocking the event loop."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepPlan(Generic[RequestT, ReplyT]):
    """What makes a step: its name, its call, and the pure code on either side of it."""

    name: StepName
    call: Call[RequestT, ReplyT]
    before: Callable[[TPOState, TPOSettings], RequestT]
    after: Callable[[TPOState, TPOSettings, ReplyT], TPOUpdate]


class StepNode(Runnable[TPOState, Command[str]], Generic[RequestT, ReplyT]):
    """A step as a node for LangGraph, for sync and async runs; immutable.

    LangGraph traces its nodes itself: a `RunnableLambda` here would trace each once more.
    """

    def __init__(
        self, plan: StepPlan[RequestT, ReplyT], *, then: Sequence[StepName], settings: TPOSettings
    ) -> None:
        """Take what the step does, what follows it, and what it obeys.

        Args:
            plan: What the step does.
            then: What follows, unless this one ends the run: the first that the run does not skip.
            settings: What it obeys, where the run's own context does not say otherwise.
        """
        self._plan = plan
        self._then = then
        self._settings = settings
        self.name = plan.name

    def invoke(
        self, input: TPOState, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Command[str]:
        """Run the step on a state."""
        del kwargs
        config = config or RunnableConfig()
        attempt = _Attempt(self._plan.name, input, active_settings(self._settings))
        changes, events = attempt.forbidden() or self._attempted(attempt, config)
        for event in events:
            get_stream_writer()({"event": event.name, **event.data})
            dispatch_custom_event(event.name, event.data, config=config)
        return self._onward(changes, attempt.settings)

    async def ainvoke(
        self, input: TPOState, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Command[str]:
        """Run the step on a state without blocking the event loop."""
        del kwargs
        config = config or RunnableConfig()
        attempt = _Attempt(self._plan.name, input, active_settings(self._settings))
        changes, events = attempt.forbidden() or await self._aattempted(attempt, config)
        for event in events:
            get_stream_writer()({"event": event.name, **event.data})
            await adispatch_custom_event(event.name, event.data, config=config)
        return self._onward(changes, attempt.settings)

    def _attempted(self, attempt: "_Attempt", config: RunnableConfig) -> "Ending":
        request = self._plan.before(attempt.state, attempt.settings)
        attempt = attempt.begun(config)
        try:
            reply = self._plan.call.run(request, config)
        except Exception as error:  # noqa: BLE001 any provider's: raised again, or the run's result
            return attempt.failed(error)
        return self._finished(attempt, reply)

    async def _aattempted(self, attempt: "_Attempt", config: RunnableConfig) -> "Ending":
        request = self._plan.before(attempt.state, attempt.settings)
        attempt = attempt.begun(config)
        deadline = asyncio.timeout(attempt.seconds_left)
        try:
            async with deadline:
                reply = await self._plan.call.arun(request, config)
        except Exception as error:  # noqa: BLE001 as above
            return attempt.stopped("time_budget") if deadline.expired() else attempt.failed(error)
        return self._finished(attempt, reply)

    def _finished(self, attempt: "_Attempt", reply: ReplyT) -> "Ending":
        state = attempt.with_cost(reply.usage, left_out=reply.left_out)
        try:
            changes = self._plan.after(state, attempt.settings, reply)
        except RunError as error:  # an answer that nothing can be done with
            return attempt.failed(error)
        return _ending(attempt.state, {**changes, "steps": state["steps"]})

    def _onward(self, changes: TPOUpdate, settings: TPOSettings) -> Command[str]:
        """Go to the step that follows, or to the end once a stop reason is set."""
        following = next(step for step in self._then if not settings.skips(step))
        return Command(update=changes, goto=END if changes.get("stop_reason") else following)


def active_settings(settings: TPOSettings) -> TPOSettings:
    """Return the settings with whatever this run's context sets explicitly."""
    context = get_runtime(TPOSettings).context
    if not isinstance(context, TPOSettings) or not context.model_fields_set:
        return settings
    given = {name: getattr(context, name) for name in context.model_fields_set}
    return settings.with_changes(**given)


Ending: TypeAlias = tuple[TPOUpdate, list[Event]]
"""How a step ends: what changes, and what is told of it."""


@dataclass(frozen=True)
class _Attempt:
    """A step under way."""

    name: StepName
    state: TPOState
    settings: TPOSettings
    since: float = field(default_factory=time.perf_counter)
    asked: float = 0.0
    """When its call began."""
    spent: UsageCounter = field(default_factory=UsageCounter)
    """What its call has cost so far, should it bring nothing in the end."""

    def begun(self, config: RunnableConfig) -> "_Attempt":
        """Look at the clock, and count every request from here on, those of tasks included."""
        for callbacks in (config.get("callbacks"), get_config().get("callbacks")):
            if isinstance(callbacks, BaseCallbackManager):
                callbacks.add_handler(self.spent)
        return replace(self, asked=time.perf_counter())

    @property
    def round(self) -> int:
        """The round this step belongs to; `sample` opens round 0 whatever the thread held."""
        return 0 if self.name == "sample" else len(self.state["rounds"])

    @property
    def seconds_left(self) -> float | None:
        """What the time budget leaves to a call; the first round has an answer to find first."""
        if self.settings.time_budget is None or self.round == 0:
            return None
        return max(0.0, self.settings.time_budget - seconds_of(self.state["steps"]))

    def with_cost(self, usage: Usage, *, left_out: int = 0) -> TPOState:
        """Return the state with the record of what this step has cost."""
        now = time.perf_counter()
        record = StepRecord(
            step=self.name,
            round=self.round,
            usage=usage,
            seconds=now - self.since,
            waiting=now - self.asked,
        )
        if left_out:
            record["left_out"] = left_out
        earlier = _steps_given(self.state) if self.name == "sample" else self.state["steps"]
        return {**self.state, "steps": [*earlier, record]}

    def forbidden(self) -> Ending | None:
        """End the run before the call when a budget forbids it."""
        if self.round == 0:
            return None
        reason = over_budget(self.name, self.state["steps"], settings=self.settings)
        if reason is None:
            return None
        changes, events = _ending(self.state, {"stop_reason": reason})
        return changes, events[-1:]  # the step before has told of itself

    def stopped(self, reason: StopReason, failure: Failure | None = None) -> Ending:
        """End the run in the middle of a call."""
        steps = self.with_cost(self._spent_in_vain())["steps"]
        changes: TPOUpdate = {"steps": steps, "stop_reason": reason, "failure": failure}
        return _ending(self.state, changes)

    def _spent_in_vain(self) -> Usage:
        """A function in the place of a model is called unseen, once at least."""
        usage = self.spent.usage
        return FAILED_REQUEST if usage["requests"] == 0 and self.name != "reward" else usage

    def failed(self, error: Exception) -> Ending:
        """End the run with the best response so far, or raise where there is none or so asked."""
        if isinstance(error, GraphBubbleUp) or self.round == 0 or self.settings.on_error == "raise":
            with keys_hidden():
                raise error
        failure = Failure(
            step=self.name,
            round=self.round,
            type=type(error).__name__,
            message=without_credentials(str(error)),
        )
        return self.stopped("error", failure)


def _steps_given(state: TPOState) -> list[StepRecord]:
    """What the first samples cost that another run has drawn."""
    given = state.get("first_samples") or FirstSamples(candidates=[])
    return [{**step, "shared": True} for step in given.get("steps", [])]


def _own_id(answer: AIMessage, earlier: Sequence[BaseMessage]) -> AIMessage:
    """Drop an id of an earlier message, which the answer would replace."""
    taken = any(message.id == answer.id for message in earlier)
    return answer.model_copy(update={"id": None}) if taken else answer


def _ending(state: TPOState, changes: TPOUpdate) -> Ending:
    """Add the answer when the run ends here, and what there is to tell."""
    after: TPOState = {**state, **changes}
    if after["stop_reason"] is None:
        return changes, events_of(after)
    result = TPOResult.from_state(after)
    for notice in notices(result):
        logger.warning(notice)
    answer = _own_id(result.message(), state["messages"])
    return {**changes, "messages": [answer]}, events_of(after)
