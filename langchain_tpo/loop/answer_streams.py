"""A link's answer as a stream: one chunk, as chat models stream.

What stands behind a chat model reads chunks; LangChain's parsers of tool calls find none in a
message that is no chunk.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig

from langchain_tpo.loop.run_input import TPORunnableInput
from langchain_tpo.sampling.batching import BatchesByRequests


class StreamsAnswers(BatchesByRequests[TPORunnableInput, AIMessage]):
    """A link whose stream is its answer in one chunk: which response wins is known at last."""

    def stream(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessage]:
        """Yield the answer in one chunk."""
        yield as_chunk(self.invoke(input, config, **kwargs))

    async def astream(
        self,
        input: TPORunnableInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessage]:
        """Yield the answer in one chunk."""
        yield as_chunk(await self.ainvoke(input, config, **kwargs))


def as_chunk(message: BaseMessage) -> AIMessageChunk:
    """Return a whole message as the only chunk of a stream.

    Example:
        >>> chunk = as_chunk(AIMessage("Oil it."))
        >>> chunk.text, chunk.chunk_position
        ('Oil it.', 'last')
    """
    return AIMessageChunk(**message.model_dump(exclude={"type"}), chunk_position="last")
