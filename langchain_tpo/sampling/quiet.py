"""Keeps what is drawn out of every stream, and draws out of every cache.

Knows chat models and callback handlers; knows nothing of TPO.
"""

from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    BaseCallbackManager,
)
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer

from langchain_tpo.sampling.wrappers import ChatModel, mapped

_DEAF = (BaseCallbackHandler.on_llm_new_token, AsyncCallbackHandler.on_llm_new_token)
"""What handlers that are not interested in tokens leave as it is."""


def quiet(model: ChatModel, *, cache: bool) -> ChatModel:
    """Return a copy of the model that neither streams nor, if so asked, answers from a cache.

    A streaming handler anywhere above would make a request with `n > 1` come back as one garbled
    text, and a global cache would make all draws of a prompt the same.

    Args:
        model: A chat model, wrapped or not; what is not known to wrap one is left alone.
        cache: Whether LangChain's cache may answer.
    """
    return mapped(model, lambda inside: _silenced(inside, cache=cache))


def may_be_cached(model: ChatModel) -> bool:
    """Return whether a cache of LangChain's, its global one or the model's own, may answer for it.

    Args:
        model: A chat model, wrapped or not.
    """
    found = [get_llm_cache() is not None]

    def look(inside: ChatModel) -> ChatModel:
        if isinstance(inside, BaseChatModel) and inside.cache is not None:
            found.append(inside.cache is not False)
        return inside

    mapped(model, look)
    return any(found)


def _silenced(model: ChatModel, *, cache: bool) -> ChatModel:
    """Return a quiet copy of one chat model without wrappers; anything else as it is."""
    if not isinstance(model, BaseChatModel):
        return model
    changes: dict[str, Any] = {"disable_streaming": True}
    if getattr(model, "streaming", False) is True:  # some ask for a stream whatever LangChain says
        changes["streaming"] = False
    if not cache:
        changes["cache"] = False
    return model.model_copy(update=changes)


def unheard(config: RunnableConfig) -> RunnableConfig:
    """Return the config of a call whose tokens no handler hears of, tracers aside.

    Some clients tell of every token even where nobody asked them to stream.
    """
    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        if not any(map(_listens, callbacks.handlers)):
            return config
        manager = callbacks.copy()
        manager.handlers = [_tokenless(handler) for handler in manager.handlers]
        manager.inheritable_handlers = [
            _tokenless(handler) for handler in manager.inheritable_handlers
        ]
        return {**config, "callbacks": manager}
    if callbacks and any(map(_listens, callbacks)):
        return {**config, "callbacks": [_tokenless(handler) for handler in callbacks]}
    return config


class _Tokenless:
    """A handler that hears everything but tokens."""

    run_inline = True
    """No hop to a thread for what is nothing."""

    def __init__(self, handler: BaseCallbackHandler) -> None:
        self._handler = handler

    def on_llm_new_token(self, *_args: Any, **_kwargs: Any) -> None:
        """Hear nothing."""

    def __eq__(self, other: object) -> bool:
        """Be the same as the handler inside: managers that are merged keep one of the two."""
        return self._handler is (other._handler if isinstance(other, _Tokenless) else other)

    def __hash__(self) -> int:
        """As above."""
        return hash(self._handler)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 whatever the handler has
        if name.startswith(("tap_", "__")):  # LangChain streams where a handler taps the output
            raise AttributeError(name)
        return getattr(self._handler, name)


def _tokenless(handler: BaseCallbackHandler) -> Any:  # noqa: ANN401 stands for a handler
    return _Tokenless(handler) if _listens(handler) else handler


def _listens(handler: BaseCallbackHandler) -> bool:
    if isinstance(handler, BaseTracer | AsyncBaseTracer | _Tokenless):
        return False
    return type(handler).on_llm_new_token not in _DEAF
