"""A reward model behind NVIDIA NIM, by its chat route.

Knows that a reward model of NIM answers a conversation with attributes and their scores in words,
such as `reward:-3.2` or `helpfulness:1.25,correctness:0.43`.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, cast

from pydantic import BaseModel, JsonValue

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.chat_templates import turns
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.answers import Label
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow
from langchain_tpo.reward_models.servers.openai_compatible import openai_route

_SCORE = re.compile(r"([A-Za-z][\w -]*?)\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message


class _Answer(BaseModel):
    choices: list[_Choice]


class NIMClassifier(ClassifierServer):
    """A reward model that NVIDIA NIM serves: one request per answer, by the chat route.

    A model with several attributes needs `weights`, by their names. `url` may end in `/v1`.

    Example:
        >>> reward = NIMClassifier(
        ...     "http://nim:8000/v1",
        ...     model="nvidia/llama-3.1-nemotron-70b-reward",
        ... )
        >>> reward.call({"messages": [], "responses": ["Hi"]}).url
        'http://nim:8000/v1/chat/completions'
    """

    model: str
    """Name of the served model."""

    limit: ClassVar[int] = 1
    """The route takes one conversation."""

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for one conversation, the answer as its last turn."""
        del raw
        (response,) = request["responses"]
        chat = cast("JsonValue", turns(request["messages"], response))
        path = openai_route(self.server, "/chat/completions")
        return self.server.post(path, {"model": self.model, "messages": chat})

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the weighted sum of the attributes, or the one that there is."""
        choices = checked_answer(answer, _Answer, self.url).choices
        words = choices[0].message.content if choices else ""
        labels = [Label(label=name, score=float(score)) for name, score in _SCORE.findall(words)]
        if not labels:
            raise RewardServerError(
                f"`{self.url}` answered a conversation without scores: serve a reward model."
            )
        return [self.of_labels(labels)]

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Accept any number: NIM has no option for an activation."""
        del request, scores
        yield from ()
