"""The answer of a chat model's async stream while its run is still open.

LangChain's events take what a stream yields for a part of the run only as long as the run goes on,
and the run of `ainvoke` has ended when it returns. The answer is held where it is told, until the
stream has passed it on.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk


class HeldAnswer(AsyncCallbackHandler):
    """Takes the answer as it is told, and holds its run until the stream has gone on."""

    def __init__(self) -> None:
        """Begin without an answer."""
        self.chunk: asyncio.Future[AIMessageChunk] = asyncio.get_running_loop().create_future()
        self.passed_on = asyncio.Event()

    async def on_llm_new_token(self, *_args: Any, chunk: Any = None, **_kwargs: Any) -> None:  # noqa: ANN401 as above it
        """Hand the answer over, and wait."""
        if not self.chunk.done():
            self.chunk.set_result(chunk.message)
            await self.passed_on.wait()


async def streamed(
    answer: Callable[[HeldAnswer], Awaitable[AIMessage]],
    as_chunk: Callable[[AIMessage], AIMessageChunk],
) -> AsyncGenerator[AIMessageChunk]:
    """Yield the answer in one chunk, before its run ends; at once where a cache has it.

    Args:
        answer: Starts the run, with this handler among its callbacks.
        as_chunk: Makes a chunk of an answer that nobody told.
    """
    held = HeldAnswer()
    run = asyncio.ensure_future(answer(held))
    either: set[asyncio.Future[Any]] = {run, held.chunk}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        yield held.chunk.result() if held.chunk.done() else as_chunk(await run)
    finally:  # a run that has told its answer ends as any other, whoever has left
        if not held.chunk.done():
            held.chunk.cancel()
            run.cancel()
        held.passed_on.set()
        await asyncio.wait({run})
    await run
