"""A chat model for trying things out: no key, no network, no weights.

It knows eight tips for wooden tables. A first answer holds one to three of them, a revision one or
two more than the answer it revises: what the loop does to a real model's answers, in miniature.
"""

import itertools
import random
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

TIPS = (
    "Dust it with a soft cloth.",
    "Wipe spills at once.",
    "Use coasters under glasses.",
    "Keep it out of direct sun.",
    "Oil it twice a year.",
    "Avoid silicone sprays.",
    "Sand scratches along the grain.",
    "Keep the air at half humidity.",
)

TURNS = itertools.count()
"""Answers so far: neighbours differ in length, so that there is always something to choose."""


def tips_in(prompt: str, response: str) -> float:
    """Reward an answer with the number of tips in it."""
    del prompt
    return float(sum(tip in response for tip in TIPS))


class StandInModel(BaseChatModel):
    """Answers from `TIPS`; offered a tool, it calls the first one once."""

    model_name: str = "stand-in"

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager
        message = self._tool_call(messages, kwargs) or AIMessage(self._answer(messages))
        words = sum(len(one.text.split()) for one in messages), len(message.text.split())
        message.usage_metadata = {
            "input_tokens": words[0],
            "output_tokens": words[1],
            "total_tokens": sum(words),
        }
        message.response_metadata = {"model_name": self.model_name}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Offer tools."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _tool_call(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> AIMessage | None:
        if not kwargs.get("tools") or any(isinstance(one, ToolMessage) for one in messages):
            return None
        name = kwargs["tools"][0]["function"]["name"]
        return AIMessage("", tool_calls=[{"name": name, "args": {"wood": "oak"}, "id": "1"}])

    def _answer(self, messages: list[BaseMessage]) -> str:
        prompt = "\n".join(message.text for message in messages)
        known = [tip for tip in TIPS if tip in prompt]
        unknown = [tip for tip in TIPS if tip not in prompt]
        turn = next(TURNS)
        if not known:
            return " ".join(random.sample(TIPS, 1 + turn % 3))
        if "<IMPROVED_VARIABLE>" not in prompt.partition("CONVERSATION")[0]:
            return f"It could say more. {len(unknown)} tips are missing."
        better = " ".join([*known, *random.sample(unknown, min(1 + turn % 2, len(unknown)))])
        return f"<IMPROVED_VARIABLE>{better}</IMPROVED_VARIABLE>"
