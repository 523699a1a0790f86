"""Whole replies compete: tool calls and structured answers, in chains, chat models and agents."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import (
    AutoStrategy,
    ProviderStrategy,
    StructuredOutputValidationError,
    ToolStrategy,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputToolsParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel, Field

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import SettingsError
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.reward_models import HumanReward
from tests.support.fakes import Call, ScriptedModel
from tests.support.tool_fakes import ToolLog, ToolUse, VaryingAgentModel

QUESTION: Any = {"messages": [HumanMessage("What is the right oil for oak?")]}


def cities(number: int) -> ToolUse:
    """Call with a number that grows, so that later draws are better."""
    return ("find_oil", {"wood": f"oak {number}"})


def number_of(response: str, tool_calls: list[dict[str, Any]]) -> float:
    """Reward the number in the arguments of the one call."""
    assert response.startswith("[calls find_oil(")
    (call,) = tool_calls
    return float(call["args"]["wood"].split()[-1])


class Price(BaseModel):
    """A price."""

    euros: int = Field(ge=0)


def euros(response: str) -> float:
    """Reward the price of a structured answer that is read as JSON."""
    return float(json.loads(response)["euros"])


def length(response: str) -> float:
    """Reward the longest."""
    return float(len(response))


def prices(*values: int) -> Any:
    """Say one price after the other; the last one again and again."""
    return lambda number: ("Price", {"euros": values[min(number, len(values) - 1)]})


@pytest.fixture(params=["invoke", "ainvoke"])
def run(request: pytest.FixtureRequest) -> Any:
    """Run anything in sync and in async."""

    async def run(what: Any, value: Any = QUESTION, config: Any = None) -> Any:
        if request.param == "invoke":
            return what.invoke(value, config)
        return await what.ainvoke(value, config)

    return run


async def test_a_link_over_bound_tools_gives_the_best_call(run: Any) -> None:
    model = VaryingAgentModel(act=cities)
    tools = ToolLog().tools
    tpo = TPORunnable(
        model=model.bind_tools(tools), reward=number_of, width=3, depth=1, whole_replies=True
    )

    answer = await run(tpo)

    assert [call["args"] for call in answer.tool_calls] == [{"wood": "oak 7"}]
    assert answer.response_metadata["tpo"]["candidates"] == 6
    drawn = [call for call in model.notebook.calls if call.kwargs.get("tools")]
    assert [call.n for call in drawn] == [3, 3]
    revised = drawn[1].messages
    assert [message.type for message in revised] == ["human", "human"]
    assert revised[0].text == QUESTION["messages"][0].text
    assert '[calls find_oil({"wood": "oak 2"})]' in revised[1].text  # the best one so far
    assert "textual_gradient 4" in revised[1].text
    assert "IMPROVED" not in revised[1].text


async def test_without_whole_replies_calls_are_no_responses(run: Any) -> None:
    def act(number: int) -> ToolUse | str:
        return cities(number) if number == 1 else f"answer {number}"

    model = VaryingAgentModel(act=act)
    bound = model.bind_tools(ToolLog().tools)
    tpo = TPORunnable(model=bound, reward=length, width=3, depth=0)

    answer = await run(tpo)

    assert answer.text.startswith("answer")
    assert answer.response_metadata["tpo"]["dropped"] == 1


async def test_words_and_calls_compete_with_each_other(run: Any) -> None:
    def act(number: int) -> ToolUse | str:
        return "I would guess tung oil." if number % 2 else cities(number)

    def prefers_words(tool_calls: Sequence[object]) -> float:
        return -float(len(tool_calls))

    bound = VaryingAgentModel(act=act).bind_tools(ToolLog().tools)
    tpo = TPORunnable(model=bound, reward=prefers_words, width=2, depth=0, whole_replies=True)

    answer = await run(tpo)

    assert (answer.text, answer.tool_calls) == ("I would guess tung oil.", [])


async def test_a_reward_may_ask_for_the_whole_message(run: Any) -> None:
    def whole(prompt: str, response: AIMessage) -> float:
        assert prompt == QUESTION["messages"][0].text
        return float(response.tool_calls[0]["args"]["wood"].split()[-1])

    bound = VaryingAgentModel(act=cities).bind_tools(ToolLog().tools)
    tpo = TPORunnable(model=bound, reward=whole, width=3, depth=0, whole_replies=True)

    assert (await run(tpo)).tool_calls[0]["args"] == {"wood": "oak 2"}


async def test_arguments_that_are_no_json_lose_and_say_why(run: Any) -> None:
    class Broken(VaryingAgentModel):
        def _acting(self, call: Call, act: Any) -> AIMessage:
            if act != "broken":
                return super()._acting(call, act)
            bad = {"name": "find_oil", "args": "{wood:", "id": "1", "error": "cut off"}
            return AIMessage("", invalid_tool_calls=[bad])

    def act(number: int) -> ToolUse | str:
        return "broken" if number == 0 else cities(number)

    model = Broken(act=act)
    tpo = TPORunnable(
        model=model.bind_tools(ToolLog().tools),
        reward=lambda tool_calls: -5.0 * len(tool_calls),
        width=2,
        depth=1,
        whole_replies=True,
    )

    result = tpo.optimize(QUESTION)

    assert [one["reward"] for one in result.pool] == [-5.0, -5.0, -5.0, -5.0]
    assert result.pool[0]["rationale"] == (
        "The arguments of the call of `find_oil` are no JSON: cut off"
    )
    assert result.rounds[0]["rejected"] == 0
    assert result.message().tool_calls
    (loss,) = [call for call in model.notebook.calls if call.step == "textual_loss"]
    assert "are no JSON: cut off" in str(loss.messages)


def test_a_graph_takes_whole_replies_too() -> None:
    bound = VaryingAgentModel(act=cities).bind_tools(ToolLog().tools)
    settings = TPOSettings(width=2, depth=1)
    graph = build_tpo_graph(bound, number_of, settings=settings, whole_replies=True).compile(
        checkpointer=InMemorySaver()
    )

    state = graph.invoke(QUESTION, {"configurable": {"thread_id": "1"}})

    assert state["messages"][-1].tool_calls[0]["args"] == {"wood": "oak 5"}


async def test_a_chat_model_optimizes_calls_where_it_is_told_to(run: Any) -> None:
    model = VaryingAgentModel(act=cities)
    chat = ChatTPO(model=model, reward=number_of, width=3, depth=1, optimize="tool_calls")

    answer = await run(chat.bind_tools(ToolLog().tools), "Which oil?")

    assert answer.tool_calls[0]["args"] == {"wood": "oak 7"}
    assert [(call.step, call.n) for call in model.notebook.calls if call.kwargs.get("tools")] == [
        ("sample", 3),
        ("sample", 3),  # revisions stand in the conversation itself
    ]


@pytest.mark.parametrize("include_raw", [False, True])
async def test_structured_output_is_the_best_that_fits_the_schema(
    run: Any, *, include_raw: bool
) -> None:
    model = VaryingAgentModel(act=prices(12, -3, 40, 9))
    chat = ChatTPO(model=model, reward=euros, width=3, depth=1)

    structured = chat.with_structured_output(Price, include_raw=include_raw)
    answer = await run(structured, "What does it cost?")

    assert (answer["parsed"] if include_raw else answer) == Price(euros=40)
    if include_raw:
        assert answer["parsing_error"] is None
        assert answer["raw"].response_metadata["tpo"]["candidates"] == 6
    (loss,) = [call for call in model.notebook.calls if call.step == "textual_loss"]
    assert "greater than or equal to 0" in str(loss.messages)  # what was wrong with the third
    assert '{\\"euros\\": 40}' in str(loss.messages) or '{"euros": 40}' in str(loss.messages)


class WritingModel(ScriptedModel):
    """Writes structured answers out as JSON: another form than calls of a tool."""

    texts: tuple[str, ...]

    def with_structured_output(self, schema: Any, **_: Any) -> Any:
        parser: Any = PydanticOutputParser(pydantic_object=schema)
        return self.bind(response_format={"type": "json_object"}) | parser

    def _result(self, call: Call) -> ChatResult:
        if not call.kwargs.get("response_format"):
            return super()._result(call)
        text = self.texts[min(next(self.notebook.numbers), len(self.texts) - 1)]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


@pytest.mark.parametrize("include_raw", [False, True])
@pytest.mark.parametrize("better", ["calls", "words"])
async def test_structured_answers_of_different_classes_compete(
    run: Any, better: str, *, include_raw: bool
) -> None:
    calling = VaryingAgentModel(act=prices(40 if better == "calls" else 4))
    writing = WritingModel(texts=('{"euros": 12}', "No idea."))
    chat = ChatTPO(model=[calling, writing], reward=euros, width=4, depth=1)

    structured = chat.with_structured_output(Price, include_raw=include_raw)
    answer = await run(structured, "What does it cost?")

    best = Price(euros=40 if better == "calls" else 12)
    assert (answer["parsed"] if include_raw else answer) == best
    (loss,) = [call for call in calling.notebook.calls if call.step == "textual_loss"]
    assert "Invalid json output: No idea." in str(loss.messages)


async def test_a_fallback_of_another_class_is_read_as_it_writes(run: Any) -> None:
    class Down(VaryingAgentModel):
        def _result(self, call: Call) -> ChatResult:
            raise ConnectionError("down")

    spare = WritingModel(texts=('{"euros": 3}', '{"euros": 5}'))
    model = Down(act=prices(1)).with_fallbacks([spare])
    chat = ChatTPO(model=model, reward=euros, width=2, depth=0)

    assert await run(chat.with_structured_output(Price), "What does it cost?") == Price(euros=5)


async def test_calls_that_do_not_fit_are_told_by_the_parser_of_calls(run: Any) -> None:
    models = [WritingModel(texts=('{"euros": 1}',)), VaryingAgentModel(act=prices(-7))]
    chat = ChatTPO(model=models, reward=euros, width=2, depth=1)

    assert await run(chat.with_structured_output(Price), "What does it cost?") == Price(euros=1)
    (loss,) = [call for call in models[0].notebook.calls if call.step == "textual_loss"]
    assert "greater than or equal to 0" in str(loss.messages)


def test_what_is_no_model_and_parser_is_said_to_be_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Own(VaryingAgentModel):
        def with_structured_output(self, schema: Any, **_: Any) -> Any:
            return RunnableLambda(lambda _: schema(euros=1))

    models = [VaryingAgentModel(act=prices(2)), Own(act=prices(3))]
    chat = ChatTPO(model=models, reward=euros, width=2, depth=1)

    assert chat.with_structured_output(Price).invoke("What does it cost?").euros in {1, 2}
    (said,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert said.startswith("structured output of `Own` is made in a way of its own")


async def test_where_no_structured_answer_fits_the_parsers_error_is_raised(run: Any) -> None:
    chat = ChatTPO(model=VaryingAgentModel(act=prices(-1)), reward=euros, width=2, depth=1)

    with pytest.raises(Exception, match="greater than or equal to 0"):
        await run(chat.with_structured_output(Price), "What does it cost?")


async def test_a_revision_told_what_is_wrong_can_mend_it(run: Any) -> None:
    chat = ChatTPO(model=VaryingAgentModel(act=prices(-1, -1, -1, -1, 7)), reward=euros, width=2)

    assert await run(chat.with_structured_output(Price), "What does it cost?") == Price(euros=7)


async def test_a_chat_models_own_sampling_reaches_structured_draws(run: Any) -> None:
    model = VaryingAgentModel(act=prices(1))
    chat = ChatTPO(model=model, reward=euros, width=2, depth=0, temperature=0.3)

    await run(chat.with_structured_output(Price), "What does it cost?")

    assert [call.kwargs["temperature"] for call in model.notebook.calls] == [0.3]


async def test_an_agents_tool_calls_are_the_best_of_n(run: Any) -> None:
    def act(number: int) -> ToolUse | str:
        return cities(number) if number < 8 else f"Oil {number}."

    log, model = ToolLog(), VaryingAgentModel(act=act)

    def reward(response: str, tool_calls: list[dict[str, Any]]) -> float:
        return number_of(response, tool_calls) if tool_calls else float(response.split()[1][:-1])

    tpo = TPOMiddleware(reward=reward, width=2, depth=1, optimize="tool_calls")
    state = await run(create_agent(model, log.tools, middleware=[tpo]))

    assert log.calls == [("find_oil", {"wood": "oak 6"})]  # 0 is the reply, 1 2 draws, 3 4 critic
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][-1].text.startswith("Oil ")
    assert state["messages"][1].tool_calls[0]["id"] == state["messages"][2].tool_call_id


async def test_what_should_not_be_optimized_passes(run: Any) -> None:
    asked: list[tuple[int, str]] = []

    def only_short_threads(request: Any, reply: AIMessage) -> bool:
        asked.append((len(request.messages), reply.text))
        return len(request.messages) < 2

    model = VaryingAgentModel(act=lambda number: f"Oil {number}.")
    tpo = TPOMiddleware(
        reward=length,
        width=2,
        depth=0,
        should_optimize=only_short_threads,
    )
    agent = create_agent(model, ToolLog().tools, middleware=[tpo], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}

    first = await run(agent, QUESTION, thread)
    calls = len(model.notebook.calls)
    second = await run(agent, {"messages": [HumanMessage("And for ash?")]}, thread)

    assert "tpo" in first["messages"][-1].response_metadata
    assert "tpo" not in second["messages"][-1].response_metadata
    assert (calls, len(model.notebook.calls)) == (3, 4)
    assert [length for length, _ in asked] == [1, 3]


async def test_settings_may_depend_on_the_request(run: Any) -> None:
    def settings(request: Any) -> TPOSettings:
        return TPOSettings(width=2 * len(request.messages), depth=0)

    model = VaryingAgentModel(act=lambda number: f"Oil {number}.")
    tpo = TPOMiddleware(reward=length, settings=settings)
    agent = create_agent(model, ToolLog().tools, middleware=[tpo], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}

    states = [
        await run(agent, {"messages": [HumanMessage(wood)]}, thread) for wood in ("Oak?", "Ash?")
    ]
    rewards = [len(state["tpo_rewards"]) for state in states]

    assert rewards == [1 + 2, 1 + 6]


STRATEGIES = [ToolStrategy(Price), AutoStrategy(Price), ToolStrategy(Price.model_json_schema())]


@pytest.mark.parametrize("response_format", STRATEGIES, ids=["tool", "auto", "json schema"])
async def test_an_agents_structured_answer_is_the_best_that_fits(
    run: Any, response_format: Any
) -> None:
    model = VaryingAgentModel(act=prices(12, 5, 40))
    tpo = TPOMiddleware(reward=euros, width=2, depth=1)
    agent = create_agent(model, [], middleware=[tpo], response_format=response_format)

    state = await run(agent)

    best = state["structured_response"]
    assert (best if isinstance(best, dict) else best.model_dump()) == {"euros": 40}
    assert [type(message) for message in state["messages"][-2:]] == [AIMessage, ToolMessage]
    assert state["messages"][-2].tool_calls[0]["args"] == {"euros": 40}
    assert state["messages"][-1].tool_call_id == state["messages"][-2].tool_calls[0]["id"]
    assert "40" in state["messages"][-1].text
    assert state["tpo"]["candidates"] == 5
    assert not any(name.startswith("tpo_") for name in state["messages"][-2].response_metadata)


async def test_an_agents_answer_that_does_not_fit_loses_and_the_critic_hears_why(run: Any) -> None:
    model = VaryingAgentModel(act=prices(-2, -9, 3))
    tpo = TPOMiddleware(reward=euros, width=2, depth=1)
    agent = create_agent(model, [], middleware=[tpo], response_format=ToolStrategy(Price))

    state = await run(agent)

    assert state["structured_response"] == Price(euros=3)
    assert state["tpo_rewards"][:2] == [3.0, 3.0]  # no more than any other, and rejected
    (loss,) = [call for call in model.notebook.calls if call.step == "textual_loss"]
    assert "greater than or equal to 0" in str(loss.messages)


async def test_where_none_fits_the_agent_asks_again_as_ever(run: Any) -> None:
    model = VaryingAgentModel(act=prices(-2, -2, -2, 8))
    tpo = TPOMiddleware(reward=euros, width=2, depth=0)
    agent = create_agent(model, [], middleware=[tpo], response_format=ToolStrategy(Price))

    state = await run(agent)

    assert state["structured_response"] == Price(euros=8)
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai", "tool"]


@pytest.mark.parametrize("optimized", [True, False])
async def test_where_none_fits_and_errors_are_not_handled_they_are_raised(
    run: Any, *, optimized: bool
) -> None:
    tpo = TPOMiddleware(
        reward=euros, width=2, depth=0, should_optimize=lambda request, reply: optimized
    )
    strategy = ToolStrategy(Price, handle_errors=False)
    model = VaryingAgentModel(act=prices(-2))
    agent = create_agent(model, [], middleware=[tpo], response_format=strategy)

    with pytest.raises(StructuredOutputValidationError, match="greater than or equal to 0"):
        await run(agent)


async def test_a_provider_that_writes_json_is_optimized_likewise(run: Any) -> None:
    class InJson(ScriptedModel):
        """Writes JSON where it is asked for a format."""

        values: Sequence[int] = (12, -4, 40, 7)

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(**kwargs)

        def _result(self, call: Call) -> ChatResult:
            if "response_format" not in call.kwargs:
                return super()._result(call)
            number = next(self.notebook.numbers)
            text = json.dumps({"euros": self.values[number % len(self.values)]})
            return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    model = InJson()
    tpo = TPOMiddleware(reward=euros, width=2, depth=1)
    agent = create_agent(model, [], middleware=[tpo], response_format=ProviderStrategy(Price))

    state = await run(agent)

    assert state["structured_response"] == Price(euros=40)
    assert json.loads(state["messages"][-1].text) == {"euros": 40}


async def test_a_pause_inside_structured_candidates_repeats_nothing(run: Any) -> None:
    model = VaryingAgentModel(act=prices(12, 5, 40))
    tpo = TPOMiddleware(reward=HumanReward(mode="score"), width=2, depth=0)
    agent = create_agent(
        model,
        [],
        middleware=[tpo],
        response_format=ToolStrategy(Price),
        checkpointer=InMemorySaver(),
    )
    thread = {"configurable": {"thread_id": "1"}}

    paused = await run(agent, QUESTION, thread)
    asked = len(model.notebook.calls)
    candidates = paused["__interrupt__"][0].value["candidates"]
    shown = [json.loads(candidate["text"])["euros"] / 10 for candidate in candidates]
    state = await run(agent, Command(resume=shown), thread)

    assert state["structured_response"] == Price(euros=40)
    assert len(model.notebook.calls) == asked == 3


class Later:
    """An object that has to be awaited when it is called."""

    async def __call__(self, request: object, reply: object) -> bool:
        return True


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ({"optimize": "everything"}, "`optimize` must be `answers` or `tool_calls`, got `'every"),
        ({"should_optimize": True}, "`should_optimize` must be a plain function, got `True`"),
        ({"should_optimize": Later()}, "must be a plain function, got an async function"),
        (
            {"should_optimize": lambda reply: True},
            r"must take `\(request, reply\)`, got `\(reply\)`",
        ),
        ({"settings": lambda: None}, r"`settings` must take `\(request\)`, got `\(\)`"),
    ],
)
def test_what_cannot_work_is_refused_in_a_line(option: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError, match=line):
        TPOMiddleware(reward=euros, **option)


@pytest.mark.parametrize("settings", [None, {"width": 2}])
async def test_settings_of_a_request_that_are_none_are_refused_in_a_line(
    run: Any, settings: Any
) -> None:
    middleware = TPOMiddleware(reward=length, settings=lambda _request: settings)
    agent = create_agent(ScriptedModel(), middleware=[middleware])

    with pytest.raises(
        SettingsError, match=f"`settings` must return a TPOSettings, got {type(settings).__name__}"
    ):
        await run(agent)


@pytest.mark.parametrize("schema", [Price, Price.model_json_schema()])
async def test_a_structured_answer_is_streamed_whole(schema: Any) -> None:
    chat = ChatTPO(model=VaryingAgentModel(act=prices(12, -3, 40)), reward=euros, width=3, depth=0)

    structured = chat.with_structured_output(schema)

    (streamed,) = structured.stream("What does it cost?")
    (later,) = [part async for part in structured.astream("What does it cost?")]
    assert Price.model_validate(streamed) == Price.model_validate(later) == Price(euros=40)


async def test_a_parser_of_tool_calls_behind_a_link_reads_its_stream() -> None:
    bound = VaryingAgentModel(act=cities).bind_tools(ToolLog().tools)
    tpo = TPORunnable(model=bound, reward=number_of, width=3, depth=0, whole_replies=True)
    chain = tpo | JsonOutputToolsParser()

    (streamed,) = chain.stream("Which oil?")
    (later,) = [part async for part in chain.astream("Which oil?")]

    assert [call["args"] for call in streamed] == [{"wood": "oak 2"}]
    assert [call["type"] for call in later] == ["find_oil"]
