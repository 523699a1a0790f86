"""A typo, a wrong type or a missing argument is one typed line in every constructor."""

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from pydantic import Field, SecretStr

import langchain_tpo
from langchain_tpo import (
    ChatTPO,
    TPOMiddleware,
    TPORunnable,
    TPOSettings,
    build_tpo_graph,
    evaluation,
    local,
    reward_models,
    strategies,
)
from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import ConfigurationError, SettingsError
from langchain_tpo.reward_models import ExactAnswer, HumanReward

MODEL = FakeListChatModel(responses=["a"])
URL = "http://127.0.0.1:1"


def score(prompt: str, response: str) -> float:
    """Score nothing in particular."""
    return float(len(prompt) + len(response))


class Built(NamedTuple):
    """What is built: by which arguments, and what of a wrong type is tried in their place."""

    build: Callable[..., object]
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = MappingProxyType({})
    wrong: Mapping[str, Any] = MappingProxyType({"name": 3})
    typo: tuple[str, str] = ("namme", "name")


def reward_model(name: str, *args: Any, **options: Any) -> tuple[str, Built]:
    return name, Built(getattr(reward_models, name), args, options)


TEMPLATE = ChatPromptTemplate([("human", "{query}")])

BUILT: dict[str, Built] = {
    **dict(
        (
            reward_model("Cascade", reward_models.JsonSchema({}), score, enough=1.0),
            reward_model("ChatJudge", MODEL),
            reward_model("Citations"),
            reward_model("Ensemble", {"length": score}),
            reward_model("ExactAnswer"),
            reward_model("FunctionReward", score),
            reward_model("HFEndpointClassifier", URL, template=reward_models.llama3),
            reward_model("HumanReward"),
            reward_model("ImplicitRewardModel", URL, reference=URL),
            reward_model("InfinityClassifier", URL),
            reward_model("JsonSchema", {"type": "object"}),
            reward_model("LengthPenalty", score),
            reward_model("MathAnswer"),
            reward_model("NIMClassifier", URL, model="m"),
            reward_model("ListwiseJudge", MODEL),
            reward_model("OpenAIVerifier", URL),
            reward_model("OpenRLHFClassifier", URL, template=reward_models.llama3),
            reward_model("PairwiseJudge", MODEL),
            reward_model("PreferenceHead"),
            reward_model("SGLangClassifier", URL, template=reward_models.llama3),
            reward_model("SequenceClassifier", "checkpoint"),
            reward_model("TEIClassifier", URL),
            reward_model("TGIRewardModel", URL),
            reward_model("UnitTests"),
            reward_model("VLLMClassifier", URL),
            reward_model("VLLMProcessReward", URL),
            reward_model("VerifiableInstructions"),
        )
    ),
    **{
        name: Built(
            getattr(reward_models, name), wrong={"at_least": "x"}, typo=("at_leest", "at_least")
        )
        for name in (
            "bullets",
            "highlights",
            "paragraphs",
            "placeholders",
            "sections",
            "sentences",
            "words",
        )
    },
    **{
        name: Built(
            getattr(reward_models, name), (), {"limit": 3}, {"limit": "x"}, ("limti", "limit")
        )
        for name in ("max_words", "min_words")
    },
    "ends_with": Built(reward_models.ends_with, (), {"end": "a"}, {"end": 3}, ("edn", "end")),
    "starts_with": Built(
        reward_models.starts_with, (), {"start": "a"}, {"start": 3}, ("strat", "start")
    ),
    "includes": Built(reward_models.includes, ("a",), {}, {"times": "x"}, ("time", "times")),
    "JsonScore": Built(
        reward_models.JsonScore, (), {}, {"max_tokens": "x"}, ("max_token", "max_tokens")
    ),
    "Rating": Built(reward_models.Rating, (), {}, {"highest": "x"}, ("hihgest", "highest")),
    "YesNo": Built(reward_models.YesNo, (), {}, {"yes": 3}, ("yess", "yes")),
    "Scaling": Built(reward_models.Scaling, (), {}, {"scale": "x"}, ("skale", "scale")),
    "HeadWeights": Built(
        reward_models.HeadWeights,
        (),
        reward_models.HeadWeights.packaged().model_dump(),
        {"bias": "x"},
        ("biass", "bias"),
    ),
    "decides": Built(reward_models.decides, (MODEL,), {}, {}, ("qestion", "question")),
    "as_reward_model": Built(reward_models.as_reward_model, (score,), {}, {}, ("reword", "reward")),
    "Price": Built(
        langchain_tpo.Price,
        (),
        {"input": 1.0, "output": 2.0},
        {"input": "x"},
        ("inptu", "input"),
    ),
    "RequestLimit": Built(
        langchain_tpo.RequestLimit, (), {"most": 3}, {"most": "x"}, ("msot", "most")
    ),
    "SamplingOptions": Built(
        langchain_tpo.SamplingOptions, (), {}, {"top_p": "x"}, ("topp", "top_p")
    ),
    "TPOPrompts": Built(
        langchain_tpo.TPOPrompts,
        (),
        {"name": "mine", "update": TEMPLATE},
        {},
        ("updaet", "update"),
    ),
    "TPOSettings": Built(langchain_tpo.TPOSettings, (), {}, {"width": "x"}, ("widht", "width")),
    "Draw": Built(strategies.Draw, (), {}, {"n": "x"}, ("shwon", "shown")),
    **{
        name: Built(getattr(strategies, name), (), {}, {"fresh": "x"}, ("frehs", "fresh"))
        for name in (
            "Advise",
            "Directions",
            "Explain",
            "Fused",
            "Revision",
            "Synthesize",
            "Threaded",
            "Tpo",
        )
    },
    "evaluate": Built(
        evaluation.evaluate,
        (["Why?"],),
        {"model": MODEL, "reward": score},
        {
            "limit": "x",
            "concurrency": 0,
            "systems": "tpo",
            "settings": 3,
            "metrics": [3],
            "folder": 3,
            "resume": "no",
        },
        ("sistems", "systems"),
    ),
    "target_of": Built(
        evaluation.target_of,
        (),
        {"model": MODEL, "reward": score},
        {"settings": 3},
        ("setings", "settings"),
    ),
    "LocalServer": Built(local.LocalServer, (), {}, {"slots": "x"}, ("slot", "slots")),
    "local_chat_model": Built(local.local_chat_model, (), {}, {"slots": "x"}, ("", "")),
    "weights_file": Built(
        local.weights_file, (), {}, {"name_or_path": 3}, ("name_of_path", "name_or_path")
    ),
    "LocalChatModel": Built(
        local.LocalChatModel,
        (),
        {"base_url": f"{URL}/v1", "api_key": "-"},
        {"slots": 0},
        ("", ""),  # a model of OpenAI's passes on what it does not know
    ),
}
"""Everything that users construct, but for the doors, which are below."""

