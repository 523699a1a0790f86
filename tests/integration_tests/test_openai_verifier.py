"""The OpenAI-compatible verifier reads a model's log-probabilities from the embedded server."""

import math
from collections.abc import Iterator

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import MissingExtraError, RewardServerError, WeightsError
from langchain_tpo.local.server import LocalServer
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.openai_compatible import OpenAIVerifier
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating, YesNo
from tests.support.servers.tgi_double import LlamaBrain
from tests.support.shallow_weights import shallow_weights

pytestmark = pytest.mark.integration

REQUEST: ScoreRequest = {
    "messages": [HumanMessage("What is the capital of France?")],
    "responses": ["Paris is the capital of France.", "banana banana"],
}
NUMERICS = 1e-3
"""With one slot and no cache each prompt is computed alone: in batches, figures move by 0.2."""
ALONE = {"cache_prompt": False}
LIKELY = YesNo(yes="in", no="and")
"""Labels that the shallow model has among its first words."""


@pytest.fixture(scope="module")
def local() -> Iterator[LocalServer]:
    try:
        server = LocalServer(shallow_weights(), slots=1, threads=1).start()
    except (WeightsError, MissingExtraError) as error:
        pytest.skip(str(error))
    yield server
    server.stop()


async def test_the_reward_is_the_models_own_margin(local: LocalServer) -> None:
    model = OpenAIVerifier(
        local.base_url,
        api_key=local.api_key,
        criteria="It is right.",
        question=LIKELY,
        least_label_mass=0,
        top_logprobs=200,
        extra_body=ALONE,
    )
    rewards = model.invoke(REQUEST, {"max_concurrency": 1})
    brain = LlamaBrain(local.base_url.removesuffix("/v1"), local.api_key.get_secret_value())
    for reward, response in zip(rewards, REQUEST["responses"], strict=True):
        text = model.prompt(REQUEST["messages"], response)
        prompt = brain.render([{"role": "user", "content": text}])
        listed = brain.first_tokens(prompt, lambda _: True)[:200]
        yes, no = (
            math.log(sum(math.exp(p) for t, p in listed if t.strip().lower() == label))
            for label in (LIKELY.yes, LIKELY.no)
        )
        assert reward == pytest.approx(yes - no, abs=NUMERICS)
    assert await model.ainvoke(REQUEST) == pytest.approx(rewards, abs=NUMERICS)


def test_ratings_and_written_scores(local: LocalServer) -> None:
    rating = OpenAIVerifier(
        local.base_url,
        api_key=local.api_key,
        criteria="Right.",
        question=Rating(),
        top_logprobs=200,
        least_label_mass=0,  # the shallow model gives the digits little
        extra_body=ALONE,
    )
    ratings = rating.invoke(REQUEST, {"max_concurrency": 1})
    assert all(isinstance(one, float) and 1 < one < 5 for one in ratings), ratings
    written = OpenAIVerifier(
        local.base_url,
        api_key=local.api_key,
        criteria="Right.",
        question=JsonScore(),
    )
    assert all(isinstance(s, float) and 0 <= s <= 100 for s in written.invoke(REQUEST))


def test_a_wrong_key_is_one_line(local: LocalServer) -> None:
    with pytest.raises(RewardServerError, match=r"answered HTTP 401: .*check `api_key`") as caught:
        OpenAIVerifier(local.base_url, api_key="not-the-key").invoke(REQUEST)
    assert "not-the-key" not in str(caught.value)


def test_a_response_that_does_not_fit_is_not_scored(local: LocalServer) -> None:
    request: ScoreRequest = {**REQUEST, "responses": ["Paris.", "word " * 6000]}
    verifier = OpenAIVerifier(
        local.base_url, api_key=local.api_key, question=LIKELY, least_label_mass=0
    )
    first, second = verifier.invoke(request)
    assert isinstance(first, float)
    assert second is None
