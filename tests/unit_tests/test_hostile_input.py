"""Whatever is handed over or edited into a thread, a mistake is one typed line, before it costs."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import SamplingOptions, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import ConversationError, PromptError, RunError, SettingsError, TPOError
from langchain_tpo.prompts import TPO_PROMPTS
from tests.support.fakes import ScriptedModelWithN, last_number

NOT_FINITE = [math.nan, math.inf]
DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]
RINGED: list[Any] = []
RINGED += [RINGED, RINGED]


def refused(error: type[TPOError], build: Callable[[], Any]) -> str:
    with pytest.raises(error) as raised:
        build()
    line = str(raised.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    "setting",
    [
        {"depth": 99999999999999999999},
        {"depth": 1_001},
        {"width": 10**30},
        {"seed": 10**400},
        {"width": "a\nb\rc\u2028d"},
        {"a\nb": 1},
        *[{"target_reward": value} for value in NOT_FINITE],
        *[{"gate_reward": value} for value in NOT_FINITE],
        *[{"gate_contrast": value} for value in NOT_FINITE],
        *[{"min_gain": value} for value in NOT_FINITE],
        *[{"min_contrast": value} for value in NOT_FINITE],
        *[{"time_budget": value} for value in NOT_FINITE],
    ],
    ids=str,
)
def test_a_setting_that_cannot_work(setting: dict[str, Any]) -> None:
    assert refused(SettingsError, lambda: TPOSettings(**setting))


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_temperature_is_a_number(value: float) -> None:
    assert "temperature" in refused(SettingsError, lambda: SamplingOptions(temperature=value))


def test_the_deepest_run_is_no_deeper_than_a_node_may_go() -> None:
    assert TPOSettings(depth=1_000).recursion_limit == 4_003


Format = Literal["f-string", "mustache", "jinja2"]


@pytest.mark.parametrize(
    ("message", "form"),
    [
        (("human", "{query:d}"), "f-string"),
        (("human", "{query:9999999999999999999999}"), "f-string"),
        (("human", "{{ query.nope.nope }}"), "jinja2"),
        (("human", "{{ query() }}"), "jinja2"),
        (("placeholder", "{query}"), "f-string"),
        (("human", [{"type": "image_url", "image_url": {"url": "{query}"}}]), "f-string"),
    ],
    ids=str,
)
def test_a_prompt_that_cannot_be_filled_is_found_when_it_is_handed_over(
    message: Any, form: Format
) -> None:
    own = ChatPromptTemplate([message], template_format=form)

    assert "cannot be filled with texts" in refused(
        PromptError, lambda: replace(TPO_PROMPTS, name="own", update=own)
    )


def test_a_prompt_without_a_message() -> None:
    own = ChatPromptTemplate([])

    assert "holds no message" in refused(
        PromptError, lambda: replace(TPO_PROMPTS, name="own", update=own)
    )


@pytest.mark.parametrize(
    "asked",
    [
        b"Wood?",
        range(3),
        [None],
        [5],
        [("alien", "Wood?")],
        [("a", "b", "c")],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        [{"role": "tool", "content": "Wood?"}],
        [HumanMessage([{"type": "x", "x": DEEP}])],
        [HumanMessage([{"type": "text", "text": "Wood?", "x": RINGED}])],
        {"messages": "Wood?", "a\nb": 1},
    ],
    ids=lambda asked: type(asked).__name__,
)
def test_an_input_that_cannot_be_read(asked: Any) -> None:
    model = ScriptedModelWithN()

    assert refused(
        ConversationError, lambda: TPORunnable(model=model, reward=last_number).invoke(asked)
    )
    assert model.notebook.calls == []


FIRST = {"text": "a", "reward": 1.0, "round": 0}


@pytest.mark.parametrize(
    "given",
    [
        {"candidates": [{**FIRST, "reward": "x"}]},
        {"candidates": [{**FIRST, "reward": math.nan}]},
        {"candidates": [{**FIRST, "reward": math.inf}]},
        {"candidates": [{**FIRST, "round": 1}]},
        {"candidates": [FIRST], "drops": 5},
        {"candidates": [FIRST], "steps": [{}]},
        {"candidates": [FIRST], "steps": "x"},
        [5],
    ],
    ids=str,
)
def test_first_samples_that_cannot_be_read(given: Any) -> None:
    graph = build_tpo_graph(ScriptedModelWithN(), last_number).compile()
    asked: Any = {"messages": [HumanMessage("Wood?")], "tpo_first_samples": given}

    assert "`first_samples`" in refused(ConversationError, lambda: graph.invoke(asked))


@pytest.mark.parametrize("most", [-1, "x"])
def test_a_config_that_bounds_nothing(most: Any) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number)

    assert refused(SettingsError, lambda: tpo.invoke("Wood?", {"max_concurrency": most}))


def edited(change: Any) -> Any:
    settings = TPOSettings(width=2, depth=1)
    graph = build_tpo_graph(ScriptedModelWithN(), last_number, settings=settings).compile(
        checkpointer=InMemorySaver(), interrupt_before=["update"]
    )
    thread: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": [HumanMessage("Wood?")]}, thread)
    graph.update_state(thread, {"tpo": change}, as_node="textual_gradient")
    return graph.invoke(None, thread)


ROUND = {"chosen": 1, "rejected": 0, "textual_loss": "Too long.", "textual_gradient": "Cut it."}


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": []},
        {"rounds": None},
        {"rounds": [5]},
        {"rounds": [{}]},
        {"rounds": [{**ROUND, "chosen": 99}]},
        {"rounds": [{**ROUND, "chosen": -1}]},
        {"rounds": [{**ROUND, "rejected": 2}]},
        {"rounds": [{**ROUND, "textual_gradient": 5}]},
        {"pool": None},
        {"pool": [{}, {}]},
        {"pool": [{"text": 5, "reward": 1.0, "round": 0}] * 2},
        {"pool": [{"text": "a", "reward": "x", "round": 0}] * 2},
        {"steps": None},
        {"steps": [{}]},
        {"drops": None},
        {"options": [1]},
        {"question": {}},
        {"failure": 5},
        [1, 2],
        None,
    ],
    ids=str,
)
def test_a_run_that_was_edited_into_another_shape(change: Any) -> None:
    assert "`tpo" in refused(RunError, lambda: edited(change))


def test_a_run_that_was_edited_with_sense_goes_on() -> None:
    assert edited({"rounds": [ROUND]})["tpo"]["stop_reason"] == "depth"
