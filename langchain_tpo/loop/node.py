"""How a step becomes a node: pure before, one call, pure after, in sync and in async.

Knows settings, time, cost and the failure policy; knows nothing of what any step asks or does.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar, cast
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp

from langchain_tpo.errors import RunError, TimeBudgetError
from langchain_tpo.events import TPOEvent
from langchain_tpo.loop.failures import failure_of
from langchain_tpo.loop.notices import notices
from langchain_tpo.loop.progress import atell, beginning, events_of, tell
from langchain_tpo.loop.run_options import (
    configured_options,
    context_options,
    on_a_server,
    plain_options,
    with_options,
)
from langchain_tpo.loop.run_state import kept, opened, resumed
from langchain_tpo.loop.stopping import over_budget, seconds_of
from langchain_tpo.result import TPOResult
from langchain_tpo.sampling.run_limit import run_limit
from langchain_tpo.sampling.time_limit import time_limit
from langchain_tpo.sampling.usage import FAILED_REQUEST, Usage, UsageCounter
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import (
    Failure,
    StepName,
    StepRecord,
    StopReason,
    TPORun,
    TPOState,
    TPOStep,
    TPOThread,
    TPOUpdate,
)
from langchain_tpo.text.secrecy import keys_hidden
from langchain_tpo.text.shown import shown

logger = logging.getLogger(__name__)


class StepReply(Protocol):
    """What a call brings: anything that knows what it cost."""

    @property
    def usage(self) -> Usage:
        """Tokens and requests of the call."""
        ...

    @property
    def left_out(self) -> int:
        """Characters of quoted text that the prompt had no room for."""
        ...

    @property
    def unseeded(self) -> bool:
        """Whether a seed was to be used that the model does not take."""
        ...


RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT", bound=StepReply)
AskedT_contra = TypeVar("AskedT_contra", contravariant=True)
BroughtT_co = TypeVar("BroughtT_co", bound=StepReply, covariant=True)


class StepCall(Protocol[AskedT_contra, BroughtT_co]):
    """The one thing of a step that waits: draws from a model, or a reward model."""

    def run(self, request: AskedT_contra, config: RunnableConfig) -> BroughtT_co:
        """Make the call."""
        ...

    async def arun(self, request: AskedT_contra, config: RunnableConfig) -> BroughtT_co:
        """Make the call without blocking the event loop."""
        ...


class Refuse(Protocol):
    """Raises a `ConfigurationError` where a run cannot work."""

    def __call__(self, state: TPOState, settings: TPOSettings, *, sync: bool) -> None:
        """Look at what a run is given."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepPlan(Generic[RequestT, ReplyT]):
    """What makes a step: its name, its call, and the pure code on either side of it."""

    name: StepName
    call: StepCall[RequestT, ReplyT]
    before: Callable[[TPOState, TPOSettings], RequestT]
    after: Callable[[TPOState, TPOSettings, ReplyT], TPOUpdate]
    refuse: Refuse | None = None
    """Refuses, before the call, what cannot work."""


