"""`TPOMiddleware` in real agents over a scripted model."""

import sys
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRetryMiddleware
from langchain.agents.middleware.internal_call_transformer import internal_call_metadata
from langchain.agents.structured_output import ToolStrategy
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from langchain_tpo.errors import MissingExtraError, RewardTypeError, SettingsError
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.reward_models.human.human import HumanReward
from tests.support.fakes import ScriptedModel, last_number, obedient
from tests.support.tool_fakes import TWO_TOOLS, ScriptedAgentModel, ToolLog

QUESTION = {"messages": [HumanMessage("What does the right oil for oak cost?")]}


@pytest.fixture(params=["invoke", "ainvoke"])
def run(request: pytest.FixtureRequest) -> Any:
    """Run an agent in sync and in async."""

    async def run(agent: Any, value: Any = QUESTION, config: Any = None) -> Any:
        if request.param == "invoke":
            return agent.invoke(value, config)
        return await agent.ainvoke(value, config)

    return run


def tpo(**options: Any) -> TPOMiddleware:
    return TPOMiddleware(**{"reward": last_number, "width": 2, "depth": 1, **options})


def shape(messages: list[Any]) -> list[Any]:
    return [(m.type, m.content, getattr(m, "tool_calls", None)) for m in messages]


async def test_tools_run_as_without_tpo_and_only_the_last_answer_is_optimized(run: Any) -> None:
    model, plain, log, plain_log = ScriptedAgentModel(plan=TWO_TOOLS), None, ToolLog(), ToolLog()
    plain = create_agent(ScriptedAgentModel(plan=TWO_TOOLS), plain_log.tools)
    agent = create_agent(model, log.tools, middleware=[tpo()], system_prompt="Be brief.")

    expected, state = await run(plain), await run(agent)

    assert log.calls == plain_log.calls == list(TWO_TOOLS)
    assert shape(state["messages"][:-1]) == shape(expected["messages"][:-1])
    assert state["messages"][-1].text == "revision 6"
    assert [(call.step, bool(call.kwargs.get("tools"))) for call in model.notebook.calls] == [
        *[("sample", True)] * 5,  # two tool calls, the reply, and two more draws
        ("textual_loss", False),
        ("textual_gradient", False),
        *[("update", False)] * 2,
    ]
    for call in model.notebook.calls[:5]:
        assert call.messages[0].text == "Be brief."
    assert "Be brief." in str(model.notebook.calls[5].messages)


async def test_rewards_and_figures_land_in_the_agents_state(run: Any) -> None:
    state = await run(create_agent(ScriptedAgentModel(), [], middleware=[tpo()]))

    assert sorted(state["tpo_rewards"]) == [0.0, 1.0, 2.0, 5.0, 6.0]
    assert state["tpo"] == state["messages"][-1].response_metadata["tpo"]
    assert state["tpo"]["reward"] == 6.0
    assert state["messages"][-1].response_metadata["model_name"] == "scripted-1"


async def test_every_token_is_counted_once(run: Any) -> None:
    model, counter = ScriptedAgentModel(), UsageMetadataCallbackHandler()

    state = await run(create_agent(model, [], middleware=[tpo()]), config={"callbacks": [counter]})

    seen, said = counter.usage_metadata["scripted-1"], state["messages"][-1].usage_metadata
    assert seen["total_tokens"] == said["total_tokens"]
    assert state["tpo"]["usage"]["requests"] == len(model.notebook.calls) == 7


@pytest.mark.parametrize("subgraphs", [False, True])
async def test_no_draft_reaches_the_token_stream(*, subgraphs: bool) -> None:
    def agent() -> Any:
        model = ScriptedAgentModel(plan=TWO_TOOLS)
        return create_agent(model, ToolLog().tools, middleware=[tpo()], name="carpenter")

    def seen(stream: list[Any]) -> list[str]:
        assert not subgraphs or {namespace for namespace, _ in stream} == {()}
        messages = [part[1][0] if subgraphs else part[0] for part in stream]
        return [m.text for m in messages if isinstance(m, AIMessage | AIMessageChunk) and m.text]

    sync = list(agent().stream(QUESTION, stream_mode="messages", subgraphs=subgraphs))
    stream = agent().astream(QUESTION, stream_mode="messages", subgraphs=subgraphs)
    unsync = [part async for part in stream]

    for parts in (sync, unsync):
        assert seen(parts) == ["Let me look.", "Let me look.", "revision 6"]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_no_draft_reaches_the_message_projection() -> None:
    agent = create_agent(ScriptedAgentModel(plan=TWO_TOOLS), ToolLog().tools, middleware=[tpo()])

    run = agent.stream_events(QUESTION, version="v3")

    assert [str(message.text) for message in run.messages if str(message.text)] == [
        "Let me look.",
        "Let me look.",
        "revision 6",
    ]


