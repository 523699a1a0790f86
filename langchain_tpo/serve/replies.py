"""What the APIs have in common in answering: events of a stream, usage, how an answer ended.

Knows Server-Sent Events; the words of each API are in its own module.
"""

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from langchain_tpo.candidate_pool import Finish
from langchain_tpo.events import StepEvent, TPOEvent
from langchain_tpo.sampling.replies import read_reply
from langchain_tpo.sampling.usage import total_usage
from langchain_tpo.serve.asked import Answered, Asked
from langchain_tpo.serve.failures import Failure, failure_of
from langchain_tpo.serve.runs import Run


class Reply(ABC):
    """One answer in the form of one API, whole or as a stream."""

    prefix = "tpo"
    """How its ids begin."""

    def __init__(self, asked: Asked) -> None:
        """Take what was asked."""
        self.asked = asked
        self.id = f"{self.prefix}{secrets.token_hex(12)}"
        self.created = int(time.time())

    @abstractmethod
    def whole(self, answered: Answered) -> dict[str, Any]:
        """Return the body of an answer that is no stream."""

    @abstractmethod
    def opening(self) -> bytes:
        """Return what a stream begins with, long before there is an answer."""

    @abstractmethod
    def thought(self, line: str) -> bytes:
        """Return a line of progress as something that the model thought."""

    @abstractmethod
    def so_far(self, text: str, event: TPOEvent) -> bytes:
        """Return the best answer so far."""

    @abstractmethod
    def closing(self, answered: Answered) -> bytes:
        """Return the answer, and the end of the stream."""

    @abstractmethod
    def failed(self, failure: Failure) -> bytes:
        """Return the end of a stream that has no answer."""

    async def stream(self, run: Run, every: float) -> AsyncIterator[bytes]:
        """Yield a run as it goes on, then its answer; whoever stops listening cancels it.

        Args:
            run: The run.
            every: Seconds without news after which to send a sign of life.
        """
        try:
            yield self.opening()
            async for event in run.news(every):
                yield self._told(event)
            yield self.closing(await run.answered())
        except Exception as error:  # noqa: BLE001 the head is sent: the stream says what is wrong
            yield self.failed(failure_of(error))
        finally:
            run.cancel()

    def _told(self, event: TPOEvent | None) -> bytes:
        if event is None:
            return comment("keep-alive")
        line = progress(event, self.asked.settings.depth)
        if self.asked.tpo.progress == "none":
            told = b""
        elif self.asked.tpo.progress == "reasoning":
            told = self.thought(f"{line}\n")
        else:
            told = comment(line)
        text = event.get("text") if event["event"] == "tpo_round" else None
        return told + self.so_far(str(text), event) if text and self.asked.tpo.best_so_far else told


def progress(event: TPOEvent, depth: int) -> str:
    """Return what an event tells, in one line without texts of models.

    Args:
        event: Of a run.
        depth: How many rounds it may have.
    """
    if event["event"] == "tpo_start":
        return f"tpo start: up to {event['completions']} completions in {event['stages']} stages"
    if event["event"] == "tpo_step":
        return f"tpo {event['step']} of round {event['round']}"
    if event["event"] == "tpo_round":
        best = event["best_reward"]
        known = "" if best is None else f", best reward {best:.4g}"
        return f"tpo round {event['round']} of {depth}{known}"
    return f"tpo end: {event['stop_reason']}"


def comment(line: str) -> bytes:
    r"""Return a comment of a stream, which clients pass over.

    Example:
        >>> comment("keep-alive")
        b': keep-alive\n\n'
    """
    return f": {line}\n\n".encode()


def data(value: Mapping[str, Any], *, event: str | None = None) -> bytes:
    r"""Return one event of a stream.

    Example:
        >>> data({"a": 1}, event="message")
        b'event: message\ndata: {"a": 1}\n\n'
    """
    head = "" if event is None else f"event: {event}\n"
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def finish_of(message: AIMessage) -> Finish | None:
    """Return how a message ended, where it is not complete."""
    return read_reply(message).get("finish")


def spent(answered: Answered) -> dict[str, Any]:
    """Return what an answer's usage holds as `tpo`: requests, completions, tokens by step."""
    usage = answered.usage
    return {
        "requests": usage["requests"],
        "completions": usage["completions"],
        "steps": _by_step(answered.steps),
    }


def _by_step(steps: Sequence[StepEvent]) -> dict[str, dict[str, int | None]]:
    """Return the tokens of each of the five steps."""
    parts = defaultdict(list)
    for step in steps:
        parts[step["step"]].append(step["usage"])
    totals = {name: total_usage(listed) for name, listed in parts.items()}
    return {
        name: {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
        for name, usage in totals.items()
    }
