"""The config of a call that a run makes: counted first, told once, kept out of the token stream.

LangChain's counters add up what the messages of a request report. With `n=5` some clients put the
request's total on all five, and most leave out the model's name there: handlers would count five
times, or nothing. So the first handler of every inner call counts, and then leaves on the messages
what the request really took, once.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, TypeAlias

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessage, UsageMetadata
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    Generation,
    GenerationChunk,
    LLMResult,
)
from langchain_core.runnables import RunnableConfig, ensure_config
from langgraph.constants import TAG_NOSTREAM

from langchain_tpo.sampling.usage import COUNTED, Usage, UsageCounter, as_usage_metadata, counted

AnyGeneration: TypeAlias = Generation | ChatGeneration | GenerationChunk | ChatGenerationChunk

PER_CALL = "tpo_settings"
"""Where a call's `configurable` has settings for its own run."""


def inner_config(
    config: RunnableConfig, counter: UsageCounter, labels: Mapping[str, Any]
) -> RunnableConfig:
    """Return the config of one inner call.

    Args:
        config: The config of the step that makes it.
        counter: Counts what it costs.
        labels: What its trace says of itself.

    Example:
        >>> inner_config({}, UsageCounter(), {"tpo_step": "sample"})["metadata"]["tpo_step"]
        'sample'
    """
    full = ensure_config(config)
    full["tags"] = sorted({*(full.get("tags") or ()), TAG_NOSTREAM})
    full["metadata"] = {**(full.get("metadata") or {}), "lc_source": "tpo", **labels}
    if PER_CALL in (given := full.get("configurable", {})):  # of this run, not of one inside it
        full["configurable"] = {key: value for key, value in given.items() if key != PER_CALL}
    return in_order(full, [counter, TellOnce()])


def named(config: RunnableConfig | None) -> RunnableConfig | None:
    """Return a config under which a model's own run is called after the step that makes it.

    In a trace or a stream of events nobody takes it for a node or a model of their own, then. What
    wraps the model, retries for one, may have merged its handlers: their order is set once more.

    Example:
        >>> named({"metadata": {"tpo_step": "update"}})["run_name"]
        'tpo:update'
    """
    step = (config or {}).get("metadata", {}).get("tpo_step")
    return in_order({**(config or {}), "run_name": f"tpo:{step}"}) if step else config


def in_order(config: RunnableConfig, more: Sequence[BaseCallbackHandler] = ()) -> RunnableConfig:
    """Return a config whose counters hear of a call before anything that changes what they count.

    LangChain merges two managers through a set, so an order that was given does not last.

    Args:
        config: Any config.
        more: Handlers to add.
    """
    callbacks = config.get("callbacks")
    if not isinstance(callbacks, BaseCallbackManager):
        return {**config, "callbacks": sorted([*more, *(callbacks or [])], key=_turn)}
    manager = callbacks.copy()
    manager.handlers = sorted([*more, *manager.handlers], key=_turn)
    manager.inheritable_handlers = sorted([*more, *manager.inheritable_handlers], key=_turn)
    return {**config, "callbacks": manager}


class TellOnce(BaseCallbackHandler):
    """Leaves on the messages of a request what it took in all: on the first, and nowhere else."""

    run_inline = True
    """Changing a field takes microseconds: no hop to a thread, and before any other handler."""

    def on_llm_end(self, response: LLMResult, **_kwargs: Any) -> None:
        """Settle what a finished request reports."""
        messages, used = _messages(response), counted(response)
        if len(messages) < 2 and used["requests"]:  # noqa: PLR2004 it tells of itself alone
            return  # what a cache of LangChain's answered tells of the tokens it did not take
        total = as_usage_metadata(used)
        name = (response.llm_output or {}).get("model_name")
        for message in messages if name else []:
            message.response_metadata.setdefault("model_name", name)
        _tell(response, used, total)


class TellNothing(BaseCallbackHandler):
    """Takes usage off the messages of inner calls, whose total an outer chat model reports.

    Who adds up every chat model would count what the inner ones took twice. Tracers leave it out by
    themselves, whatever the order of handlers: see `chat_models/untold_usage.py`.
    """

    run_inline = True
    """As above."""

    def on_llm_end(self, response: LLMResult, **_kwargs: Any) -> None:
        """Leave nothing to add up."""
        _tell(response, counted(response), None)


def without_usage(response: LLMResult) -> LLMResult:
    """Return a result whose messages report nothing; what it cost stays in it, for our counters."""
    copy = response.model_copy()
    _tell(copy, counted(response), None)
    return copy


def _tell(response: LLMResult, used: Usage, total: UsageMetadata | None) -> None:
    """Let the first message report this, and the others nothing.

    Handlers are shown copies: a cache, or the model itself, may hand the same message out again.
    """
    reports = chain([total], repeat(None))
    response.llm_output = {**(response.llm_output or {}), COUNTED: used}
    response.generations = [
        [_reporting(one, reports) for one in listed] for listed in response.generations
    ]


def _reporting(generation: AnyGeneration, reports: Iterator[UsageMetadata | None]) -> AnyGeneration:
    if not isinstance(generation, ChatGeneration) or not isinstance(generation.message, AIMessage):
        return generation
    message = generation.message.model_copy(update={"usage_metadata": next(reports)})
    return generation.model_copy(update={"message": message})


def _messages(response: LLMResult) -> list[AIMessage]:
    return [
        generation.message
        for listed in response.generations
        for generation in listed
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage)
    ]


def _turn(handler: object) -> int:
    """Counters first, then what settles, then what hides; all others as they came."""
    for place, kind in enumerate((UsageCounter, TellOnce, TellNothing)):
        if isinstance(handler, kind):
            return place
    return 3
