"""A sequence classifier behind a Hugging Face Inference Endpoint for text classification.

Knows the `text-classification` task of endpoints and of `hf-inference`.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import JsonValue

from langchain_tpo.reward_models.chat_templates import Template, templated
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import Label
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call

ALL_LABELS = 1000
"""More than any head of a reward model has."""


class HFEndpointClassifier(ClassifierServer):
    """A reward model on a Hugging Face Inference Endpoint; `url` is the endpoint's own.

    The task takes one text per request, and text only, so the client writes the chat template; a
    wrong one gives wrong scores without a word, which is why there is no default. The BOS that the
    text may open with is dropped: the endpoint's tokenizer adds its own. HTTP 503 while the model
    loads is waited for as `max_retries` allows.

    Example:
        >>> from langchain_tpo.reward_models.chat_templates import llama3
        >>> reward = HFEndpointClassifier(
        ...     "https://x.endpoints.huggingface.cloud", api_key="hf_...", template=llama3
        ... )
        >>> "hf_" in repr(reward)
        False
    """

    template: Template
    """From turns to the text that the model was trained on."""

    limit: ClassVar[int] = 1
    """As the task is specified."""
    raw_option: ClassVar[str] = "function_to_apply: none"
    remedy: ClassVar[str] = "the endpoint's handler must pass `parameters` on to the pipeline"

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for one text; two labels are asked for, to notice a second one."""
        (response,) = request["responses"]
        text = templated(self.template, request["messages"], response)
        function = "none" if raw else "sigmoid"
        return self.server.post(
            "", {"inputs": text, "parameters": {"function_to_apply": function, "top_k": self._most}}
        )

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the score of the one label; `hf-inference` wraps the labels in one more list."""
        nested = isinstance(answer, list) and answer and isinstance(answer[0], list)
        texts = checked_answer(answer if nested else [answer], list[list[Label]], self.url)
        return [self.of_labels(labels) for labels in texts]

    @property
    def _most(self) -> int:
        """How many labels to ask for: all of a head that has several."""
        return ALL_LABELS if self.weights else 2
