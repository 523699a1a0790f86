"""Every wrapper of LangChain, alone and in pairs, through every door, with a cache and without."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.errors import ModelTypeError
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.reward_models import ChatJudge
from tests.support.fakes import Call, last_number, obedient
from tests.support.tool_fakes import ScriptedAgentModel

QUESTION = "What is 2?"
SETTINGS = TPOSettings(width=2, depth=1, sample={"temperature": 0.5})


class Sum(BaseModel):
    """A sum."""

    total: int


@tool
def add(first: int) -> str:
    """Add."""
    return str(first)


class Model(ScriptedAgentModel):
    """Notes the temperature that reaches it, by field or by keyword."""

    temperature: float | None = None
    extra_body: dict[str, Any] | None = None
    model_kwargs: dict[str, Any] | None = None

    def _generate(self, messages: Any, stop: Any = None, *rest: Any, **kwargs: Any) -> Any:
        return super()._generate(messages, stop, *rest, stops=stop, **kwargs)

    async def _agenerate(self, messages: Any, stop: Any = None, *rest: Any, **kwargs: Any) -> Any:
        return await super()._agenerate(messages, stop, *rest, stops=stop, **kwargs)

    def _noted(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Any:
        noted = super()._noted(messages, kwargs)
        own = ("temperature", "extra_body", "model_kwargs")
        noted.call.kwargs = {**{name: getattr(self, name) for name in own}, **kwargs}
        return noted


def reply(step: str, messages: list[BaseMessage], number: int) -> str:
    if any('"score"' in message.text for message in messages):
        return f'{{"rationale": "So.", "score": {number % 5 + 1}}}'
    return obedient(step, messages, number)


def another(model: Any) -> Any:
    """Return a model that writes in the same notebook."""
    inside: Any = model
    while not isinstance(inside, Model):
        inside = next(
            getattr(inside, name)
            for name in ("bound", "runnable", "default", "last")
            if hasattr(type(inside), name) or name in vars(inside)
        )
    return Model(reply=reply, notebook=inside.notebook)


def fields(model: Any) -> Any:
    if isinstance(model, Model):
        return model.configurable_fields(temperature=ConfigurableField(id="heat"))
    return model.with_config(run_name="no fields")


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "prompt": lambda model: (
        ChatPromptTemplate.from_messages([MessagesPlaceholder("messages")]) | model
    ),
    "function": lambda model: RunnableLambda(lambda messages: messages) | model,
    "bind": lambda model: model.bind(user="u") if isinstance(model, Model) else model,
    "retry": lambda model: model.with_retry(stop_after_attempt=2),
    "fallbacks": lambda model: model.with_fallbacks([another(model)]),
    "fields": fields,
    "alternatives": lambda model: model.configurable_alternatives(
        ConfigurableField(id="which"), other=another(model)
    ),
    "config": lambda model: model.with_config(tags=["mine"]),
}
PAIRS = [(one,) for one in WRAPPERS] + [
    (one, other) for one in WRAPPERS for other in WRAPPERS if one != other
]


def wrapped(model: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        model = WRAPPERS[name](model)
    return model


def optimized(model: Any) -> object:
    return TPORunnable(model=model, reward=last_number, settings=SETTINGS).optimize(QUESTION)


def chat(model: Any) -> ChatTPO:
    settings = TPOSettings(width=2, depth=1)
    return ChatTPO(model=model, reward=last_number, settings=settings, temperature=0.5)


def agent(model: Any) -> object:
    middleware = TPOMiddleware(reward=last_number, settings=SETTINGS)
    return create_agent(model, [], middleware=[middleware]).invoke(
        {"messages": [HumanMessage(QUESTION)]}
    )


def criticized(model: Any) -> object:
    policy = Model(reply=reply)
    return TPORunnable(model=policy, critic=model, reward=last_number, width=2).optimize(QUESTION)


def judged(model: Any) -> object:
    question = {"messages": [HumanMessage(QUESTION)], "responses": ["one", "two"]}
    return ChatJudge(model).invoke(question)


DOORS: dict[str, tuple[Callable[[Any], object], int]] = {
    "TPORunnable": (optimized, 2),
    "ChatTPO": (lambda model: chat(model).invoke(QUESTION, stop=["###"]), 4),
    "bind_tools": (lambda model: chat(model).bind_tools([add]).invoke(QUESTION), 5),
    "structured": (lambda model: chat(model).with_structured_output(Sum).invoke(QUESTION), 4),
    "TPOMiddleware": (agent, 2),
    "critic": (criticized, 0),
    "ChatJudge": (judged, 0),
}
"""Each with the number of completions that are asked for with its temperature: draws of every door,
and revisions of a chat model, which knows one temperature for both."""


@pytest.fixture
def _cache() -> Iterator[None]:
    """Keep what models answer: no draw may be answered by it."""
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", WRAPPERS)
def test_without_a_cache(name: str, door: str) -> None:
    enter_and_count((name,), door)


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_pairs_without_a_cache(names: tuple[str, ...]) -> None:
    enter_and_count(names, "TPORunnable")


async def aoptimized(model: Any) -> object:
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS)
    return await tpo.aoptimize(QUESTION)


async def aagent(model: Any) -> object:
    middleware = TPOMiddleware(reward=last_number, settings=SETTINGS)
    agent = create_agent(model, [], middleware=[middleware])
    return await agent.ainvoke({"messages": [HumanMessage(QUESTION)]})


ASYNC_DOORS: dict[str, tuple[Callable[[Any], Awaitable[object]], int]] = {
    "TPORunnable": (aoptimized, 2),
    "ChatTPO": (lambda model: chat(model).ainvoke(QUESTION, stop=["###"]), 4),
    "bind_tools": (lambda model: chat(model).bind_tools([add]).ainvoke(QUESTION), 5),
    "structured": (lambda model: chat(model).with_structured_output(Sum).ainvoke(QUESTION), 4),
    "TPOMiddleware": (aagent, 2),
}


@pytest.mark.parametrize("door", ASYNC_DOORS)
@pytest.mark.parametrize("name", WRAPPERS)
async def test_async_doors(name: str, door: str) -> None:
    model, (enter, draws) = Model(reply=reply), ASYNC_DOORS[door]

    await enter(wrapped(model, (name,)))

    assert draws_counted(model) == draws


def through_doors() -> Iterator[Any]:
    """Yield each wrapper at every door, and each pair of them at two of the doors in turn."""
    doors = list(DOORS)
    for place, names in enumerate(PAIRS):
        places = range(len(doors)) if len(names) == 1 else (place, place + len(doors) // 2)
        for number in places:
            door = doors[number % len(doors)]
            yield pytest.param(names, door, id=f"{'+'.join(names)}-{door}")


@pytest.mark.slow
@pytest.mark.usefixtures("_cache")
@pytest.mark.parametrize(("names", "door"), list(through_doors()))
def test_settings_and_draws_reach_the_model(names: tuple[str, ...], door: str) -> None:
    enter_and_count(names, door)


def enter_and_count(names: tuple[str, ...], door: str) -> None:
    model, (enter, draws) = Model(reply=reply), DOORS[door]

    enter(wrapped(model, names))

    assert model.notebook.calls
    assert draws_counted(model) == draws


def draws_counted(model: Model) -> int:
    """Return how many completions were asked for with the temperature of draws."""
    return sum(call.n for call in model.notebook.calls if call.kwargs["temperature"] == 0.5)


GUIDED = {"guided_json": {"type": "object"}, "top_k": 5}
FOR_THE_ANSWER: dict[str, Callable[[], Any]] = {
    "stop": lambda: Model(reply=reply).bind(stop=["###"]),
    "body": lambda: Model(reply=reply).bind(extra_body=GUIDED),
    "field": lambda: Model(reply=reply, extra_body=GUIDED),
    "more": lambda: Model(reply=reply, model_kwargs={"response_format": {"type": "json_object"}}),
}


@pytest.mark.parametrize("around", [None, *WRAPPERS])
@pytest.mark.parametrize("what", FOR_THE_ANSWER)
def test_what_is_bound_for_the_answer_binds_no_critique(what: str, around: str | None) -> None:
    model: Any = FOR_THE_ANSWER[what]()
    notebook = another(model).notebook if what in ("stop", "body") else model.notebook

    optimized(model if around is None else WRAPPERS[around](model))

    bound = [bool(of_the_answer(call)) for call in notebook.calls for _ in range(call.n)]
    revised = [False] * 2 if what == "stop" else [True] * 2  # the tags need no stop text
    assert bound == [True, True, False, False, *revised]
    if what == "body":
        assert all(call.kwargs["extra_body"]["top_k"] == 5 for call in notebook.calls)


def of_the_answer(call: Call) -> list[str]:
    """Return what a request holds that says what an answer is."""
    sent = call.kwargs
    inside = {**sent, **(sent["extra_body"] or {}), **(sent["model_kwargs"] or {})}
    return [name for name in ("stops", "guided_json", "response_format") if inside.get(name)]


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
async def test_init_chat_model_with_fields_for_a_call_to_fill(awaited: bool) -> None:  # noqa: FBT001
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        text = f"<IMPROVED_VARIABLE>Revision {len(sent)}</IMPROVED_VARIABLE>"
        message = {"role": "assistant", "content": text}
        return httpx.Response(200, json={"model": "m", "choices": [{"message": message}]})

    transport = httpx.MockTransport(answer)
    model: Any = init_chat_model(
        "one",
        model_provider="openai",
        configurable_fields=("model",),
        api_key="-",
        base_url="http://here.example/v1",
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS)
    config: Any = {"configurable": {"model": "other"}}

    result = await tpo.aoptimize(QUESTION, config) if awaited else tpo.optimize(QUESTION, config)

    assert {body["model"] for body in sent} == {"other"}
    assert [body.get("temperature") for body in sent] == [0.5, 0.5, None, None, None, None]
    assert len({candidate["text"] for candidate in result.pool}) == len(result.pool) == 4


AROUND_A_PARSER = [name for name in WRAPPERS if name not in ("bind", "fields")]


@pytest.mark.parametrize("door", ["bind_tools", "structured", "TPOMiddleware"])
@pytest.mark.parametrize("around", AROUND_A_PARSER)
def test_what_a_parser_would_lose_is_refused_however_it_is_wrapped(around: str, door: str) -> None:
    one: Any = Model(reply=reply) | StrOutputParser()
    if around == "fallbacks":
        parsed = Model().with_fallbacks([one])
    elif around == "alternatives":
        parsed = Model().configurable_alternatives(ConfigurableField(id="which"), other=one)
    else:
        parsed = WRAPPERS[around](one)

    with pytest.raises(ModelTypeError, match="pass the chat model alone and"):
        DOORS[door][0](parsed)


@pytest.mark.parametrize("names", [("retry",), ("prompt",), ("retry", "config")], ids="+".join)
def test_an_agent_with_tools_says_what_it_can_offer_none_to(names: tuple[str, ...]) -> None:
    middleware = TPOMiddleware(reward=last_number, settings=SETTINGS)
    agent = create_agent(wrapped(Model(), names), [add], middleware=[middleware])

    with pytest.raises(ModelTypeError, match=r"can offer no tools: pass the chat model itself"):
        agent.invoke({"messages": [HumanMessage(QUESTION)]})


@pytest.mark.parametrize("tools", [[], [add]], ids=["no tools", "tools"])
def test_an_agent_obeys_what_a_call_configures(tools: list[Any]) -> None:
    one, other = Model(), Model()
    model: Any = one.configurable_alternatives(ConfigurableField(id="which"), other=other)
    middleware = TPOMiddleware(reward=last_number, settings=SETTINGS)
    agent = create_agent(model, tools, middleware=[middleware])

    agent.invoke({"messages": [HumanMessage(QUESTION)]}, {"configurable": {"which": "other"}})

    assert (len(one.notebook.calls), len(other.notebook.calls)) == (0, 7)
    assert bool(other.notebook.calls[0].kwargs.get("tools")) == bool(tools)
