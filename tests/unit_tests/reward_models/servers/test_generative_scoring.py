import math
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.generative_scoring import GenerativeScoringRewardModel
from langchain_tpo.reward_models.servers.verifier_questions import YesNo
from tests.support.servers.http_double import Asked, Reply, Scripted, answer_without_socket
from tests.support.servers.recorded import recorded

URL = "http://vllm:8000"
REQUEST: ScoreRequest = {"messages": [HumanMessage("2+2?")], "responses": ["4", "22", "4"]}
TEMPLATED = "<|bos|><|user|>the-prompt-goes-here<|end|><|assistant|>"


def _tokenize(asked: Asked) -> Reply:
    if "messages" in asked.body:
        return Reply(body={"count": 3, "tokens": [1, 2, 3]})
    assert asked.body["add_special_tokens"] is False
    labels = {"Yes": [290], "No": [287], "Nope": [287, 9]}
    return Reply(body={"tokens": labels[asked.body["prompt"]]})


def _scores(asked: Asked) -> Reply:
    data = [
        {"index": place, "object": "score", "score": 0.9 if item.startswith("4\n") else 0.1}
        for place, item in enumerate(asked.body["items"])
    ]
    return Reply(body={"object": "list", "data": data[::-1]})


def _serve(monkeypatch: pytest.MonkeyPatch, **routes: Any) -> Scripted:
    known = {
        "_v1_models": Reply(body={"data": [{"id": "judge"}]}),
        "_tokenize": _tokenize,
        "_detokenize": Reply(body={"prompt": TEMPLATED}),
        "_generative_scoring": _scores,
    }
    server = Scripted(**{**known, **routes})
    answer_without_socket(monkeypatch, server)
    return server


async def test_a_round_is_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _serve(monkeypatch)
    model = GenerativeScoringRewardModel(URL)
    expected = [math.log(9), -math.log(9), math.log(9)]
    assert model.invoke(REQUEST) == pytest.approx(expected)
    assert await model.ainvoke(REQUEST) == pytest.approx(expected)
    bodies = server.bodies("/generative_scoring")
    assert len(bodies) == 2
    assert len(server.asked) == 2 + 5
    assert len(bodies[0]["items"]) == 2


def test_the_prompt_is_templated_and_split_before_the_response(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = _serve(monkeypatch)
    GenerativeScoringRewardModel(URL).invoke(REQUEST)
    body = server.bodies("/generative_scoring")[0]
    assert body["query"].startswith("<|bos|><|user|>You judge")
    assert body["query"].endswith("<response>\n")
    assert body["items"][1].startswith("22\n</response>")
    assert body["items"][1].endswith("<|end|><|assistant|>")
    assert body["label_token_ids"] == [290, 287]


def test_the_request_has_the_recorded_form_and_the_answer_its_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = recorded("vllm_recorded/lm_generative_scoring.json")
    server = _serve(monkeypatch, _generative_scoring=Reply(body=recording["response"]["body"]))
    scores = GenerativeScoringRewardModel(URL).invoke(REQUEST)
    first, second = scores[0], scores[1]
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert 1 / (1 + math.exp(-first)) == pytest.approx(0.0545151, abs=1e-6)
    assert 1 / (1 + math.exp(-second)) == pytest.approx(0.8042011, abs=1e-6)
    asked = server.bodies("/generative_scoring")[0]
    assert recording["request"]["body"].keys() <= asked.keys()
    assert asked["apply_softmax"] is recording["request"]["body"]["apply_softmax"] is True


def test_one_text_too_long_does_not_fail_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(asked: Asked) -> Reply:
        long = any(item.startswith("22") for item in asked.body["items"])
        refusal = Reply(status=400, body={"error": {"message": "maximum context length"}})
        return refusal if long else _scores(asked)

    server = _serve(monkeypatch, _generative_scoring=refuses)
    scores = GenerativeScoringRewardModel(URL).invoke(REQUEST)
    assert [score is None for score in scores] == [False, True, False]
    assert len(server.bodies("/generative_scoring")) == 3


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ({"_generative_scoring": Reply(status=404, body=b"")}, "HTTP 404"),
        ({"_generative_scoring": Reply(body={"data": []})}, "answered 2 texts with 0 scores"),
        ({"_generative_scoring": Reply(body={"scores": []})}, "`data`: Field required"),
        ({"_tokenize": Reply(status=404, body=b"")}, "HTTP 404"),
        ({"_detokenize": Reply(body={"prompt": "no such text"})}, "does not repeat what users"),
        ({"_v1_models": Reply(body=b"<html>")}, "does not say which models it serves"),
    ],
)
async def test_a_server_that_is_something_else_is_one_line(
    monkeypatch: pytest.MonkeyPatch, routes: dict[str, Reply], words: str
) -> None:
    _serve(monkeypatch, **routes)
    with pytest.raises(RewardServerError) as caught:
        await GenerativeScoringRewardModel(URL).ainvoke(REQUEST)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_of_two_tokens_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    _serve(monkeypatch)
    with pytest.raises(RewardServerError, match="The label `Nope` is 2 tokens"):
        GenerativeScoringRewardModel(URL, question=YesNo(no="Nope")).invoke(REQUEST)


def test_a_url_below_v1_is_refused() -> None:
    with pytest.raises(SettingsError, match="must not end in `/v1`"):
        GenerativeScoringRewardModel(f"{URL}/v1")
