"""Structured answers of agents: read as JSON, and made anew of the message that holds one.

Knows LangChain's strategies for structured output; knows nothing of loops.
"""

import json
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


AGENT_REPLIES = WholeReplies(text=answer_text, fault=answer_fault)
"""How the whole replies of an agent's model are read."""


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
    message, added = reply.message, reply.messages[1:]
    if reply.fault is not None:
        if added:  # the agent's own words, with which it asks again
            return None
        raise StructuredOutputValidationError("response_format", ValueError(reply.fault), message)
    answered = {one.tool_call_id for one in added if isinstance(one, ToolMessage)}
    calls = [call for call in message.tool_calls if call["id"] in answered]
    if calls:
        return _of_call(calls[0], response_format)
    if message.tool_calls or isinstance(response_format, ToolStrategy):
        return None
    spec = ProviderStrategy(response_format.schema).schema_spec
    return ProviderStrategyBinding.from_schema_spec(spec).parse(message)


def _of_call(call: ToolCall, response_format: ResponseFormat) -> object:
    schema: Any = response_format.schema
    if not isinstance(response_format, ToolStrategy):
        response_format = ToolStrategy(schema)
    specs = {spec.name: spec for spec in response_format.schema_specs}
    # Schemas without a name get one by chance, another one each time.
    only = response_format.schema_specs[0] if len(specs) == 1 else None
    spec, args = specs.get(call["name"], only), call["args"]
    return args if spec is None else OutputToolBinding.from_schema_spec(spec).parse(args)
