"""The text-classification task of Hugging Face Inference Endpoints."""

from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import transcript
from langchain_tpo.reward_models.servers.classifiers import HFEndpointClassifier
from tests.support.servers.recorded import recorded

from .fake_servers import Answer, FakeServer, ScoreWith, Serve

URL = "https://rm.endpoints.huggingface.cloud"


class FakeEndpoint(FakeServer):
    nested = True

    def answer(self, method: str, path: str, body: Any) -> Answer:
        raw = body["parameters"]["function_to_apply"] == "none"
        labels = [{"label": "LABEL_0", "score": self.score(body["inputs"], raw=raw)}]
        return 200, [labels] if self.nested else labels


@pytest.fixture
def server(serve: Serve) -> FakeEndpoint:
    fake = FakeEndpoint()
    fake.logits = {"Paris": 2.5, "Lyon": -0.25}
    serve(fake)
    return fake


@pytest.mark.parametrize("nested", [True, False])
def test_both_shapes_are_read(server: FakeEndpoint, score: ScoreWith, *, nested: bool) -> None:
    server.nested = nested
    assert score(HFEndpointClassifier(URL, template=transcript), "Paris", "Lyon") == [2.5, -0.25]
    assert server.posts("/")[0]["parameters"] == {"function_to_apply": "none", "top_k": 2}


def test_an_ignored_option_is_noticed(server: FakeEndpoint, score: ScoreWith) -> None:
    server.raw_is_heeded = False
    with pytest.raises(RewardServerError, match=r"probability.*function_to_apply: none"):
        score(HFEndpointClassifier(URL, template=transcript), "Paris")


def test_a_check_that_is_answered_twice_is_one_line(serve: Serve, score: ScoreWith) -> None:
    class Doubles(FakeServer):
        def answer(self, method: str, path: str, body: Any) -> Answer:
            return 200, [[{"label": "L", "score": 0.7}]] * len(self.calls)

    serve(Doubles())
    with pytest.raises(RewardServerError, match="answered 2 scores for 1 texts"):
        score(HFEndpointClassifier(URL, template=transcript), "Paris")


def test_a_sentiment_model_is_no_reward(serve: Serve, score: ScoreWith) -> None:
    exchange = recorded("written/hf_two_labels.json")

    class Sentiment(FakeServer):
        def answer(self, method: str, path: str, body: Any) -> Answer:
            return exchange["response"]["status"], exchange["response"]["body"]

    serve(Sentiment())
    with pytest.raises(RewardServerError, match="2 labels where a reward model has 1"):
        score(HFEndpointClassifier(URL, template=transcript), "I like you")


def test_a_model_that_still_loads_is_named_with_the_servers_words(
    serve: Serve, score: ScoreWith
) -> None:
    exchange = recorded("written/hf_error_loading.json")

    class Loading(FakeServer):
        def answer(self, method: str, path: str, body: Any) -> Answer:
            return exchange["response"]["status"], exchange["response"]["body"]

    serve(Loading())
    reward = HFEndpointClassifier(URL, template=transcript, max_retries=0)
    with pytest.raises(RewardServerError, match=r"HTTP 503.*currently loading"):
        score(reward, "I like you")
