"""Every mistake is one clear, typed line, as early as it can be known."""

import re
from typing import Any

import pytest
from langchain_core.messages import AIMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from langchain_tpo import SamplingOptions, TPOError, TPOPrompts, TPORunnable, TPOSettings
from langchain_tpo.errors import (
    ConversationError,
    MissingExtraError,
    ModelTypeError,
    PromptError,
    RewardOutputError,
    RewardTypeError,
    SettingsError,
)
from langchain_tpo.prompts import TPO_PROMPTS
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number


@pytest.mark.parametrize(
    ("build", "error", "line"),
    [
        (
            lambda: TPOSettings(width=0),
            SettingsError,
            "`width` of TPOSettings: input should be greater than or equal to 1, got `0`.",
        ),
        (
            lambda: TPOSettings(depth=-1),
            SettingsError,
            "`depth` of TPOSettings: input should be greater than or equal to 0, got `-1`.",
        ),
        (
            lambda: TPORunnable(model=ScriptedModel(), reward=last_number, width=1, depth=1),
            SettingsError,
            "`width` must be at least 2 when `depth` > 0 (a chosen and a rejected response), "
            "got 1.",
        ),
        (
            lambda: TPOSettings(widht=5),  # type: ignore[call-arg]
            SettingsError,
            "`widht` is no option of TPOSettings: do you mean `width`?",
        ),
        (
            lambda: SamplingOptions(temperature=-1),
            SettingsError,
            "`temperature` of SamplingOptions: input should be greater than or equal to 0, got "
            "`-1`.",
        ),
        (
            lambda: TPOSettings(prompts="haiku"),  # type: ignore[arg-type]
            PromptError,
            "`prompts` of the strategy `tpo` must be a TPOPrompts or one of `paper`, `small`",
        ),
        (
            lambda: TPOPrompts(
                name="mine",
                textual_loss=ChatPromptTemplate([("human", "{question}")]),
                textual_gradient=TPO_PROMPTS.textual_gradient,
                update=TPO_PROMPTS.update,
            ),
            PromptError,
            "`textual_loss` prompt of `mine` asks for `question`, which is never filled: use "
            "`candidates`, `chosen`, `direction`, `history`, `query`, `rejected`, `remark`, "
            "`remarks`, `reward`.",
        ),
        (
            lambda: TPOPrompts(
                name="mine",
                textual_loss="{query}",  # type: ignore[arg-type]
                textual_gradient=TPO_PROMPTS.textual_gradient,
                update=TPO_PROMPTS.update,
            ),
            PromptError,
            "`textual_loss` prompt of `mine` must be a ChatPromptTemplate, got str.",
        ),
        (
            lambda: TPORunnable(model="openai:gpt-4o", reward=last_number),
            ModelTypeError,
            "`model` must be a LangChain chat model, got str `'openai:gpt-4o'`: pass "
            "`init_chat_model(...)`.",
        ),
        (
            lambda: TPORunnable(model=ScriptedModel(), reward=last_number, critic=7),
            ModelTypeError,
            "`critic` must be a LangChain chat model, got int `7`, which is no Runnable.",
        ),
        (
            lambda: TPORunnable(model=ScriptedModel(), reward=0.5),
            RewardTypeError,
            "`reward` must be a function `(prompt, response) -> float` or a Runnable, got float "
            "`0.5`.",
        ),
        (
            lambda: TPORunnable(model=ScriptedModel(), reward=lambda text: 1.0),
            RewardTypeError,
            "`reward` function must take `(prompt, response)`, got `<lambda>(text)`: call the "
            "argument for the response `response`.",
        ),
    ],
)
def test_at_construction(build: Any, error: type[TPOError], line: str) -> None:
    with pytest.raises(error) as raised:
        build()

    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", "The conversation is empty, got `''`"),
        ([], "The conversation is empty, got `[]`"),
        ([AIMessage("")], "The conversation is empty"),
        ({"question": "Wood?"}, "The input lacks the key `messages`, got the keys ['question']."),
        ({"messages": "Wood?", "drafts": [" "]}, "A draft must hold text, got `' '`."),
        ({"messages": "Wood?", "drafts": 5}, "`drafts` must be texts or messages, got int."),
        (5, "The input must be a string, a prompt value, messages or a dict with `messages`"),
    ],
)
def test_an_input_without_a_question(value: Any, line: str) -> None:
    model = ScriptedModel()

    with pytest.raises(ConversationError) as raised:
        TPORunnable(model=model, reward=last_number).invoke(value)

    assert str(raised.value).startswith(line)
    assert model.notebook.calls == []


