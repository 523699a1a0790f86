"""Agents over models that cannot take all that the loop asks for."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo import TPOSettings
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.text.shown import what_to_check
from tests.support.fakes import last_number, obedient, step_of
from tests.support.servers.strict_services import with_system
from tests.support.tool_fakes import TWO_TOOLS, ScriptedAgentModel, ToolLog

QUESTION: Any = {"messages": [HumanMessage("What does the right oil for oak cost?")]}
ONE_AT_A_TIME: Any = {"max_concurrency": 1}


class RefusedError(Exception):
    status_code = 400


class Picky(ScriptedAgentModel):
    """Refuses what `rule` names."""

    rule: Any = None
    temperature: float | None = None
    streaming: bool = False
    base_url: str = "http://127.0.0.1:8000"

    def _noted(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Any:
        noted = super()._noted(messages, kwargs)
        noted.call.kwargs = {**kwargs, "temperature": kwargs.get("temperature", self.temperature)}
        sent = {name: value for name, value in noted.call.kwargs.items() if value is not None}
        if (said := self.rule and self.rule(messages, sent)) is not None:
            raise said if isinstance(said, Exception) else RefusedError(said)
        return noted


@pytest.fixture(params=["invoke", "ainvoke"])
def run(request: pytest.FixtureRequest) -> Any:
    """Run an agent in sync and in async."""

    async def run(model: Any, config: Any = None, value: Any = QUESTION, **options: Any) -> Any:
        settings = options.pop("settings", TPOSettings(width=3, depth=1))
        middleware = TPOMiddleware(reward=last_number, settings=settings, **options)
        tools = ToolLog().tools
        agent = create_agent(model, tools, middleware=[middleware], system_prompt="Be brief.")
        if request.param == "invoke":
            return agent.invoke(value, config)
        return await agent.ainvoke(value, config)

    return run


def figures(state: Any) -> Any:
    return state["messages"][-1].response_metadata["tpo"]


async def test_what_a_profile_denies_is_never_asked_for(run: Any) -> None:
    def rule(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "`temperature` is deprecated" if {"temperature", "top_p"} & sent.keys() else None

    model = Picky(rule=rule, profile={"temperature": False, "max_output_tokens": 500})
    state = await run(model, settings=TPOSettings.paper(width=3, depth=1))

    said = figures(state)
    assert said["stop_reason"] == "depth"
    assert said["usage"]["requests"] == len(model.notebook.calls) == 9
    assert {call.kwargs.get("max_tokens") for call in model.notebook.calls[1:]} == {500}


async def test_what_is_refused_is_learned_one_at_a_time(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def rule(_messages: list[BaseMessage], sent: dict[str, Any]) -> str | None:
        return "unknown parameter: top_p" if "top_p" in sent else None

    with caplog.at_level(logging.WARNING):
        state = await run(
            Picky(rule=rule), ONE_AT_A_TIME, settings=TPOSettings.paper(width=3, depth=1)
        )

    assert figures(state)["usage"]["requests"] == 10  # one of them refused
    (line,) = [one for one in caplog.messages if "refused a request" in one]
    assert line.startswith("`Picky scripted-1 at http://127.0.0.1:8000` refused")


async def test_the_words_of_a_picture_for_a_model_whose_profile_sees_none(run: Any) -> None:
    model = Picky(profile={"image_inputs": False})
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    question = {"messages": [HumanMessage([{"type": "text", "text": "What is it? "}, image])]}

    await run(model, value=question)

    shown = [
        call.step
        for call in model.notebook.calls
        if any(not isinstance(message.content, str) for message in call.messages)
    ]
    assert set(shown) == {"sample", "update"}


async def test_system_messages_are_folded_from_the_first_reply_on(run: Any) -> None:
    def rule(messages: list[BaseMessage], _sent: dict[str, Any]) -> str | None:
        system = any(message.type == "system" for message in messages)
        return "System role not supported" if system else None

    def reply(_step: str, messages: list[BaseMessage], number: int) -> str:
        return obedient(step_of(with_system(messages)), messages, number)

    model = Picky(rule=rule, plan=TWO_TOOLS, reply=reply)
    state = await run(model, ONE_AT_A_TIME)

    assert [message.type for message in state["messages"]][-1] == "ai"
    assert figures(state)["stop_reason"] == "depth"
    first = model.notebook.calls[0].messages
    assert [message.type for message in first] == ["human"]
    assert first[0].text.startswith("Be brief.\n\nWhat does")
    assert model.notebook.calls[3].messages[-1].type == "tool"


class OnlyStreams(Picky):
    """A service that answers in streams only, as DashScope's."""

    def _noted(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Any:
        if not self.streaming:
            raise RefusedError("This model only support stream mode, please enable the stream")
        return super()._noted(messages, kwargs)


async def test_a_service_that_only_streams(run: Any) -> None:
    model = OnlyStreams(streaming=True, plan=TWO_TOOLS)
    state = await run(model, ONE_AT_A_TIME)

    assert figures(state)["stop_reason"] == "depth"
    assert [message.type for message in state["messages"]] == ["human", *["ai", "tool"] * 2, "ai"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (type("WrongKeyError", (Exception,), {"status_code": 401})("no"), "answered 401"),
        (type("NotFoundError", (Exception,), {"status_code": 404})("no"), "answered 404"),
        (ConnectionRefusedError("refused"), "could not be reached"),
    ],
)
async def test_the_first_reply_says_what_to_check(run: Any, error: Exception, says: str) -> None:
    with pytest.raises(type(error)) as caught:
        await run(Picky(rule=lambda *_: error))

    note = what_to_check(caught.value)
    assert note.startswith("To check: `Picky scripted-1 at http://127.0.0.1:8000` " + says)


