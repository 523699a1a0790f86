"""Draws for a prompt that may be longer than the model's window: shorter ones are tried.

Knows when to try another wording; how one is shortened is `shortening`, what it says `critique`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, run_in_executor
from langgraph.errors import GraphBubbleUp

from langchain_tpo.sampling.context_window import count_tokens, is_too_long
from langchain_tpo.sampling.draws import Drawer, DrawRequest, Draws
from langchain_tpo.sampling.usage import FAILED_REQUEST, total_usage

Shorter: TypeAlias = Callable[[], tuple[list[BaseMessage], int]]
"""Renders a prompt with less of what it quotes; says how many characters are left out."""


@dataclass(frozen=True, kw_only=True)
class FittingRequest:
    """A request, and the shorter prompts to try where its own does not fit."""

    draw: DrawRequest
    shorter: Sequence[Shorter]
    """One shorter than the other; none is rendered before it is needed."""
    context_tokens: int | None
    """The window, where it is known: prompt and completion together."""
    left_out: int = 0
    """How many characters of quoted text this prompt lacks."""
    refused: int = 0
    """Requests with longer prompts that a server has refused."""

    def next(self) -> "FittingRequest":
        """Return the request with the next shorter prompt."""
        messages, left_out = self.shorter[0]()
        draw: DrawRequest = {**self.draw, "messages": messages}
        return replace(self, draw=draw, shorter=self.shorter[1:], left_out=left_out)


class FittingDrawer:
    """Draws from one model; shortens what a prompt quotes until it fits; immutable."""

    def __init__(self, drawer: Drawer) -> None:
        """Take what draws.

        Args:
            drawer: Sends the requests.
        """
        self._drawer = drawer

    def run(self, request: FittingRequest, config: RunnableConfig) -> Draws:
        """Draw.

        Raises:
            Exception: The provider's own, when even the shortest prompt is too long.
        """
        request = self._counted(request)
        try:
            draws = self._drawer.run(request.draw, config)
        except Exception as error:
            if not _worth_shortening(request, error):
                raise
        else:
            return _told(draws, request)
        return self.run(self._refused(request), config)

    async def arun(self, request: FittingRequest, config: RunnableConfig) -> Draws:
        """Draw as `run` does, without blocking the event loop."""
        if request.context_tokens is not None:
            request = await run_in_executor(config, self._counted, request)
        try:
            draws = await self._drawer.arun(request.draw, config)
        except Exception as error:
            if not _worth_shortening(request, error):
                raise
        else:
            return _told(draws, request)
        return await self.arun(self._refused(request), config)

    def _counted(self, request: FittingRequest) -> FittingRequest:
        """Shorten until the prompt fits by count; the last word is the server's."""
        if request.context_tokens is None:
            return request
        room = request.context_tokens - (request.draw["options"].get("max_tokens") or 0)
        while request.shorter and count_tokens(self._drawer.model, request.draw["messages"]) > room:
            request = request.next()
        return request

    def _refused(self, request: FittingRequest) -> FittingRequest:
        refused = request.refused + len(self._drawer.requests(request.draw))
        return replace(request.next(), refused=refused)


def _worth_shortening(request: FittingRequest, error: Exception) -> bool:
    pauses = isinstance(error, GraphBubbleUp)  # for a person, whatever it quotes
    return bool(request.shorter) and not pauses and is_too_long(error)


def _told(draws: Draws, request: FittingRequest) -> Draws:
    """Add what was left out, and the requests that were refused before."""
    usage = total_usage([draws.usage, *[FAILED_REQUEST] * request.refused])
    return replace(draws, usage=usage, left_out=request.left_out)
