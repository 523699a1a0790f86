"""A generative model as a reward model: it is asked one question about each response.

Knows how a batch is asked, read, and asked again in another way where a server refuses an option or
gives no log-probabilities. Does not know the routes of any server: a subclass does.
"""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Self

from langchain_core.messages import BaseMessage
from pydantic import Field, InstanceOf, JsonValue, PrivateAttr, field_validator, model_validator

from langchain_tpo.errors import RewardServerError, RewardTypeError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, Flow
from langchain_tpo.reward_models.servers.verifier_prompt import (
    CRITERIA,
    FRAME,
    check_frame,
    verifier_prompt,
)
from langchain_tpo.reward_models.servers.verifier_questions import (
    JsonScore,
    LabelQuestion,
    Question,
    Rating,
    YesNo,
)
from langchain_tpo.reward_models.servers.verifier_readout import Token, TopToken
from langchain_tpo.text.thinking import split_thinking

logger = logging.getLogger(__name__)

THOUGHT_OPENINGS = ("<|channel", "<think", "[THINK]", "\u25c1think")
"""What the first token of a thought may be, beside whole tags."""

LABEL_TOKENS = 8
"""Room behind a thought for blanks and the label."""

OVERRIDDEN = ("prompt", "call", "reply", "reading", "learn", "probing")
"""What subclasses of other people's override."""


@dataclass(frozen=True, kw_only=True)
class VerifierReply:
    """What came back from a verifier."""

    text: str
    """The answer; with the thought before it, if the server leaves it there."""
    tokens: Sequence[Token] = ()
    """Every token in order, where log-probabilities were asked for."""
    reasoned: bool = False
    """Whether the server says that the model thought before it answered."""


