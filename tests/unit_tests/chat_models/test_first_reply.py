"""A first reply that competes is counted, and holds the run to its time, like any draw."""

import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_tpo import ChatTPO, TPOSettings
from tests.support.fakes import last_number
from tests.support.tool_fakes import ScriptedAgentModel, ToolLog


class Thinking(ScriptedAgentModel):
    """Thinks first, and says nothing before its tokens are used up."""

    def _result(self, call: Any) -> ChatResult:
        if self.notebook.completions() > 1:
            return super()._result(call)
        message = AIMessage("<think>Oil or wax?", usage_metadata=self._usage(call.messages, ["?"]))
        return ChatResult(generations=[ChatGeneration(message=message)])


class Slow(ScriptedAgentModel):
    """Takes its time for the first reply."""

    def _result(self, call: Any) -> ChatResult:
        if self.notebook.completions() == 1:
            time.sleep(0.3)
        return super()._result(call)


async def asked(model: Any, *, asynchronous: bool, **settings: Any) -> dict[str, Any]:
    chat = ChatTPO(model=model, reward=last_number, settings=TPOSettings(**settings))
    with_tools = chat.bind_tools(ToolLog().tools)
    answer = await with_tools.ainvoke("?") if asynchronous else with_tools.invoke("?")
    summary: dict[str, Any] = answer.response_metadata["tpo"]
    return summary


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_first_reply_without_text_is_a_drop_and_takes_no_draws_place(
    *, asynchronous: bool
) -> None:
    model = Thinking()
    summary = await asked(model, asynchronous=asynchronous, width=3, depth=0)

    assert (summary["dropped"], summary["candidates"]) == (1, 3)
    assert summary["usage"]["completions"] == 4


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_first_reply_that_used_the_time_up_is_the_answer(*, asynchronous: bool) -> None:
    model = Slow()
    summary = await asked(model, asynchronous=asynchronous, width=3, depth=2, time_budget=0.1)

    assert (summary["stop_reason"], summary["candidates"]) == ("time_budget", 1)
    assert (summary["dropped"], len(model.notebook.calls)) == (0, 1)
