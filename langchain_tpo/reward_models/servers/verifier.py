"""A generative model as a reward model: it is asked one question about each response.

Knows how a batch is asked, read, and asked again in another way where a server gives no
log-probabilities. Does not know the routes of any server: a subclass does.
"""

import logging
from abc import abstractmethod
from collections.abc import Sequence

from langchain_core.messages import BaseMessage
from pydantic import JsonValue, PrivateAttr

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import Flow, Outcome
from langchain_tpo.reward_models.servers.verifier_prompt import RUBRIC, verifier_prompt
from langchain_tpo.reward_models.servers.verifier_questions import (
    JsonScore,
    LabelQuestion,
    Question,
    YesNo,
)
from langchain_tpo.reward_models.servers.verifier_readout import TopToken

logger = logging.getLogger(__name__)


class GenerativeVerifier(HttpRewardModel):
    """Scores a response by what a chat model would reply to a question about it.

    The decoding settings are the verifier's own (greedy, no penalties, one token), so that the
    log-probabilities are the model's. One request per response; criteria and conversation come
    first in it, for the server's prefix cache.
    """

    question: Question = YesNo()
    """What is asked: `YesNo()`, `Rating()` or `JsonScore()`. The scales differ: one per run."""
    rubric: str = RUBRIC
    """The criteria, in words."""
    json_fallback: bool = True
    """Ask for a written score where the server gives no log-probabilities, instead of failing."""

    _known: dict[str, JsonValue] = PrivateAttr(default_factory=dict)
    """What the server said of itself; it is asked once."""

    @abstractmethod
    def preparing(self) -> Flow[None]:
        """Ask the server, once, what has to be known before it can be asked anything else."""

    @abstractmethod
    def call(self, prompt: str, question: Question) -> Call:
        """Return the request that asks `question`, with which `prompt` ends."""

    @abstractmethod
    def top_tokens(self, answer: JsonValue) -> list[TopToken]:
        """Return the likeliest first tokens in an answer; none where the server lists none."""

    @abstractmethod
    def reply(self, answer: JsonValue) -> str:
        """Return the text in an answer."""

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Ask the question about each response, or for a score in writing."""
        yield from self.preparing()
        question = self.question
        if not isinstance(question, JsonScore) and "writes_scores" not in self._known:
            outcomes = yield self._calls(request, question)
            listed = [self._listed(outcome) for outcome in outcomes]
            if not self._lacks_logprobs(listed):
                return read_scores(listed, lambda tokens: self._margin(tokens, question))
        outcomes = yield self._calls(request, JsonScore())
        return read_scores(outcomes, lambda answer: JsonScore().read_text(self.reply(answer)))

    def prompt(self, messages: Sequence[BaseMessage], response: str) -> str:
        """Return the text that is sent about one response, before the chat template."""
        return verifier_prompt(messages, response, rubric=self.rubric, question=self.question.text)

    def _calls(self, request: ScoreRequest, question: Question) -> list[Call]:
        rubric, text = self.rubric, question.text
        prompts = [
            verifier_prompt(request["messages"], response, rubric=rubric, question=text)
            for response in request["responses"]
        ]
        return [self.call(prompt, question) for prompt in prompts]

    def _listed(self, outcome: Outcome) -> list[TopToken] | RewardServerError:
        try:
            return outcome if isinstance(outcome, RewardServerError) else self.top_tokens(outcome)
        except RewardServerError as error:
            return error

    def _margin(self, tokens: Sequence[TopToken], question: LabelQuestion) -> float:
        if not tokens:
            raise RewardServerError(f"`{self.url}` gave no log-probabilities for a response.")
        reading = question.read(tokens)
        logger.debug("reward %.4f, mass on the labels %.4f", reading.reward, reading.label_mass)
        return reading.reward

    def _lacks_logprobs(self, listed: Sequence[list[TopToken] | RewardServerError]) -> bool:
        """Return whether the server lists no tokens at all, and remember that it does not.

        Once it has listed some, later answers without are failures: two scales never mix.
        """
        answered = [bool(tokens) for tokens in listed if not isinstance(tokens, RewardServerError)]
        if not answered or any(answered) or "lists_tokens" in self._known:
            self._known.update({"lists_tokens": True} if any(answered) else {})
            return False
        if not self.json_fallback:
            raise RewardServerError(f"{self._no_logprobs()}, and `json_fallback` is off.")
        self._known["writes_scores"] = True
        logger.warning("%s: asking for a written score from 0 to 100 instead", self._no_logprobs())
        return True

    def _no_logprobs(self) -> str:
        return (
            f"`{self.url}` lists no likeliest tokens (TGI's llamacpp and trtllm backends and some "
            "hosted models never do)"
        )
