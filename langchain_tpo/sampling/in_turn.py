"""Several policies that draw in turn: a pool of answers from different models."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableFieldSpec, Runnable, RunnableConfig


class ModelsInTurn(Runnable[Any, Any]):
    """Asks one of several models, by the number of the draw; immutable.

    Draw i of a step goes to model i modulo their number, and a critique to the first. Each draw is
    a request of its own. Its message says in `response_metadata["model_name"]` who wrote it, also
    where the provider does not.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> one, other = (FakeListChatModel(responses=[text]) for text in ("Oil it.", "Wax it."))
        >>> models = ModelsInTurn([one, other], names=["oiler", "waxer"])
        >>> reply = models.invoke("Wood?", {"metadata": {"tpo_candidate": 3}})
        >>> reply.text, reply.response_metadata["model_name"]
        ('Wax it.', 'waxer')
    """

    def __init__(self, models: Sequence[Runnable[Any, Any]], *, names: Sequence[str]) -> None:
        """Take the models.

        Args:
            models: Chat models, wrapped or not; the first one criticizes, too.
            names: What each is called.
        """
        self.models = tuple(models)
        self.names = tuple(names)
        self.name = ", ".join(self.names)

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What can be set of any of them at run time."""
        return [spec for model in self.models for spec in model.config_specs]

    def invoke(
        self,
        input: Any,  # noqa: ANN401 as any model
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401
        """Return the reply of the model whose turn it is."""
        turn = self._turn(config)
        return _signed(self.models[turn].invoke(input, config, **kwargs), self.names[turn])

    async def ainvoke(
        self,
        input: Any,  # noqa: ANN401 as any model
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401
        """Return the reply of the model whose turn it is, without blocking the event loop."""
        turn = self._turn(config)
        reply = await self.models[turn].ainvoke(input, config, **kwargs)
        return _signed(reply, self.names[turn])

    def _turn(self, config: RunnableConfig | None) -> int:
        metadata = (config or {}).get("metadata") or {}
        return int(metadata.get("tpo_candidate", 0)) % len(self.models)


def _signed(reply: object, name: str) -> object:
    if not isinstance(reply, AIMessage) or reply.response_metadata.get("model_name"):
        return reply
    metadata = {**reply.response_metadata, "model_name": name}
    return reply.model_copy(update={"response_metadata": metadata})
