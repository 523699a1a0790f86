"""How a step becomes a node: pure before, one call, pure after, in sync and in async.

Knows settings, time, cost and the failure policy; knows nothing of what any step asks or does.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END
from langgraph.runtime import get_runtime
from langgraph.types import Command

from langchain_tpo.progress import Event, events_of
from langchain_tpo.result import TPOResult
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Failure, Step, StepName, StepRecord, TPOState, TPOUpdate
from langchain_tpo.usage import NOTHING_USED, Usage


class Reply(Protocol):
    """What a call brings: anything that knows what it cost."""

    @property
    def usage(self) -> Usage:
        """Tokens and requests of the call."""
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


class StepNode(Generic[RequestT, ReplyT]):
    """Runs a step on a state; immutable."""

    def __init__(
        self, plan: StepPlan[RequestT, ReplyT], *, then: StepName, settings: TPOSettings
    ) -> None:
        """Take what the step does, what follows it, and what it obeys.

        Args:
            plan: What the step does.
            then: The step that follows, unless this one ends the run.
            settings: What it obeys, where the run's own context does not say otherwise.
        """
        self._plan = plan
        self._then = then
        self._settings = settings

    def as_runnable(self) -> Step:
        """Give the node for LangGraph, for sync and async runs."""
        return RunnableLambda(self._run, self._arun, name=self._plan.name)

    def _run(self, state: TPOState, config: RunnableConfig) -> Command[str]:
        attempt, request = self._begin(state)
        try:
            reply = self._plan.call.run(request, config)
        except Exception as error:  # noqa: BLE001 any provider's: raised again, or the run's result
            changes, events = attempt.failed(error)
        else:
            changes, events = self._finish(attempt, reply)
        for event in events:
            get_stream_writer()({"event": event.name, **event.data})
            dispatch_custom_event(event.name, event.data, config=config)
        return self._onward(changes)

    async def _arun(self, state: TPOState, config: RunnableConfig) -> Command[str]:
        attempt, request = self._begin(state)
        try:
            reply = await self._plan.call.arun(request, config)
        except Exception as error:  # noqa: BLE001 as above
            changes, events = attempt.failed(error)
        else:
            changes, events = self._finish(attempt, reply)
        for event in events:
            get_stream_writer()({"event": event.name, **event.data})
            await adispatch_custom_event(event.name, event.data, config=config)
        return self._onward(changes)

    def _begin(self, state: TPOState) -> tuple["_Attempt", RequestT]:
        settings = active_settings(self._settings)
        attempt = _Attempt(self._plan.name, state, settings, time.perf_counter())
        return attempt, self._plan.before(state, settings)

    def _onward(self, changes: TPOUpdate) -> Command[str]:
        """Go to the step that follows, or to the end once a stop reason is set."""
        goto = END if changes.get("stop_reason") else self._then
        return Command(update=changes, goto=goto)

    def _finish(self, attempt: "_Attempt", reply: ReplyT) -> tuple[TPOUpdate, list[Event]]:
        changes = self._plan.after(attempt.state, attempt.settings, reply)
        return attempt.finished(changes, reply.usage)


def active_settings(settings: TPOSettings) -> TPOSettings:
    """Give the settings with whatever this run's context sets explicitly."""
    context = get_runtime(TPOSettings).context
    if not isinstance(context, TPOSettings) or not context.model_fields_set:
        return settings
    given = {name: getattr(context, name) for name in context.model_fields_set}
    return settings.with_changes(**given)


@dataclass(frozen=True)
class _Attempt:
    """A step under way."""

    name: StepName
    state: TPOState
    settings: TPOSettings
    since: float

    @property
    def round(self) -> int:
        """The round this step belongs to; `sample` opens round 0 whatever the thread held."""
        return 0 if self.name == "sample" else len(self.state["rounds"])

    def finished(self, changes: TPOUpdate, usage: Usage) -> tuple[TPOUpdate, list[Event]]:
        """Record what the step cost and, when it ends the run, give the answer."""
        state: TPOState = {**self.state, **changes}
        record = StepRecord(
            step=self.name,
            round=self.round,
            usage=usage,
            seconds=time.perf_counter() - self.since,
        )
        state["steps"] = changes["steps"] = [*state["steps"], record]
        if state["stop_reason"] is not None:
            changes["messages"] = [TPOResult.from_state(state).message()]
        return changes, events_of(record, state)

    def failed(self, error: Exception) -> tuple[TPOUpdate, list[Event]]:
        """End the run with the best response so far, or raise where there is none or so asked."""
        if isinstance(error, GraphBubbleUp) or self.round == 0 or self.settings.on_error == "raise":
            raise error
        failure = Failure(
            step=self.name,
            round=self.round,
            type=type(error).__name__,
            message=str(error),
        )
        return self.finished({"stop_reason": "error", "failure": failure}, NOTHING_USED)
