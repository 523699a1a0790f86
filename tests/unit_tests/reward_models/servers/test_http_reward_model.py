import logging
import pickle
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import Flow
from tests.support.servers.http_double import Asked, Reply, answer_without_socket

KEY = "sk-very-secret-key"
PRIVATE = "what the user wrote"


class LengthServer(HttpRewardModel):
    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        outcomes = yield [self.server.post("/length", text) for text in request["responses"]]
        return read_scores(outcomes, lambda answer: float(str(answer)))


def _request(*responses: str) -> ScoreRequest:
    return {"messages": [HumanMessage("?")], "responses": [*responses]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    bodies: list[Any] = []

    def length(asked: Asked) -> Reply:
        bodies.append(asked.body)
        failed = Reply(status=422, body={"error": PRIVATE})
        return failed if asked.body == "bad" else Reply(body=len(asked.body))

    answer_without_socket(monkeypatch, length)
    return bodies


async def test_equal_texts_are_scored_once_and_order_is_kept(asked: list[Any]) -> None:
    model = LengthServer("http://rm")
    assert model.invoke(_request("aa", "b", "aa")) == [2.0, 1.0, 2.0]
    assert await model.ainvoke(_request("aa", "b", "aa")) == [2.0, 1.0, 2.0]
    assert sorted(asked) == ["aa", "aa", "b", "b"]


async def test_an_empty_batch_asks_nothing(asked: list[Any]) -> None:
    assert LengthServer("http://rm").invoke(_request()) == []
    assert await LengthServer("http://rm").ainvoke(_request()) == []
    assert asked == []


async def test_a_failed_response_is_not_scored_and_counted_without_its_text(
    asked: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert LengthServer("http://rm").invoke(_request("a", "bad")) == [1.0, None]
    assert "1 of 2 responses were not scored" in caplog.text
    assert PRIVATE not in caplog.text


async def test_all_failed_is_one_line_naming_server_and_cause(asked: list[Any]) -> None:
    line = r"^None of 1 responses was scored: `POST http://rm/length` answered HTTP 422: .*\.$"
    with pytest.raises(RewardServerError, match=line) as caught:
        await LengthServer("http://rm").ainvoke(_request("bad"))
    assert caught.value.status == 422


def test_the_key_is_in_no_repr_trace_or_serialisation() -> None:
    model = LengthServer("http://rm", api_key=KEY)
    for shown in (
        repr(model),
        str(model),
        dumps(model),
        str(model.model_dump()),
        repr(model.server),
    ):
        assert KEY not in shown


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tiemout": 1}, "`tiemout` is no option of LengthServer: do you mean `timeout`?"),
        ({"timeout": "x"}, "`timeout` of LengthServer: input should be a valid number"),
        ({"timeout": 0}, "`timeout` must be above 0 seconds, got `0.0`."),
        (
            {"api_key": 12345678},
            "`api_key` of LengthServer: input should be a valid string, got a value",
        ),
    ],
)
def test_a_wrong_option_is_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        LengthServer("http://rm", **options)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_only_the_url_is_positional() -> None:
    with pytest.raises(SettingsError, match="1 argument by place, got 2") as caught:
        LengthServer("http://rm", KEY)  # type: ignore[call-arg]
    assert KEY not in str(caught.value)


def test_the_url_is_needed() -> None:
    with pytest.raises(SettingsError, match=r"^`url` of LengthServer is missing: give it"):
        LengthServer()  # type: ignore[call-arg]


def test_it_is_immutable_and_travels() -> None:
    keys: dict[str, Any] = {"api_key": KEY, "headers": {"x-key": KEY}, "query": {"key": KEY}}
    model = LengthServer("http://rm", **keys)
    with pytest.raises(Exception, match="frozen"):
        model.timeout = 1
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert again.model_copy(update={name: getattr(model, name) for name in keys}) == model
    assert (again.api_key, again.headers, again.query) == (None, {}, {})  # keys do not travel
    assert KEY.encode() not in pickle.dumps(model)
    assert deepcopy(model).server == deepcopy(model.server) == model.server
