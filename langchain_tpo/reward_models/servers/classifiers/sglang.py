"""A sequence classifier behind SGLang, by its native `/classify` or, behind a router, embeddings.

Knows servers started with `--is-embedding`. Never `/v1/classify`: its softmax over the one label
of a reward model is 1.0 whatever the text.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, JsonValue

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import Template, templated
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import in_order
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_transport import Flow

Route = Literal["/classify", "/v1/embeddings"]


class _Item(BaseModel):
    embedding: list[float | None]
    """The logit, in spite of the name."""


class _Indexed(_Item):
    index: int


class _Embeddings(BaseModel):
    data: list[_Indexed]


class SGLangClassifier(ClassifierServer):
    """A reward model that SGLang serves: a round is one request.

    SGLang takes text only, so the client writes the chat template; a wrong one gives wrong scores
    without a word, which is why there is no default. The BOS that the text may open with is
    dropped: SGLang's tokenizer adds its own. Behind SGLang's router, which has no `/classify`, the
    same number comes from `/v1/embeddings`.

    Start the server with `python -m sglang.launch_server --model-path ... --is-embedding`.

    Example:
        >>> from langchain_tpo.reward_models.chat_templates import llama3
        >>> reward = SGLangClassifier("http://rm:30000", template=llama3)
        >>> reward.call({"messages": [], "responses": ["Hi"]}).path
        '/classify'
    """

    model: str | None = None
    """Name of the served model; None leaves it to the server."""
    template: Template
    """From turns to the text that the model was trained on."""
    route: Route | None = None
    """Which of the two; None finds out."""

    @property
    def server(self) -> RewardServer:
        """The root of the server: both routes are known from there."""
        return self.above_v1

    def look_elsewhere(self) -> bool:
        """Turn to the embeddings where there is no `/classify`."""
        found = self.route is None and self._experience.route is None
        self._experience.route = "/v1/embeddings"
        return found

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for a batch; SGLang's answer is raw, it has no option for it."""
        del raw
        texts: list[JsonValue] = [
            templated(self.template, request["messages"], response)
            for response in request["responses"]
        ]
        if self._route == "/v1/embeddings":
            body: dict[str, JsonValue] = {"model": self.model or "default", "input": texts}
        else:
            body = {**({"model": self.model} if self.model else {}), "text": texts}
        return self.server.post(self._route, body)

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the one number of each embedding."""
        if self._route == "/v1/embeddings":
            rows = checked_answer(answer, _Embeddings, self.url).data
            return in_order([(row.index, self.of_numbers(row.embedding)) for row in rows], self.url)
        listed: JsonValue = [answer] if isinstance(answer, dict) else answer  # one for one text
        items = checked_answer(listed, list[_Item], self.url)
        return [self.of_numbers(item.embedding) for item in items]

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Raise if different texts all have 1.0, the softmax or the length of one number."""
        del request
        yield from ()
        known = [score for score in scores if isinstance(score, float)]
        if len(known) > 1 and all(abs(score) == 1 for score in known):
            raise RewardServerError(
                f"`{self.url}` answers 1.0 for each of {len(known)} texts, a softmax over one "
                "label: give the root of an SGLang server started with `--is-embedding`."
            )

    @property
    def _route(self) -> str:
        return self.route or self._experience.route or "/classify"
