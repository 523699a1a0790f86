"""Draws of one step whose prompts differ: all at once, and what each prompt brought apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig

from langchain_tpo.sampling.context_window import FittingDrawer
from langchain_tpo.sampling.draw_request import DrawRequest
from langchain_tpo.sampling.draws import Draws, enough
from langchain_tpo.sampling.usage import Usage, total_usage


@dataclass(frozen=True, kw_only=True)
class SeveralDraws:
    """What each of several prompts brought."""

    each: tuple[Draws, ...]
    """In the order of the prompts."""

    @property
    def usage(self) -> Usage:
        """Tokens and requests of all of them."""
        return total_usage(draws.usage for draws in self.each)

    @property
    def left_out(self) -> int:
        """Characters of quoted text that the prompts had no room for."""
        return sum(draws.left_out for draws in self.each)

    @property
    def unseeded(self) -> bool:
        """Whether a seed was to be used that the model does not take."""
        return any(draws.unseeded for draws in self.each)


class SeveralDrawer:
    """Draws for the different prompts of one step; immutable."""

    def __init__(self, drawer: FittingDrawer, *, fresh: FittingDrawer | None = None) -> None:
        """Take what draws.

        Args:
            drawer: Draws revisions.
            fresh: Draws answers to the conversation itself, where these are asked for otherwise:
                with tools, say. They come first, then.
        """
        self._drawer = drawer
        self._fresh = fresh

    @property
    def answers_in_format(self) -> bool:
        """Whether the model's replies have a format of their own."""
        return self._drawer.answers_in_format

    def prompt_tokens(self, requests: Sequence[DrawRequest]) -> int:
        """Count the prompts that these draws send: one for each request that they take."""
        return sum(self._drawer_of(request).prompt_tokens(request) for request in requests)

    def _drawer_of(self, request: DrawRequest) -> FittingDrawer:
        return self._fresh if self._fresh and _is_fresh(request) else self._drawer

    def run(self, requests: Sequence[DrawRequest], config: RunnableConfig) -> SeveralDraws:
        """Draw for all prompts at once.

        Raises:
            Exception: The first failure, when not one prompt brings a reply.
        """
        if self._fresh is None:
            return _some(self._drawer.run_all(requests, config))
        fresh, others = _apart(requests)
        first = self._fresh.run_all(fresh, config) if fresh else []
        more = self._drawer.run_all(others, config) if others else []
        return _some(_together(requests, first, more))

    async def arun(self, requests: Sequence[DrawRequest], config: RunnableConfig) -> SeveralDraws:
        """Draw as `run` does, without blocking the event loop."""
        if self._fresh is None:
            return _some(await self._drawer.arun_all(requests, config))
        fresh, others = _apart(requests)
        first = await self._fresh.arun_all(fresh, config) if fresh else []
        more = await self._drawer.arun_all(others, config) if others else []
        return _some(_together(requests, first, more))


def _is_fresh(request: DrawRequest) -> bool:
    return request.labels.get("tpo_form") == "fresh"


def _apart(
    requests: Sequence[DrawRequest],
) -> tuple[list[DrawRequest], list[DrawRequest]]:
    fresh = [request for request in requests if _is_fresh(request)]
    return fresh, [request for request in requests if not _is_fresh(request)]


def _together(
    requests: Sequence[DrawRequest], fresh: Sequence[Draws], others: Sequence[Draws]
) -> list[Draws]:
    """Put the draws back in the order of the requests."""
    one, other = iter(fresh), iter(others)
    return [next(one if _is_fresh(request) else other) for request in requests]


def _some(each: Sequence[Draws]) -> SeveralDraws:
    if not any(draws.replies for draws in each):
        for draws in each:
            enough(draws, 1)
    return SeveralDraws(each=tuple(each))
