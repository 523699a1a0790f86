"""Structured answers of agents: read as JSON, and made anew of the message that holds one.

Knows LangChain's strategies for structured output; knows nothing of loops.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain.agents.structured_output import (
    AutoStrategy,
    OutputToolBinding,
    ProviderStrategy,
    ProviderStrategyBinding,
    StructuredOutputError,
    StructuredOutputValidationError,
    ToolStrategy,
)
from langchain_core.messages import AIMessage, ToolCall, ToolMessage

from langchain_tpo.chat_models.first_reply import BESIDE, FAULT, ReplyMessages
from langchain_tpo.sampling.whole_replies import WholeReplies, unreadable_call
from langchain_tpo.text.conversation import message_text
from langchain_tpo.text.json_limits import Checker, checker

ResponseFormat = ToolStrategy[Any] | ProviderStrategy[Any] | AutoStrategy[Any]
"""How an agent is asked for structured answers."""


def answer_text(message: AIMessage) -> str:
    """Return what rewards and critics read: JSON where a call carries a structured answer."""
    answered = [one["data"]["tool_call_id"] for one in message.response_metadata.get(BESIDE, [])]
    calls = [call for call in message.tool_calls if call["id"] in answered]
    if len(calls) != 1:
        return message_text(message)
    return json.dumps(calls[0]["args"], ensure_ascii=False, default=str)


def answer_fault(message: AIMessage) -> str | None:
    """Return why an agent could read nothing out of a message; None where it could."""
    fault: str | None = message.response_metadata.get(FAULT)
    return fault or unreadable_call(message)


def agent_replies(response_format: ResponseFormat | None) -> WholeReplies:
    """Return how the whole replies of an agent's model are read.

    Of a schema that is a dict LangChain reads answers without looking at its limits. One that
    breaks them loses here; where all do, the agent gets what LangChain reads out of the best.

    Args:
        response_format: How the agent asks for structured answers.
    """
    if response_format is None:
        return WholeReplies(text=answer_text, fault=answer_fault)
    form = _Form.of(response_format)

    def fault(message: AIMessage) -> str | None:
        return answer_fault(message) or form.broken(ReplyMessages.of(message))

    return WholeReplies(text=answer_text, fault=fault)


def faulty(error: StructuredOutputError) -> ReplyMessages:
    """Return the reply that an agent could read nothing out of.

    Args:
        error: What it raised.
    """
    source = getattr(error, "source", error)
    return ReplyMessages(messages=[error.ai_message], fault=str(source))


def read_anew(reply: ReplyMessages, response_format: ResponseFormat | None) -> object:
    """Return what an agent reads out of a reply; None where it has no structured answer.

    Args:
        reply: What a model said, and what the agent added to it.
        response_format: How the agent asked for structured answers.

    Raises:
        StructuredOutputError: As the agent does, where it does not ask again.
    """
    if response_format is None:
        return None
    if reply.fault is not None:
        if reply.messages[1:]:  # the agent's own words, with which it asks again
            return None
        fault = ValueError(reply.fault)
        raise StructuredOutputValidationError("response_format", fault, reply.message)
    return _Form.of(response_format).read(reply)


@dataclass(frozen=True)
class _Form:
    """What an agent's answers have to fit."""

    calls: Mapping[str, Any]
    """The schemas of answers that calls carry, by the names of their tools."""
    words: Any | None
    """The schema of answers that are JSON in words; None where calls alone carry them."""

    @classmethod
    def of(cls, response_format: ResponseFormat) -> "_Form":
        """Return the form of the way in which an agent asks."""
        schema: Any = response_format.schema
        in_calls, words = response_format, None
        if not isinstance(in_calls, ToolStrategy):
            in_calls, words = ToolStrategy(schema), ProviderStrategy(schema).schema_spec
        return cls({spec.name: spec for spec in in_calls.schema_specs}, words)

    def read(self, reply: ReplyMessages) -> object:
        """Return what an agent reads out of a reply without a fault; None where it has nothing."""
        call, spec = _carrying(reply), self._schema_of(reply)
        if spec is None:
            return None if call is None else call["args"]
        if call is not None:
            return OutputToolBinding.from_schema_spec(spec).parse(call["args"])
        try:
            return ProviderStrategyBinding.from_schema_spec(spec).parse(reply.message)
        except ValueError:  # words that nobody asked to be JSON: it would have a fault
            return None

    def broken(self, reply: ReplyMessages) -> str | None:
        """Say which limits of its schema an answer breaks: of a dict, agents check none."""
        spec = self._schema_of(reply)
        if spec is None or spec.name not in self._limits:
            return None
        value = self.read(reply)
        return None if value is None else self._limits[spec.name](value)

    @cached_property
    def _limits(self) -> Mapping[str, Checker]:
        specs = [*self.calls.values(), *([] if self.words is None else [self.words])]
        return {
            spec.name: checker(spec.schema) for spec in specs if isinstance(spec.schema, Mapping)
        }

    def _schema_of(self, reply: ReplyMessages) -> Any | None:  # noqa: ANN401 LangChain has no name
        call = _carrying(reply)
        if call is None:
            return None if reply.message.tool_calls else self.words
        # Schemas without a name get one by chance, another one each time.
        only = next(iter(self.calls.values())) if len(self.calls) == 1 else None
        return self.calls.get(call["name"], only)


def _carrying(reply: ReplyMessages) -> ToolCall | None:
    """Return the call that carries a structured answer: the agent has answered it."""
    answered = {one.tool_call_id for one in reply.messages[1:] if isinstance(one, ToolMessage)}
    return next((call for call in reply.message.tool_calls if call["id"] in answered), None)
