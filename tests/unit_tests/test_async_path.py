"""Nothing in an async run blocks the event loop: not the loop, the chat model or the middleware."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from blockbuster import BlockBuster, BlockingError, blockbuster_ctx
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPORunnable
from langchain_tpo.chat_models.chat_tpo import ChatTPO
from langchain_tpo.middleware import TPOMiddleware
from tests.support.fakes import last_number
from tests.support.tool_fakes import TWO_TOOLS, ScriptedAgentModel, ToolLog


@pytest.fixture
def guard() -> Iterator[BlockBuster]:
    """Make every blocking call in the event loop an error."""
    with blockbuster_ctx() as guard:
        yield guard


def slow(prompt: str, response: str) -> float:
    """Block, as a reward that asks a server with `requests` would."""
    time.sleep(0.001)
    return last_number(prompt, response)


OPTIONS: dict[str, Any] = {"reward": slow, "width": 2, "depth": 1}


@pytest.mark.usefixtures("guard")
async def test_a_run_does_not_block_even_with_a_reward_that_does() -> None:
    tpo = TPORunnable(model=ScriptedAgentModel(), **OPTIONS)

    assert (await tpo.ainvoke("Wood?")).text == "revision 5"


@pytest.mark.usefixtures("guard")
async def test_a_chat_model_does_not_block() -> None:
    chat = ChatTPO(model=ScriptedAgentModel(), **OPTIONS)

    assert (await chat.ainvoke("Wood?")).text == "revision 5"
    assert (await chat.bind_tools(ToolLog().tools).ainvoke("Wood?")).text.startswith("revision")


@pytest.mark.usefixtures("guard")
async def test_an_agent_does_not_block() -> None:
    middleware = TPOMiddleware(**OPTIONS)
    agent = create_agent(
        ScriptedAgentModel(plan=TWO_TOOLS), ToolLog().tools, middleware=[middleware]
    )

    state = await agent.ainvoke({"messages": [HumanMessage("Wood?")]})

    assert state["messages"][-1].text == "revision 6"


@pytest.mark.usefixtures("guard")
async def test_the_guard_catches_a_reward_that_blocks() -> None:
    async def blocks(_request: Any) -> list[float]:
        time.sleep(0.001)  # noqa: ASYNC251 the point
        return [1.0, 2.0]

    tpo = TPORunnable(model=ScriptedAgentModel(), reward=RunnableLambda(blocks), width=2, depth=1)

    with pytest.raises(BlockingError):
        await tpo.ainvoke("Wood?")
