"""What is wrapped around a chat model, and how to reach the models inside.

Retries, fallbacks, bindings, sequences and run-time configuration keep their place: what a chat
model would do is done to the models inside. Knows LangChain's wrappers; knows nothing of TPO.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableSequence,
)
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.configurable import (
    DynamicRunnable,
    RunnableConfigurableAlternatives,
)
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.tools import BaseTool

from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.in_turn import ModelsInTurn
from langchain_tpo.text.shown import shown

ChatModel = Runnable[Any, Any]
"""A chat model, or a Runnable that wraps one: `with_retry()`, `with_fallbacks()`, `bind()`."""

Change = Callable[[ChatModel], ChatModel]
"""What is done to one model inside the wrappers."""

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

STOP_ARGUMENTS = frozenset({"stop", "stop_sequences"})
"""Arguments, and fields, at whose texts an answer ends."""


def check_chat_model(model: object, *, field: str) -> ChatModel:
    """Return the model back, or say in one line why it cannot be one.

    Raises:
        ModelTypeError: When it is no Runnable.
    """
    if isinstance(model, Runnable):
        return model
    hint = ": pass `init_chat_model(...)`" if isinstance(model, str) else ""
    raise ModelTypeError(
        f"`{field}` must be a LangChain chat model, got {type(model).__name__} {_short(model)}"
        f"{hint or ', which is no Runnable'}."
    )


def check_policy(model: object, *, field: str) -> ChatModel:
    """Return a policy back, or several as one that draws from them in turn.

    Raises:
        ModelTypeError: When it is no Runnable, or a list that holds something else.
    """
    if not isinstance(model, list | tuple):
        return check_chat_model(model, field=field)
    if not model:
        raise ModelTypeError(f"`{field}` must be a chat model or several, got none.")
    each = [check_chat_model(one, field=f"{field}[{i}]") for i, one in enumerate(model)]
    return each[0] if len(each) == 1 else ModelsInTurn(each, names=list(map(model_name, each)))


def model_name(model: ChatModel) -> str:
    """Return the name of the model that is asked, as its class holds it.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model_name(FakeListChatModel(responses=["Oil it."]).with_retry())
        'FakeListChatModel'
    """
    inside = innermost(model)
    names = (getattr(inside, field, None) for field in ("model_name", "model"))
    return next((name for name in names if isinstance(name, str) and name), inside.get_name())


def is_chat_model(model: object) -> bool:
    """Return whether this is a chat model, whatever is wrapped around it."""
    return isinstance(model, Runnable) and any(
        isinstance(inside, BaseChatModel) for inside in models_inside(model)
    )


def models_inside(model: ChatModel) -> list[ChatModel]:
    """Return the models that may be asked, the one that is asked first at the front.

    Of a sequence that is the chat model among its steps; of run-time alternatives, all of them.
    What is not known to wrap a model is one itself.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Oil it."])
        >>> models_inside(model.bind(stop=["."]).with_retry()) == [model]
        True
    """
    if isinstance(model, RunnableBindingBase):
        return models_inside(model.bound)
    if isinstance(model, RunnableWithFallbacks | ModelsInTurn):
        return [inside for one in _each(model) for inside in models_inside(one)]
    if isinstance(model, RunnableSequence):
        steps = [step for step in model.steps if is_chat_model(step)]
        return [inside for step in steps for inside in models_inside(step)] or [model]
    if isinstance(model, _Configured):
        return models_inside(model.dynamic)
    if isinstance(model, DynamicRunnable):
        return [inside for one in _choices(model) for inside in models_inside(one)]
    return [model]


def innermost(model: ChatModel) -> ChatModel:
    """Return the model that is asked first, without what is wrapped around it."""
    return models_inside(model)[0]


def mapped(
    model: ChatModel, change: Change, *, bound: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> ChatModel:
    """Return the same wrappers around changed models.

    Args:
        model: A chat model, wrapped or not.
        change: What is done to every model inside.
        bound: What is done to the arguments that a binding holds.
    """
    if isinstance(model, RunnableBindingBase):
        inside = mapped(model.bound, change, bound=bound)
        return model.model_copy(update={"bound": inside, "kwargs": bound(dict(model.kwargs))})
    if isinstance(model, RunnableWithFallbacks | ModelsInTurn):
        return _of_each(model, [mapped(one, change, bound=bound) for one in _each(model)])
    if isinstance(model, RunnableSequence) and is_chat_model(model):
        steps = [
            mapped(step, change, bound=bound) if is_chat_model(step) else step
            for step in model.steps
        ]
        return RunnableSequence(*steps, name=model.name)
    if isinstance(model, DynamicRunnable):
        return _Configured(model, change, bound)
    if isinstance(model, _Configured):
        before, kept = model.change, model.bound
        return _Configured(
            model.dynamic, lambda one: change(before(one)), lambda one: bound(kept(one))
        )
    return change(model)


def _each(model: RunnableWithFallbacks[Any, Any] | ModelsInTurn) -> Sequence[ChatModel]:
    return model.models if isinstance(model, ModelsInTurn) else (model.runnable, *model.fallbacks)


def _of_each(
    model: RunnableWithFallbacks[Any, Any] | ModelsInTurn, each: Sequence[ChatModel]
) -> ChatModel:
    """Put others in the place of the models that stand beside each other."""
    if isinstance(model, ModelsInTurn):
        return ModelsInTurn(each, names=model.names)
    return model.model_copy(update={"runnable": each[0], "fallbacks": list(each[1:])})


class _Configured(Runnable[Any, Any]):
    """A model that a call's config chooses or changes; what is inside is known only then."""

    def __init__(
        self,
        dynamic: DynamicRunnable[Any, Any],
        change: Change,
        bound: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        self.dynamic = dynamic
        self.change = change
        self.bound = bound
        self.name = dynamic.get_name()

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as of any Runnable
        model, config = self.dynamic.prepare(config)
        return mapped(model, self.change, bound=self.bound).invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as above
        model, config = self.dynamic.prepare(config)
        changed = mapped(model, self.change, bound=self.bound)
        return await changed.ainvoke(input, config, **kwargs)


def with_arguments(model: ChatModel, arguments: Arguments) -> ChatModel:
    """Return the model with keyword arguments bound to the chat models inside."""
    return mapped(model, lambda inside: inside.bind(**arguments)) if arguments else model


def for_words(model: ChatModel, *, keep_format: bool = False) -> ChatModel:
    """Return the model without what was bound to it for the answer: tools, format, stop texts.

    A critique is no answer, and neither are the tags around a revision.

    Args:
        model: A chat model, wrapped or not.
        keep_format: Whether to leave the format, which a revision shares with the answer.
    """
    dropped = (
        TOOL_ARGUMENTS | STOP_ARGUMENTS | (frozenset() if keep_format else STRUCTURED_ARGUMENTS)
    )

    def kept(arguments: Arguments) -> dict[str, Any]:
        return {name: value for name, value in arguments.items() if name not in dropped}

    def unbound(inside: ChatModel) -> ChatModel:
        if not isinstance(inside, BaseChatModel):
            return inside
        fields = type(inside).model_fields
        own = {
            name: fields[name].get_default(call_default_factory=True)
            for name in dropped & fields.keys()
            if not fields[name].is_required() and getattr(inside, name)
        }
        extra = getattr(inside, "model_kwargs", None)
        if isinstance(extra, dict) and dropped & extra.keys():
            own["model_kwargs"] = kept(extra)
        return inside.model_copy(update=own) if own else inside

    return mapped(model, unbound, bound=kept)


def asks_for_format(model: ChatModel) -> bool:
    """Return whether answers have to have a format: JSON, say, bound or set on the model."""
    if isinstance(model, RunnableBindingBase) and is_structured(model.kwargs):
        return True
    inside = innermost(model)
    if inside is not model:
        return asks_for_format(model.bound if isinstance(model, RunnableBindingBase) else inside)
    own = {name: getattr(inside, name, None) for name in STRUCTURED_ARGUMENTS}
    extra = getattr(inside, "model_kwargs", None) if isinstance(inside, BaseChatModel) else None
    return isinstance(inside, BaseChatModel) and is_structured({**own, **(extra or {})})


def tool_arguments(model: ChatModel, tools: Sequence[Tool], options: Arguments) -> dict[str, Any]:
    """Return the arguments of a call that offers these tools, in the provider's own form.

    Raises:
        ModelTypeError: When a model inside takes no tools, two take them in different forms, or
            something behind the model would lose the calls.
    """
    _check_whole_replies(model, "tools")
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
    _check_whole_replies(model, "structured output")

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
    """Return whether a call with these arguments asks for JSON instead of an answer in words."""
    return any(arguments.get(name) for name in STRUCTURED_ARGUMENTS)


def without_tools(arguments: Arguments) -> dict[str, Any]:
    """Return the arguments of the same call when no tools are offered.

    Example:
        >>> without_tools({"temperature": 0.5, "tools": [], "tool_choice": "auto"})
        {'temperature': 0.5}
    """
    return {name: value for name, value in arguments.items() if name not in TOOL_ARGUMENTS}


@dataclass(frozen=True, kw_only=True)
class Direct:
    """A chat model that is asked without retries or fallbacks, and what was bound to it."""

    model: BaseChatModel
    kwargs: dict[str, Any]
    config: RunnableConfig


def direct(model: ChatModel) -> Direct | None:
    """Find the chat model that can be asked for several answers at once, if there is one.

    Looks through `bind` and `with_config` only: a retry or a fallback must see every request, so
    what is wrapped in one is asked N times.
    """
    kwargs: dict[str, Any] = {}
    config = RunnableConfig()
    while isinstance(model, RunnableBinding) and not model.config_factories:
        kwargs = {**model.kwargs, **kwargs}
        config = merge_configs(model.config, config)
        model = model.bound
    if not isinstance(model, BaseChatModel):
        return None
    return Direct(model=model, kwargs=kwargs, config=config)


def _choices(model: DynamicRunnable[Any, Any]) -> list[ChatModel]:
    others: Mapping[str, object] = {}
    if isinstance(model, RunnableConfigurableAlternatives):
        others = model.alternatives
    return [model.default, *(other for other in others.values() if isinstance(other, Runnable))]


def _check_whole_replies(model: ChatModel, what: str) -> None:
    """Refuse a sequence that goes on behind its chat model: that step reads answers in words."""
    if isinstance(model, RunnableBindingBase):
        _check_whole_replies(model.bound, what)
    if isinstance(model, RunnableSequence) and not is_chat_model(model.steps[-1]):
        raise ModelTypeError(
            f"`model` hands its replies to `{model.steps[-1].get_name()}`, which knows nothing of "
            f"{what}: pass the chat model alone and put that step behind the ChatTPO."
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


def _short(value: object) -> str:
    return f"`{shown(value, quoted=True)}`"