class OnlySync(Picky):
    """Has no async of its own; LangChain calls it in a thread."""

    _agenerate = BaseChatModel._agenerate


class Raising(Picky):
    """Has an async that raises, as LangChain's pipelines of transformers."""

    async def _agenerate(self, *_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError("async generation is not supported")


async def test_a_class_without_async_is_awaited_in_a_thread(run: Any) -> None:
    model = OnlySync(plan=TWO_TOOLS)
    state = await run(model)

    assert [message.type for message in state["messages"]] == ["human", *["ai", "tool"] * 2, "ai"]
    assert figures(state)["stop_reason"] == "depth"
    assert figures(state)["usage"]["requests"] == len(model.notebook.calls) - 2 == 9


async def test_a_class_whose_async_raises_does_so_in_an_agent_without_the_loop_too() -> None:
    plain = create_agent(Raising(), ToolLog().tools)
    ours = create_agent(
        Raising(), ToolLog().tools, middleware=[TPOMiddleware(reward=last_number, width=3)]
    )

    with pytest.raises(NotImplementedError, match="async generation is not supported"):
        await plain.ainvoke(QUESTION)
    with pytest.raises(NotImplementedError, match="async generation is not supported") as caught:
        await ours.ainvoke(QUESTION)
    assert "call the agent's `invoke`" in what_to_check(caught.value)
    assert figures(ours.invoke(QUESTION))["stop_reason"] == "depth"


class _Formatted(AgentMiddleware[Any, Any, Any]):
    """Sets the model of an agent to JSON."""

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        asked = {"stop": ["###"], "response_format": {"type": "json_object"}}
        return handler(request.override(model_settings=asked))


def test_what_the_agent_asks_answers_for_does_not_bind_critiques() -> None:
    model = Picky()
    middleware = TPOMiddleware(reward=last_number, width=2, depth=1)
    agent = create_agent(model, [], middleware=[_Formatted(), middleware])

    agent.invoke(QUESTION)

    sent = [
        (call.step, {"stop", "response_format"} & call.kwargs.keys())
        for call in model.notebook.calls
    ]
    assert {step for step, found in sent if not found} == {"textual_loss", "textual_gradient"}
    assert all("response_format" in found for step, found in sent if step in ("sample", "update"))
