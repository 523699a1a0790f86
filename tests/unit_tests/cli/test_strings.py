"""Models and rewards by the strings that users type."""

import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import Runnable
from pydantic import SecretStr

from langchain_tpo.cli.model_strings import chat_model, model_label
from langchain_tpo.cli.python_objects import python_object
from langchain_tpo.cli.reward_strings import SCHEMES, reward_label, reward_model
from langchain_tpo.errors import ConfigurationError, MissingExtraError, SettingsError, TPOError
from langchain_tpo.reward_models.interface import ScoreRequest
from tests.support.fakes import ScriptedModelWithN


def test_a_model_of_ones_own_is_found_or_made() -> None:
    assert isinstance(
        chat_model("python:tests.support.fakes:ScriptedModelWithN"), ScriptedModelWithN
    )
    assert isinstance(chat_model("python:tests.support.evaluation_models:biased_judge"), Runnable)


def test_a_module_beside_the_user_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_the_user.py").write_text("class a:\n    b = 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    assert python_object("beside_the_user:a.b") == 5


def test_a_module_that_lacks_something_names_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacks_something.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    with pytest.raises(ConfigurationError, match="`no_such_package`"):
        python_object("lacks_something:x")


def test_langchains_own_strings_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("langchain_openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    model: Any = chat_model("my-model", base_url="http://127.0.0.1:1/v1", options={"n": 2})

    assert (model.model_name, model.openai_api_base, model.n) == (
        "my-model",
        "http://127.0.0.1:1/v1",
        2,
    )
    assert model.openai_api_key.get_secret_value() == "-"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("openai:gpt-4o", {}),  # no key
        ("nonsense", {}),
        ("", {}),
        ("nobody:model", {}),
        ("local", {"base_url": "http://x"}),
        ("local", {"base_url": ""}),
        ("python:tests.support.fakes:ScriptedModelWithN", {"options": {"temperature": 0.1}}),
    ],
)
def test_a_model_that_cannot_be_is_one_line(
    text: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ConfigurationError) as caught:
        chat_model(text, **options)
    assert "\n" not in str(caught.value)
    assert f"`{text}`" in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["me:hush@host:8000/v1", "host:8000/v1", "", "ftp://host/v1", "http://", "http://[::1/v1"],
)
def test_an_address_that_no_client_could_reach_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ConfigurationError, match="`base_url` must look like `http://") as caught:
        chat_model("openai:m", base_url=address)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_reward_on_the_help_page_can_be_typed(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "made-up")
    judge = "python:tests.support.evaluation_models:biased_judge"
    example = {
        "python": "python:tests.support.evaluation_models:length",
        "judge": f"judge:{judge}?style=auto-j&explain=no",
        "listwise": f"listwise:{judge}?orders=4&at_once=5",
        "pairwise": f"pairwise:{judge}?explain=false",
    }.get(scheme, SCHEMES[scheme].example)

    assert isinstance(reward_model(example), Runnable)


def test_a_plain_function_scores() -> None:
    reward = reward_model("python:tests.support.evaluation_models:length")

    assert reward.invoke(ScoreRequest(messages=[], responses=["ab", "abcd"])) == [2.0, 4.0]


def test_options_reach_the_reward_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RM_KEY", "hush")

    reward: Any = reward_model("vllm:http://rm:8000?model=m&timeout=5&api_key_env=RM_KEY")

    assert (reward.url, reward.model, reward.timeout) == ("http://rm:8000", "m", 5.0)
    assert reward.api_key == SecretStr("hush")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tei:", "type it like"),
        ("tei:rm", "http://host:port"),
        ("tei:http://rm:8080?timeout=5&timeout=9", "The options of `tei:` say `timeout` twice."),
        ("tei:http://rm:8080?api_key=hush", "api_key_env"),
        ("tei:http://rm:8080?api_key_env=NO_SUCH_VARIABLE", "`NO_SUCH_VARIABLE`"),
        ("tei:http://rm:8080?colour=red", "colour"),
        ("sglang:http://rm:8080?template=latin", "`latin`"),
        ("openai:http://rm:8080?question=why", "`why`"),
        ("head?x=1", "takes no options"),
        ("head:no-such-file", "no-such-file"),
        ("python:tests.support.fakes:last_number?x=1", "takes no options"),
        ("judge:python:tests.support.evaluation_models:biased_judge?mood=bad", "`mood`"),
        ("judge:python:tests.support.evaluation_models:biased_judge?explain=maybe", "`maybe`"),
        ("transformers:some/model?batch_size=many", "whole number"),
        ("transformers:some/model?size=3", "`size`"),
        ("listwise:python:tests.support.evaluation_models:biased_judge?mood=1", "`listwise:` has"),
        ("unit-tests?seconds=few", "`seconds` must be a number, got `few`"),
    ],
)
def test_a_reward_that_cannot_be_is_one_line(text: str, words: str) -> None:
    with pytest.raises((TPOError, OSError), match=words) as caught:
        reward_model(text)
    assert isinstance(caught.value, ConfigurationError)
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_options_of_servers_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_KEY", "hush")
    azure: Any = reward_model(
        "openai:https://x.test/openai/deployments/d?model=d&header_env=api-key:AZURE_KEY"
        "&query=api-version:2024-10-21&thinking_tokens=100"
    )
    assert azure.server.open_headers() == {"api-key": "hush"}
    assert azure.server.open_query() == {"api-version": "2024-10-21"}
    assert azure.thinking_tokens == 100
    by_place: Any = reward_model("vllm:http://rm?weights=1,0,-0.5")
    assert by_place.weights == [1, 0, -0.5]
    by_name: Any = reward_model("tei:http://rm?weights=helpful:1,verbose:-0.5")
    assert by_name.weights == {"helpful": 1, "verbose": -0.5}
    process: Any = reward_model("vllm-process:http://rm?reduce=product&column=0")
    assert (process.reduce, process.column) == ("product", 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("openai:http://rm?header_env=api-key", "`header_env` must be written `name:value`"),
        ("openai:http://rm?header_env=api-key:NOT_SET_AT_ALL", "`NOT_SET_AT_ALL` is not set"),
        ("openai:http://rm?query=2024", "`query` must be written `name:value`, got `2024`"),
        ("vllm:http://rm?weights=1,much", "`weights` must be numbers, got `much`"),
        ("vllm-process:http://rm?reduce=mean", "`reduce` of VLLMProcessReward"),
        ("nim:http://rm", "`model` of NIMClassifier is missing"),
    ],
)
def test_an_option_of_a_server_that_cannot_be_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        reward_model(text)
    assert "\n" not in str(caught.value)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)

    with pytest.raises(MissingExtraError, match=r"langchain-tpo\[cli\]"):
        chat_model("openai:gpt-4o")


def test_labels_hold_no_credentials() -> None:
    assert "hush" not in model_label("openai:x", "https://me:hush@host/v1?key=hush")
    assert "hush" not in reward_label("tei:http://me:hush@rm:8080?api_key=hush&query=key:hush")


def test_scale_is_read_as_a_number() -> None:
    judge: Any = reward_model("judge:python:tests.support.evaluation_models:biased_judge?scale=10")

    assert judge.scale == 10
    with pytest.raises((SettingsError, ConfigurationError)):
        reward_model("judge:python:tests.support.evaluation_models:biased_judge?scale=1")
