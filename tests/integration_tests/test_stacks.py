"""The loop inside other people's stacks: deep agents, a supervisor, a swarm, LangServe.

`make test_stacks` runs this in an environment of its own, with the dependency group `stacks`.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_tpo import ChatTPO, TPOMiddleware, TPORunnable

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the stacks' own making
]

QUESTION: Any = {"messages": [HumanMessage("How do I care for oak?")]}
SHORT, LONG = "Oil it.", "Oil it twice a year."


def length(prompt: str, response: str) -> float:
    del prompt
    return float(len(response))


class Acting(BaseChatModel):
    """Does what a function of the conversation and of the tools at hand says."""

    act: Callable[[list[BaseMessage], list[str]], AIMessage]
    model_name: str = "acting"

    @property
    def _llm_type(self) -> str:
        return "acting"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        names = [convert_to_openai_tool(tool)["function"]["name"] for tool in tools]
        return self.bind(names=names, **{k: v for k, v in kwargs.items() if k == "stop"})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        names: Sequence[str] = (),
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager, kwargs
        said = self.act(messages, list(names))
        return ChatResult(generations=[ChatGeneration(message=said)])


def answers(*texts: str) -> Callable[[list[BaseMessage], list[str]], AIMessage]:
    """Answer with each text in turn."""
    turns = iter(range(1_000))
    lock = threading.Lock()

    def act(messages: list[BaseMessage], names: list[str]) -> AIMessage:
        del messages, names
        with lock:
            return AIMessage(texts[next(turns) % len(texts)])

    return act


def calls_once(name: str, *arguments: dict[str, Any]) -> Callable[..., AIMessage]:
    """Call a tool, once for each of the arguments side by side; after that, answer in turn."""
    answer = answers(SHORT, LONG)

    def act(messages: list[BaseMessage], names: list[str]) -> AIMessage:
        if name not in names or any(isinstance(message, ToolMessage) for message in messages):
            return answer(messages, names)
        calls = [
            {"name": name, "args": each, "id": f"call_{number}"}
            for number, each in enumerate(arguments)
        ]
        return AIMessage("", tool_calls=calls)

    return act


def middleware() -> TPOMiddleware:
    return TPOMiddleware(reward=length, width=2, depth=0)


@pytest.mark.parametrize("main", [True, False], ids=["main agent too", "subagents alone"])
async def test_subagents_of_a_deep_agent_work_side_by_side(*, main: bool) -> None:
    deepagents = pytest.importorskip("deepagents", reason="needs the group `stacks`")
    subagents = [
        {
            "name": name,
            "description": "Finds facts.",
            "system_prompt": "You research.",
            "model": Acting(act=answers(SHORT, f"{name}: {LONG}", SHORT)),
            "tools": [],
            "middleware": [middleware()],
        }
        for name in ("oils", "woods")
    ]
    tasks = [{"description": "Find", "subagent_type": name} for name in ("oils", "woods")]
    agent = deepagents.create_deep_agent(
        model=Acting(act=calls_once("task", *tasks)),
        middleware=[middleware()] if main else [],
        subagents=subagents,
    )

    state = await agent.ainvoke(QUESTION)

    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "tool", "ai"]
    found = [message.text for message in state["messages"] if message.type == "tool"]
    assert sorted(found) == [f"oils: {LONG}", f"woods: {LONG}"]
    assert state["messages"][-1].text == (LONG if main else SHORT)
    assert len(state.get("tpo_rewards", [])) == (3 if main else 0)


def test_a_supervisor_hands_over_to_agents_whose_answers_are_optimized() -> None:
    supervisors = pytest.importorskip("langgraph_supervisor", reason="needs the group `stacks`")
    by_middleware = create_agent(
        Acting(act=answers(SHORT, LONG)), middleware=[middleware()], name="carpenter"
    )
    chat = ChatTPO(model=Acting(act=answers(SHORT, LONG)), reward=length, width=2, depth=0)
    by_model = create_agent(chat, name="painter")
    boss = Acting(act=calls_once("transfer_to_carpenter", {}))
    team = supervisors.create_supervisor([by_middleware, by_model], model=boss).compile()

    state = team.invoke(QUESTION)

    said = [(message.name, message.text) for message in state["messages"] if message.type == "ai"]
    assert ("carpenter", LONG) in said
    assert said[-1][0] == "supervisor"

    boss = Acting(act=calls_once("transfer_to_painter", {}))
    team = supervisors.create_supervisor([by_middleware, by_model], model=boss).compile()
    said = [(m.name, m.text) for m in team.invoke(QUESTION)["messages"] if m.type == "ai"]
    assert ("painter", LONG) in said


def test_the_answer_of_a_swarm_is_optimized_by_the_agent_that_has_the_floor() -> None:
    swarms = pytest.importorskip("langgraph_swarm", reason="needs the group `stacks`")
    handoff = swarms.create_handoff_tool(agent_name="carpenter", description="Ask the carpenter.")
    front = create_agent(
        Acting(act=calls_once(handoff.name, {})), [handoff], middleware=[middleware()], name="front"
    )
    carpenter = create_agent(
        Acting(act=answers(SHORT, LONG)), middleware=[middleware()], name="carpenter"
    )
    swarm = swarms.create_swarm([front, carpenter], default_active_agent="front").compile()

    state = swarm.invoke(QUESTION)

    assert state["active_agent"] == "carpenter"
    assert (state["messages"][-1].name, state["messages"][-1].text) == ("carpenter", LONG)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """A link, a chain and a chat model behind LangServe."""
    langserve = pytest.importorskip("langserve", reason="needs the group `stacks`")
    fastapi = pytest.importorskip("fastapi")
    uvicorn = pytest.importorskip("uvicorn")
    model = FakeListChatModel(responses=[SHORT, LONG])
    tpo = TPORunnable(model=model, reward=length, width=2, depth=0)
    app = fastapi.FastAPI()
    langserve.add_routes(app, tpo, path="/tpo")
    chain = ChatPromptTemplate([("human", "{question}")]) | tpo | StrOutputParser()
    langserve.add_routes(app, chain, path="/chain")
    chat = ChatTPO(model=model, reward=length, width=2, depth=0)
    langserve.add_routes(app, chat, path="/chat")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def remote(served: str, path: str) -> Any:
    """Reach a path, with patience for a machine that does other work beside."""
    return pytest.importorskip("langserve").RemoteRunnable(served + path, timeout=60)


@pytest.mark.parametrize(
    "asked",
    [
        "Oak?",
        [HumanMessage("Oak?")],
        [{"role": "user", "content": "Oak?"}],
        HumanMessage("Oak?"),
        {"messages": "Oak?", "drafts": [SHORT]},
        {"messages": [HumanMessage("Oak?")], "drafts": AIMessage(SHORT), "context": {"row": 1}},
    ],
    ids=["text", "messages", "roles", "message", "drafts", "context"],
)
def test_langserve_takes_what_the_link_takes(served: str, asked: Any) -> None:
    answer = remote(served, "/tpo").invoke(asked)

    assert type(answer) is AIMessage
    assert answer.text == LONG
    expected = 3 if isinstance(asked, dict) else 2
    assert answer.response_metadata["tpo"]["candidates"] == expected


async def test_langserve_streams_batches_and_tells_events(served: str) -> None:
    chain, chat = remote(served, "/chain"), remote(served, "/chat")

    assert list(chain.stream({"question": "Oak?"})) == [LONG]
    assert [message.text for message in remote(served, "/tpo").batch(["a", "b"])] == [LONG, LONG]
    assert "".join(chunk.text for chunk in chat.stream("Oak?")) == LONG
    told = [event async for event in chain.astream_events({"question": "Oak?"}, version="v2")]
    names = [event["name"] for event in told if event["event"] == "on_custom_event"]
    assert names == ["tpo_start", "tpo_step", "tpo_step", "tpo_round", "tpo_end"]


@pytest.mark.parametrize("path", ["/tpo", "/chain", "/chat"])
def test_langserve_shows_schemas(served: str, path: str) -> None:
    for what in ("input_schema", "output_schema", "config_schema"):
        assert httpx.get(f"{served}{path}/{what}").status_code == 200
    assert path + "/invoke" in httpx.get(f"{served}/openapi.json").json()["paths"]


def test_langserve_refuses_what_the_schema_does_not_know(served: str) -> None:
    for wrong in ({"question": "Oak?"}, 7, [{"content": "Oak?"}], {"messages": "x", "drafts": 7}):
        refused = httpx.post(f"{served}/tpo/invoke", json={"input": wrong})
        assert refused.status_code == 422, wrong


def test_recipes_that_need_more_packages_run() -> None:
    for package in ("deepagents", "langgraph_supervisor"):
        pytest.importorskip(package, reason="needs the group `stacks`")
    page = Path(__file__).parents[2] / "docs" / "recipes.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {"__name__": "docs"}
    kept = [block for block in blocks if not block.startswith("# not run here: needs a server")]

    for block in kept:
        exec(compile(block, f"<{page.name}>", "exec"), names)  # noqa: S102 our own page

    assert sum(block.startswith("# not run here") for block in kept) == 2
