"""A typo, a wrong type or a missing argument is one typed line for whatever asks a server."""

from typing import Any

import pytest

from langchain_tpo import reward_models
from langchain_tpo.errors import ConfigurationError, SettingsError
from langchain_tpo.reward_models import JsonScore, Rating, YesNo, llama3

URL = "http://127.0.0.1:8000"
NEEDED: dict[str, dict[str, Any]] = {
    "HFEndpointClassifier": {"template": llama3},
    "ImplicitRewardModel": {"reference": URL},
    "InfinityClassifier": {},
    "NIMClassifier": {"model": "m"},
    "OpenAIVerifier": {},
    "OpenRLHFClassifier": {"template": llama3},
    "SGLangClassifier": {"template": llama3},
    "TEIClassifier": {},
    "TGIRewardModel": {},
    "VLLMClassifier": {},
    "VLLMProcessReward": {},
}
"""What each has to be given beside the URL."""

WRONG: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": "long"},
    "timeout below": {"timeout": -1},
    "max_retries": {"max_retries": 1.5},
    "api_key": {"api_key": ["hush"]},
    "headers": {"headers": "hush"},
    "header": {"headers": {"x": 1}},
    "query": {"query": ["hush"]},
    "response": {"max_response_bytes": None},
}


def _made(name: str, *args: Any, **options: Any) -> Any:
    return getattr(reward_models, name)(*args, **options)


@pytest.mark.parametrize("name", NEEDED)
def test_a_typo_is_one_line(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^`tiemout` is no option of {name}: do you mean"):
        _made(name, URL, **NEEDED[name], tiemout=1)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_type_is_one_line(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=rf"`{next(iter(WRONG[wrong]))}") as caught:
        _made(name, URL, **NEEDED[name], **WRONG[wrong])
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("url", [None, 5, "rm:8080", ["http://rm"]])
def test_a_wrong_url_is_one_line(name: str, url: Any) -> None:
    with pytest.raises(SettingsError, match="`url`") as caught:
        _made(name, url, **NEEDED[name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_url_is_one_line(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^`url` of {name} is missing: give it"):
        _made(name, **NEEDED[name])


@pytest.mark.parametrize("name", [name for name, needed in NEEDED.items() if needed])
def test_a_missing_option_is_one_line(name: str) -> None:
    (option,) = NEEDED[name]
    with pytest.raises(SettingsError, match=rf"^`{option}` of {name} is missing: give it"):
        _made(name, URL)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("OpenAIVerifier", {"question": "yes?"}),
        ("OpenAIVerifier", {"frame": 5}),
        ("OpenAIVerifier", {"top_logprobs": 0}),
        ("OpenAIVerifier", {"least_label_mass": 2}),
        ("OpenAIVerifier", {"thinking_tokens": -1}),
        ("OpenAIVerifier", {"extra_body": {"n": 5}}),
        ("VLLMClassifier", {"route": "/score"}),
        ("VLLMClassifier", {"template": "llama3"}),
        ("TEIClassifier", {"weights": "helpful"}),
        ("VLLMProcessReward", {"reduce": "mean"}),
        ("VLLMProcessReward", {"column": "last"}),
        ("ImplicitRewardModel", {"reference": URL, "length": "median"}),
        ("ImplicitRewardModel", {"reference": "sft"}),
    ],
)
def test_an_option_of_ones_own_that_is_wrong_is_one_line(name: str, options: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _made(name, URL, **options)
    assert "\n" not in str(caught.value)
    assert "`" in str(caught.value)


@pytest.mark.parametrize(
    ("question", "options", "words"),
    [
        (YesNo, {"yess": "Good"}, "`yess` is no option of YesNo: do you mean `yes`"),
        (YesNo, {"yes": 1}, "`yes` of YesNo: input should be a valid string, got `1`"),
        (Rating, {"highest": "five"}, "`highest` of Rating: input should be a valid integer"),
        (JsonScore, {"max_token": 9}, "`max_token` is no option of JsonScore"),
    ],
)
def test_a_question_that_is_wrong_is_one_line(question: Any, options: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        question(**options)
    with pytest.raises(SettingsError, match="takes no arguments by place"):
        question("Good")