async def test_every_inner_call_is_marked_as_internal(run: Any) -> None:
    class Marks(BaseCallbackHandler):
        def __init__(self) -> None:
            self.seen: list[bool] = []

        def on_chat_model_start(
            self, *_: Any, tags: Any = None, metadata: Any = None, **__: Any
        ) -> None:
            internal = internal_call_metadata().items() <= metadata.items()
            self.seen.append(internal and "nostream" in tags)

    marks = Marks()

    agent = create_agent(ScriptedAgentModel(plan=TWO_TOOLS), ToolLog().tools, middleware=[tpo()])
    await run(agent, config={"callbacks": [marks]})

    assert marks.seen == [True] * 9


class Price(BaseModel):
    """A price."""

    euros: int


async def test_a_structured_response_is_left_alone_where_so_asked(run: Any) -> None:
    model = ScriptedAgentModel(plan=[*TWO_TOOLS, ("Price", {"euros": 12})])
    agent = create_agent(
        model,
        ToolLog().tools,
        middleware=[tpo(should_optimize=lambda request, reply: not reply.tool_calls)],
        response_format=ToolStrategy(Price),
    )

    state = await run(agent)

    assert state["structured_response"] == Price(euros=12)
    assert [type(m) for m in state["messages"][-2:]] == [AIMessage, ToolMessage]
    assert "tpo" not in state
    assert len(model.notebook.calls) == 3


async def test_rewards_and_figures_stay_in_the_state_until_another_answer_is_optimized(
    run: Any,
) -> None:
    class After(AgentMiddleware[Any, Any, Any]):
        """Writes to the state when the answer stands."""

        def after_model(self, state: Any, runtime: Any) -> Any:
            del runtime
            return {"messages": [state["messages"][-1].model_copy(update={"name": "seen"})]}

        def after_agent(self, state: Any, runtime: Any) -> Any:
            del state, runtime
            return {"jump_to": None}

    asked: list[Any] = []

    def first_only(request: Any, reply: AIMessage) -> bool:
        del request
        asked.append(reply)
        return len(asked) == 1

    agent = create_agent(
        ScriptedAgentModel(),
        [],
        middleware=[tpo(should_optimize=first_only), After()],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}

    first = await run(agent, config=thread)
    second = await run(agent, config=thread)

    assert len(first["tpo_rewards"]) == 5
    assert first["tpo"]["candidates"] == 5
    assert (second["tpo_rewards"], second["tpo"]) == (first["tpo_rewards"], first["tpo"])


async def test_a_reply_that_is_passed_on_may_come_from_a_cache(run: Any) -> None:
    class Saying(FakeListChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=list(tools), **kwargs)

    def agent(*middleware: Any) -> Any:
        model = Saying(responses=["answer 1", "answer 2", "answer 3", "answer 4"], cache=cache)
        return create_agent(model, [], middleware=middleware)

    cache = InMemoryCache()
    passing = agent(tpo(should_optimize=lambda request, reply: False))
    said = {"messages": [HumanMessage("Wood?", id="1")]}

    texts = [(await run(passing, said))["messages"][-1].text for _ in range(2)]
    state = await run(agent(tpo(depth=0)), said)

    assert texts == ["answer 1", "answer 1"]
    assert state["tpo_rewards"] == [1.0, 1.0, 2.0]  # its draws do not come from a cache


async def test_retries_of_the_agent_take_part_in_the_loop(run: Any) -> None:
    def flaky(step: str, messages: Any, number: int) -> str:
        if number in (1, 4):
            raise ConnectionError("reset by peer")
        return f"<IMPROVED_VARIABLE>{step} {number}</IMPROVED_VARIABLE>"

    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False)
    agent = create_agent(ScriptedAgentModel(reply=flaky), [], middleware=[tpo(), retry])

    state = await run(agent)

    assert state["tpo"]["dropped"] == 0
    assert len(state["tpo_rewards"]) == 5


def down_after(first: int, *, until: int = 99) -> Any:
    def reply(step: str, messages: Any, number: int) -> str:
        if first <= number < until:
            raise ConnectionError("429 from https://api.example.com")
        return obedient(step, messages, number)

    return reply


HIDES_ERRORS: dict[str, AgentMiddleware[Any, Any, Any]] = {
    "by default": ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False),
    "in own words": ModelRetryMiddleware(
        max_retries=0, on_failure=lambda _error: "Sorry, I am rather busy today: 999999."
    ),
    "not at all, as docs/agents.md has it": ModelRetryMiddleware(
        max_retries=1, on_failure="error", initial_delay=0.0, jitter=False
    ),
}


