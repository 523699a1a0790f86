"""`session_header`: every request of a run says the same, so that a router keeps it together."""

import json
from typing import Any

import httpx
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langchain_tpo import SamplingOptions, TPORunnable, TPOSettings
from langchain_tpo.errors import SettingsError
from tests.support.fakes import ScriptedModelWithN, last_number
from tests.support.servers.openai_double import obedient_script

HEADER = "X-Session-ID"


class Wire:
    """Answers OpenAI's chat API without a socket, and keeps the heads."""

    def __init__(self) -> None:
        self.sessions: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sessions.append(request.headers.get(HEADER))
        body = json.loads(request.content)
        first = len(self.sessions) * 10
        texts = [obedient_script(body, first + number) for number in range(body.get("n") or 1)]
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            for index, text in enumerate(texts)
        ]
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        return httpx.Response(200, json={**answer, "choices": choices})


def sessions(*questions: str, **settings: Any) -> list[str | None]:
    """Answer questions, and return the session that each request named."""
    wire = Wire()
    with httpx.Client(transport=httpx.MockTransport(wire)) as client:
        model = ChatOpenAI(model="m", api_key=SecretStr("-"), http_client=client)
        told = TPOSettings(width=2, depth=1, **settings)
        tpo = TPORunnable(model=model, reward=last_number, settings=told)
        for question in questions:
            tpo.invoke(question)
    return wire.sessions


def test_a_run_is_one_session_and_another_question_another() -> None:
    told = sessions("Oak?", "Pine?", session_header=HEADER)

    assert len(told) == 8
    assert len(set(told[:4])) == len(set(told[4:])) == 1
    assert None not in told
    assert told[0] != told[4]


def test_draws_in_requests_of_their_own_say_it_too() -> None:
    told = sessions("Oak?", session_header=HEADER, one_request=False)

    assert len(told) == 6
    assert len(set(told)) == 1


def test_nothing_is_said_unless_it_is_asked_for() -> None:
    assert set(sessions("Oak?")) == {None}


def test_headers_of_the_callers_own_stay() -> None:
    model = ScriptedModelWithN()
    own = SamplingOptions(extra={"extra_headers": {"X-Team": "oak"}})
    told = TPOSettings(width=2, depth=0, session_header=HEADER, sample=own)

    TPORunnable(model=model, reward=last_number, settings=told).invoke("Oak?")

    (call,) = model.notebook.calls
    assert call.kwargs["extra_headers"]["X-Team"] == "oak"
    assert len(call.kwargs["extra_headers"][HEADER]) == 16


@pytest.mark.parametrize("name", ["Authorization", "Host", "X-Bad: 1", "X-", "x-\r\ny", ""])
def test_only_a_header_of_ones_own_can_be_named(name: str) -> None:
    with pytest.raises(SettingsError, match="session_header"):
        TPOSettings(session_header=name)
