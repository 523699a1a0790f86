"""Structured answers, optimized: N of them are drawn, each is validated, the best is the answer.

Knows how LangChain's chat models make structured output, as a model and a parser behind it. What
is made in another way stays the wrapped model's own.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough

from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.bound_arguments import offers_tools, with_structured_output
from langchain_tpo.sampling.structured_output import Schema, Structured, taken_apart
from langchain_tpo.sampling.whole_replies import WholeReplies
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    direct,
    mapped,
    models_inside,
)
from langchain_tpo.text.conversation import message_text
from langchain_tpo.text.json_limits import Checker, checker

logger = logging.getLogger(__name__)

UNKNOWN_KIND = (
    "structured output of `%s` is made in a way of its own and is not optimized: each call is one "
    "of the model. Pass models whose `with_structured_output` is a model and a parser, or another "
    "`method` for it."
)
"""Told where it is asked for."""

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
    inside = models_inside(loop.model)
    taken = [(one, taken_apart(one, schema, plain)) for one in inside]
    made = [halves for _, halves in taken if halves]
    if len(made) < len(inside):
        unknown = next(one for one, halves in taken if not halves)
        logger.warning(UNKNOWN_KIND, unknown.get_name())
        return own
    reader = made[0].parser if len({type(one) for one in inside}) == 1 else read_by_any(made)
    policy = mapped(loop.model, lambda one: _bound(one, schema, plain))
    whole = WholeReplies(text=arguments_text, fault=_checking(reader, _limits(schema)))
    best = loop.model_copy(update={"model": policy, "whole_replies": whole})
    return _with_raw(best, reader) if options.get("include_raw") else best | reader


def read_by_any(made: Sequence[Structured]) -> Runnable[Any, Any]:
    """Return a parser for the replies of models that write structured answers in different forms.

    A reply that calls a tool is read first by the parsers of models that are offered one, any
    other by those of models that write it out; what these cannot read, the others may.

    Args:
        made: The structured output of each model.
    """
    by_calls = [one.parser for one in made if offers_tools(_arguments(one.model))]
    by_words = [one.parser for one in made if not offers_tools(_arguments(one.model))]

    def read(message: AIMessage) -> object:
        calls = message.tool_calls or message.invalid_tool_calls
        faults: list[Exception] = []
        for parser in by_calls + by_words if calls else by_words + by_calls:
            try:
                parsed = parser.invoke(message)
            except Exception as error:  # noqa: BLE001 as parsers of others may raise
                faults.append(error)
                continue
            if parsed is not None:
                return parsed
        if faults:
            raise faults[0]
        return None

    return RunnableLambda(read, name="parser")


def _arguments(model: ChatModel) -> dict[str, Any]:
    """Return what is bound to a model."""
    bound = direct(model)
    return bound.kwargs if bound else {}


def _bound(model: ChatModel, schema: Schema, options: Mapping[str, Any]) -> ChatModel:
    made = taken_apart(model, schema, options)
    assert made is not None  # noqa: S101 looked at before
    return made.model


def _with_raw(best: Runnable[Any, Any], reader: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """Return message, answer and fault under the keys that all chat models give them."""
    read = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | reader, parsing_error=lambda _: None
    )
    unread = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableParallel(raw=best) | read.with_fallbacks([unread], exception_key="parsing_error")


def _limits(schema: Schema) -> Checker:
    """Return what checks the limits of a schema that is a dict: LangChain's parsers do not."""
    return checker(schema) if isinstance(schema, Mapping) else lambda _value: None


def _checking(reader: Runnable[Any, Any], limits: Checker) -> Callable[[AIMessage], str | None]:
    def fault(message: AIMessage) -> str | None:
        try:
            read = reader.invoke(message, {"callbacks": []})
        except Exception as error:  # noqa: BLE001 whatever a parser says is what is wrong
            return str(error) or type(error).__name__
        return NOTHING_READ if read is None else limits(read)

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
