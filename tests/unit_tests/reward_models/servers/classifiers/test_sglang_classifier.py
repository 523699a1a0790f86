"""SGLang's native `/classify`."""

from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.chat_templates import llama3
from langchain_tpo.reward_models.servers.classifiers import SGLangClassifier

from .fake_servers import QUESTION, Answer, FakeServer, ScoreWith, Serve

URL = "http://rm:30000"


class FakeSGLang(FakeServer):
    dimensions = 1

    def answer(self, method: str, path: str, body: Any) -> Answer:
        scores = [self.score(text, raw=True) for text in body["text"]]
        return 200, [{"embedding": [score] * self.dimensions, "meta_info": {}} for score in scores]


@pytest.fixture
def server(serve: Serve) -> FakeSGLang:
    fake = FakeSGLang()
    fake.logits = {"Paris": 2.5, "Lyon": -0.25}
    serve(fake)
    return fake


def test_a_round_is_one_request(server: FakeSGLang, score: ScoreWith) -> None:
    scores = score(SGLangClassifier(URL, template=llama3), "Paris", "Lyon", "Paris")
    assert scores == [2.5, -0.25, 2.5]
    ((path, body),) = server.calls
    assert path == "/classify"
    assert body["text"][0] == (
        f"<|start_header_id|>user<|end_header_id|>\n\n{QUESTION}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nParis<|eot_id|>"
    )


def test_a_softmax_of_one_label_is_noticed(server: FakeSGLang, score: ScoreWith) -> None:
    server.logits = {"": 1.0}
    with pytest.raises(RewardServerError, match=r"1.0 for each of 2 texts"):
        score(SGLangClassifier(URL, template=llama3), "Paris", "Lyon")


def test_a_single_1_may_be_a_logit(server: FakeSGLang, score: ScoreWith) -> None:
    server.logits = {"": 1.0}
    assert score(SGLangClassifier(URL, template=llama3), "Paris") == [1.0]


def test_an_embedding_is_no_reward(server: FakeSGLang, score: ScoreWith) -> None:
    server.dimensions = 4096
    with pytest.raises(RewardServerError, match="4096 labels where a reward model has 1"):
        score(SGLangClassifier(URL, template=llama3), "Paris")


def test_probabilities_of_several_labels_are_noticed(serve: Serve, score: ScoreWith) -> None:
    class Softmax(FakeServer):
        def answer(self, method: str, path: str, body: Any) -> Answer:
            return 200, [{"embedding": [0.25, 0.75], "meta_info": {}} for _ in body["text"]]

    serve(Softmax())
    with pytest.raises(
        RewardServerError,
        match=r"`POST http://rm:30000` answers a probability \(`0.75`\) where a raw logit is "
        r"needed: serve the model without a softmax, or give `check_raw=False`",
    ):
        score(SGLangClassifier(URL, template=llama3, weights=[1, 2]), "Paris")


def test_the_template_has_no_default() -> None:
    with pytest.raises(SettingsError, match=r"`template`"):
        SGLangClassifier(URL)
