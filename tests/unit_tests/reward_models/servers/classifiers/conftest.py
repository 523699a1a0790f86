"""Puts the fake servers behind httpcore's connections."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from tests.support.servers.http_double import answer_without_socket
from tests.support.servers.recorded import recorded

from .fake_servers import QUESTION, FakeServer, Replay, ScoreWith, Serve


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    def install(server: FakeServer) -> None:
        answer_without_socket(monkeypatch, server.arespond)

    return install


@pytest.fixture(params=["invoke", "ainvoke"])
def score(request: pytest.FixtureRequest) -> ScoreWith:
    """Score in both modes; a test that takes this runs twice."""

    def run(
        reward: ClassifierServer, *responses: str, question: str = QUESTION, **config: Any
    ) -> list[Any]:
        given: Any = {"messages": [HumanMessage(question)], "responses": [*responses]}
        if request.param == "invoke":
            return reward.invoke(given, config)
        return asyncio.run(reward.ainvoke(given, config))

    return run


@pytest.fixture
def replay(serve: Serve) -> Callable[[str], Replay]:
    def install(name: str) -> Replay:
        server = Replay(recorded(name))
        serve(server)
        return server

    return install
