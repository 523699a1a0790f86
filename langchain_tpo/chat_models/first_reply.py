"""Reply first, optimize only what is to compete: for models that may call a tool instead.

A small graph around the loop: `first_reply`, then `tpo_graph` where the reply competes. Each is a
step of its own, so that a checkpointed run which pauses or is killed inside the loop does not ask
for the first reply again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, ensure_config
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.loop.links import ended, roomy
from langchain_tpo.loop.revisions import read_response, usable
from langchain_tpo.loop.run_input import (
    TPORequest,
    as_tpo_input,
    checked_context,
    is_given,
)
from langchain_tpo.loop.slots import ainvoke_in_slot, invoke_in_slot
from langchain_tpo.loop.traces import FIGURES
from langchain_tpo.result import TPOResult
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.draw_request import copies
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.sampling.foreign_code import contained
from langchain_tpo.sampling.inner_calls import inner_config
from langchain_tpo.sampling.replies import read_reply
from langchain_tpo.sampling.request_limit import aplace, place
from langchain_tpo.sampling.run_limit import run_limit
from langchain_tpo.sampling.usage import UsageCounter
from langchain_tpo.state import Drop, FirstSamples, StepRecord, TPOInput, TPOThread
from langchain_tpo.steps.sample import check_asked


@dataclass(frozen=True, kw_only=True)
class ReplyMessages:
    """What a model said first."""

    messages: Sequence[BaseMessage]
    """Its message, and those that an agent adds where it reads structured output."""
    structured_response: object = None
    """What an agent read out of it, where it was asked to. No checkpoint keeps it: it can be of any
    class."""
    fault: str | None = None
    """Why nothing could be read out of it."""
    failed_with: Exception | None = None
    """What the call failed with, where no model said this: the text of an error is no answer."""

    @property
    def message(self) -> AIMessage:
        """The model's own message."""
        return next(message for message in self.messages if isinstance(message, AIMessage))

    @property
    def is_structured(self) -> bool:
        """Whether it is a structured answer, or would be one without a fault."""
        return self.structured_response is not None or self.fault is not None

    @property
    def is_in_words(self) -> bool:
        """Whether it is an answer in words: no tool calls, nothing structured."""
        said = self.message
        calls = said.tool_calls or said.invalid_tool_calls or len(self.messages) > 1
        if calls or self.is_structured or self.failed_with is not None:
            return False
        return bool(said.text.strip())

    def as_message(self) -> AIMessage:
        """Return the model's message, with all else in its metadata; `of` reads it there."""
        beside = messages_to_dict(
            [message for message in self.messages if message is not self.message]
        )
        told = {BESIDE: beside, FAULT: self.fault}
        metadata = {name: value for name, value in told.items() if value}
        if not metadata:
            return self.message
        metadata = {**self.message.response_metadata, **metadata}
        return self.message.model_copy(update={"response_metadata": metadata})

    @classmethod
    def of(cls, message: AIMessage) -> "ReplyMessages":
        """Return the reply that a message of `as_message` was made of, nothing read out of it."""
        metadata = dict(message.response_metadata)
        beside = messages_from_dict(metadata.pop(BESIDE, []))
        fault = metadata.pop(FAULT, None)
        own = message.model_copy(update={"response_metadata": metadata})
        return cls(messages=[own, *beside], fault=fault)


BESIDE = "tpo_beside"
"""Where a message's metadata keep the messages that came with it."""

FAULT = "tpo_fault"
"""Where they keep why nothing could be read out of it."""


def in_words(reply: ReplyMessages) -> bool:
    """Let answers in words compete."""
    return reply.is_in_words


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The reply untouched, or the result of the loop in its place."""

    reply: ReplyMessages
    result: TPOResult | None

    def message(self) -> AIMessage:
        """Return the message that the caller gets."""
        return self.reply.message if self.result is None else self.result.message()


class KeptReply(TypedDict):
    """A reply as plain values: a message in the state would reach the caller's token stream."""

    messages: list[dict[str, Any]]
    fault: str | None
    competes: bool


class ReplyState(TPOThread):
    """The loop's state, and what was said first."""

    kept: KeptReply


Asked = Sequence[BaseMessage] | TPORequest
"""A conversation, or one with more that is known of it."""

FirstCall = Runnable[Sequence[BaseMessage], ReplyMessages]
"""Asks the model, tools and all."""


