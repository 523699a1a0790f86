"""Answers that break the limits of a JSON schema lose, where LangChain itself does not look."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_tpo import ChatTPO
from langchain_tpo.errors import SettingsError
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.reward_models import JsonSchema
from langchain_tpo.text import json_limits
from langchain_tpo.text.json_limits import checker
from tests.support.fakes import Call, ScriptedModel
from tests.support.tool_fakes import VaryingAgentModel

QUESTION: Any = {"messages": [HumanMessage("What does the right oil for oak cost?")]}

SCHEMA: dict[str, Any] = {
    "title": "Offer",
    "description": "An offer.",
    "type": "object",
    "properties": {
        "euros": {"type": "integer", "minimum": 0},
        "oil": {"type": "string", "maxLength": 9, "pattern": "^[a-z ]+$"},
        "wood": {"enum": ["oak", "ash"]},
        "shops": {"type": "array", "items": {"$ref": "#/$defs/shop"}, "maxItems": 1},
    },
    "required": ["euros"],
    "$defs": {"shop": {"type": "string", "minLength": 2}},
}
GOOD = {"euros": 1, "oil": "tung oil", "wood": "oak", "shops": ["Bob"]}
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "minimum": ({"euros": -9}, "-9 is less than the minimum of 0"),
    "type": ({"euros": "9"}, "'9' is not of type 'integer'"),
    "maxLength": ({"oil": "a very long oil"}, "'a very long oil' is too long"),
    "pattern": ({"oil": "OIL"}, "'OIL' does not match"),
    "enum": ({"wood": "elm"}, "'elm' is not one of"),
    "reference": ({"shops": ["B"]}, "'B' is too short"),
    "maxItems": ({"shops": ["Bob", "Eve"]}, "['Bob', 'Eve'] is too long"),
    "required": ({"euros": None}, "'euros' is a required property"),
}
"""What is changed in a good answer, and what is said of it."""


class InJson(ScriptedModel):
    """Writes JSON where it is asked for a format."""

    answers: Sequence[dict[str, Any]]

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(**kwargs)

    def _result(self, call: Call) -> ChatResult:
        if "response_format" not in call.kwargs:
            return super()._result(call)
        answer = self.answers[min(next(self.notebook.numbers), len(self.answers) - 1)]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(json.dumps(answer)))])


def broken(case: str) -> dict[str, Any]:
    changed = {**GOOD, **BROKEN[case][0]}
    return {key: value for key, value in changed.items() if value is not None}


def liked(response: str) -> float:
    """Reward whatever is not the good answer, so that nothing but its limits can beat it."""
    return 0.0 if json.loads(response) == GOOD else 9.0


def calling(*answers: dict[str, Any]) -> VaryingAgentModel:
    return VaryingAgentModel(
        act=lambda number: ("Offer", answers[min(number, len(answers) - 1)]),
    )


def asked(way: str, *answers: dict[str, Any], depth: int = 1) -> tuple[dict[str, Any], str]:
    """Return the structured answer, and what the critic was shown."""
    model: Any = calling(*answers) if way != "provider" else InJson(answers=answers)
    if way == "chat model":
        chat = ChatTPO(model=model, reward=liked, width=2, depth=depth)
        answer: Any = chat.with_structured_output(SCHEMA).invoke("What does it cost?")
    else:
        kind: Any = {"tool": ToolStrategy, "provider": ProviderStrategy, "auto": AutoStrategy}[way]
        tpo = TPOMiddleware(reward=liked, width=2, depth=depth)
        agent = create_agent(model, middleware=[tpo], response_format=kind(SCHEMA))
        answer = agent.invoke(QUESTION)["structured_response"]
    shown = [str(call.messages) for call in model.notebook.calls if call.step == "textual_loss"]
    return answer, "".join(shown).replace("\\", "")


WAYS = ["tool", "provider", "auto", "chat model"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", BROKEN)
def test_an_answer_that_breaks_a_limit_loses_and_the_critic_hears_why(case: str, way: str) -> None:
    answer, shown = asked(way, broken(case), GOOD)

    assert answer == GOOD
    assert BROKEN[case][1] in shown


@pytest.mark.parametrize("way", WAYS)
def test_where_all_break_their_limits_the_answer_is_what_langchain_reads(way: str) -> None:
    answer, _ = asked(way, broken("minimum"), depth=0)

    assert answer == broken("minimum")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Return what the log says of limits, as in a process that has said nothing yet."""
    json_limits._say.cache_clear()
    with caplog.at_level(logging.WARNING, json_limits.__name__):
        yield lambda: [one.getMessage() for one in caplog.records if "limits" in one.getMessage()]
    json_limits._say.cache_clear()


@pytest.mark.parametrize("way", WAYS)
def test_without_the_extra_the_log_says_once_that_nothing_is_checked(
    way: str, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)

    answers = [asked(way, broken("minimum"), GOOD, depth=0)[0] for _ in range(2)]

    assert answers == [broken("minimum")] * 2
    (line,) = told()
    assert "pip install 'langchain-tpo[json]'" in line


NO_SCHEMAS: dict[str, dict[str, Any]] = {
    "a type that there is not": {"type": "objct"},
    "a pattern that is none": {"type": "string", "pattern": "("},
    "a reference that leads nowhere": {"$ref": "#/$defs/shop"},
    "a reference elsewhere": {"$ref": "http://127.0.0.1:9/schema.json"},
    "a reference round and round": {"$ref": "#"},
}


@pytest.mark.parametrize("case", NO_SCHEMAS)
@pytest.mark.parametrize("within", [False, True])
def test_a_reward_refuses_a_schema_that_is_none_at_once(case: str, within: bool) -> None:  # noqa: FBT001 both ways
    schema = NO_SCHEMAS[case]
    if within:
        at = {"$ref": "#/properties/a"} if case.endswith("round and round") else schema
        schema = {"type": "object", "properties": {"a": at}}

    with pytest.raises(SettingsError, match="`schema` of JsonSchema is none: ") as caught:
        JsonSchema(schema)
    assert "\n" not in str(caught.value)


def test_references_within_a_schema_are_followed() -> None:
    tree = {"type": "object", "properties": {"kids": {"items": {"$ref": "#"}}}}
    other = {"$id": "http://127.0.0.1:9/a", "$defs": {"n": {"$id": "n", "type": "array"}}}
    quoted = {"const": {"$ref": "nowhere"}}

    for schema in (tree, {**other, "$ref": "n"}, {**tree, "$schema": DRAFT_7}, quoted):
        JsonSchema(schema)


DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("case", NO_SCHEMAS)
def test_a_schema_that_is_none_checks_nothing_and_the_log_says_so(case: str, told: Any) -> None:
    check = checker(NO_SCHEMAS[case])

    assert [check("text"), check(3)] == [None, None]
    assert len(told()) == 1


WRAPPED: dict[str, dict[str, Any]] = {
    "plain": SCHEMA,
    "a function": {"name": "Offer", "description": "One.", "parameters": SCHEMA},
    "a tool": {"type": "function", "function": {"name": "Offer", "parameters": SCHEMA}},
    "a tool with an input": {"name": "Offer", "input_schema": SCHEMA},
    "a format": {"type": "json_schema", "json_schema": {"name": "Offer", "schema": SCHEMA}},
}


@pytest.mark.parametrize("form", WRAPPED)
def test_a_schema_is_found_in_whatever_it_comes(form: str) -> None:
    check = checker(WRAPPED[form])

    assert check(GOOD) is None
    assert check(broken("minimum")) == "$.euros: -9 is less than the minimum of 0."
