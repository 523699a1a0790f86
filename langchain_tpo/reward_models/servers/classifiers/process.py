"""A process reward model behind vLLM: it scores a response step by step.

Knows `/pooling` with `token_classify`, how a response is split into steps, and how their scores
become one reward.
"""

import re
from collections.abc import Callable, Sequence
from math import isfinite, nan, prod
from typing import ClassVar, Literal, cast

from pydantic import BaseModel, Field, JsonValue, field_validator

from langchain_tpo.errors import RewardServerError, SettingsError
from langchain_tpo.reward_models.chat_templates import Turn, turns
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers.classifiers.server import ClassifierServer
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow

Reduce = Literal["min", "product", "last"]

REDUCE: dict[Reduce, Callable[[Sequence[float]], float]] = {
    "min": min,
    "product": prod,
    "last": lambda scores: scores[-1],
}
"""How the scores of the steps become one."""

BLANK_LINES = r"\n\s*\n"
"""What parts the steps of a worked solution."""


class _Item(BaseModel):
    data: list[list[float]]


class _Answer(BaseModel):
    data: list[_Item]


class VLLMProcessReward(ClassifierServer):
    r"""A process reward model that vLLM serves, such as Qwen2.5-Math-PRM.

    A response is split into steps at its blank lines (`step_split`), and each step is followed by
    `step_mark`, the token behind which the model scores. The reward is the worst step's score, the
    product, or the last one's. With `step_mark=""` nothing is split or marked: for a model that
    scores every token and means the last, such as InternLM2-Reward.

    Start the server with `vllm serve Qwen/Qwen2.5-Math-PRM-7B`; it scores steps as probabilities.

    Example:
        >>> reward = VLLMProcessReward("http://rm:8000")
        >>> reward.steps("2 + 2 is 4.\n\nSo the answer is 4.")
        ['2 + 2 is 4.', 'So the answer is 4.']
    """

    model: str | None = None
    """Name of the served model; None leaves it to the server."""
    reduce: Reduce = "min"
    """`min`, `product` or `last`."""
    step_mark: str = "<extra_0>"
    """The token that closes a step; the one that vLLM's `step_tag_id` names."""
    step_split: str = Field(default=BLANK_LINES, min_length=1)
    """A regular expression for what stands between two steps."""
    column: int = -1
    """Which of a step's numbers is the probability that it is right: the last, or the first (0)
    for Math-Shepherd, whose `returned_token_ids` begin with the good token."""

    limit: ClassVar[int] = 1
    """vLLM takes one conversation per request."""

    @field_validator("step_split")
    @classmethod
    def _is_an_expression(cls, split: str) -> str:
        try:
            re.compile(split)
        except re.error as error:
            raise SettingsError(
                f"`step_split` must be a regular expression, got `{split[:60]}`: {error}."
            ) from None
        return split

    def steps(self, response: str) -> list[str]:
        """Return the steps of a response, none of them empty.

        Args:
            response: The response.
        """
        if not self.step_mark:
            return [response]
        return [step.strip() for step in re.split(self.step_split, response) if step.strip()]

    def call(self, request: ScoreRequest, *, raw: bool = True) -> Call:
        """Return the request for one conversation with marked steps."""
        del raw
        (response,) = request["responses"]
        marks = (self.step_mark,) if self.step_mark else ()
        *asked, last = turns(request["messages"], response, marks)
        marked = "".join(f"{step}{self.step_mark}" for step in self.steps(last["content"]))
        chat = [*asked, Turn(role="assistant", content=marked)]
        body: dict[str, JsonValue] = {"task": "token_classify", "messages": cast("JsonValue", chat)}
        named: dict[str, JsonValue] = {"model": self.model} if self.model else {}
        return self.server.post("/pooling", named | body)

    def reader(self, request: ScoreRequest) -> Callable[[JsonValue], Sequence[float | None]]:
        """Return what reads the answer to one response: as many scores as it has steps."""
        (response,) = request["responses"]
        count = len(self.steps(response)) if self.step_mark else None
        return lambda answer: [self._reduced(answer, count)]

    def read(self, answer: JsonValue) -> Sequence[float | None]:
        """Return the reward in an answer, however many steps it has."""
        return [self._reduced(answer, None)]

    def prove_raw(self, request: ScoreRequest, scores: Sequence[Score]) -> Flow[None]:
        """Accept probabilities: process reward models are trained to give them."""
        del request, scores
        yield from ()

    def _reduced(self, answer: JsonValue, count: int | None) -> float:
        items = checked_answer(answer, _Answer, self.url).data
        rows = items[0].data if len(items) == 1 else []
        if not rows or count not in (None, len(rows)):
            raise RewardServerError(
                f"`{self.url}` scored {len(rows)} steps where {_said(count)} were sent: "
                "`step_mark` must be the token that the server's `step_tag_id` names."
            )
        try:
            scores = [row[self.column] for row in rows]
        except IndexError:
            raise RewardServerError(
                f"`{self.url}` gives {len(rows[0])} numbers for a step, and `column` is "
                f"{self.column}."
            ) from None
        if not all(map(isfinite, scores)):
            return nan
        if self.reduce == "product" and not all(0 <= score <= 1 for score in scores):
            raise RewardServerError(
                f"`{self.url}` scored a step {max(scores, key=abs):g}, and a product is one of "
                'probabilities: take `reduce="min"` or `"last"` for raw scores.'
            )
        return REDUCE[self.reduce](scores)


def _said(count: int | None) -> str:
    return "some" if count is None else str(count)