class FirstReply:
    """Asks for a reply and optimizes it if it is to compete; immutable."""

    def __init__(
        self,
        first: FirstCall,
        tpo: TPORunnable,
        competes: Callable[[ReplyMessages], bool] = in_words,
    ) -> None:
        """Build the graph.

        Args:
            first: Asks the model, tools and all.
            tpo: Optimizes what competes; the reply is a draft among the others.
            competes: Says of a reply whether it is to be optimized; asked once.
        """
        self._first = first
        self._tpo = tpo
        self._competes = competes
        self._graph = self._compiled()

    def invoke(self, asked: Asked, config: RunnableConfig) -> AIMessage:
        """Return the message of the answer."""
        return self.run(asked, config).message()

    async def ainvoke(self, asked: Asked, config: RunnableConfig) -> AIMessage:
        """Return the message of the answer without blocking the event loop."""
        return (await self.arun(asked, config)).message()

    def run(self, asked: Asked, config: RunnableConfig) -> Answer:
        """Return the reply, optimized if it is to compete."""
        inner = roomy(config, threads=self._tpo.threads)
        who = self._tpo.fingerprint
        with run_limit(ensure_config(config)):
            return _answer(invoke_in_slot(self._graph, _as_input(asked), inner, who=who))

    async def arun(self, asked: Asked, config: RunnableConfig) -> Answer:
        """Return the reply as `run` does, without blocking the event loop."""
        who, inner = self._tpo.fingerprint, roomy(config)
        with run_limit(ensure_config(config)):
            return _answer(await ainvoke_in_slot(self._graph, _as_input(asked), inner, who=who))

    def _compiled(self) -> CompiledStateGraph[ReplyState, Any, TPOInput, ReplyState]:
        graph = StateGraph(ReplyState, input_schema=TPOInput)
        first = RunnableLambda(self._reply, self._areply, name="first_reply")
        graph.add_node("first_reply", first, trace_policy=FIGURES)
        graph.add_node("tpo_graph", self._tpo.link_graph, trace_policy=FIGURES)
        graph.add_edge(START, "first_reply")
        graph.add_conditional_edges("first_reply", IfItCompetes(), ["tpo_graph", END])
        return graph.compile(name=self._tpo.get_name())

    def _reply(self, state: ReplyState, config: RunnableConfig) -> dict[str, Any]:
        self._check(state, sync=True)
        keep = _Keeper(config, self._tpo, self._competes)
        with place("model"), contained("The model"):
            reply = self._first.invoke(copies(state["messages"]), keep.config)
        return {**keep(reply), **_context_of(state)}

    def _check(self, state: ReplyState, *, sync: bool) -> None:
        """Refuse what the loop would refuse, before the reply is paid for."""
        given = state.get("tpo_context")
        context = checked_context(given if is_given(given) else {})
        tpo = self._tpo
        check_asked(state["messages"], context, tpo.reward, tpo.settings, sync=sync)

    async def _areply(self, state: ReplyState, config: RunnableConfig) -> dict[str, Any]:
        self._check(state, sync=False)
        keep = _Keeper(config, self._tpo, self._competes)
        async with aplace("model"):
            with contained("The model"):
                reply = await self._first.ainvoke(copies(state["messages"]), keep.config)
        return {**keep(reply), **_context_of(state)}


class _Keeper:
    """Measures one call and makes plain values of what it brought."""

    def __init__(
        self, config: RunnableConfig, tpo: TPORunnable, competes: Callable[[ReplyMessages], bool]
    ) -> None:
        self._tpo = tpo
        self._competes = competes
        self._counter = UsageCounter()
        self._since = time.perf_counter()
        self.config = inner_config(
            config, self._counter, {"tpo_step": "first_reply", "tpo_round": 0}
        )

    def __call__(self, reply: ReplyMessages) -> dict[str, Any]:
        spent = self._spent()
        competes = self._competes(reply)
        messages = messages_to_dict([_with_whole_usage(one) for one in reply.messages])
        kept = KeptReply(messages=messages, fault=reply.fault, competes=competes)
        given = FirstSamples(candidates=[], steps=[spent])
        if competes:
            given["candidates"], given["drops"] = self._read(reply.as_message())
        return {"kept": kept, "tpo_first_samples": given}

    def _spent(self) -> StepRecord:
        """Return what the reply has cost: the run that it opens has paid for it itself."""
        seconds, usage = time.perf_counter() - self._since, self._counter.usage
        return StepRecord(
            step="sample", round=0, usage=usage, seconds=seconds, waiting=seconds, shared=False
        )

    def _read(self, message: AIMessage) -> tuple[list[Candidate], list[Drop]]:
        """Return the reply as a candidate, or as a drop where there is nothing in it."""
        form = self._tpo.form
        read = read_reply(message) if form is None else form.read(message)
        draws = Draws(replies=[read], failures=[], usage=self._counter.usage)
        complete = self._tpo.settings.prefer_complete
        found, drops = usable(
            draws, read_response, step="sample", round_number=0, prefer_complete=complete
        )
        drafts: list[Candidate] = [{**candidate, "draft": True} for candidate in found]
        return drafts, [{**drop, "draft": True} for drop in drops]


def _context_of(state: ReplyState) -> dict[str, Any]:
    """Return what else is known of the question once more: it is kept for one step only."""
    known = state.get("tpo_context")
    return {} if known is None else {"tpo_context": known}


def _with_whole_usage(message: BaseMessage) -> BaseMessage:
    """Return the message without a usage that has no tokens, as LangChain's cache leaves it."""
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    if not usage or "input_tokens" in usage:
        return message
    return message.model_copy(update={"usage_metadata": None})


def _as_input(asked: Asked) -> TPOInput:
    if isinstance(asked, Mapping):
        return as_tpo_input(asked)
    return TPOInput(messages=cast("list[AnyMessage]", list(asked)))


class IfItCompetes(Runnable[ReplyState, str]):
    """Goes on to the loop with a reply that competes; a conditional edge, in sync and in async.

    LangGraph would trace a function, and its whole input with it: the conversation once more.
    """

    name = "if_it_competes"

    def invoke(self, input: ReplyState, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """Return the name of the next step, or the graph's end."""
        del config, kwargs
        return "tpo_graph" if input["kept"]["competes"] else END

    async def ainvoke(
        self, input: ReplyState, config: RunnableConfig | None = None, **kwargs: Any
    ) -> str:
        """Return the name of the next step, as `invoke` does: there is nothing to wait for."""
        return self.invoke(input, config, **kwargs)


def _answer(output: Mapping[str, Any]) -> Answer:
    state = cast("ReplyState", ended(output))
    kept = state["kept"]
    reply = ReplyMessages(messages=messages_from_dict(kept["messages"]), fault=kept["fault"])
    if not kept["competes"]:
        return Answer(reply=reply, result=None)
    return Answer(reply=reply, result=TPOResult.from_state(state["tpo"]))