class GenerativeVerifier(HttpRewardModel):
    """Scores a response by what a chat model would reply to a question about it.

    The decoding settings are the verifier's own (greedy, no penalties, one token), so that the
    log-probabilities are the model's. One request per response; criteria and conversation come
    first in it, for the server's prefix cache. A response is not scored where the model put next to
    no probability on the labels: it meant to write something else, and the rest is noise.
    """

    question: InstanceOf[YesNo] | InstanceOf[Rating] | InstanceOf[JsonScore] = YesNo()
    """What is asked: `YesNo()`, `Rating()` or `JsonScore()`. The scales differ: one per run."""
    criteria: str = CRITERIA
    """In words."""
    frame: str = FRAME
    """The prompt around them: a verifier that was trained on another is asked in that one. Holds
    `{response}`, and `{criteria}`, `{conversation}`, `{query}`, `{question}` as needed."""
    json_fallback: bool = True
    """Ask for a written score where the server gives no log-probabilities, instead of failing."""
    least_label_mass: float = Field(default=0.1, ge=0, le=1)
    """Share of the probability that the labels must have for a response to be scored."""
    thinking_tokens: int = Field(default=0, ge=0)
    """Room for a model that thinks before it answers; the label is read behind the thought."""

    _known: dict[str, JsonValue] = PrivateAttr(default_factory=dict)
    """What the server said of itself; it is asked once."""

    @model_validator(mode="before")
    @classmethod
    def _rubric_is_criteria(cls, data: Any) -> Any:  # noqa: ANN401 pydantic's signature
        if isinstance(data, Mapping) and "rubric" in data:
            warnings.warn("`rubric` is called `criteria` now.", DeprecationWarning, stacklevel=2)
            return {"criteria": data["rubric"], **{k: data[k] for k in data if k != "rubric"}}
        return data

    @field_validator("frame")
    @classmethod
    def _frame_holds_the_response(cls, frame: str) -> str:
        return check_frame(frame)

    @model_validator(mode="after")
    def _overrides_can_be_called(self) -> Self:
        for name in OVERRIDDEN:
            base, own = (signature(getattr(one, name)) for one in (GenerativeVerifier, type(self)))
            try:
                own.bind(*base.parameters)
            except TypeError:
                given, taken = (", ".join([*one.parameters][1:]) for one in (base, own))
                raise RewardTypeError(
                    f"`{type(self).__name__}.{name}` is called as `{name}({given})` and takes "
                    f"`({taken})`: let it take these arguments by place."
                ) from None
        return self

    @abstractmethod
    def preparing(self) -> Flow[None]:
        """Ask the server, once, what has to be known before it can be asked anything else."""

    @abstractmethod
    def call(self, prompt: str, question: Question) -> Call:
        """Return the request that asks `question`, with which `prompt` ends."""

    @abstractmethod
    def reply(self, answer: JsonValue) -> VerifierReply:
        """Return what an answer holds."""

    def learn(self, refusal: RewardServerError) -> bool:
        """Remember an option that the server does not take; whether to ask again without it."""
        del refusal
        return False

    def probing(self, request: ScoreRequest, question: LabelQuestion) -> Flow[None]:
        """Find out, once, what a forced choice between labels would hide."""
        del request, question
        yield from ()

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Ask the question about each response, or for a score in writing."""
        yield from self.preparing()
        question = self.question
        if not isinstance(question, JsonScore) and "writes_scores" not in self._known:
            yield from self.probing(request, question)
            replies = yield from self._asked(request, question)
            if not self._lacks_logprobs(replies):
                return self._margins(replies, question)
        written = question if isinstance(question, JsonScore) else JsonScore()
        replies = yield from self._asked(request, written)
        return read_scores(replies, lambda reply: written.read_text(reply.text))

    def prompt(
        self, messages: Sequence[BaseMessage], response: str, question: Question | None = None
    ) -> str:
        """Return the text that is sent about one response, before the chat template.

        Args:
            messages: The conversation that is answered.
            response: The response to judge.
            question: What is asked; None for the verifier's own question.
        """
        return verifier_prompt(
            messages,
            response,
            criteria=self.criteria,
            question=(question or self.question).text,
            frame=self.frame,
        )

    def reading(self, reply: VerifierReply, question: LabelQuestion) -> float:
        """Return the reward in a reply, or raise why it holds none.

        Args:
            reply: The reply.
            question: What was asked.
        """
        if reply.reasoned and not reply.text.strip():
            raise _DoubtError(self._thinks())
        if not _lists(reply):
            raise RewardServerError(f"`{self.url}` gave no log-probabilities for a response.")
        top = _behind_the_thought(reply)
        if not top:
            raise _DoubtError(self._thinks())
        try:
            reading = question.read(top)
        except RewardServerError as absent:
            raise _DoubtError(self._thinks() if _thinks_first(top) else str(absent)) from None
        logger.debug("reward %.4f, mass on the labels %.4f", reading.reward, reading.label_mass)
        if reading.label_mass < self.least_label_mass:
            raise _DoubtError(self._too_little(reading.label_mass, top, question))
        return reading.reward

    def _asked(self, request: ScoreRequest, question: Question) -> Flow[list[AnswerOrError]]:
        """Ask about every response; anew, and for good, without what the server refuses."""
        outcomes: dict[str, AnswerOrError] = {}
        waiting = list(request["responses"])
        while waiting:
            calls = [
                replace(
                    self.call(self.prompt(request["messages"], response, question), question),
                    read=self.reply,
                )
                for response in waiting
            ]
            answers = yield calls
            outcomes |= dict(zip(waiting, answers, strict=True))
            refused = [t for t in waiting if isinstance(outcomes[t], RewardServerError)]
            waiting = refused if refused and self.learn(outcomes[refused[0]]) else []
        return [outcomes[response] for response in request["responses"]]

    def _margins(self, replies: Sequence[AnswerOrError], question: LabelQuestion) -> list[Score]:
        doubts: list[RewardServerError] = []

        def margin(reply: VerifierReply) -> float:
            try:
                return self.reading(reply, question)
            except _DoubtError as doubt:
                doubts.append(doubt)
                raise

        scores = read_scores(replies, margin)
        if doubts and "doubted" not in self._known:
            self._known["doubted"] = True
            logger.warning(
                "`%s` put less than %g of the probability on the labels for %d of %d responses: "
                "they are not scored, and further ones are counted without this line",
                *(self.url, self.least_label_mass, len(doubts), len(replies)),
            )
        return scores

    def _too_little(self, mass: float, top: Sequence[TopToken], question: LabelQuestion) -> str:
        if _thinks_first(top):
            return self._thinks()
        likeliest = _likeliest(top)
        labels = ", ".join(f"`{label}`" for label in question.labels)
        return (
            f"the verifier behind `{self.url}` puts {mass:.1g} of the probability on the labels "
            f"{labels} (`least_label_mass` is {self.least_label_mass:g}) and would rather begin "
            f"with `{' '.join(likeliest.split())[:20]}`: ask in the words that it was trained on "
            "(`frame`, `question`), or for a number in writing (`question=JsonScore()`)."
        )

    def _thinks(self) -> str:
        room = max(2000, 2 * self.thinking_tokens)
        return (
            f"the verifier behind `{self.url}` thinks before it answers: give it room "
            f"(`thinking_tokens={room}`), or ask it not to think (vLLM, SGLang: "
            '`extra_body={"chat_template_kwargs": {"enable_thinking": False}}`).'
        )

    def _lacks_logprobs(self, replies: Sequence[AnswerOrError]) -> bool:
        """Return whether the server lists no tokens at all, and remember that it does not.

        Once it has listed some, later answers without are failures: two scales never mix.
        """
        answered = [_lists(reply) for reply in replies if isinstance(reply, VerifierReply)]
        refused = "refuses_logprobs" in self._known
        if any(answered) or "lists_tokens" in self._known or not (answered or refused):
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


class _DoubtError(RewardServerError):
    """The model meant to write something else than a label."""


def opens_thought(token: str) -> bool:
    """Return whether a first token begins a thought.

    Example:
        >>> opens_thought("<think>"), opens_thought("Yes")
        (True, False)
    """
    begun = token.strip()
    return begun.startswith(THOUGHT_OPENINGS) or bool(begun and not split_thinking(begun)[1])


def _likeliest(top: Sequence[TopToken]) -> str:
    return max(top, key=lambda token: token.logprob).text


def _thinks_first(top: Sequence[TopToken]) -> bool:
    return opens_thought(_likeliest(top))


def _lists(reply: VerifierReply) -> bool:
    return any(token.top for token in reply.tokens)


def _behind_the_thought(reply: VerifierReply) -> Sequence[TopToken]:
    """Return what could have stood where the answer begins; nothing if the thought has no end."""
    tokens = reply.tokens
    if len(tokens) == 1:
        return tokens[0].top
    written = "".join(token.text for token in tokens)
    thought, answer = split_thinking(written)
    if not thought:  # the server has taken it out of the text, or there is none
        answer = split_thinking(reply.text)[1]
    start = written.rfind(answer.strip()) if answer.strip() else -1
    return next((t.top for end, t in _ends(tokens) if end > start), ()) if start >= 0 else ()


def _ends(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Return each token with the place in the reply where it ends."""
    end = 0
    for token in tokens:
        end += len(token.text)
        yield end, token