class StepNode(Runnable[TPOThread, TPOStep], Generic[RequestT, ReplyT]):
    """A step as a node for LangGraph, for sync and async runs; immutable.

    LangGraph traces its nodes itself: a `RunnableLambda` here would trace each once more.
    """

    def __init__(
        self, plan: StepPlan[RequestT, ReplyT], settings: TPOSettings, *, answers: bool
    ) -> None:
        """Take what the step does, and what it obeys.

        Args:
            plan: What the step does.
            settings: What it obeys, where the run's own context does not say otherwise.
            answers: Whether it adds the answer to the conversation, once there is one.
        """
        self._plan = plan
        self._settings = settings
        self._answers = answers
        self.name = plan.name

    def invoke(
        self, input: TPOThread, config: RunnableConfig | None = None, **kwargs: Any
    ) -> TPOStep:
        """Run the step on what a thread holds."""
        del kwargs
        config = config or RunnableConfig()
        attempt = self._attempt(input, config)
        tell(attempt.beginning(), config)
        ending = attempt.forbidden() or self._attempted(attempt, config)
        tell(ending.events, config)
        return ending.update

    async def ainvoke(
        self, input: TPOThread, config: RunnableConfig | None = None, **kwargs: Any
    ) -> TPOStep:
        """Run the step on what a thread holds without blocking the event loop."""
        del kwargs
        config = config or RunnableConfig()
        attempt = self._attempt(input, config)
        await atell(attempt.beginning(), config)
        ending = attempt.forbidden() or await self._aattempted(attempt, config)
        await atell(ending.events, config)
        return ending.update

    def _attempt(self, thread: TPOThread, config: RunnableConfig) -> "_Attempt":
        """Look at the clock, the run and what it obeys; `sample` opens a run of its own."""
        since = time.perf_counter()
        opens = self._plan.name == "sample"
        state = opened(thread, of_client=on_a_server()) if opens else resumed(thread)
        if self._plan.name not in ("sample", "reward") and not state["rounds"]:
            raise RunError(f"`tpo.rounds` is empty, and `{self._plan.name}` is a step of a round.")
        earlier, given = state["options"], context_options(self._settings)
        settings = with_options(self._settings, {**earlier, **given})
        if own := configured_options(config, settings, of_client=on_a_server()):
            given, settings = {**given, **own}, with_options(settings, own)
        state["options"] = {**earlier, **plain_options(given)}
        return _Attempt(self._plan.name, state, settings, since, self._answers)

    def _attempted(self, attempt: "_Attempt", config: RunnableConfig) -> "Ending":
        request = self._request(attempt, sync=True)
        attempt = attempt.begun(config)
        try:
            with run_limit(config):
                reply = self._plan.call.run(request, attempt.labelled(config))
        except Exception as error:  # noqa: BLE001 any provider's: raised again, or the run's result
            return attempt.failed(error)
        return self._finished(attempt, reply)

    async def _aattempted(self, attempt: "_Attempt", config: RunnableConfig) -> "Ending":
        request = self._request(attempt, sync=False)
        attempt = attempt.begun(config)
        try:
            with run_limit(config), time_limit(attempt.seconds_left):
                reply = await self._plan.call.arun(request, attempt.labelled(config))
        except Exception as error:  # noqa: BLE001 as above
            return attempt.failed(error)
        return self._finished(attempt, reply)

    def _request(self, attempt: "_Attempt", *, sync: bool) -> RequestT:
        if self._plan.refuse is not None:
            self._plan.refuse(attempt.state, attempt.settings, sync=sync)
        return self._plan.before(attempt.state, attempt.settings)

    def _finished(self, attempt: "_Attempt", reply: ReplyT) -> "Ending":
        marks = {"left_out": reply.left_out, "unseeded": reply.unseeded}
        state = attempt.with_cost(reply.usage, marks)
        try:
            changes = self._plan.after(state, attempt.settings, reply)
        except RunError as error:  # an answer that nothing can be done with
            return attempt.failed(error)
        return attempt.ending({**changes, "steps": state["steps"]})


