"""Infinity's `/rerank`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.servers.classifiers import InfinityClassifier
from tests.support.servers.recorded import check_request, recorded, upstream

from .fake_servers import Answer, FakeServer, Replay, ScoreWith, Serve

URL = "http://rm:7997"


class FakeInfinity(FakeServer):
    """As 0.0.78: the best document comes first."""

    index_of_second = 1

    def answer(self, method: str, path: str, body: Any) -> Answer:
        scores = [self.score(text, raw=body["raw_scores"]) for text in body["documents"]]
        indices = [0, self.index_of_second, *range(2, len(scores))]
        results = [
            {"relevance_score": score, "index": index}
            for score, index in zip(scores, indices, strict=False)
        ]
        results.sort(key=lambda result: -result["relevance_score"])
        return 200, {"object": "rerank", "results": results}


@pytest.fixture
def server(serve: Serve) -> FakeInfinity:
    fake = FakeInfinity()
    fake.logits = {"Paris": 2.5, "Lyon": -0.25, "Rome": 0.5}
    serve(fake)
    return fake


def test_the_recorded_scores_are_reproduced(
    replay: Callable[[str], Replay], score: ScoreWith
) -> None:
    server = replay("infinity_recorded/rerank_raw.json")
    reward = InfinityClassifier(URL, model="tiny-rm")
    scores = score(reward, "Paris is the capital of France.", "No A B 7")
    assert scores == [pytest.approx(2.54747, abs=1e-4), pytest.approx(0.954655, abs=1e-4)]
    assert len(server.calls) == 1


def test_scores_are_put_back_into_order_in_one_request(
    server: FakeInfinity, score: ScoreWith
) -> None:
    scores = score(InfinityClassifier(URL), "Lyon", "Paris", "Rome", "Lyon")
    assert scores == [-0.25, 2.5, 0.5, -0.25]
    assert len(server.calls) == 1


def test_requests_keep_to_infinitys_description(server: FakeInfinity, score: ScoreWith) -> None:
    score(InfinityClassifier(URL, model="m"), "Lyon", "Paris")
    check_request("infinity", "RerankInput", server.posts("/rerank")[0])


def test_the_limit_is_that_of_the_description() -> None:
    described = recorded("written/infinity_requests.json")["RerankInput"]["properties"]
    assert described["documents"]["maxItems"] == InfinityClassifier.limit


def test_the_limit_is_that_of_upstreams_description() -> None:
    contract = upstream("infinity/openapi.json")
    documents = contract["components"]["schemas"]["RerankInput"]["properties"]["documents"]
    assert documents["maxItems"] == InfinityClassifier.limit


def test_a_recorded_refusal_is_one_line(serve: Serve, score: ScoreWith) -> None:
    refusal = recorded("infinity_recorded/err_classify_of_one_label.json")["response"]

    class Refusing(FakeServer):
        def answer(self, method: str, path: str, body: Any) -> Answer:
            return refusal["status"], json.loads(refusal["body"])

    serve(Refusing())
    with pytest.raises(RewardServerError, match=r"HTTP 400.*ModelNotDeployedError") as caught:
        score(InfinityClassifier(URL, model="tiny-rm"), "Paris")
    assert "\n" not in str(caught.value)


def test_an_ignored_option_is_noticed(server: FakeInfinity, score: ScoreWith) -> None:
    server.raw_is_heeded = False
    with pytest.raises(RewardServerError, match=r"answers a probability.*raw_scores: true"):
        score(InfinityClassifier(URL), "Paris", "Lyon")


def test_an_index_that_comes_twice_is_refused(server: FakeInfinity, score: ScoreWith) -> None:
    server.index_of_second = 0
    with pytest.raises(RewardServerError, match=r"indices \[0, 0\]"):
        score(InfinityClassifier(URL), "Paris", "Lyon")
