"""A sequence classifier behind Text Embeddings Inference, by `/predict`.

Knows TEI 1.x. It serves encoders (BERT, RoBERTa, DeBERTa, ModernBERT): the large chat reward
models need vLLM or SGLang.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, JsonValue

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import Template, templated
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import Label
from langchain_tpo.reward_models.servers.classifiers.server import NOT_FOUND, ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow
from langchain_tpo.text.control_tokens import inert
from langchain_tpo.text.conversation import conversation_text

USUAL_BATCH = 32
"""TEI's `--max-client-batch-size` where nothing else was said."""


class _Info(BaseModel):
    model_id: str
    model_type: dict[str, JsonValue]
    """One key: `classifier`, `reranker` or `embedding`."""
    max_client_batch_size: int = USUAL_BATCH


class TEIClassifier(ClassifierServer):
    """A reward model that Text Embeddings Inference serves.

    By default prompt and answer are sent as a pair, as encoders such as
    `OpenAssistant/reward-model-deberta-v3-large-v2` were trained; a conversation of several
    messages becomes one text. With `template` one text is sent instead, without the BOS that it
    may open with: TEI adds its own. A text that is too long is not cut but not scored.

    Example:
        >>> TEIClassifier("http://rm:8080", api_key="hush").api_key
        SecretStr('**********')
    """

    template: Template | None = None
    """From turns to text; None sends prompt and answer as a pair."""

    raw_option: ClassVar[str] = "raw_scores: true"
    remedy: ClassVar[str] = "check that the server is Text Embeddings Inference 1.x"

    def batch_limit(self) -> Flow[int]:
        """Ask `/info` once for the limit, and whether a classifier is served at all."""
        if self._experience.batch_limit is None:
            (answer,) = yield [self.server.get("/info")]
            if isinstance(answer, RewardServerError):
                if answer.status == NOT_FOUND:  # a gateway that lets `/predict` through alone
                    return USUAL_BATCH
                raise answer
            info = checked_answer(answer, _Info, self.url)
            if not info.model_type.keys() & {"classifier", "reranker"}:
                raise RewardServerError(
                    f"`{self.url}` serves `{info.model_id}`, which is no classifier but "
                    f"`{', '.join(info.model_type)}`: serve a reward model."
                )
            self._experience.batch_limit = max(1, info.max_client_batch_size)
        return self._experience.batch_limit

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for a batch: a list of lists, since a list of two texts is a pair."""
        inputs: list[JsonValue] = [
            [*self._texts(request, response)] for response in request["responses"]
        ]
        return self.server.post(
            "/predict", {"inputs": inputs, "raw_scores": raw, "truncate": False}
        )

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the score of the one label of each text."""
        texts = checked_answer(answer, list[list[Label]], self.url)
        return [self.of_labels(labels) for labels in texts]

    def _texts(self, request: ScoreRequest, response: str) -> list[str]:
        if self.template:
            return [templated(self.template, request["messages"], response)]
        pair = (conversation_text(request["messages"]), response)
        return [inert(text) for text in pair]
