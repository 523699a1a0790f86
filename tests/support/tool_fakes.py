"""A scripted model that is offered tools, calls them in turn and then answers."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool

from tests.support.fakes import Call, ScriptedModelWithN

ToolUse = tuple[str, dict[str, Any]]
"""The name of a tool and its arguments."""


class ScriptedAgentModel(ScriptedModelWithN):
    """Calls `plan`'s tools one after the other when tools are offered, then answers in words."""

    plan: Sequence[ToolUse] = ()
    model_name: str = "scripted-1"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        formatted = [convert_to_openai_tool(one) for one in tools]
        return self.bind(tools=formatted, **choice, **kwargs)

    def _result(self, call: Call) -> ChatResult:
        used = sum(isinstance(message, ToolMessage) for message in call.messages)
        if call.kwargs.get("tools") and used < len(self.plan):
            result = self._tool_call(call, *self.plan[used])
        else:
            result = super()._result(call)
        result.llm_output = {"model_name": call.kwargs.get("model", self.model_name)}
        return result

    def _tool_call(self, call: Call, name: str, arguments: dict[str, Any]) -> ChatResult:
        message = AIMessage(
            content="Let me look.",
            tool_calls=[{"name": name, "args": arguments, "id": f"call_{name}"}],
            usage_metadata=self._usage(call.messages, ["Let me look."]),
        )
        return ChatResult(generations=[ChatGeneration(message=message)] * call.n)


class ToolLog:
    """Two tools, and what they were called with."""

    def __init__(self) -> None:
        self.calls: list[ToolUse] = []

    @property
    def tools(self) -> list[BaseTool]:
        """Return the tools."""

        @tool
        def find_oil(wood: str) -> str:
            """Find the oil for a kind of wood."""
            self.calls.append(("find_oil", {"wood": wood}))
            return "tung oil"

        @tool
        def find_price(oil: str) -> str:
            """Find the price of an oil."""
            self.calls.append(("find_price", {"oil": oil}))
            return "12 euros"

        return [find_oil, find_price]


TWO_TOOLS: tuple[ToolUse, ...] = (
    ("find_oil", {"wood": "oak"}),
    ("find_price", {"oil": "tung oil"}),
)
"""A plan that uses both."""


class VaryingAgentModel(ScriptedAgentModel):
    """Calls another tool, or answers, with every completion; a critic's prompts get words."""

    act: Callable[[int], ToolUse | str] = lambda number: f"answer {number}"
    """What completion `number` does: calls a tool, or says something."""

    def _result(self, call: Call) -> ChatResult:
        if not call.kwargs.get("tools"):
            return super()._result(call)
        messages = [
            self._acting(call, self.act(next(self.notebook.numbers))) for _ in range(call.n)
        ]
        return ChatResult(
            generations=[ChatGeneration(message=message) for message in messages],
            llm_output={"model_name": self.model_name},
        )

    def _acting(self, call: Call, act: ToolUse | str) -> AIMessage:
        usage = self._usage(call.messages, ["acted"])
        if isinstance(act, str):
            return AIMessage(act, usage_metadata=usage)
        name, arguments = act
        return AIMessage(
            "",
            tool_calls=[{"name": name, "args": arguments, "id": f"call_{name}"}],
            usage_metadata=usage,
        )
