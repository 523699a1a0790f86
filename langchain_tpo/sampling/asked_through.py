"""A chat model that somebody else asks: an agent, with all the middleware around its model.

Knows nothing of agents; what is known of the model, and set on it, is the same as of any other.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

Send = Callable[..., Any]
"""Asks a model, given it, a conversation, `config`, and options by name; may be a coroutine."""


class AskedThrough(Runnable[Any, Any]):
    """Stands for a chat model where every request goes through somebody's hands; immutable.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["Oil it."])
        >>> through = AskedThrough(model, lambda model, messages: model.invoke(messages))
        >>> through.invoke("Wood?").text
        'Oil it.'
    """

    def __init__(
        self,
        model: Runnable[Any, Any],
        send: Send,
        *,
        bound: Mapping[str, Any] | None = None,
        name: str = "model",
    ) -> None:
        """Take the model and who asks it.

        Args:
            model: The chat model, wrapped or not.
            send: Asks the model that it is handed, which may be changed.
            bound: Keyword arguments that every answer is asked for with.
            name: What traces call it.
        """
        self.model = model
        self.bound = dict(bound or {})
        self.name = name
        self._send = send

    def with_model(self, model: Runnable[Any, Any]) -> "AskedThrough":
        """Return the same around another model."""
        if model is self.model:
            return self
        return AskedThrough(model, self._send, bound=self.bound, name=self.name or "model")

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as of any Runnable
        """Ask, and wait for the reply."""
        return self._call().invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401 as above
        """Ask without blocking the event loop."""
        return await self._call().ainvoke(input, config, **kwargs)

    def _call(self) -> Runnable[Any, Any]:
        """Whoever asks finds the config in the context, as in any function of a chain."""
        return RunnableLambda(partial(self._send, self.model), name=self.name)
