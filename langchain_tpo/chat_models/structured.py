"""Structured answers, optimized: N of them are drawn, each is validated, the best is the answer.

Knows how LangChain's chat models make structured output, as a model and a parser behind it. What
is made in another way stays the wrapped model's own.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableParallel, RunnableSequence

from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.bound_arguments import with_structured_output
from langchain_tpo.sampling.structured_output import Schema, taken_apart
from langchain_tpo.sampling.whole_replies import WholeReplies
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    innermost,
    mapped,
    models_inside,
)
from langchain_tpo.text.conversation import message_text

logger = logging.getLogger(__name__)

NOTHING_READ = "It holds no structured answer."
"""The fault of a reply that a parser reads nothing out of."""


def structured(loop: TPORunnable, schema: Schema, options: Mapping[str, Any]) -> Runnable[Any, Any]:
    """Return structured output whose answers are optimized.

    Args:
        loop: The loop around the model that answers.
        schema: As for the wrapped model.
        options: As for the wrapped model.

    Raises:
        ModelTypeError: When a model inside has none, or something behind it reads messages.
    """
    own = with_structured_output(loop.model, schema, options)
    plain = {name: value for name, value in options.items() if name != "include_raw"}
    made = [taken_apart(one, schema, plain) for one in models_inside(loop.model)]
    kinds = {type(one) for one in models_inside(loop.model)}
    if not all(made) or len(kinds) > 1:
        logger.info("structured output of `%s` is not optimized", innermost(loop.model).get_name())
        return own
    (parser, *_) = [one.parser for one in made if one is not None]
    policy = mapped(loop.model, lambda one: _bound(one, schema, plain))
    whole = WholeReplies(text=arguments_text, fault=_checking(parser))
    best = loop.model_copy(update={"model": policy, "whole_replies": whole})
    if not options.get("include_raw"):
        return best | parser
    return RunnableSequence(RunnableParallel(raw=best), *_behind(own, loop.model, schema, options))


def _bound(model: ChatModel, schema: Schema, options: Mapping[str, Any]) -> ChatModel:
    made = taken_apart(model, schema, options)
    assert made is not None  # noqa: S101 looked at before
    return made.model


def _behind(
    own: Runnable[Any, Any], model: ChatModel, schema: Schema, options: Mapping[str, Any]
) -> list[Runnable[Any, Any]]:
    """Return what LangChain puts behind a raw message."""
    inside: Any = innermost(model)
    chain = (
        own
        if isinstance(own, RunnableSequence)
        else inside.with_structured_output(schema, **options)
    )
    steps: list[Runnable[Any, Any]] = chain.steps[1:]
    return steps


def _checking(parser: Runnable[Any, Any]) -> Callable[[AIMessage], str | None]:
    def fault(message: AIMessage) -> str | None:
        try:
            read = parser.invoke(message, {"callbacks": []})
        except Exception as error:  # noqa: BLE001 whatever a parser says is what is wrong
            return str(error) or type(error).__name__
        return NOTHING_READ if read is None else None

    return fault


def arguments_text(message: AIMessage) -> str:
    """Return a structured answer as JSON, where a call of a tool carries it.

    Example:
        >>> call = {"name": "Plan", "args": {"title": "Oil"}, "id": "1"}
        >>> arguments_text(AIMessage("", tool_calls=[call]))
        '{"title": "Oil"}'
    """
    if len(message.tool_calls) != 1 or message.invalid_tool_calls:
        return message_text(message)
    return json.dumps(message.tool_calls[0]["args"], ensure_ascii=False, default=str)