GIVEN_BACK = {
    "Candidate",
    "ConfigurationError",
    "DIRECTIONS",
    "ExplainedScore",
    "HumanQuestion",
    "PackagedModel",
    "RewardError",
    "RunError",
    "RunSoFar",
    "ScoreRequest",
    "TPOError",
    "TPOResult",
}
"""Classes that users are handed or read, and never build."""

BASES = {"ComposedReward", "Rule", "Strategy", "Verifier"}
"""Classes that users subclass."""

WITHOUT_OPTIONS = {
    "chatml",
    "excludes",
    "is_json",
    "is_plain",
    "llama3",
    "lowercase",
    "no_commas",
    "quoted",
    "rules_in",
    "strategy_of",
    "transcript",
    "uppercase",
}
"""Functions that take texts, or nothing."""


@pytest.mark.parametrize("module", [langchain_tpo, evaluation, local, reward_models, strategies])
def test_everything_that_users_construct_is_tested_here(module: Any) -> None:
    exempt = GIVEN_BACK | BASES | WITHOUT_OPTIONS | LOOPS.keys()
    public = {name: getattr(module, name) for name in module.__all__}
    built = {
        name
        for name, value in public.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }
    assert built - exempt <= BUILT.keys()


@pytest.mark.parametrize("name", [name for name, built in BUILT.items() if built.typo[0]])
def test_a_typo_is_one_line(name: str) -> None:
    built = BUILT[name]
    written, meant = built.typo
    with pytest.raises(SettingsError) as refusal:
        built.build(*built.args, **built.options, **{written: 3})

    assert str(refusal.value) == f"`{written}` is no option of {name}: do you mean `{meant}`?"


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, built in BUILT.items() for option in built.wrong]
)
def test_a_wrong_type_is_one_line_with_option_class_and_value(name: str, option: str) -> None:
    built = BUILT[name]
    value = built.wrong[option]
    seen = re.escape(str(value[0] if isinstance(value, list) else value))
    with pytest.raises(SettingsError, match=rf"^`{option}.*` of \w+: .*, got `'?{seen}'?`\.\Z"):
        built.build(*built.args, **{**built.options, option: value})


