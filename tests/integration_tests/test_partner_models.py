"""LangChain's own chat model classes, in front of services that refuse what the real ones refuse.

Every class is used in every way, and what the service heard is counted. The counts are those of
`tests/fixtures/partner_models.json`, from which docs/models.md is made. `make test_models` installs
the classes; where one is not installed its tests skip.
"""

import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from langchain_tpo.reward_models import ChatJudge
from langchain_tpo.text.shown import what_to_check
from tests.support import partner_models
from tests.support.fakes import last_number
from tests.support.partner_models import ROWS, Row
from tests.support.servers.strict_services import StrictServices

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # clients that close no connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/partner_models.json").read_text(encoding="utf-8")
)
"""What every use of every class comes to: `python tools/models_page.py --measure` writes it."""

ONE_AT_A_TIME: Any = {"max_concurrency": 1}
"""A refusal costs as many requests as were on their way: one."""

SETTINGS: dict[str, TPOSettings] = {
    "defaults": TPOSettings(width=3, depth=1),
    "paper": TPOSettings.paper(width=3, depth=1),
    "small_model": TPOSettings.small_model(width=3, depth=1),
    "seed": TPOSettings(width=3, depth=1, seed=7),
}

USE_THE_TOOL = "Please use the tool: what is 2 and 3?"


class Sum(BaseModel):
    """A sum and what it is of."""

    total: int
    of: str


@tool
def add(first: int, second: int) -> str:
    """Add two numbers."""
    return str(first + second)


@pytest.fixture(scope="module", autouse=True)
def clients_gone() -> Iterator[None]:
    """Let go of connections that no client closes, while warnings of them are ignored."""
    yield
    gc.collect()


@pytest.fixture
def services() -> Iterator[StrictServices]:
    with StrictServices() as running:
        yield running


@pytest.fixture(params=ROWS)
def named(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(ROWS[request.param].package)
    name: str = request.param
    return name


@pytest.fixture
def row(named: str) -> Row:
    return ROWS[named]


@pytest.fixture
def model(row: Row, services: StrictServices) -> Any:
    return row.build(services.url(row.service))


@pytest.fixture
def count(
    named: str, services: StrictServices, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """Hold what the service heard, and what was learned, against the record."""

    def counted(use: str, **more: object) -> None:
        heard = {"requests": len(services.bodies), "refused": services.refused, **more}
        record_property("measured", (named, use, heard))
        assert heard == RECORDED[named].get(use), "not what is recorded"

    return counted


def skip_what_it_lacks(row: Row, use: str) -> None:
    if use in row.lacks:
        pytest.skip(row.lacks[use])


def learned(tpo: TPORunnable) -> list[str]:
    return [words for lessons in tpo.learned.by_model.values() for words in lessons.known.words]


@pytest.mark.parametrize("use", SETTINGS)
def test_every_preset_runs_to_its_end(
    model: Any, use: str, services: StrictServices, count: Callable[..., None]
) -> None:
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS[use])

    result = tpo.optimize("Wood?", ONE_AT_A_TIME)

    assert result.stop_reason == "depth"
    assert len(result.pool) == 6
    one_by_one, by_n = (6, 2) if use == "small_model" else (8, 4)
    assert result.usage["completions"] == one_by_one
    assert result.usage["requests"] == len(services.bodies)
    assert len(services.bodies) - services.refused in (by_n, one_by_one)
    assert result.usage["input_tokens"] == services.read
    assert result.usage["output_tokens"] == services.written
    count(use, learned=learned(tpo))


async def test_the_same_without_blocking(
    model: Any, services: StrictServices, count: Callable[..., None]
) -> None:
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS["paper"])

    result = await tpo.aoptimize("Wood?", ONE_AT_A_TIME)

    assert (result.stop_reason, len(result.pool)) == ("depth", 6)
    assert result.usage["requests"] == len(services.bodies)
    count("async", learned=learned(tpo))


def test_batches_learn_once(
    model: Any, services: StrictServices, count: Callable[..., None]
) -> None:
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS["paper"])

    answers = tpo.batch(["Wood?", "Oil?", "Wax?"], ONE_AT_A_TIME)

    figures = [answer.response_metadata["tpo"] for answer in answers]
    assert [one["stop_reason"] for one in figures] == ["depth"] * 3
    assert sum(one["usage"]["requests"] for one in figures) == len(services.bodies)
    count("batch")


