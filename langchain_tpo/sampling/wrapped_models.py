"""Tools and structured output through whatever is wrapped around a chat model.

`bind`, `with_retry` and `with_fallbacks` keep their place: what a chat model would do is done to
the models inside.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.tools import BaseTool

from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.wrappers import ChatModel

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
    }
)
"""Arguments by which providers are asked for JSON, as LangChain's chat models name them."""

Tool = dict[str, Any] | type | Callable[..., Any] | BaseTool
"""Whatever `bind_tools` takes."""


def innermost(model: ChatModel) -> ChatModel:
    """Return the model that is asked first, without what is wrapped around it.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Oil it."])
        >>> innermost(model.bind(stop=["."]).with_retry()) is model
        True
    """
    return _inside(model)[0]


def tool_arguments(
    model: ChatModel, tools: Sequence[Tool], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call that offers these tools, in the provider's own form.

    Raises:
        ModelTypeError: When a model inside takes no tools, or two take them in different forms.
    """
    forms = [_offered(inside, tools, options) for inside in _inside(model)]
    if any(form != forms[0] for form in forms):
        names = ", ".join(f"`{inside.get_name()}`" for inside in _inside(model))
        raise ModelTypeError(
            f"`model` falls back between models that take tools in different forms ({names}): "
            "wrap each in a ChatTPO and put `with_fallbacks` around those."
        )
    return forms[0]


def with_structured_output(
    model: ChatModel, schema: dict[str, Any] | type, options: Mapping[str, Any]
) -> Runnable[Any, Any]:
    """Return the models' own structured output, with retries and fallbacks around it."""
    if isinstance(model, BaseChatModel):
        return model.with_structured_output(schema, **options)
    if isinstance(model, RunnableBindingBase):
        inside = with_structured_output(model.bound, schema, options)
        return model.model_copy(update={"bound": inside})
    if isinstance(model, RunnableWithFallbacks):
        first, *others = (
            with_structured_output(one, schema, options) for one in _alternatives(model)
        )
        return model.model_copy(update={"runnable": first, "fallbacks": others})
    raise _not_a_chat_model(model, "structured output")


def offers_tools(arguments: Mapping[str, Any]) -> bool:
    """Return whether a call with these arguments may be answered by a tool call."""
    return any(arguments.get(name) for name in TOOL_ARGUMENTS)


def is_structured(arguments: Mapping[str, Any]) -> bool:
    """Return whether a call with these arguments asks for JSON instead of an answer in words."""
    return any(arguments.get(name) for name in STRUCTURED_ARGUMENTS)


def without_tools(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the same call when no tools are offered.

    Example:
        >>> without_tools({"temperature": 0.5, "tools": [], "tool_choice": "auto"})
        {'temperature': 0.5}
    """
    return {name: value for name, value in arguments.items() if name not in TOOL_ARGUMENTS}


def _offered(model: ChatModel, tools: Sequence[Tool], options: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(model, BaseChatModel):
        raise _not_a_chat_model(model, "tools")
    bound = model.bind_tools(tools, **options)
    if not isinstance(bound, RunnableBinding):
        raise ModelTypeError(
            f"`model` binds tools in a way of its own (`{type(bound).__name__}`), which cannot be "
            "passed on: use a model whose `bind_tools` gives a RunnableBinding."
        )
    return dict(bound.kwargs)


def _inside(model: ChatModel) -> list[ChatModel]:
    if isinstance(model, RunnableBindingBase):
        return _inside(model.bound)
    if isinstance(model, RunnableWithFallbacks):
        return [inside for one in _alternatives(model) for inside in _inside(one)]
    return [model]


def _alternatives(model: RunnableWithFallbacks[Any, Any]) -> list[ChatModel]:
    return [model.runnable, *model.fallbacks]


def _not_a_chat_model(model: ChatModel, what: str) -> ModelTypeError:
    return ModelTypeError(
        f"`model` must be a chat model for {what}, got a `{type(model).__name__}`."
    )