@pytest.mark.parametrize(
    "name", [name for name, built in BUILT.items() if built.args or built.options]
)
def test_a_missing_argument_is_one_line(name: str) -> None:
    built = BUILT[name]
    if name in ("includes", "LocalChatModel"):
        pytest.skip("nothing is needed")
    for left_out in built.options:
        options = {key: value for key, value in built.options.items() if key != left_out}
        with pytest.raises(
            SettingsError, match=rf"^`{left_out}` of {name} is missing: give it\.\Z"
        ):
            built.build(*built.args, **options)
    if built.args:
        with pytest.raises(SettingsError, match=rf"^`\w+` of {name} is missing: give it\.\Z"):
            built.build(*built.args[1:], **built.options)


@pytest.mark.parametrize(
    "name", [name for name in BUILT if name in reward_models.__all__ and name[0].isupper()]
)
def test_a_wrong_first_argument_is_one_line(name: str) -> None:
    built = BUILT[name]
    with pytest.raises(ConfigurationError) as refusal:
        built.build(3.5, *built.args[1:], **{**built.options, "name": "mine"})

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


def middleware(*, model: Any, **options: Any) -> object:
    """Build a middleware, which has the agent's model."""
    assert model is MODEL
    return TPOMiddleware(**options)


LOOPS: dict[str, Callable[..., object]] = {
    "TPORunnable": TPORunnable,
    "ChatTPO": ChatTPO,
    "TPOMiddleware": middleware,
    "build_tpo_graph": build_tpo_graph,
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
        (
            {"depth": "deep"},
            "`depth` of {}: input should be a valid integer, unable to parse string as an integer, "
            "got `'deep'`.",
        ),
        ({"width": 1, "depth": 1}, None),
        ({"critic": "gpt-5"}, None),
        (
            {"settings": 3},
            "`settings` of {}: input should be a valid dictionary or instance of TPOSettings, "
            "got `3`.",
        ),
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
    door, places = getattr(langchain_tpo, name), (MODEL, score)
    if name == "build_tpo_graph":
        places = (MODEL, score, MODEL)
    with pytest.raises(SettingsError, match=rf"{name} takes \w+ arguments by place, got \d"):
        door(*places)


def test_a_door_without_its_reward_says_so() -> None:
    for door in (TPORunnable, ChatTPO, build_tpo_graph):
        with pytest.raises(SettingsError, match=r"^`reward` of \w+ is missing: give it\.\Z"):
            door(model=MODEL)  # type: ignore[call-arg, operator]  # the mistake
    with pytest.raises(SettingsError, match=r"^`reward` of TPOMiddleware is missing: give it\.\Z"):
        TPOMiddleware()  # type: ignore[call-arg]  # the mistake


def test_a_loop_shows_itself_in_one_line() -> None:
    shown = repr(TPORunnable(model=MODEL, reward=score, critic=MODEL, width=3, depth=1))
    assert shown == (
        "TPORunnable(model=FakeListChatModel, reward=score, critic=FakeListChatModel, width=3, "
        "depth=1, strategy=tpo)"
    )


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: TPOSettings(min_contrast=-1), r"^`min_contrast` of TPOSettings: .* 0, got `-1`\."),
        (
            lambda: ExactAnswer(reference=["a", object()]),  # type: ignore[arg-type, list-item]
            r"^`reference(\.1)?` of ExactAnswer: ",
        ),
        (lambda: HumanReward(mode="vote"), r"^`mode` of HumanReward: "),  # type: ignore[arg-type]
    ],
)
def test_a_line_names_the_field_and_no_branch_of_its_type(build: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        build()
