"""A model and a reward that answer at once."""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

USAGE = {"input_tokens": 10, "output_tokens": 10, "total_tokens": 20}


class ZeroLatency(BaseChatModel):
    """Keeps nothing of what it is asked; takes `n` as OpenAI's models do."""

    n: int = 1

    @property
    def _llm_type(self) -> str:
        return "zero-latency"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        texts = [f"answer {number}" for number in range(kwargs.get("n", self.n))]
        return ChatResult(
            generations=[
                ChatGeneration(message=AIMessage(text, usage_metadata=USAGE)) for text in texts
            ]
        )

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)


async def reward(prompt: str, response: str) -> float:
    return float(response[-1])


model = ZeroLatency()
