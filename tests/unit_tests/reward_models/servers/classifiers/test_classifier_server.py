"""What all classifier servers share."""

import pickle
from typing import Any

import pytest

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.servers.classifiers import InfinityClassifier
from langchain_tpo.reward_models.servers.classifiers.answers import in_order

from .fake_servers import Answer, FakeServer, ScoreWith, Serve

URL = "http://rm:7997"


class Forgetful(FakeServer):
    """Scores the first text and forgets the others."""

    def answer(self, method: str, path: str, body: Any) -> Answer:
        return 200, {"results": [{"index": 0, "relevance_score": -1.5}]}


class Down(FakeServer):
    """Refuses with the words of the candidate."""

    def answer(self, method: str, path: str, body: Any) -> Answer:
        return 401, {"error": "no entry with Bearer hush"}


def test_a_wrong_number_of_scores_is_refused(serve: Serve, score: ScoreWith) -> None:
    serve(Forgetful())
    with pytest.raises(RewardServerError, match="1 scores for 2 texts"):
        score(InfinityClassifier(URL), "a", "b")


def test_a_refused_key_stays_hidden(serve: Serve, score: ScoreWith) -> None:
    serve(Down())
    reward = InfinityClassifier(URL, api_key="hush")
    with pytest.raises(RewardServerError, match="HTTP 401") as caught:
        score(reward, "a")
    assert "hush" not in f"{caught.value}{reward!r}"


def test_no_responses_are_no_requests(serve: Serve, score: ScoreWith) -> None:
    server = Forgetful()
    serve(server)
    assert score(InfinityClassifier(URL)) == []
    assert server.calls == []


def test_indices_must_count_up() -> None:
    with pytest.raises(RewardServerError, match=r"indices \[0, 2\]"):
        in_order([(0, 1.0), (2, 1.0)], URL)


def test_what_a_server_has_shown_is_no_part_of_the_identity() -> None:
    seasoned = InfinityClassifier(URL)
    seasoned._experience.raw = True
    assert seasoned == InfinityClassifier(URL)
    assert pickle.loads(pickle.dumps(seasoned)) == seasoned  # noqa: S301 - our own bytes


def test_options_are_checked_when_they_are_given() -> None:
    with pytest.raises(SettingsError, match="`modle`"):
        InfinityClassifier(URL, modle="m")
