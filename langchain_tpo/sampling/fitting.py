"""Draws for a prompt that may be longer than the model's window: shorter ones are tried.

Knows when to try another wording; how one is shortened is `shortening`, what it says `critique`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, run_in_executor

from langchain_tpo.sampling.context_window import count_tokens, is_too_long
from langchain_tpo.sampling.draws import Drawer, DrawRequest, Draws, enough
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
        (draws,) = self.run_all([request], config)
        return enough(draws, request.draw["at_least"])

    async def arun(self, request: FittingRequest, config: RunnableConfig) -> Draws:
        """Draw as `run` does, without blocking the event loop."""
        (draws,) = await self.arun_all([request], config)
        return enough(draws, request.draw["at_least"])

    def run_all(self, requests: Sequence[FittingRequest], config: RunnableConfig) -> list[Draws]:
        """Draw for several prompts at once, each shortened for itself; failures are kept."""
        fitting = _Fitting({place: self._counted(one) for place, one in enumerate(requests)}, {})
        while fitting.open:
            fitting = self._next(fitting, self._drawer.run_all(fitting.asked, config))
        return fitting.draws

    async def arun_all(
        self, requests: Sequence[FittingRequest], config: RunnableConfig
    ) -> list[Draws]:
        """Draw for several prompts as `run_all` does, without blocking the event loop."""
        counted = [await self._acounted(one, config) for one in requests]
        fitting = _Fitting(dict(enumerate(counted)), {})
        while fitting.open:
            fitting = self._next(fitting, await self._drawer.arun_all(fitting.asked, config))
        return fitting.draws

    def _next(self, fitting: "_Fitting", draws: Sequence[Draws]) -> "_Fitting":
        """Keep what was drawn; ask again, with less, where a prompt was too long."""
        again, done = {}, dict(fitting.done)
        for (place, request), drawn in zip(fitting.open.items(), draws, strict=True):
            if _worth_shortening(request, drawn):
                again[place] = self._refused(request)
            else:
                done[place] = _told(drawn, request)
        return _Fitting(again, done)

    def _counted(self, request: FittingRequest) -> FittingRequest:
        """Shorten until the prompt fits by count; the last word is the server's."""
        if request.context_tokens is None:
            return request
        room = request.context_tokens - (request.draw["options"].get("max_tokens") or 0)
        while request.shorter and count_tokens(self._drawer.model, request.draw["messages"]) > room:
            request = request.next()
        return request

    async def _acounted(self, request: FittingRequest, config: RunnableConfig) -> FittingRequest:
        if request.context_tokens is None:
            return request
        return await run_in_executor(config, self._counted, request)

    def _refused(self, request: FittingRequest) -> FittingRequest:
        refused = request.refused + len(self._drawer.requests(request.draw))
        return replace(request.next(), refused=refused)


@dataclass(frozen=True)
class _Fitting:
    """Prompts by their place: those still to be drawn for, and what the others brought."""

    open: Mapping[int, FittingRequest]
    done: Mapping[int, Draws]

    @property
    def asked(self) -> list[DrawRequest]:
        return [request.draw for request in self.open.values()]

    @property
    def draws(self) -> list[Draws]:
        return [self.done[place] for place in sorted(self.done)]


def _worth_shortening(request: FittingRequest, draws: Draws) -> bool:
    """Whether a prompt was too long for its draws, too few of which are left."""
    lacking = len(draws.replies) < max(1, request.draw["at_least"])
    return bool(request.shorter) and lacking and any(map(is_too_long, draws.failures[:1]))


def _told(draws: Draws, request: FittingRequest) -> Draws:
    """Add what was left out, and the requests that were refused before."""
    usage = total_usage([draws.usage, *[FAILED_REQUEST] * request.refused])
    return replace(draws, usage=usage, left_out=request.left_out)
