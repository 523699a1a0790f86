"""A typo, a wrong type or a missing argument is one typed line in every constructor."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import Field, SecretStr

from langchain_tpo import ChatTPO, TPORunnable, reward_models
from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import ConfigurationError, SettingsError

MODEL = FakeListChatModel(responses=["a"])


def score(prompt: str, response: str) -> float:
    """Score nothing in particular."""
    return float(len(prompt) + len(response))


CONSTRUCTED: dict[str, tuple[Any, ...]] = {
    "ChatJudge": (MODEL,),
    "Citations": (),
    "Ensemble": ({"length": score},),
    "ExactAnswer": (),
    "FunctionReward": (score,),
    "HumanReward": (),
    "JsonSchema": ({"type": "object"},),
    "LengthPenalty": (score,),
    "MathAnswer": (),
    "PairwiseJudge": (MODEL,),
    "PreferenceHead": (),
    "SequenceClassifier": ("checkpoint",),
    "VerifiableInstructions": (),
}
"""Reward models that need no server, each with what it has to be given."""


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_a_typo_is_one_line(name: str) -> None:
    constructor: Callable[..., object] = getattr(reward_models, name)

    with pytest.raises(SettingsError) as refusal:
        constructor(*CONSTRUCTED[name], namme="mine")

    assert str(refusal.value) == f"`namme` is no option of {name}: do you mean `name`?"


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_a_wrong_type_is_one_line_with_option_class_and_value(name: str) -> None:
    constructor: Callable[..., object] = getattr(reward_models, name)

    with pytest.raises(SettingsError, match=rf"^`name` of {name}: .*, got `3`\.\Z"):
        constructor(*CONSTRUCTED[name], name=3)


@pytest.mark.parametrize("name", [name for name, needed in CONSTRUCTED.items() if needed])
def test_a_missing_argument_is_one_line(name: str) -> None:
    constructor: Callable[..., object] = getattr(reward_models, name)

    with pytest.raises(SettingsError, match=rf"^`\w+` of {name} is missing: give it\.\Z"):
        constructor()


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_a_wrong_first_argument_is_one_line(name: str) -> None:
    constructor: Callable[..., object] = getattr(reward_models, name)

    with pytest.raises(ConfigurationError) as refusal:
        constructor(3.5, name="mine")

    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith((".", "?"))


class Locker(OneTypedLine, extra="forbid"):
    """Holds what is shown to nobody."""

    code: int = Field(repr=False)
    key: SecretStr | None = None


@pytest.mark.parametrize("options", [{"code": "open-sesame"}, {"code": 1, "key": ["open-sesame"]}])
def test_the_value_of_a_private_field_is_not_shown(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="got a value of type") as refusal:
        Locker(**options)

    assert "sesame" not in str(refusal.value)


def test_an_option_given_by_place_and_by_name_is_one_line() -> None:
    with pytest.raises(SettingsError, match="`model` of ChatJudge is given twice"):
        reward_models.ChatJudge(MODEL, model=MODEL)  # type: ignore[misc]  # the mistake


LOOPS: dict[str, Callable[..., object]] = {
    "TPORunnable": TPORunnable,
    "ChatTPO": ChatTPO,
}
"""The doors that take a model, a reward and settings."""


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"widht": 3}, "`widht` is no option of {}: do you mean `width`?"),
        (
            {"seed": 3},
            "`seed` is no option of {}, it belongs in its settings: "
            "`settings=TPOSettings(seed=...)`.",
        ),
        ({"depth": "deep"}, None),
        ({"width": 1, "depth": 1}, None),
        ({"critic": "gpt-5"}, None),
        ({"settings": 3}, None),
    ],
)
def test_a_mistake_at_a_door_is_one_line(
    name: str, options: dict[str, Any], line: str | None
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        LOOPS[name](model=MODEL, reward=score, **options)
    assert "\n" not in str(refusal.value)
    assert line is None or str(refusal.value) == line.format(name)


@pytest.mark.parametrize("name", LOOPS)
def test_the_wrong_word_for_the_reward_names_the_right_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"`reward_model` .* do you mean `reward`\?\Z"):
        LOOPS[name](model=MODEL, reward_model=score)


@pytest.mark.parametrize("name", LOOPS)
def test_arguments_by_place_are_one_line(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} takes no arguments by place, got 2"):
        LOOPS[name](MODEL, score)


def test_a_loop_shows_itself_in_one_line() -> None:
    shown = repr(TPORunnable(model=MODEL, reward=score, critic=MODEL, width=3, depth=1))
    assert shown == (
        "TPORunnable(model=FakeListChatModel, reward=score, critic=FakeListChatModel, width=3, "
        "depth=1, strategy=tpo)"
    )
