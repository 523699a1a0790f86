"""What to check at a wrong URL: the missing `/v1` of classes that add none."""

import json

import httpx
import pytest

from langchain_tpo.sampling.unreachable import note_what_to_check, what_to_check


def error(status: int) -> Exception:
    request = httpx.Request("POST", "http://host:8000/chat/completions")
    return httpx.HTTPStatusError("", request=request, response=httpx.Response(status))


@pytest.mark.parametrize("kind", ["ChatOpenAI", "ChatXAI", "ChatTogether", "ChatMistralAI"])
def test_a_url_without_v1_is_told(kind: str) -> None:
    lacking, whole = error(404), error(404)
    note_what_to_check(lacking, f"{kind} m at http://host:8000")
    note_what_to_check(whole, f"{kind} m at http://host:8000/v1")
    assert "it has no `/v1`" in what_to_check(lacking)
    assert "`/v1`" not in what_to_check(whole).partition("?")[0].replace("8000/v1", "")


@pytest.mark.parametrize("kind", ["ChatOllama", "ChatAnthropic", "ChatGroq", "ChatCohere"])
def test_other_services_have_no_v1_of_their_own(kind: str) -> None:
    refused = error(404)
    note_what_to_check(refused, f"{kind} m at http://host:8000")
    assert "Are the URL and the model's name right?" in what_to_check(refused)


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("ChatOpenAI m at https://host/v1/chat/completions", "ends in `/chat/completions`"),
        ("ChatOpenAI m at https://host/v1/responses", "ends in `/v1/responses`"),
        ("ChatAnthropic m at https://host/v1/messages", "ends in `/v1/messages`"),
        ("ChatOllama m at http://host:11434/api/chat", "ends in `/api/chat`"),
        ("ChatOllama m at http://host:11434/v1/", "ends in `/v1`"),
        ("ChatGroq m at https://host/openai/v1", "ends in `/v1`"),
        ("ChatLiteLLM openai/m at http://host:4000", "has no `/v1`"),
        ("ChatLiteLLM anthropic/m at http://host:4000/v1", "ends in `/v1`"),
        ("ChatOpenAI m at https://host/api/paas/v4", ""),
        ("ChatOpenAI m at https://host/v1beta/openai", ""),
        ("ChatLiteLLM anthropic/m at http://host:4000", ""),
        ("ChatNVIDIA m at http://host:8000", ""),
        ("ChatOpenAI m", ""),
    ],
)
def test_what_is_odd_about_an_address_is_told(name: str, odd: str) -> None:
    refused = error(404)
    note_what_to_check(refused, name)
    _, bracket, told = what_to_check(refused).partition(" (it ")
    assert told.startswith(odd)
    assert bool(bracket) == bool(odd)


NO_REPLIES = [
    AttributeError("'str' object has no attribute 'model_dump'"),
    ValueError("Unexpected response type from OpenAI-compatible endpoint. Expected a dict"),
    json.JSONDecodeError("Expecting value", "<!DOCTYPE html>", 0),
    ValueError("status_code: 200, body: <!DOCTYPE html><title>Home</title>"),
]


@pytest.mark.parametrize("no_reply", NO_REPLIES, ids=lambda error: type(error).__name__)
def test_a_page_for_people_where_a_reply_should_be(no_reply: Exception) -> None:
    note_what_to_check(no_reply, "ChatOpenAI m at http://host:3000")
    told = what_to_check(no_reply)
    assert "at http://host:3000` answered with what is no chat model's reply" in told
    assert "Is the URL (it has no `/v1`" in told


def test_replies_and_functions_that_fail_otherwise_are_no_wrong_door() -> None:
    others = [
        AttributeError("'str' object has no attribute 'content'"),
        json.JSONDecodeError("Expecting ',' delimiter", '{"a": 1 "b"}', 8),
        ValueError("No generations found in stream."),
    ]
    for other in others:
        note_what_to_check(other, "ChatOpenAI m at http://host:3000")
    assert [what_to_check(other) for other in others] == [""] * 3