async def test_batches_that_are_on_their_way_together(model: Any, services: StrictServices) -> None:
    chat = ChatTPO(model=model, reward=last_number, settings=SETTINGS["paper"], temperature=0.3)

    answers = [*chat.batch(["Wood?", "Oil?"]), *await chat.abatch(["Wax?", "Felt?"])]

    figures = [answer.response_metadata["tpo"] for answer in answers]
    assert [one["stop_reason"] for one in figures] == ["depth"] * 4
    assert sum(one["usage"]["requests"] for one in figures) == len(services.bodies)


@pytest.mark.parametrize("wrapped", ["plain", "retry", "sequence"])
def test_a_chat_tpo(model: Any, wrapped: str, count: Callable[..., None]) -> None:
    around = {
        "plain": model,
        "retry": model.with_retry(stop_after_attempt=2),
        "sequence": model | (lambda message: message),
    }[wrapped]
    settings = SETTINGS["paper"]
    chat = ChatTPO(model=around, reward=last_number, settings=settings, max_concurrency=1)

    answer = chat.invoke("Wood?", temperature=0.3)

    assert answer.response_metadata["tpo"]["stop_reason"] == "depth"
    count(f"ChatTPO, {wrapped}")


def test_structured_output_keeps_its_type(row: Row, model: Any, count: Callable[..., None]) -> None:
    skip_what_it_lacks(row, "with_structured_output")
    chat = ChatTPO(model=model, reward=last_number, settings=SETTINGS["defaults"])

    answer = chat.with_structured_output(Sum).invoke("What is 2 and 3? Answer in JSON.")

    assert isinstance(answer, Sum)
    count("with_structured_output")


def test_a_call_of_a_tool_passes_through(row: Row, model: Any, count: Callable[..., None]) -> None:
    skip_what_it_lacks(row, "bind_tools")
    chat = ChatTPO(model=model, reward=last_number, settings=SETTINGS["defaults"])

    answer = chat.bind_tools([add]).invoke(USE_THE_TOOL, temperature=0.3, max_tokens=9000)

    assert [call["name"] for call in answer.tool_calls] == ["add"]
    count("bind_tools")


def test_an_agents_last_word_is_optimized(
    row: Row, model: Any, services: StrictServices, count: Callable[..., None]
) -> None:
    skip_what_it_lacks(row, "agent")
    agents = pytest.importorskip("langchain.agents")
    ours = pytest.importorskip("langchain_tpo.middleware")
    middleware = ours.TPOMiddleware(reward=last_number, settings=SETTINGS["paper"])
    agent = agents.create_agent(model, [add], middleware=[middleware])

    said = agent.invoke({"messages": [HumanMessage(USE_THE_TOOL)]}, ONE_AT_A_TIME)["messages"]

    assert [message.type for message in said] == ["human", "ai", "tool", "ai"]
    figures = said[-1].response_metadata["tpo"]
    assert figures["stop_reason"] == "depth"
    of_the_tool = len(services.bodies) - figures["usage"]["requests"]
    assert of_the_tool in (1, 2)  # where the very first request is refused
    count("agent", of_the_tool=of_the_tool)


def test_as_judge(
    row: Row, model: Any, services: StrictServices, count: Callable[..., None]
) -> None:
    judge = ChatJudge(model)
    question = {"messages": [HumanMessage("2 and 3?")], "responses": ["5", "6"]}

    first = judge.invoke(question, ONE_AT_A_TIME)
    requests = len(services.bodies)
    second = judge.invoke(question, ONE_AT_A_TIME)

    assert [type(score) for score in first] == [dict, dict]
    assert [score["reward"] >= 1 for score in [*first, *second]] == [True] * 4
    assert len(services.bodies) == requests + 2  # what was refused is not asked again
    count("ChatJudge")


async def test_a_model_that_streams_does_not_stream_inside(
    row: Row, services: StrictServices, count: Callable[..., None]
) -> None:
    own = row.build(services.url(row.service))
    streams = "streaming" in type(own).model_fields
    model = row.build(services.url(row.service), streaming=True) if streams else own
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS["defaults"])

    events = [event async for event in tpo.astream_events("Wood?", ONE_AT_A_TIME, version="v2")]

    assert not [event for event in events if event["event"] == "on_chat_model_stream"]
    answer = events[-1]["data"]["output"]
    assert isinstance(answer, AIMessage)
    assert answer.response_metadata["tpo"]["stop_reason"] == "depth"
    streamed = sum(bool(body.get("stream")) for body in services.bodies)
    count("streaming", streamed=streamed)


