"""A sequence classifier behind SGLang, by its native `/classify`.

Knows servers started with `--is-embedding`. Never `/v1/classify`: its softmax over the one label
of a reward model is 1.0 whatever the text.
"""

from collections.abc import Sequence

from pydantic import BaseModel, JsonValue

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import Template, turns, without_bos
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import only
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow


class _Item(BaseModel):
    embedding: list[float | None]
    """The logit, in spite of the name."""


class SGLangClassifier(ClassifierServer):
    """A reward model that SGLang serves: a round is one request.

    SGLang takes text only, so the client writes the chat template; a wrong one gives wrong scores
    without a word, which is why there is no default. The BOS that the text may open with is
    dropped: SGLang's tokenizer adds its own.

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

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for a batch; SGLang's answer is raw, it has no option for it."""
        del raw
        texts: list[JsonValue] = [
            without_bos(self.template(turns(request["messages"], response)))
            for response in request["responses"]
        ]
        named: dict[str, JsonValue] = {"model": self.model} if self.model else {}
        return self.server.post("/classify", {**named, "text": texts})

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the one number of each embedding."""
        items = checked(answer, list[_Item], self.url)
        return [only(item.embedding, self.url) for item in items]

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Raise if different texts all have 1.0, the softmax of one label."""
        del request
        yield from ()
        known = [score for score in scores if score is not None]
        if len(known) > 1 and all(score == 1 for score in known):
            raise RewardServerError(
                f"`{self.url}` answers 1.0 for each of {len(known)} texts, a softmax over one "
                "label: give the root of an SGLang server started with `--is-embedding`."
            )
