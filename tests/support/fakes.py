"""A policy, a critic and a reward that follow a script and remember what they were asked.

They answer by reading the prompt, not by call order, so that concurrency changes nothing.
"""

import asyncio
import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict

Reply = Callable[[str, list[BaseMessage], int], str]
"""(step, messages, number of this completion) -> what the model writes, or an exception raised."""


def step_of(messages: list[BaseMessage]) -> str:
    """Name the step whose prompt this is, by the shape that the paper's prompts give it."""
    system = messages[0].text if messages[0].type == "system" else ""
    if "</IMPROVED_VARIABLE>" in system:
        return "update"
    if "Leave the rewriting to that model" in system:
        return "textual_gradient"
    if system.startswith("You evaluate answers"):
        return "textual_loss"
    if system.startswith("You improve answers to a query, step by step"):
        return _step_of_thread(messages)
    return "sample"


def _step_of_thread(messages: list[BaseMessage]) -> str:
    if messages[-1].text.startswith("Now write the improved answer"):
        return "update"
    return "textual_loss" if len(messages) == 2 else "textual_gradient"


def obedient(step: str, messages: list[BaseMessage], number: int) -> str:
    """Write what the step asks for, numbered in order of completion."""
    if step == "update":
        return f"<IMPROVED_VARIABLE>revision {number}</IMPROVED_VARIABLE>"
    return f"{step} {number}"


@dataclass
class Call:
    """One request that a model received."""

    step: str
    messages: list[BaseMessage]
    n: int
    kwargs: dict[str, Any]


class Notebook:
    """What a scripted model was asked, in order; shared by the model's copies."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.numbers = itertools.count()
        self.lock = threading.Lock()

    def steps(self) -> list[str]:
        """Name the step of every request, in order of arrival."""
        return [call.step for call in self.calls]

    def completions(self) -> int:
        """Count what was generated."""
        return sum(call.n for call in self.calls)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Notebook":
        return self

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return (Notebook, ())


class ScriptedModel(BaseChatModel):
    """A chat model that answers by `reply`, one completion per request."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reply: Reply = obedient
    notebook: Notebook
    latency: float = 0.0
    reports_usage: bool = True

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"notebook": Notebook(), **values})

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._noted(messages, kwargs) as call:
            time.sleep(self.latency)
            return self._result(call)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._noted(messages, kwargs) as call:
            await asyncio.sleep(self.latency)
            return self._result(call)

    def _noted(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> "_InFlight":
        n = kwargs.get("n") or getattr(self, "n", 1)
        call = Call(step=step_of(messages), messages=messages, n=n, kwargs=kwargs)
        return _InFlight(self.notebook, call)

    def _result(self, call: Call) -> ChatResult:
        numbers = [next(self.notebook.numbers) for _ in range(call.n)]
        texts = [self.reply(call.step, call.messages, number) for number in numbers]
        usage = self._usage(call.messages, texts)
        return ChatResult(
            generations=[
                ChatGeneration(message=AIMessage(content=text, usage_metadata=usage))
                for text in texts
            ]
        )

    def _usage(self, messages: list[BaseMessage], texts: list[str]) -> UsageMetadata | None:
        """Count a word as a token, and the whole request on every choice, as OpenAI does."""
        if not self.reports_usage:
            return None
        read = sum(len(message.text.split()) for message in messages)
        written = sum(len(text.split()) for text in texts)
        return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


class ScriptedModelWithN(ScriptedModel):
    """The same, but it takes `n` as OpenAI's models do."""

    n: int = 1


@dataclass
class _InFlight:
    notebook: Notebook
    call: Call

    def __enter__(self) -> Call:
        with self.notebook.lock:
            self.notebook.calls.append(self.call)
            self.notebook.in_flight += 1
            self.notebook.most_in_flight = max(
                self.notebook.most_in_flight, self.notebook.in_flight
            )
        return self.call

    def __exit__(self, *_: object) -> None:
        with self.notebook.lock:
            self.notebook.in_flight -= 1


def last_number(_prompt: str, response: str) -> float:
    """Reward the number that a scripted response ends in: later is better."""
    return float(re.findall(r"-?\d+", response)[-1])
