"""Batches whose `max_concurrency` counts requests to the server, not queries.

Knows how LangChain runs batches; knows nothing of what a query is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, TypeAlias, cast, overload

from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableSerializable,
    ensure_config,
    patch_config,
)
from langchain_core.runnables.config import get_config_list
from langchain_core.runnables.utils import Input, Output

from langchain_tpo.sampling.call_config import check_config
from langchain_tpo.sampling.request_limit import RequestLimit
from langchain_tpo.sampling.run_limit import run_limit

Configs: TypeAlias = RunnableConfig | Sequence[RunnableConfig] | None
"""One config for a whole batch, or one for each of its inputs."""


class BatchesByRequests(RunnableSerializable[Input, Output]):
    """A Runnable that asks a server several times for one input.

    With `max_concurrency=k` a batch keeps at most k requests on their way to the model, and as many
    to the reward server, and works on nearly twice as many inputs, so that those k places are
    taken while some inputs are being scored. Nothing waits for the slowest input but the list of
    `batch` itself; `batch_as_completed` does not.
    """

    def batch(
        self,
        inputs: list[Input],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Output]:
        """Return the outputs of all inputs, in their order."""
        runs, configs = _limited(self, config, len(inputs))
        return runs.batch(inputs, configs, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[Input],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Output]:
        """Return the outputs of all inputs, in their order.

        A run that fails cancels the others, unless exceptions are returned.
        """
        done = {
            place: output
            async for place, output in self.abatch_as_completed(  # type: ignore[call-overload]  # as core's: of a bool
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
        }
        return cast("list[Output]", [done[place] for place in range(len(inputs))])

    @overload
    def batch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Output]]: ...

    @overload
    def batch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: Literal[True],
        **kwargs: Any,
    ) -> Iterator[tuple[int, Output | Exception]]: ...

    def batch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Output | Exception]]:
        """Return place and output of each input as it is done."""
        runs, configs = _limited(self, config, len(inputs))
        yield from runs.batch_as_completed(  # type: ignore[call-overload]  # as above
            inputs, configs, return_exceptions=return_exceptions, **kwargs
        )

    @overload
    def abatch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: Literal[False] = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Output]]: ...

    @overload
    def abatch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: Literal[True],
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Output | Exception]]: ...

    async def abatch_as_completed(
        self,
        inputs: Sequence[Input],
        config: Configs = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Output | Exception]]:
        """Return place and output of each input as it is done.

        What still runs when the batch is cancelled, fails or is left early is cancelled.
        """
        runs, configs = _limited(self, config, len(inputs))
        most = configs[0].get("max_concurrency") if configs else None
        turn = asyncio.Semaphore(most) if most else nullcontext()

        async def run(place: int) -> tuple[int, Output | Exception]:
            async with turn:
                try:
                    return place, await runs.ainvoke(inputs[place], configs[place], **kwargs)
                except Exception as error:
                    if return_exceptions:
                        return place, error
                    raise

        tasks = [asyncio.create_task(run(place)) for place in range(len(inputs))]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Limited(Runnable[Input, Output]):
    """Runs of one Runnable that share a limit."""

    def __init__(self, bound: Runnable[Input, Output], limit: RequestLimit | None) -> None:
        self._bound = bound
        self._limit = limit

    def invoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> Output:
        """Run within the limit."""
        with self._shared():
            return self._bound.invoke(input, self._config(config), **kwargs)

    async def ainvoke(
        self, input: Input, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Output:
        """Run within the limit."""
        with self._shared():
            return await self._bound.ainvoke(input, self._config(config), **kwargs)

    @contextmanager
    def _shared(self) -> Iterator[None]:
        """Count within the batch, and within the run of a graph whose node runs it."""
        if self._limit is None:
            yield
            return
        with run_limit(ensure_config()), self._limit.shared():
            yield

    def _config(self, config: RunnableConfig | None) -> RunnableConfig | None:
        if self._limit is None:
            return config
        return patch_config(config, max_concurrency=self._limit.most)


def _limited(
    bound: Runnable[Input, Output], config: Configs, inputs: int
) -> tuple[_Limited[Input, Output], list[RunnableConfig]]:
    """Return the runs of a batch, and configs that let enough of them begin."""
    for one in config if isinstance(config, list | tuple) else [config]:
        check_config(one)
    configs = get_config_list(config, inputs)
    most = configs[0].get("max_concurrency") if configs else None
    if not most:
        return _Limited(bound, None), configs
    limit = RequestLimit(most)
    return _Limited(bound, limit), [
        patch_config(one, max_concurrency=limit.queries) for one in configs
    ]
