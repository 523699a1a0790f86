"""The runs of a server: each a task of its own, bounded in number, time and tokens.

Knows nothing of HTTP: a run is begun, listened to, waited for or cancelled.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from langchain_core.messages import AIMessage

from langchain_tpo.events import TPOEvent
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.usage import Usage, UsageCounter, total_tokens
from langchain_tpo.serve.asked import Answered, Asked, figures, figures_so_far
from langchain_tpo.serve.failures import failure_of, turned_away
from langchain_tpo.serve.keys import Accounts
from langchain_tpo.serve.limits import ServeLimits
from langchain_tpo.serve.metrics import Metrics
from langchain_tpo.serve.turns import Turns
from langchain_tpo.serve.watch import Watch
from langchain_tpo.serve.ways import Ways

SPARE = 0.1
"""Of a run's time, kept for what its own time budget does not reach: a reward model, say."""


class Run:
    """One run on its way."""

    def __init__(
        self, answer: "asyncio.Task[Answered]", watch: Watch, counter: UsageCounter
    ) -> None:
        """Take the task that answers, and what hears of it."""
        self.task = answer
        self.watch = watch
        self.counter = counter
        self._early: Answered | None = None
        self._reason = ""
        self._notes: list[Callable[[Answered], None]] = []
        answer.add_done_callback(lambda _: watch.end())

    def news(self, every: float) -> AsyncIterator[TPOEvent | None]:
        """Yield its events until it ends, and None whenever there was none for a while."""
        return self.watch.news(every)

    def when_answered(self, note: Callable[[Answered], None]) -> None:
        """Have the answers noted by somebody else as well."""
        self._notes.append(note)

    async def answered(self) -> Answered:
        """Wait for the answers.

        Raises:
            Exception: Whatever went wrong.
        """
        found = await self._found()
        for note in self._notes:
            note(found)
        return found

    async def _found(self) -> Answered:
        await asyncio.wait({self.task})
        if self.task.cancelled() and self._reason:
            if self._early is None:
                raise turned_away(
                    503, "The server is stopping: try again.", code="stopping", retry_after=1
                )
            return self._early
        return self.task.result()

    def cancel(self) -> None:
        """End it; nobody waits for it any more."""
        self.task.cancel()

    def end_early(self, reason: str) -> None:
        """End it with the best answer so far, if there is one.

        Args:
            reason: Why, for the client.
        """
        if not self.task.done():
            self._reason = reason
            self._early = best_so_far(self.watch, self.counter.usage, reason)
            self.task.cancel()


class Runs:
    """All runs of a server."""

    def __init__(
        self, tpo: TPORunnable, limits: ServeLimits, accounts: Accounts, metrics: Metrics
    ) -> None:
        """Take what answers and what bounds it.

        Args:
            tpo: The loop.
            limits: What the operator allows.
            accounts: What the holders of keys have left.
            metrics: Counts what happens.
        """
        self._ways = Ways(tpo, limits.requests)
        self._limits = limits
        self._accounts = accounts
        self._metrics = metrics
        self._going: set[Run] = set()
        self.stopping = False
        self.turns = Turns(limits.runs, limits.queue)

    def begin(self, asked: Asked, holder: str) -> Run:
        """Begin a run, or put it into the queue.

        Args:
            asked: What is asked.
            holder: Whose tokens it uses.

        Raises:
            Exception: A refused request, when nothing more is taken on.
        """
        if self.stopping:
            raise turned_away(
                503, "The server is stopping: try again.", code="stopping", retry_after=1
            )
        left = self._accounts.left(holder)
        self.turns.take()
        watch, counter = Watch(), UsageCounter()
        asked = _bounded(asked, self._limits.run_seconds * (1 - SPARE), left)
        task = asyncio.create_task(self._answer(asked, watch, counter))
        run = Run(task, watch, counter)
        self._going.add(run)
        task.add_done_callback(lambda done: self._ended(run, done, holder))
        return run

    async def stop(self) -> None:
        """Take on no more runs, and give those on their way time to end."""
        self.stopping = True
        if self._going:
            await asyncio.wait({run.task for run in self._going}, timeout=self._limits.grace)
        for run in list(self._going):
            run.end_early("shutdown")

    async def _answer(self, asked: Asked, watch: Watch, counter: UsageCounter) -> Answered:
        deadline = asyncio.timeout(self._limits.run_seconds)
        try:
            async with deadline, self.turns.turn():
                messages = await self._ways.answers(asked, [counter, watch])
        except TimeoutError:
            if not deadline.expired():  # a provider's own
                raise
            early = best_so_far(watch, counter.usage, "time_budget")
            if early is None:
                raise turned_away(
                    504,
                    f"There was no answer within {self._limits.run_seconds:g} seconds.",
                    code="timeout",
                ) from None
            return early
        return answered(messages, watch, counter.usage)

    def _ended(self, run: Run, done: "asyncio.Task[Answered]", holder: str) -> None:
        self._going.discard(run)
        self.turns.leave()
        usage = run.counter.usage
        if usage["requests"]:
            self._accounts.spend(holder, total_tokens(usage))
        outcome = "cancelled" if done.cancelled() else "answered"
        if not done.cancelled() and (error := done.exception()) is not None:
            outcome = f"failed_{failure_of(error).status}"
        self._metrics.run_ended(outcome, run.watch, usage)


def answered(messages: list[AIMessage], watch: Watch, usage: Usage) -> Answered:
    """Return the answers of a run that has ended by itself."""
    told: dict[str, Any] = {}
    if "tpo" in messages[0].response_metadata:
        told = figures(messages[0].response_metadata["tpo"])
    return Answered(messages=messages, usage=usage, steps=watch.steps, tpo=told)


def best_so_far(watch: Watch, usage: Usage, reason: str) -> Answered | None:
    """Return the best answer of a run that is ended early; None where nothing is scored yet."""
    if watch.best is None:
        return None
    told = figures_so_far(watch.best, reason)
    message = AIMessage(watch.best.get("text", ""))
    return Answered(messages=[message], usage=usage, steps=watch.steps, tpo=told)


def _bounded(asked: Asked, seconds: float, tokens: int | None) -> Asked:
    """Return what is asked within the time of a run and the tokens that a key has left."""
    own = asked.settings
    changes: dict[str, Any] = {"progress_text": True}  # for the best answer so far
    changes["time_budget"] = min(own.time_budget or seconds, seconds)
    if tokens is not None:
        changes["token_budget"] = min(own.token_budget or tokens, tokens)
    return asked.with_settings(own.with_changes(**changes))