class Onward(Runnable[TPOThread, str]):
    """Names the step that follows; a conditional edge, in sync and in async; immutable.

    It reads nothing but what the thread holds, so that a run whose state was edited goes on.
    """

    def __init__(self, *then: StepName, settings: TPOSettings) -> None:
        """Take what can follow.

        Args:
            then: The steps that can follow, of which a run takes the first that it does not skip.
            settings: What the run obeys, where its own context has not said otherwise.
        """
        self._then = then
        self._settings = settings
        self.name = "onward"

    def invoke(self, input: TPOThread, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """Return the name of the next step, or `STOP` once the run has ended.

        Raises:
            RunError: When a stop reason was edited in, before there was an answer.
        """
        del config, kwargs
        run = input["tpo"]
        if run.get("stop_reason"):
            if not run.get("answer_id"):
                raise RunError(
                    f"`tpo.stop_reason` is `{shown(run['stop_reason'])}` and the run has no answer "
                    "yet: a step that ends a run sets both; leave it None, and the run goes on."
                )
            return STOP
        settings = with_options(self._settings, run.get("options", {}))
        return next(step for step in self._then if not settings.skips(step))

    async def ainvoke(
        self, input: TPOThread, config: RunnableConfig | None = None, **kwargs: Any
    ) -> str:
        """Return the name of the next step, as `invoke` does: there is nothing to wait for."""
        return self.invoke(input, config, **kwargs)


STOP = "stop"
"""How the graph's drawing calls the way to its end."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a step ends: what changes, and what is told of it."""

    update: TPOStep
    events: list[TPOEvent]


_NO_MARKS: Mapping[str, int | bool] = {}


@dataclass(frozen=True)
class _Attempt:
    """A step under way."""

    name: StepName
    state: TPOState
    settings: TPOSettings
    since: float
    answers: bool
    """Whether the conversation gets the answer, once there is one."""
    asked: float = 0.0
    """When its call began."""
    spent: UsageCounter = field(default_factory=UsageCounter)
    """What its call has cost so far, should it bring nothing in the end."""

    def beginning(self) -> list[TPOEvent]:
        """Return what there is to tell before the call: that a run begins."""
        return beginning(self.state, self.settings) if self.name == "sample" else []

    def labelled(self, config: RunnableConfig) -> RunnableConfig:
        """Return a config whose runs say to which round they belong."""
        return {**config, "metadata": {**config.get("metadata", {}), "tpo_round": self.round}}

    def begun(self, config: RunnableConfig) -> "_Attempt":
        """Look at the clock, and count every request from here on, those of tasks included."""
        for callbacks in (config.get("callbacks"), get_config().get("callbacks")):
            if isinstance(callbacks, BaseCallbackManager):
                callbacks.add_handler(self.spent)
        return replace(self, asked=time.perf_counter())

    @property
    def round(self) -> int:
        """The round this step belongs to; `sample` opens round 0 whatever the thread held."""
        return len(self.state["rounds"])

    @property
    def seconds_left(self) -> float | None:
        """What the time budget leaves to models; what they have drawn is scored all the same."""
        if self.settings.time_budget is None or self.name == "reward":
            return None
        return max(0.0, self.settings.time_budget - seconds_of(self.state["steps"]))

    def with_cost(self, usage: Usage, marks: Mapping[str, int | bool] = _NO_MARKS) -> TPOState:
        """Return the state with the record of what this step has cost."""
        now = time.perf_counter()
        record = StepRecord(
            step=self.name,
            round=self.round,
            usage=usage,
            seconds=now - self.since,
            waiting=now - self.asked,
        )
        record = cast("StepRecord", {**record, **{name: it for name, it in marks.items() if it}})
        return {**self.state, "steps": [*self.state["steps"], record]}

    def forbidden(self) -> Ending | None:
        """End the run before the call when a budget forbids it."""
        if self.round == 0:
            return None
        reason = over_budget(self.name, self.state["steps"], settings=self.settings)
        if reason is None:
            return None
        ending = self.ending({"stop_reason": reason})
        return replace(ending, events=ending.events[-1:])  # the step before has told of itself

    def stopped(self, reason: StopReason, failure: Failure | None = None) -> Ending:
        """End the run in the middle of a call."""
        steps = self.with_cost(self._spent_without_reply())["steps"]
        return self.ending({"steps": steps, "stop_reason": reason, "failure": failure})

    def _spent_without_reply(self) -> Usage:
        """Count one request where a function stands in for a model: it reports no usage."""
        usage = self.spent.usage
        return FAILED_REQUEST if usage["requests"] == 0 and self.name != "reward" else usage

    def failed(self, error: Exception) -> Ending:
        """End the run with the best response so far, or raise where there is none or so asked."""
        if isinstance(error, TimeBudgetError) and self.round > 0:
            return self.stopped("time_budget")
        if isinstance(error, GraphBubbleUp) or self.round == 0 or self.settings.on_error == "raise":
            with keys_hidden():
                raise error
        return self.stopped("error", failure_of(self.name, self.round, error))

    def ending(self, changes: TPOUpdate) -> Ending:
        """Add the answer when the run ends here, and what there is to tell."""
        after: TPOState = {**self.state, **changes}
        update = TPOStep(tpo=kept(after) if self.name == "sample" else self._changed(changes))
        if after["stop_reason"] is not None:
            after["answer"] = self.settings.strategy.answer(after["pool"])
            result = TPOResult.from_state(after)
            for notice in notices(result):
                logger.warning(notice)
            result = replace(result, answer_id=_answer_id(result, self.state["messages"]))
            after["answer_id"] = result.answer_id
            told = {"answer": after["answer"], "answer_id": result.answer_id}
            update["tpo"] = cast("TPORun", {**update["tpo"], **told})
            if self.answers:
                update["messages"] = [result.message()]
        events = events_of(after, texts=self.settings.progress_text)
        return Ending(update=update, events=events)

    def _changed(self, changes: TPOUpdate) -> TPORun:
        return cast("TPORun", {**changes, "options": self.state["options"]})


def _answer_id(result: TPOResult, earlier: Sequence[BaseMessage]) -> str:
    """Return the id that the answer has everywhere: the provider's, where it is a new one.

    An earlier message of that id would be replaced by the answer.
    """
    given = result.message_of(result.chosen).id
    taken = {message.id for message in earlier}
    return str(uuid4()) if given is None or given in taken else given
