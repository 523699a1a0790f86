"""A sequence classifier behind Infinity, by `/rerank`.

Knows Infinity 0.0.7x, which serves a model with one label as a reranker only.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, JsonValue

from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import in_order
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.text.control_tokens import inert
from langchain_tpo.text.conversation import conversation_text


class _Result(BaseModel):
    index: int
    relevance_score: float | None


class _Answer(BaseModel):
    results: list[_Result]


class InfinityClassifier(ClassifierServer):
    """A reward model that Infinity serves, the prompt as the query, the answers as documents.

    Infinity joins the two as a pair, without a chat template: right for pair encoders such as
    `OpenAssistant/reward-model-deberta-v3-large-v2`, wrong for chat reward models. Infinity cuts
    what is longer than its model reads without a word.

    Start the server with `infinity_emb v2 --model-id ... --port 7997`.

    Example:
        >>> InfinityClassifier("http://rm:7997").call({"messages": [], "responses": ["Hi"]}).path
        '/rerank'
    """

    model: str | None = None
    """Name of the served model; None leaves it to the server."""

    limit: ClassVar[int] = 2048
    """By Infinity's OpenAPI file."""
    raw_option: ClassVar[str] = "raw_scores: true"
    remedy: ClassVar[str] = "update infinity-emb to 0.0.70 or later"

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for a batch."""
        named: dict[str, JsonValue] = {"model": self.model} if self.model else {}
        return self.server.post(
            "/rerank",
            {
                **named,
                "query": inert(conversation_text(request["messages"])),
                "documents": [inert(response) for response in request["responses"]],
                "raw_scores": raw,
            },
        )

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the scores by index: Infinity puts the best first."""
        results = checked_answer(answer, _Answer, self.url).results
        scores = [(result.index, result.relevance_score) for result in results]
        return in_order(scores, self.url)
