"""What a call binds to a chat model: tools, a format, stop texts.

Knows by which arguments providers take them; how models inside wrappers are reached, `wrappers`
knows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool

from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    innermost,
    is_chat_model,
    mapped,
    models_inside,
    one_layer_inside,
)

Arguments = Mapping[str, Any]
"""Keyword arguments of a model's call."""

Tool = dict[str, Any] | type | Callable[..., Any] | BaseTool
"""Whatever `bind_tools` takes."""

TOOL_ARGUMENTS = frozenset(
    {
        "tools",
        "tool_choice",
        "tool_config",
        "parallel_tool_calls",
        "functions",
        "function_call",
    }
)
"""Arguments by which providers are offered tools, as LangChain's chat models name them."""

STRUCTURED_ARGUMENTS = frozenset(
    {
        "response_format",
        "format",
        "response_schema",
        "response_json_schema",
        "response_mime_type",
        "output_format",
        "output_config",
        "ls_structured_output_format",
    }
)
"""Arguments by which providers are asked for JSON, as LangChain's chat models name them."""

BODY_ARGUMENTS = frozenset(
    {
        "guided_json",
        "guided_regex",
        "guided_choice",
        "guided_grammar",
        "structured_outputs",
        "json_schema",
        "grammar",
        "regex",
        "ebnf",
    }
)
"""What asks vLLM, SGLang and llama.cpp for a format, in the body of a request."""

CARRIERS = frozenset(
    {
        "model_kwargs",
        "extra_body",
        "text",
        "generation_config",
        "options",
        "additional_model_request_fields",
    }
)
"""Fields of models, and arguments, that hold further arguments of a request: of any service, of
OpenAI's Responses API, of Gemini, of Ollama and of Bedrock."""

STOP_ARGUMENTS = frozenset({"stop", "stop_sequences"})
"""Arguments, and fields, at whose texts an answer ends."""


def for_words(model: ChatModel, *, keep_format: bool = False) -> ChatModel:
    """Return the model without what was bound to it for the answer: tools, format, stop texts.

    A critique is no answer, and neither are the tags around a revision.

    Args:
        model: A chat model, wrapped or not.
        keep_format: Whether to leave the format, which a revision shares with the answer.
    """
    dropped = _of_the_answer(keep_format=keep_format)

    def kept(arguments: Arguments) -> dict[str, Any]:
        return arguments_for_words(arguments, keep_format=keep_format)

    def unbound(inside: ChatModel) -> ChatModel:
        if not isinstance(inside, BaseChatModel):
            return inside
        fields = type(inside).model_fields
        own = {
            name: fields[name].get_default(call_default_factory=True)
            for name in dropped & fields.keys()
            if not fields[name].is_required() and getattr(inside, name)
        }
        carried = {name: getattr(inside, name) for name in CARRIERS & fields.keys()}
        left = kept(carried)
        changed = {name: left.get(name, {}) for name in carried}
        own |= {name: changed[name] for name in carried if changed[name] != carried[name]}
        return inside.model_copy(update=own) if own else inside

    return mapped(model, unbound, bound=kept)


def arguments_for_words(arguments: Arguments, *, keep_format: bool = False) -> dict[str, Any]:
    """Return the arguments of a call without those that are for the answer, as `for_words`.

    Example:
        >>> arguments_for_words({"temperature": 0.5, "stop": ["###"], "response_format": "json"})
        {'temperature': 0.5}
    """
    dropped = _of_the_answer(keep_format=keep_format)
    kept: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in dropped:
            continue
        if name not in CARRIERS or not isinstance(value, dict):
            kept[name] = value
        elif (left := arguments_for_words(value, keep_format=keep_format)) or not value:
            kept[name] = left
    return kept


def _of_the_answer(*, keep_format: bool) -> frozenset[str]:
    formats = frozenset() if keep_format else STRUCTURED_ARGUMENTS | BODY_ARGUMENTS
    return TOOL_ARGUMENTS | STOP_ARGUMENTS | formats


def asks_for_format(model: ChatModel) -> bool:
    """Return whether answers have to have a format: JSON, say, bound or set on the model."""
    if isinstance(model, AskedThrough):
        return is_structured(model.bound) or asks_for_format(model.model)
    if isinstance(model, RunnableBindingBase) and is_structured(model.kwargs):
        return True
    inside = innermost(model)
    if inside is not model:
        return asks_for_format(model.bound if isinstance(model, RunnableBindingBase) else inside)
    if not isinstance(inside, BaseChatModel):
        return False
    held = type(inside).model_fields.keys() & (STRUCTURED_ARGUMENTS | BODY_ARGUMENTS | CARRIERS)
    return is_structured({name: getattr(inside, name) for name in held})


