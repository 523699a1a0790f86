"""A sequence classifier behind vLLM, by `/classify` or `/pooling`.

Knows vLLM 0.11.2 and later, where both routes take chat messages and `use_activation`.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

from pydantic import BaseModel, JsonValue

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import Template, turns
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import in_order
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow


class _Item(BaseModel):
    index: int
    probs: list[float | None] = []
    """From `/classify`; raw logits in spite of the name."""
    data: list[float | list[float] | None] = []
    """From `/pooling`."""


class _Answer(BaseModel):
    data: list[_Item]


class VLLMClassifier(ClassifierServer):
    """A reward model that vLLM serves: the recommended server, its logit is that of transformers.

    By default each candidate is a request of its own, as `messages`: vLLM takes one conversation
    per request, applies the checkpoint's own template with one BOS, and joins requests in flight
    into batches by itself. With `template` a round is one request: its texts are sent as they are,
    so the template writes the BOS.

    Start the server with `vllm serve Skywork/Skywork-Reward-V2-Qwen3-0.6B --port 8000`.

    Example:
        >>> reward = VLLMClassifier("http://rm:8000", model="Skywork/Skywork-Reward-V2-Qwen3-0.6B")
        >>> reward.route
        '/classify'
    """

    model: str | None = None
    """Name of the served model; None leaves it to the server."""
    route: Literal["/classify", "/pooling"] = "/classify"
    """Which of the two; both give the same number."""
    template: Template | None = None
    """From turns to text; None leaves it to the server, which knows best."""

    raw_option: ClassVar[str] = "use_activation: false"
    remedy: ClassVar[str] = "update vLLM to 0.11.2 or later"

    def batch_limit(self) -> Flow[int]:
        """Return 1 for conversations; texts may all come at once."""
        yield from ()
        return self.limit if self.template else 1

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for one conversation, or for many texts."""
        messages = request["messages"]
        chats = [turns(messages, response) for response in request["responses"]]
        body: dict[str, JsonValue] = {"use_activation": not raw}
        if self.model:
            body["model"] = self.model
        if self.route == "/pooling":
            body["task"] = "classify"
        if self.template:
            body["input"] = [self.template(chat) for chat in chats]
            body["add_special_tokens"] = False
        else:
            body["messages"] = cast("list[JsonValue]", chats[0])
        return self.server.post(self.route, body)

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the scores of `probs` or `data`."""
        items = checked_answer(answer, _Answer, self.url).data
        scores = [
            (item.index, self.of_numbers(item.probs or _one_row(item, self.url))) for item in items
        ]
        return in_order(scores, self.url)


def _one_row(item: _Item, where: str) -> list[float | None]:
    if any(isinstance(row, list) for row in item.data):
        raise RewardServerError(
            f"`{where}` scores tokens or steps, not whole texts: use `VLLMProcessReward`."
        )
    return [value for value in item.data if not isinstance(value, list)]
