"""A reward model behind OpenRLHF's `serve_rm`, or behind any server of that shape.

Knows `/get_reward`: texts go in as `query`, numbers come out as `rewards`.
"""

from collections.abc import Sequence

from pydantic import BaseModel, JsonValue

from langchain_tpo.reward_models.chat_templates import Template, templated
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow

ROUTE = "/get_reward"


class _Answer(BaseModel):
    rewards: list[float | None]


class OpenRLHFClassifier(ClassifierServer):
    """A reward model that `python -m openrlhf.cli.serve_rm` serves: a round is one request.

    The server takes text only, so the client writes the chat template; a wrong one gives wrong
    scores without a word, which is why there is no default. The BOS that the text may open with is
    dropped, and the EOS that it may end with is put back by the server. It cuts what is longer than
    its `--max_len` without a word. `url` may name the route, as `--remote_rm_url` does.

    Example:
        >>> from langchain_tpo.reward_models.chat_templates import llama3
        >>> reward = OpenRLHFClassifier("http://rm:5000/get_reward", template=llama3)
        >>> reward.call({"messages": [], "responses": ["Hi"]}).url
        'http://rm:5000/get_reward'
    """

    template: Template
    """From turns to the text that the model was trained on."""

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for a batch; the answer is raw, there is no option for it."""
        del raw
        texts: list[JsonValue] = [
            templated(self.template, request["messages"], response)
            for response in request["responses"]
        ]
        path = "" if self.url.rstrip("/").endswith(ROUTE) else ROUTE
        return self.server.post(path, {"query": texts})

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the rewards, which come in the order of the texts."""
        return checked_answer(answer, _Answer, self.url).rewards

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Accept any number: the server can only be started with a normalized reward or without."""
        del request, scores
        yield from ()
