"""What servers and tools read JSON by: the input and output schemas of the link."""

from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValueConcrete, StringPromptValue
from langchain_core.prompts import ChatPromptTemplate
from pydantic import ValidationError

from langchain_tpo import TPORunnable

TPO = TPORunnable(
    model=FakeListChatModel(responses=["An answer."]),
    reward=lambda _prompt, response: float(len(response)),
    width=2,
    depth=0,
)
SCHEMA = TPO.get_input_schema()
OAK = HumanMessage("Oak?")
EARLIER = {"text": "a", "reward": 1.0, "round": 0}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Oak?", "Oak?"),
        ([OAK], [OAK]),
        (OAK, OAK),
        ([{"type": "human", "content": "Oak?"}], [OAK]),
        ([{"role": "user", "content": "Oak?"}], [OAK]),
        ({"role": "user", "content": "Oak?"}, OAK),
        (
            [{"type": "tool", "content": "tung", "tool_call_id": "1"}],
            [ToolMessage("tung", tool_call_id="1")],
        ),
        (StringPromptValue(text="Oak?"), StringPromptValue(text="Oak?")),
        (ChatPromptValueConcrete(messages=[OAK]), ChatPromptValueConcrete(messages=[OAK])),
        ({"messages": "Oak?", "drafts": "Oil."}, {"messages": "Oak?", "drafts": "Oil."}),
        (
            {
                "messages": [{"role": "user", "content": "Oak?"}],
                "drafts": [{"role": "ai", "content": "Oil."}],
            },
            {"messages": [OAK], "drafts": [AIMessage("Oil.")]},
        ),
        ({"messages": "Oak?", "context": {"row": 1}}, {"messages": "Oak?", "context": {"row": 1}}),
        (
            {"messages": "x", "first_samples": {"candidates": [EARLIER]}},
            {"messages": "x", "first_samples": {"candidates": [EARLIER]}},
        ),
    ],
    ids=str,
)
def test_json_becomes_what_the_link_takes(given: Any, read: object) -> None:
    understood: Any = SCHEMA.model_validate(given)
    assert understood.root == read
    assert TPO.invoke(understood.root).text == "An answer."
    assert understood.root == read, "what the caller holds stays as it was"


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        None,
        {"question": "Oak?"},
        [7],
        [{"content": "Oak?"}],
        [{"role": "nobody", "content": "Oak?"}],
        {"role": "user", "content": 3},
        {"messages": "Oak?", "drafts": {"role": "user", "content": "Oil."}},
        {"messages": [{"role": "user"}]},
        {"messages": "Oak?", "drafts": 7},
    ],
    ids=str,
)
def test_what_does_not_fit_is_a_validation_error(wrong: object) -> None:
    with pytest.raises(ValidationError):
        SCHEMA.model_validate(wrong)


def test_schemas_are_json() -> None:
    chain = ChatPromptTemplate([("human", "{q}")]) | TPO
    assert set(chain.get_input_jsonschema()["properties"]) == {"q"}
    assert "TPORequest" in TPO.get_input_jsonschema()["$defs"]
    assert TPO.get_output_jsonschema()["title"] == "AIMessage"
    assert "BaseMessage" not in TPO.get_input_jsonschema()["$defs"], "an abstract class"


def test_a_key_that_means_nothing_is_refused_and_not_dropped() -> None:
    model = FakeListChatModel(responses=["Oil it."])
    tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, width=2, depth=0)

    with pytest.raises(ValidationError, match="contxt"):
        tpo.get_input_schema().model_validate({"messages": "Wood?", "contxt": {"row": 1}})
