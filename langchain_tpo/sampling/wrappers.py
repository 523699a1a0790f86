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

from langchain_tpo.errors import ModelTypeError
from langchain_tpo.sampling.in_turn import ModelsInTurn
from langchain_tpo.text.shown import shown

ChatModel = Runnable[Any, Any]
"""A chat model, or a Runnable that wraps one: `with_retry()`, `with_fallbacks()`, `bind()`."""

Change = Callable[[ChatModel], ChatModel]
"""What is done to one model inside the wrappers."""


def check_chat_model(model: object, *, field: str) -> ChatModel:
    """Return the model, or say in one line why it cannot be one.

    Raises:
        ModelTypeError: When it is no Runnable.
    """
    if isinstance(model, Runnable):
        return model
    hint = ": pass `init_chat_model(...)`" if isinstance(model, str) else ""
    raise ModelTypeError(
        f"`{field}` must be a LangChain chat model, got {type(model).__name__} "
        f"`{shown(model, quoted=True)}`"
        f"{hint or ', which is no Runnable'}."
    )


def check_policy(model: object, *, field: str) -> ChatModel:
    """Return a policy, or several as one that draws from them in turn.

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
            model.dynamic,
            lambda one: mapped(before(one), change, bound=bound),  # it may have bound something
            lambda one: bound(kept(one)),
        )
    return change(model)


def _each(
    model: RunnableWithFallbacks[Any, Any] | ModelsInTurn,
) -> Sequence[ChatModel]:
    """Return the models that stand beside each other."""
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

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ChatModel:
        """Offer tools to whichever model a call chooses."""

        def taking(inside: Any) -> ChatModel:  # noqa: ANN401 a chat model, or it says so itself
            bound: ChatModel = inside.bind_tools(tools, **kwargs)
            return bound

        return mapped(self, taking)


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
    """Return the models that a call's config may choose."""
    others: Mapping[str, object] = {}
    if isinstance(model, RunnableConfigurableAlternatives):
        others = model.alternatives
    return [model.default, *(other for other in others.values() if isinstance(other, Runnable))]


def one_layer_inside(model: ChatModel) -> Sequence[ChatModel]:
    """Return what holds the chat models directly inside a wrapper; nothing of what is none."""
    if isinstance(model, RunnableBindingBase):
        return [model.bound]
    if isinstance(model, RunnableWithFallbacks | ModelsInTurn):
        return _each(model)
    if isinstance(model, RunnableSequence):
        return [step for step in model.steps if is_chat_model(step)]
    return _choices(model) if isinstance(model, DynamicRunnable) else []
