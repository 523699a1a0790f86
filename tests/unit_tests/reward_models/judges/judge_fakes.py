"""Chat models that judge by reading the prompt, with and without tools, and remember it."""

import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import ConfigDict

from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest

Verdict = Callable[[str], dict[str, Any] | str]
"""From the last message of a prompt to a filled form, to plain text, or an exception raised."""

Run = Callable[..., Awaitable[list[Score]]]

BOTH_WAYS = pytest.mark.parametrize("run", ["invoke", "ainvoke"])
BOTH_FORMS = pytest.mark.parametrize("tools", [True, False], ids=["structured", "text"])


class ProviderError(Exception):
    """What a provider raises."""


class Asked:
    """What a model was asked; shared by its copies."""

    def __init__(self) -> None:
        self.prompts: list[list[BaseMessage]] = []
        self.kwargs: list[dict[str, Any]] = []
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Asked":
        return self


class TextJudge(BaseChatModel):
    """Has no tools: its form is JSON text."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    verdict: Verdict
    asked: Asked
    latency: float = 0.0

    def __init__(self, verdict: Verdict, **values: Any) -> None:
        super().__init__(**{"verdict": verdict, "asked": Asked(), **values})

    @property
    def _llm_type(self) -> str:
        return "judge"

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        with self.asked.lock:
            self.asked.prompts.append(messages)
            self.asked.kwargs.append(kwargs)
            self.asked.in_flight += 1
            self.asked.most_in_flight = max(self.asked.most_in_flight, self.asked.in_flight)
        try:
            time.sleep(self.latency)
            reply = self._reply(self.verdict(str(messages[-1].text)), kwargs)
        finally:
            with self.asked.lock:
                self.asked.in_flight -= 1
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        reply = reply.model_copy(update={"usage_metadata": usage})
        reply.response_metadata["model_name"] = "judge"
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _reply(self, verdict: dict[str, Any] | str, kwargs: dict[str, Any]) -> AIMessage:
        return AIMessage(verdict if isinstance(verdict, str) else f"Well: {json.dumps(verdict)}")


class ToolJudge(TextJudge):
    """Fills in the form as a tool call."""

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tool=tools[0].__name__)

    def _reply(self, verdict: dict[str, Any] | str, kwargs: dict[str, Any]) -> AIMessage:
        if isinstance(verdict, str) or "tool" not in kwargs:
            return super()._reply(verdict, kwargs)
        call = ToolCall(name=kwargs["tool"], args=verdict, id="1")
        return AIMessage("", tool_calls=[call])


def judge_model(verdict: Verdict, *, tools: bool = True, **values: Any) -> TextJudge:
    return (ToolJudge if tools else TextJudge)(verdict, **values)


def response_in(prompt: str) -> str:
    found = re.search(r"<RESPONSE>\n(.*)\n</RESPONSE>", prompt, re.DOTALL)
    assert found
    return found[1]


def pair_in(prompt: str) -> tuple[str, str]:
    found = re.search(
        r"<RESPONSE_A>\n(.*)\n</RESPONSE_A>.*<RESPONSE_B>\n(.*)\n</RESPONSE_B>", prompt, re.DOTALL
    )
    assert found
    return found[1], found[2]


def request_for(*responses: str, **more: Any) -> ScoreRequest:
    return {"messages": [HumanMessage("Why is the sky blue?")], "responses": [*responses], **more}  # type: ignore[typeddict-item]


async def score(
    run: str, reward: RewardModel, request: ScoreRequest, config: RunnableConfig | None = None
) -> list[Score]:
    if run == "invoke":
        return reward.invoke(request, config)
    return await reward.ainvoke(request, config)


def rewards_of(scores: list[Score]) -> list[float | None]:
    return [one["reward"] if isinstance(one, dict) else one for one in scores]