def test_a_critic_that_sees_no_images_gets_the_words(services: StrictServices) -> None:
    pytest.importorskip("langchain_openai")
    row = ROWS["ChatOpenAI at vLLM"]
    policy, critic = (row.build(services.url(name)) for name in ("openai", "words_only"))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    question = [HumanMessage([{"type": "text", "text": "What is this?"}, image])]
    tpo = TPORunnable(model=policy, critic=critic, reward=last_number, width=3, depth=2)

    result = tpo.optimize(question, ONE_AT_A_TIME)

    assert result.stop_reason == "depth"
    assert services.refused == 1  # of critiques; the policy saw the image every time
    assert result.usage["requests"] == len(services.bodies) == 8
    assert sum('"image_url"' in json.dumps(body) for body in services.bodies) == 4
    assert learned(tpo) == ["critiques without images"]


@pytest.mark.parametrize("wrong", ["key", "model"])
def test_a_wrong_key_or_model_is_told_with_the_address(
    row: Row, wrong: str, services: StrictServices
) -> None:
    skip_what_it_lacks(row, f"wrong {wrong}")
    if wrong == "key" and row.key is None:
        pytest.skip("it has no key")
    family = row.model.rpartition("/")[0]
    changes = {"model": f"{family}/wrong-model" if family else "wrong-model"}
    if wrong == "key":
        changes = {row.key or "": "nvapi-wrong-key"}
    model = row.build(services.url(row.service), **changes)
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS["defaults"])

    with pytest.raises(Exception, match=r"wrong|40[134]|ncorrect") as caught:
        tpo.optimize("Wood?", ONE_AT_A_TIME)

    told = what_to_check(caught.value)
    asked = "the API key right" if wrong == "key" else "model's name right"
    assert told.startswith(f"To check: `{row.cls} ")
    assert asked in told
    assert row.cls == "ChatPerplexity" or f" at {services.url(row.service)}" in told
    assert "nvapi" not in told


def wrong_end(row: Row, wrong: str) -> str:
    if wrong == "no /v1":
        return row.end.removesuffix("/v1")
    return row.end + {"elsewhere": "/nowhere", "/v1 twice": "/v1"}[wrong]


@pytest.mark.parametrize("wrong", ["elsewhere", "no /v1", "/v1 twice"])
def test_a_wrong_url_is_told(row: Row, wrong: str, services: StrictServices) -> None:
    skip_what_it_lacks(row, wrong)
    if wrong != "elsewhere" and row.end.endswith("/v1") != (wrong == "no /v1"):
        pytest.skip("no mistake for this class")
    other = replace(row, end=wrong_end(row, wrong))
    model = other.build(services.url(row.service))
    tpo = TPORunnable(model=model, reward=last_number, settings=SETTINGS["paper"])

    with pytest.raises(Exception, match=r"404|[Nn]ot [Ff]ound") as caught:
        tpo.optimize("Wood?", ONE_AT_A_TIME)

    told = what_to_check(caught.value)
    address = services.url(row.service) + other.end
    assert told.startswith(f"To check: `{row.cls} ")
    assert "answered 404. Are the URL" in told
    assert "\n" not in told
    if row.cls != "ChatPerplexity":  # which has no field for an address
        assert f" at {address}" in told
        assert ("(it has no `/v1`" in told) == (wrong == "no /v1")
        assert ("(it ends in `/v1`" in told) == (wrong == "/v1 twice")
    assert len(services.bodies) <= 3  # one for each draw: nothing is learned of a 404


def test_on_the_command_line(
    row: Row,
    services: StrictServices,
    count: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run_app = pytest.importorskip("langchain_tpo.cli.main").run_app
    address = services.url(row.service)
    arguments = ["--model", "python:tests.support.partner_models:current"]
    if row.provider is None:
        monkeypatch.setattr(partner_models, "current", lambda: row.build(address), raising=False)
    else:
        arguments = ["--model", f"{row.provider}:{row.model}", "--base-url", address + row.end]
        monkeypatch.setenv(row.variable or "UNUSED", partner_models.KEY)

    loop = ["--width", "3", "--depth", "1", "--reward", "python:tests.support.fakes:last_number"]
    code = run_app(["optimize", "Wood?", "--json", *loop, *arguments])

    out, err = capfd.readouterr()
    assert code == 0, err
    assert json.loads(out)["stop_reason"] == "depth"
    count("tpo optimize")


def test_every_class_is_recorded() -> None:
    assert [*RECORDED] == [*ROWS]
