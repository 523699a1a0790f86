"""An agent with a real small model: tools offered, the answer optimized."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("xllamacpp", reason="needs the extra `local`")

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_tpo import SamplingOptions, TPOSettings
from langchain_tpo.errors import WeightsError
from langchain_tpo.local import LocalChatModel, LocalServer
from langchain_tpo.middleware import TPOMiddleware
from tests.support.shallow_weights import shallow_weights

pytestmark = pytest.mark.integration

SHORT = SamplingOptions(max_tokens=32)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalChatModel]:
    """The embedded model, on one core."""
    server = LocalServer(shallow_weights(), slots=2, context_tokens=2048, threads=1)
    try:
        server.start()
    except WeightsError as error:
        pytest.skip(str(error))
    with server:
        yield server.chat_model(max_tokens=32, temperature=0.8)


def variety(_prompt: str, response: str) -> float:
    return float(len(set(response.split())))


async def test_a_real_models_answer_is_optimized_in_an_agent(local: LocalChatModel) -> None:
    asked: list[str] = []

    def find_oil(wood: str) -> str:
        """Find the oil for a kind of wood."""
        asked.append(wood)
        return "tung oil"

    settings = TPOSettings(
        width=2,
        depth=1,
        prompts="small",
        textual_loss=SHORT,
        textual_gradient=SHORT,
        prefer_complete=False,  # by reward alone
    )
    tpo = TPOMiddleware(reward=variety, settings=settings)
    agent = create_agent(local, [find_oil], middleware=[tpo], system_prompt="Be brief.")
    question: Any = {"messages": [HumanMessage("Say something nice about oak.")]}

    state = await agent.ainvoke(question, {"recursion_limit": 10})

    answer = state["messages"][-1]
    assert answer.type == "ai"
    assert answer.text
    assert len(asked) == sum(message.type == "tool" for message in state["messages"])
    assert state["tpo"]["reward"] == max(state["tpo_rewards"]) == variety("", answer.text)
    assert state["tpo"]["usage"]["completions"] >= 5
    assert answer.usage_metadata["total_tokens"] > 0
