"""Text Embeddings Inference's `/predict`."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import llama3
from langchain_tpo.reward_models.servers.classifiers import TEIClassifier
from tests.support.servers.recorded import check_request, recorded

from .fake_servers import QUESTION, Answer, FakeServer, ScoreWith, Serve

URL = "http://rm:8080"


class FakeTEI(FakeServer):
    """As 1.9: two bare texts are one pair, labels come best first, batches are limited."""

    max_client_batch_size = 2
    model_type = "classifier"
    labels = 1
    broken = "NaN"

    def answer(self, method: str, path: str, body: Any) -> Answer:
        if path == "/info":
            return 200, {
                "model_id": "m",
                "model_type": {self.model_type: {}},
                "max_client_batch_size": self.max_client_batch_size,
            }
        inputs = body["inputs"]
        if all(isinstance(text, str) for text in inputs):
            return 200, [{"label": "LABEL_0", "score": 99.0}]
        if len(inputs) > self.max_client_batch_size:
            return 413, {"error": "batch size", "error_type": "Validation"}
        if any(self.broken in texts[-1] for texts in inputs):
            return 422, {"error": "`inputs` must have less than 512 tokens"}
        scores = [self.score(texts[-1], raw=body["raw_scores"]) for texts in inputs]
        return 200, [[{"label": "LABEL_0", "score": score}] * self.labels for score in scores]


@pytest.fixture
def server(serve: Serve) -> FakeTEI:
    fake = FakeTEI()
    fake.logits = {"Paris": 2.5, "Lyon": -0.25, "Rome": 0.5}
    serve(fake)
    return fake


def test_a_round_takes_the_fewest_requests_and_info_is_asked_once(
    server: FakeTEI, score: ScoreWith
) -> None:
    reward = TEIClassifier(URL)
    assert score(reward, "Paris", "Lyon", "Rome", "Paris") == [2.5, -0.25, 0.5, 2.5]
    assert score(reward, "Lyon") == [-0.25]
    assert [path for path, _ in server.calls] == ["/info", "/predict", "/predict", "/predict"]


def test_two_answers_are_two_pairs_and_not_one(server: FakeTEI, score: ScoreWith) -> None:
    assert score(TEIClassifier(URL), "Paris", "Lyon") == [2.5, -0.25]
    assert server.posts("/predict")[0]["inputs"] == [[QUESTION, "Paris"], [QUESTION, "Lyon"]]


def test_one_answer_is_still_a_batch(server: FakeTEI, score: ScoreWith) -> None:
    assert score(TEIClassifier(URL), "Paris") == [2.5]


def test_a_template_sends_one_text_without_bos(server: FakeTEI, score: ScoreWith) -> None:
    score(TEIClassifier(URL, template=llama3), "Paris")
    ((text,),) = server.posts("/predict")[0]["inputs"]
    assert text.startswith("<|start_header_id|>user")


def test_the_whole_conversation_is_the_first_of_the_pair(server: FakeTEI) -> None:
    messages = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello")]
    TEIClassifier(URL).invoke({"messages": messages, "responses": ["Paris"]})
    (prompt, _), *_ = server.posts("/predict")[0]["inputs"]
    assert prompt == "System: Be brief.\n\nUser: Hi\n\nAssistant: Hello"


def test_requests_keep_to_teis_description(server: FakeTEI, score: ScoreWith) -> None:
    score(TEIClassifier(URL), "Paris", "Lyon", "Rome")
    score(TEIClassifier(URL, template=llama3), "Paris")
    for body in server.posts("/predict"):
        check_request("tei", "PredictRequest", body)


def test_the_exchange_is_as_documented(
    server: FakeTEI, score: ScoreWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = recorded("written/tei_predict.json")
    documented = server.answer

    def predicted(method: str, path: str, body: Any) -> Answer:
        if path != "/predict":
            return documented(method, path, body)
        assert body == exchange["request"]
        return exchange["response"]["status"], exchange["response"]["body"]

    monkeypatch.setattr(server, "answer", predicted)
    assert score(TEIClassifier(URL), "Paris.") == [-2.5]


def test_an_ignored_option_is_noticed(server: FakeTEI, score: ScoreWith) -> None:
    server.raw_is_heeded = False
    with pytest.raises(RewardServerError, match=r"answers a probability.*raw_scores: true"):
        score(TEIClassifier(URL), "Paris", "Lyon")


def test_texts_are_never_cut_by_the_server(server: FakeTEI, score: ScoreWith) -> None:
    score(TEIClassifier(URL), "Paris")
    assert server.posts("/predict")[0]["truncate"] is False


def test_one_refused_text_costs_its_batch_nothing(server: FakeTEI, score: ScoreWith) -> None:
    assert score(TEIClassifier(URL), "Paris", "NaN") == [2.5, None]


def test_an_embedding_model_is_named(server: FakeTEI, score: ScoreWith) -> None:
    server.model_type = "embedding"
    with pytest.raises(RewardServerError, match="no classifier but `embedding`"):
        score(TEIClassifier(URL), "Paris")


def test_another_server_is_told_apart(
    server: FakeTEI, score: ScoreWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "answer", lambda *_: (200, {"version": "3.3.6"}))
    with pytest.raises(RewardServerError, match="another shape than expected"):
        score(TEIClassifier(URL), "Paris")


def test_several_labels_are_no_reward(server: FakeTEI, score: ScoreWith) -> None:
    server.labels = 28
    with pytest.raises(RewardServerError, match="28 labels where a reward model has 1"):
        score(TEIClassifier(URL), "Paris")
