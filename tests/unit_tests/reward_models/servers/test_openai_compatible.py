import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import Runnable

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.openai_compatible import OpenAIVerifier
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating
from tests.support.servers.http_double import Asked, Reply, Scripted, answer_without_socket
from tests.support.servers.recorded import answer, check_request, recorded
from tests.support.servers.tgi_double import TGIDouble

URL = "http://vllm:8000"
KEY = "sk-very-secret-key"
REQUEST: ScoreRequest = {"messages": [HumanMessage("2+2?")], "responses": ["4", "22", "4"]}
ScoreIt = Callable[[Runnable[ScoreRequest, list[Score]]], Awaitable[list[Score]]]
MODELS = Reply(
    body={"object": "list", "data": [{"id": "judge"}, {"id": "lora", "parent": "judge"}]}
)


@pytest.fixture(params=["invoke", "ainvoke"])
def score(request: pytest.FixtureRequest) -> ScoreIt:
    async def sync_or_async(model: Runnable[ScoreRequest, list[Score]]) -> list[Score]:
        if request.param == "invoke":
            return model.invoke(REQUEST)
        return await model.ainvoke(REQUEST)

    return sync_or_async


def _reply(text: str = "Yes", **tops: float | None) -> Reply:
    listed = [{"token": token, "logprob": logprob} for token, logprob in tops.items()]
    content = [{"token": text, "logprob": -0.1, "top_logprobs": listed}]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": {"content": content} if tops else None}
    return Reply(body={"choices": [choice]})


def _serve(monkeypatch: pytest.MonkeyPatch, reply: Any, models: Any = MODELS) -> Scripted:
    server = Scripted(_v1_chat_completions=reply, _v1_models=models)
    answer_without_socket(monkeypatch, server)
    return server


async def test_the_reward_is_the_logit_of_p_yes(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(asked: Asked) -> Reply:
        p = 0.9 if "<response>\n4\n" in asked.body["messages"][0]["content"] else 0.2
        return _reply(Yes=math.log(p), No=math.log(1 - p))

    server = _serve(monkeypatch, judge)
    assert await score(OpenAIVerifier(URL)) == pytest.approx(
        [math.log(9), math.log(0.25), math.log(9)]
    )
    assert len(server.bodies("/v1/chat/completions")) == 2
    assert len([a for a in server.asked if a.path == "/v1/models"]) == 1


@pytest.mark.parametrize("url", [URL, f"{URL}/v1", f"{URL}/v1/"])
async def test_the_url_may_end_in_v1(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    server = _serve(monkeypatch, _reply(Yes=-1.0, No=-1.0))
    assert await score(OpenAIVerifier(url)) == [0.0, 0.0, 0.0]
    assert {a.path for a in server.asked} == {"/v1/models", "/v1/chat/completions"}


async def test_it_decodes_greedily_and_sends_nothing_else(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = _serve(monkeypatch, _reply(Yes=-1.0, No=-1.0))
    await score(OpenAIVerifier(URL, extra_body={"cache_salt": "x"}))
    body = server.bodies("/v1/chat/completions")[0]
    assert {key: value for key, value in body.items() if key != "messages"} == {
        "model": "judge",
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": True,
        "top_logprobs": 20,
        "cache_salt": "x",
    }


@pytest.mark.parametrize("key", ["temperature", "top_p", "presence_penalty", "n", "messages"])
def test_options_that_bend_log_probabilities_are_refused(key: str) -> None:
    with pytest.raises(SettingsError, match=f"^`extra_body` must not set `{key}`"):
        OpenAIVerifier(URL, extra_body={key: 0})


async def test_tgis_own_chat_route(score: ScoreIt, monkeypatch: pytest.MonkeyPatch) -> None:
    double = TGIDouble()
    answer_without_socket(monkeypatch, double)
    form = {"response_format": {"type": "regex", "value": "(Yes|No)"}}
    model = OpenAIVerifier(URL, model="tgi", top_logprobs=5, extra_body=form)
    assert await score(model) == pytest.approx([math.log(3)] * 3)
    for body in double.bodies("/v1/chat/completions"):
        check_request("tgi", "ChatRequest", body)


async def test_the_recorded_answer_of_vllm_gives_its_figure(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(monkeypatch, Reply(body=answer("vllm_recorded/lm_chat_structured_choice.json")))
    (reward, *_) = await score(OpenAIVerifier(URL))
    assert isinstance(reward, float)
    assert 1 / (1 + math.exp(-reward)) == pytest.approx(0.0545152, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lm_chat_logprobs5", "hold none of the labels"),
        ("lm_err_top_logprobs21", "greater than max allowed: 20"),
        ("err_unknown_model", "does not exist"),
        ("lm_err_too_long", "HTTP 400"),
        ("err_chat_on_pooling", "HTTP 404"),
    ],
)
async def test_recorded_answers_of_vllm_without_a_reward_are_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    response = recorded(f"vllm_recorded/{name}.json")["response"]
    _serve(monkeypatch, Reply(status=response["status"], body=response["body"]))
    with pytest.raises(RewardServerError) as caught:
        await score(OpenAIVerifier(URL, api_key=KEY))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_logprobs_without_top_logprobs_lead_to_a_written_score(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = answer("written/tgi_chat_without_top_logprobs.json")

    def either(asked: Asked) -> Reply:
        return Reply(body=without) if asked.body.get("logprobs") else _reply('{"score": 70}')

    server = _serve(monkeypatch, either)
    assert await score(OpenAIVerifier(URL)) == [70.0] * 3
    assert [body["max_tokens"] for body in server.bodies("/v1/chat/completions")] == [
        1,
        1,
        1024,
        1024,
    ]


async def test_a_rating_and_a_written_score(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(monkeypatch, _reply(**{"2": math.log(0.5), "4": math.log(0.5)}))
    assert await score(OpenAIVerifier(URL, question=Rating())) == pytest.approx([3.0] * 3)
    _serve(monkeypatch, _reply('{"score": 41}'))
    assert await score(OpenAIVerifier(URL, question=JsonScore())) == [41.0] * 3


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(body={"choices": []}), "answered one request with 0 texts"),
        (Reply(body={"object": "list"}), "`choices`: Field required"),
        (Reply(body=[1]), "in another shape than expected"),
        (Reply(body=b"<html>"), "is not JSON"),
        (Reply(status=404, body=b""), "HTTP 404: check that the URL"),
        (Reply(status=301, headers={"location": "https://x/"}), "a redirect to `https://x/`"),
    ],
)
async def test_a_server_that_is_something_else_is_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, reply: Reply, words: str
) -> None:
    _serve(monkeypatch, reply)
    with pytest.raises(RewardServerError) as caught:
        await score(OpenAIVerifier(URL, api_key=KEY))
    line = str(caught.value)
    assert words in line
    assert URL in line
    assert "\n" not in line
    assert KEY not in line


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (Reply(status=404, body=b""), "does not say which models it serves"),
        (Reply(body={"data": []}), "serves no model"),
        (Reply(body={"models": []}), "`data`: Field required"),
    ],
)
async def test_a_server_without_models_is_one_line(
    score: ScoreIt, monkeypatch: pytest.MonkeyPatch, models: Reply, words: str
) -> None:
    _serve(monkeypatch, _reply(Yes=-1.0), models)
    with pytest.raises(RewardServerError, match=words):
        await score(OpenAIVerifier(URL))
