"""What looks like a key is hidden, and nothing else is."""

import inspect
import pickle
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.load import dumps

from langchain_tpo import TPORunnable, TPOSettings, reward_models
from langchain_tpo.cli.model_strings import chat_model
from langchain_tpo.errors import ConfigurationError, ModelTypeError
from langchain_tpo.reward_models.chat_templates import llama3
from langchain_tpo.sampling.wrappers import check_chat_model
from langchain_tpo.text.secrecy import without_credentials, without_secrets
from langchain_tpo.text.shown import (
    WHAT_TO_CHECK,
    message_of,
    named,
    shown,
    what_to_check,
)
from tests.support.fakes import ScriptedModel


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: hunter22.",
        "{'api_key': 'hunter22', 'n': 1}",
        '{"x-api-key":"hunter22"}',
        "OPENAI_API_KEY=hunter22",
        "password is: hunter22",
        "GET https://host/v1?api_key=hunter22&n=1",
        "http://me:hunter22@host:8000/v1",
        "redis://:hunter22@host",
        "Authorization: Bearer hunter22",
        "authorization: Basic hunter22==",
        "key sk-proj-hunter22-hunter22 was revoked",
        "hf_hunter22hunter22hunter22 is no token",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter22==;EndpointSuffix=b",
        "https://proxy/?url=https%3A%2F%2Fh%2F%3Fapi_key%3Dhunter22%26n%3D1",
        "-----BEGIN PRIVATE KEY-----\nhunter22\n-----END PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIhunter22",
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str) -> None:
    hidden = without_credentials(text)
    assert "hunter22" not in hidden
    assert "(hidden)" in hidden
    assert without_credentials(hidden) == hidden


LONG_KEY = "Zx9Qw7Er5Ty3Ui1Op2As4Df6Gh8Jk0Lz"


@pytest.mark.parametrize(
    "form",
    [
        *("GET http://g/v1/chat?key={}", "url 'http://g?token={}'", "?sig={}", "?a=1&code={}"),
        *("?X-Amz-Signature={}", "?X-Amz-Credential={}&b", "?access_token={}#x", "?api_key={} x"),
        *("Ocp-Apim-Subscription-Key: {}", "x-goog-api-key: {}", "api-key: {}", "X-Auth-Token: {}"),
        *("Authorization: Token {}", "Authorization: {}", "'authorization': 'ApiKey {}'"),
        *("Proxy-Authorization: Basic {}", "Cookie: session={}", "Set-Cookie: {}"),
        *("aws_secret_access_key={}", '"key": "{}"', '"token": "{}"', "token={}", "pwd={}"),
        *("client_secret={}", "accessToken: {}", '"apiKey":"{}"', "passphrase: {}"),
        *(
            "nvapi-{}",
            "github_pat_{}",
            "gho_{}",
            "glpat-{}",
            "r8_{}",
            "pplx-{}",
            "fw_{}",
            "tvly-{}",
        ),
        *(
            "xoxb-{}",
            "sk-ant-{}",
            "sk_live_{}",
            "AIza{}",
            "gsk_{}",
            "xai-{}",
            "hf_{}",
            "lsv2_pt_{}",
        ),
        *("eyJhbGciOiJIUzI1NiJ9.{0}.{0}", "https://{}@host/v1", "Location: https://u:{}@host/"),
    ],
)
def test_no_known_form_of_a_key_is_shown(form: str) -> None:
    hidden = without_credentials(f"401: {form.format(LONG_KEY)}")
    assert LONG_KEY not in hidden
    assert without_credentials(hidden) == hidden


@pytest.mark.parametrize(
    "text", ["Incorrect API key provided: bad1.", "invalid api key: sk-1234567890abcdef1234"]
)
def test_hiding_again_changes_nothing(text: str) -> None:
    once = without_credentials(text)
    assert once.count("(hidden)") == 1
    assert without_credentials(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 4096, total tokens: 12345, tokens=1",
        "The api_key client option must be set by OPENAI_API_KEY or api_key.",
        "`api_key` holds a character that no HTTP header carries (a line break at its end?).",
        "Request timed out: https://host:8000/v1/chat/completions, write to me@host.example",
        "HTTP 401: check `api_key`.",
        "the basic idea is simple, the bearer of news is not",
        "a secret garden; passwords are secrets",
        "KeyError: 'temperature', key: value, the token is: unexpected, monkey=1234567890",
        "GET http://host/v1?keyboard=1&max_tokens=5&codec=6, status code=404, sign=1",
    ],
)
def test_ordinary_errors_stay_as_they_are(text: str) -> None:
    assert without_credentials(text) == text


def test_options_are_hidden_by_their_names() -> None:
    options = {
        "default_headers": {"X-Whatever": "hush"},
        "default_query": {"code": "hush"},
        "X-Auth": "hush",
        "session_token": "hush",
        "extra": [{"cookie": "hush"}, "http://me:hush@host"],
        "max_tokens": 7,
        "top_p": 0.5,
        "stop": None,
    }
    shown = without_secrets(options)

    assert "hush" not in repr(shown)
    assert (shown["max_tokens"], shown["top_p"], shown["stop"]) == (7, 0.5, None)