@pytest.mark.parametrize("how", HIDES_ERRORS)
async def test_the_text_of_an_error_is_no_candidate(run: Any, how: str) -> None:
    model = ScriptedAgentModel(reply=down_after(1))
    state = await run(create_agent(model, [], middleware=[tpo(), HIDES_ERRORS[how]]))

    assert state["messages"][-1].text == "sample 0"
    assert state["tpo_rewards"] == [0.0]
    assert (state["tpo"]["stop_reason"], state["tpo"]["dropped"]) == ("error", 2)
    assert state["tpo"]["failure"]["type"] == "ConnectionError"


async def test_nor_is_it_a_critique(run: Any) -> None:
    model = ScriptedAgentModel(reply=down_after(3))
    state = await run(create_agent(model, [], middleware=[tpo(), HIDES_ERRORS["by default"]]))

    failure = state["tpo"]["failure"]
    assert (failure["step"], failure["type"]) == ("textual_loss", "ConnectionError")
    assert state["messages"][-1].text == "sample 2"


async def test_a_first_reply_that_failed_is_the_agents_own_matter(run: Any) -> None:
    model = ScriptedAgentModel(reply=down_after(0, until=2))
    state = await run(create_agent(model, [], middleware=[tpo(), HIDES_ERRORS["by default"]]))

    assert state["messages"][-1].text.startswith("Model call failed after 2 attempts")
    assert "tpo" not in state
    assert len(model.notebook.calls) == 2


@pytest.mark.parametrize("redacted", [True, False])
async def test_what_middleware_says_of_an_answer_or_in_its_place_competes(
    run: Any, *, redacted: bool
) -> None:
    class Editor(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            if not redacted:
                return AIMessage("canned 7")
            return AIMessage(f"edited {handler(request).result[0].text}")

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            if not redacted:
                return AIMessage("canned 7")
            return AIMessage(f"edited {(await handler(request)).result[0].text}")

    agent = create_agent(ScriptedAgentModel(), [], middleware=[tpo(depth=0), Editor()])
    state = await run(agent)

    assert len(state["tpo_rewards"]) == 3
    assert state["messages"][-1].text == ("edited sample 2" if redacted else "canned 7")


async def test_a_critic_writes_loss_and_gradient(run: Any) -> None:
    policy, critic = ScriptedAgentModel(), ScriptedModel()

    await run(create_agent(policy, [], middleware=[tpo(critic=critic)]))

    assert critic.notebook.steps() == ["textual_loss", "textual_gradient"]
    assert set(policy.notebook.steps()) == {"sample", "update"}


async def test_a_second_question_on_a_thread_starts_with_an_empty_pool(run: Any) -> None:
    agent = create_agent(ScriptedAgentModel(), [], middleware=[tpo()], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}

    first = await run(agent, QUESTION, thread)
    second = await run(agent, {"messages": [HumanMessage("And for ash?")]}, thread)

    assert [m.type for m in second["messages"]] == ["human", "ai"] * 2
    assert len(first["tpo_rewards"]) == len(second["tpo_rewards"]) == 5


async def test_a_person_in_the_loop_costs_no_second_reply(run: Any) -> None:
    model = ScriptedAgentModel(plan=TWO_TOOLS)
    log = ToolLog()
    agent = create_agent(
        model,
        log.tools,
        middleware=[tpo(reward=HumanReward(mode="score"))],
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}

    paused = await run(agent, QUESTION, thread)
    first_calls = len(model.notebook.calls)
    again = await run(agent, Command(resume=[1, 5, 2]), thread)
    state = await run(agent, Command(resume=[9, 3]), thread)

    shown = [one["text"] for one in paused["__interrupt__"][0].value["candidates"]]
    assert sorted(shown) == ["sample 0", "sample 1", "sample 2"]
    shown_again = [one["text"] for one in again["__interrupt__"][0].value["candidates"]]
    assert sorted(shown_again)[:2] == ["revision 5", "revision 6"]
    assert (first_calls, len(model.notebook.calls)) == (5, 9)
    assert state["messages"][-1].text == shown_again[0]
    assert log.calls == list(TWO_TOOLS)


def test_what_cannot_work_is_refused_when_it_is_built() -> None:
    with pytest.raises(SettingsError, match="`width` must be at least 2"):
        tpo(width=1)
    with pytest.raises(RewardTypeError, match="`reward` must be a function"):
        tpo(reward="good")


def test_without_langchain_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)
    monkeypatch.delitem(sys.modules, "langchain_tpo.middleware")

    with pytest.raises(MissingExtraError, match=r"pip install 'langchain-tpo\[agents\]'"):
        import langchain_tpo.middleware  # noqa: F401, PLC0415