def tool_arguments(model: ChatModel, tools: Sequence[Tool], options: Arguments) -> dict[str, Any]:
    """Return the arguments of a call that offers these tools, in the provider's own form.

    Raises:
        ModelTypeError: When a model inside takes no tools, two take them in different forms, or
            something behind the model would lose the calls.
    """
    check_whole_replies(model, "tools")
    inside = models_inside(model)
    forms = [_offered(one, tools, options) for one in inside]
    if any(form != forms[0] for form in forms):
        names = ", ".join(f"`{one.get_name()}`" for one in inside)
        raise ModelTypeError(
            f"`model` chooses between models that take tools in different forms ({names}): "
            "wrap each in a ChatTPO and put `with_fallbacks` or `configurable_alternatives` around "
            "those."
        )
    return forms[0]


def with_structured_output(
    model: ChatModel, schema: dict[str, Any] | type, options: Arguments
) -> Runnable[Any, Any]:
    """Return the models' own structured output, with what is wrapped around them.

    Raises:
        ModelTypeError: When a model inside has none, or something behind it reads messages.
    """
    check_whole_replies(model, "structured output")

    def structured(inside: ChatModel) -> ChatModel:
        if isinstance(inside, BaseChatModel):
            return inside.with_structured_output(schema, **options)
        own = getattr(inside, "with_structured_output", None)
        if own is None:
            raise _not_a_chat_model(inside, "structured output")
        bound: ChatModel = own(schema, **options)
        return bound

    return mapped(model, structured)


def offers_tools(arguments: Arguments) -> bool:
    """Return whether a call with these arguments may be answered by a tool call."""
    return any(arguments.get(name) for name in TOOL_ARGUMENTS)


def is_structured(arguments: Arguments) -> bool:
    """Return whether a call with these arguments asks for JSON instead of an answer in words.

    Example:
        >>> is_structured({"extra_body": {"guided_json": {"type": "object"}}})
        True
    """
    inside = [arguments[name] for name in CARRIERS & arguments.keys()]
    return any(arguments.get(name) for name in STRUCTURED_ARGUMENTS | BODY_ARGUMENTS) or any(
        is_structured(one) for one in inside if isinstance(one, Mapping)
    )


def without_tools(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments of the same call when no tools are offered.

    Example:
        >>> without_tools({"temperature": 0.5, "tools": [], "tool_choice": "auto"})
        {'temperature': 0.5}
    """
    return {name: value for name, value in arguments.items() if name not in TOOL_ARGUMENTS}


def check_whole_replies(
    model: ChatModel, what: str, *, instead: str = "put that step behind the ChatTPO"
) -> None:
    """Refuse a sequence that goes on behind its chat model: that step reads answers in words.

    Args:
        model: A chat model, wrapped or not.
        what: What would be lost on the way.
        instead: Where that step belongs.

    Raises:
        ModelTypeError: When there is such a step.
    """
    for inside in one_layer_inside(model):
        check_whole_replies(inside, what, instead=instead)
    if isinstance(model, RunnableSequence) and not is_chat_model(model.steps[-1]):
        raise ModelTypeError(
            f"`model` hands its replies to `{model.steps[-1].get_name()}`, which knows nothing of "
            f"{what}: pass the chat model alone and {instead}."
        )


def _offered(model: ChatModel, tools: Sequence[Tool], options: Arguments) -> dict[str, Any]:
    if not isinstance(model, BaseChatModel):
        raise _not_a_chat_model(model, "tools")
    bound = model.bind_tools(tools, **options)
    if not isinstance(bound, RunnableBinding):
        raise ModelTypeError(
            f"`model` binds tools in a way of its own (`{type(bound).__name__}`), which cannot be "
            "passed on: use a model whose `bind_tools` gives a RunnableBinding."
        )
    return dict(bound.kwargs)


def _not_a_chat_model(model: ChatModel, what: str) -> ModelTypeError:
    return ModelTypeError(
        f"`model` must be a chat model for {what}, got a `{type(model).__name__}`: of "
        "`init_chat_model(..., configurable_fields=...)` pass a model, "
        "`init_chat_model(...).configurable_fields(...)`."
        if type(model).__name__ == "_ConfigurableModel"
        else f"`model` must be a chat model for {what}, got a `{type(model).__name__}`."
    )
