"""Reply first, optimize only what is final: for models that may call a tool instead.

A small graph around the loop: `first_reply`, then `tpo_graph` unless the reply calls tools. Each
is a step of its own, so that a checkpointed run which pauses or is killed inside the loop does not
ask for the first reply again.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from langchain_tpo.loop.slots import ainvoke_in_slot, invoke_in_slot
from langchain_tpo.result import TPOResult
from langchain_tpo.runnable import TPORunnable, ended, roomy
from langchain_tpo.sampling.inner_calls import inner_config
from langchain_tpo.sampling.usage import Usage, UsageCounter
from langchain_tpo.state import StepRecord, TPOInput, TPOThread


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model said first."""

    messages: Sequence[BaseMessage]
    """Its message, and those that an agent adds where it reads structured output."""
    structured_response: object = None
    """What an agent read out of it, where it was asked to."""

    @property
    def message(self) -> AIMessage:
        """The model's own message."""
        return next(one for one in self.messages if isinstance(one, AIMessage))

    @property
    def is_final(self) -> bool:
        """Whether it is an answer in words: no tool calls, nothing structured."""
        said = self.message
        calls = said.tool_calls or said.invalid_tool_calls or len(self.messages) > 1
        return not calls and self.structured_response is None and bool(said.text.strip())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The reply untouched, or the result of the loop in its place."""

    reply: Reply
    result: TPOResult | None

    def message(self) -> AIMessage:
        """Return the message that the caller gets."""
        return self.reply.message if self.result is None else self.result.message()


class KeptReply(TypedDict):
    """A reply as plain values: a message in the state would reach the caller's token stream."""

    messages: list[dict[str, Any]]
    structured_response: object
    usage: Usage
    seconds: float


class ReplyState(TPOThread):
    """The loop's state, and what was said first."""

    kept: KeptReply


FirstCall = Runnable[Sequence[BaseMessage], Reply]
"""Asks the model, tools and all."""


class FirstReply:
    """Asks for a reply and optimizes it if it is final; immutable."""

    def __init__(self, first: FirstCall, tpo: TPORunnable) -> None:
        """Lay the graph.

        Args:
            first: Asks the model, tools and all.
            tpo: Optimizes what is final; the reply competes as a draft.
        """
        self._first = first
        self._tpo = tpo
        self._graph = self._compiled()

    def invoke(self, messages: Sequence[BaseMessage], config: RunnableConfig) -> AIMessage:
        """Return the message of the answer."""
        return self.run(messages, config).message()

    async def ainvoke(self, messages: Sequence[BaseMessage], config: RunnableConfig) -> AIMessage:
        """Return the message of the answer without blocking the event loop."""
        return (await self.arun(messages, config)).message()

    def run(self, messages: Sequence[BaseMessage], config: RunnableConfig) -> Answer:
        """Return the reply, optimized if it is final."""
        inner = roomy(config, threads=self._tpo.threads)
        who = self._tpo.fingerprint
        return _answer(invoke_in_slot(self._graph, _as_input(messages), inner, who=who))

    async def arun(self, messages: Sequence[BaseMessage], config: RunnableConfig) -> Answer:
        """Return the reply as `run` does, without blocking the event loop."""
        asked, who = _as_input(messages), self._tpo.fingerprint
        return _answer(await ainvoke_in_slot(self._graph, asked, roomy(config), who=who))

    def _compiled(self) -> CompiledStateGraph[ReplyState, Any, TPOInput, ReplyState]:
        graph = StateGraph(ReplyState, input_schema=TPOInput)
        graph.add_node("first_reply", RunnableLambda(self._reply, self._areply, name="first_reply"))
        graph.add_node("tpo_graph", self._tpo.graph)
        graph.add_edge(START, "first_reply")
        graph.add_conditional_edges("first_reply", if_final, ["tpo_graph", END])
        return graph.compile(name=self._tpo.get_name())

    def _reply(self, state: ReplyState, config: RunnableConfig) -> dict[str, Any]:
        keep = _Keeper(config)
        return keep(self._first.invoke(list(state["messages"]), keep.config))

    async def _areply(self, state: ReplyState, config: RunnableConfig) -> dict[str, Any]:
        keep = _Keeper(config)
        return keep(await self._first.ainvoke(list(state["messages"]), keep.config))


class _Keeper:
    """Measures one call and makes plain values of what it brought."""

    def __init__(self, config: RunnableConfig) -> None:
        self._counter = UsageCounter()
        self._since = time.perf_counter()
        self.config = inner_config(config, self._counter, {"tpo_step": "first_reply"})

    def __call__(self, reply: Reply) -> dict[str, Any]:
        kept = KeptReply(
            messages=messages_to_dict(reply.messages),
            structured_response=reply.structured_response,
            usage=self._counter.usage,
            seconds=time.perf_counter() - self._since,
        )
        drafts = [str(reply.message.text)] if reply.is_final else []
        return {"kept": kept, "tpo_drafts": drafts}


def _as_input(messages: Sequence[BaseMessage]) -> TPOInput:
    return TPOInput(messages=cast("list[AnyMessage]", list(messages)))


def if_final(state: ReplyState) -> str:
    """Go on to the loop with an answer in words."""
    return "tpo_graph" if _reply_of(state["kept"]).is_final else END


def _reply_of(kept: KeptReply) -> Reply:
    return Reply(
        messages=messages_from_dict(kept["messages"]),
        structured_response=kept["structured_response"],
    )


def _answer(output: Mapping[str, Any]) -> Answer:
    state = cast("ReplyState", ended(output))
    kept = state["kept"]
    reply = _reply_of(kept)
    if not reply.is_final:
        return Answer(reply=reply, result=None)
    seconds = kept["seconds"]
    record = StepRecord(
        step="sample", round=0, usage=kept["usage"], seconds=seconds, waiting=seconds
    )
    result = TPOResult.from_state(state["tpo"])
    return Answer(reply=reply, result=replace(result, steps=(record, *result.steps)))
