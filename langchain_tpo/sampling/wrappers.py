"""What has to be known of a chat model before N responses are drawn from it.

Knows LangChain's wrappers (bindings, retries, fallbacks); knows nothing of TPO.
"""

from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.fallbacks import RunnableWithFallbacks

from langchain_tpo.errors import ModelTypeError
from langchain_tpo.text.secrecy import without_credentials
from langchain_tpo.text.well_formed import well_formed

ChatModel = Runnable[Any, Any]
"""A chat model, or a Runnable that wraps one: `with_retry()`, `with_fallbacks()`, `bind()`."""


@dataclass(frozen=True, kw_only=True)
class ManyAtOnce:
    """A chat model that answers one request with `n` responses, and what was bound to it."""

    model: BaseChatModel
    kwargs: dict[str, Any]
    config: RunnableConfig


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


def is_chat_model(model: object) -> bool:
    """Return whether this is a chat model, wrapped in bindings, retries and fallbacks or not."""
    if isinstance(model, RunnableBindingBase):
        return is_chat_model(model.bound)
    if isinstance(model, RunnableWithFallbacks):
        return is_chat_model(model.runnable)
    return isinstance(model, BaseChatModel)


def quiet(model: ChatModel, *, cache: bool) -> ChatModel:
    """Return a copy of the model that neither streams nor, if so asked, answers from a cache.

    A streaming handler anywhere above would make a request with `n > 1` come back as one garbled
    text, and a global cache would make all draws of a prompt the same.

    Args:
        model: A chat model, wrapped or not; what is not known to wrap one is left alone.
        cache: Whether LangChain's cache may answer.
    """
    if isinstance(model, BaseChatModel):
        changes: dict[str, Any] = {"disable_streaming": True}
        return model.model_copy(update=changes if cache else {**changes, "cache": False})
    if isinstance(model, RunnableBindingBase):
        return model.model_copy(update={"bound": quiet(model.bound, cache=cache)})
    if isinstance(model, RunnableWithFallbacks):
        fallbacks = [quiet(fallback, cache=cache) for fallback in model.fallbacks]
        return model.model_copy(
            update={"runnable": quiet(model.runnable, cache=cache), "fallbacks": fallbacks}
        )
    return model


def many_at_once(model: ChatModel) -> ManyAtOnce | None:
    """Find the chat model that can be asked for `n` responses at once, if there is one.

    Looks through `bind` and `with_config` only: a retry or a fallback must see every request, so
    what is wrapped in one is asked N times. A chat model takes part when it has a field `n`.
    """
    kwargs: dict[str, Any] = {}
    config = RunnableConfig()
    while isinstance(model, RunnableBinding) and not model.config_factories:
        kwargs = {**model.kwargs, **kwargs}
        config = merge_configs(model.config, config)
        model = model.bound
    if not isinstance(model, BaseChatModel) or "n" not in type(model).model_fields:
        return None
    if getattr(model, "use_responses_api", None):  # OpenAI's Responses API knows no `n`
        return None
    return ManyAtOnce(model=model, kwargs=kwargs, config=config)


def reply_text(reply: object) -> str:
    """Return the text of what a model returned, whatever its content blocks.

    A reply that calls tools is no response: what it says beside the calls counts for nothing.

    Raises:
        ModelTypeError: When it is neither a message nor a text.
    """
    if isinstance(reply, AIMessage) and reply.tool_calls:
        return ""
    if isinstance(reply, BaseMessage):
        return well_formed(str(reply.text))
    if isinstance(reply, str):
        return well_formed(reply)
    raise ModelTypeError(
        f"`model` returned {type(reply).__name__} {_short(reply)}, expected a message: pass the "
        "chat model itself, without an output parser."
    )


def _short(value: object) -> str:
    text = without_credentials(repr(value))
    return f"`{text[:60]}...`" if len(text) > 60 else f"`{text}`"  # noqa: PLR2004 one line