def test_a_system_message_alone_is_a_conversation() -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number, depth=0)

    assert tpo.invoke([SystemMessage("Greet the user.")]).content.startswith("sample")


@pytest.mark.parametrize(
    ("scores", "line"),
    [
        ([1.0], "The reward model returned 1 scores for 2 responses"),
        ([1.0, 2.0, 3.0], "The reward model returned 3 scores for 2 responses"),
        (["good", 1.0], "A score must be a number or None, got str `good`."),
        ([{"points": 1.0}, 1.0], "A score lacks the key `reward` (or `score`): got dict"),
        (1.0, "The reward model returned float `1.0`, expected a list"),
        ("12", "The reward model returned str `12`, expected a list"),
        (None, "The reward model returned NoneType `None`, expected a list"),
    ],
)
def test_a_reward_model_that_breaks_its_contract(scores: Any, line: str) -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=RunnableLambda(lambda _: scores), width=2, depth=0)

    with pytest.raises(RewardOutputError) as raised:
        tpo.invoke("Wood?")

    assert str(raised.value).startswith(line)


def test_a_model_that_returns_no_message() -> None:
    model = ScriptedModel() | RunnableLambda(lambda message: {"text": message.text})

    with pytest.raises(ModelTypeError, match="pass the chat model itself"):
        TPORunnable(model=model, reward=last_number).invoke("Wood?")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"width": 3}, "`width` is no argument of a call: use `with_settings(width=...)`"),
        ({"reward": last_number}, "`reward` is no argument of a call: set it when you build"),
        ({"tools": [{"type": "function"}]}, "not bound to tools: hand it the model that is"),
        ({"response_format": {"type": "json_object"}}, "not bound to a format: use `ChatTPO("),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_an_argument_that_is_none_of_a_call(arguments: dict[str, Any], line: str) -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number)
    with pytest.raises(SettingsError, match=re.escape(line)):
        tpo.invoke("?", **arguments)
    with pytest.raises(SettingsError, match=re.escape(line)):
        tpo.bind(**arguments).invoke("?")


def test_what_a_link_cannot_be_bound_to() -> None:
    tpo = TPORunnable(model=ScriptedModel(), reward=last_number)
    with pytest.raises(SettingsError, match="hand it the model that is"):
        tpo.bind_tools([])
    with pytest.raises(SettingsError, match="with_structured_output"):
        tpo.with_structured_output(dict)


def test_an_async_reward_in_a_sync_run() -> None:
    async def reward(prompt: str, response: str) -> float:
        return 1.0

    with pytest.raises(RewardTypeError, match="`reward` is async: call `ainvoke`"):
        TPORunnable(model=ScriptedModel(), reward=reward).invoke("?")


async def test_an_async_reward_in_an_async_run() -> None:
    async def reward(prompt: str, response: str) -> float:
        return last_number(prompt, response)

    message = await TPORunnable(model=ScriptedModelWithN(), reward=reward).ainvoke("?")

    assert message.content == "revision 18"


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtraError("text-generation", "tgi")

    assert str(error) == (
        "`text-generation` is not installed: run `pip install 'langchain-tpo[tgi]'`."
    )
    assert isinstance(error, ImportError)