@pytest.mark.parametrize(
    "piece",
    ["://", "://a", "api_key", "api_key: ", "sk-", "bearer ", "a", "-----BEGIN PRIVATE KEY-----"],
)
def test_a_megabyte_is_searched_in_no_time(piece: str) -> None:
    since = time.process_time()
    without_credentials(piece * (1_000_000 // len(piece)))
    assert time.process_time() - since < 5


def takes_a_key(kind: Any) -> bool:
    with suppress(ValueError):  # exceptions and the like have no signature
        return inspect.isclass(kind) and "api_key" in inspect.signature(kind).parameters
    return False


def rewards_with_keys() -> list[str]:
    return [name for name in reward_models.__all__ if takes_a_key(getattr(reward_models, name))]


@pytest.mark.parametrize("name", rewards_with_keys())
def test_no_reward_shows_its_key(name: str) -> None:
    kind = getattr(reward_models, name)
    names = [one for one in inspect.signature(kind).parameters if one.endswith("api_key")]
    keys: dict[str, Any] = {one: f"hunter22-{one}" for one in names}
    if name == "ImplicitRewardModel":
        keys["reference"] = "http://reference:8080"
    if name == "NIMClassifier":
        keys["model"] = "reward"
    if name in ("SGLangClassifier", "HFEndpointClassifier", "OpenRLHFClassifier"):
        keys["template"] = llama3
    reward = kind("http://rm:8080", **keys)
    tpo = TPORunnable(model=ScriptedModel(), reward=reward)

    for one in (reward, tpo):
        shown = f"{one!r} {one!s} {dumps(one)} {pickle.dumps(one)!r} {one.__dict__!r}"
        assert "hunter22" not in shown
    with pytest.raises(ConfigurationError) as raised:
        kind("http://rm:8080", **keys, timeout=-1)
    assert "hunter22" not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_there_are_rewards_with_keys() -> None:
    assert len(rewards_with_keys()) >= 11


def test_what_cannot_be_a_model_shows_no_key() -> None:
    with pytest.raises(ModelTypeError) as raised:
        check_chat_model({"api_key": "hunter22"}, field="model")
    assert "hunter22" not in str(raised.value)


def test_what_a_provider_refuses_is_told_without_the_options() -> None:
    pytest.importorskip("langchain_openai")
    options = {"api_key": "hunter22", "n": 2, "streaming": True}
    with pytest.raises(ConfigurationError) as raised:
        chat_model("openai:x", options=options)
    assert "hunter22" not in f"{raised.value} {raised.value.__cause__}"
    assert "n must be 1 when streaming" in str(raised.value)


def test_what_is_no_json_is_its_text() -> None:
    assert without_secrets([Path("a"), 1, None]) == ["a", 1, None]


def test_errors_show_the_beginning_of_a_value() -> None:
    assert shown("a" * 60) == "a" * 60
    assert shown("a" * 61) == f"{'a' * 60}..."
    assert shown("a", quoted=True) == "'a'"
    assert shown(f"api_key=abcdef {'a' * 99}").startswith("api_key=(hidden) aaa")
    assert (named(KeyError("a")), message_of(ValueError("b"))) == ("KeyError: 'a'", "b")


def test_a_note_of_what_to_check_stands_behind_the_message() -> None:
    error = ValueError("refused, X..")
    assert (what_to_check(error), message_of(error)) == ("", "refused, X..")
    error.add_note("of somebody else")
    error.add_note(f"{WHAT_TO_CHECK}api_key=abcdef and the URL.")
    assert what_to_check(error) == "To check: api_key=abcdef and the URL."
    assert message_of(error) == "refused, X. To check: api_key=(hidden) and the URL."


@pytest.mark.parametrize(
    "notes",
    [5, None, [5, b"a"], property(lambda _: 1 / 0)],
    ids=["number", "none", "no texts", "fails"],
)
def test_notes_that_cannot_be_read_are_none(notes: object) -> None:
    failing = type("Failing", (ValueError,), {"__notes__": notes})
    assert message_of(failing("a")) == "a"


def test_a_value_whose_text_cannot_be_had_is_named_by_its_class() -> None:
    failing = type("Failing", (), {"__str__": lambda _: 1 / 0})
    assert shown(failing()) == "<Failing whose text cannot be had: ZeroDivisionError>"


def test_settings_are_read_back_from_a_manifest_as_they_were() -> None:
    for header in (None, "X-Session-ID"):
        settings = TPOSettings(session_header=header)
        written = without_secrets(settings.model_dump(mode="json"))

        assert TPOSettings(**written) == settings
    assert without_secrets({"api_key": None, "x_session_headers": "hush"}) == {
        "api_key": None,
        "x_session_headers": "(hidden)",
    }
