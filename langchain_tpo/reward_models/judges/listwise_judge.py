"""A chat model as R(x, y): it sees all responses of a round at once and scores or ranks them.

Knows lists; how lists are made is `lists`, how a model is asked `judgement`, what it is told
`judge_prompts`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import ClassVar, Literal, Self, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from pydantic import Field, model_validator

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.judges import forms
from langchain_tpo.reward_models.judges.judge import Judge, best_so_far
from langchain_tpo.reward_models.judges.judge_prompts import (
    CRITERIA,
    LIST_PROMPT,
    LIST_VARIABLES,
    RANKING,
    SCORES,
    VERDICTS,
)
from langchain_tpo.reward_models.judges.judgement import count_failures
from langchain_tpo.reward_models.judges.lists import Listed, lists_of, most_lists, shares, written
from langchain_tpo.reward_models.judges.prompt_fields import JudgePrompt
from langchain_tpo.reward_models.judges.replies import UnreadableVerdict, read_list
from langchain_tpo.sampling.wrappers import ChatModel

AskFor: TypeAlias = Literal["scores", "ranking"]
"""What the model gives: a score for each response, or their order."""

Verdict: TypeAlias = forms.ListScores | forms.ExplainedListScores | forms.ListRanking
"""How a model judged a list."""

VerdictOrError: TypeAlias = Verdict | Exception
"""A verdict, or what came in its place."""


class ListwiseJudge(Judge):
    """Scores all responses of a round in one look, from 1 to `scale`, in several orders.

    Every list is shown twice, the second time in reverse, and the scores are averaged: a judge that
    favours the front, or the back, favours nobody in the end. `orders=4` shuffles anew and asks two
    more times. More than `at_once` responses are shown in several lists, each of which holds one
    response that all have in common; scores count from there, so lists that were judged more or
    less severely are comparable. The best response so far is on every list of later rounds and
    keeps its reward: rewards of different rounds are on one scale. `most_requests` says the number
    of requests beforehand.

    A list is not read when a response lacks a score, has two, or has one off the scale; a response
    that no list scored is not scored, and a warning counts lists that failed. When all fail, the
    provider's first error is raised.

    Raises:
        ModelTypeError: When `model` is no chat model.
        PromptError: When `prompt` asks for something that is never filled.
        SettingsError: When an option is out of range.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_core.messages import HumanMessage
        >>> model = FakeListChatModel(responses=['{"scores": [9, 4]}', '{"scores": [4, 9]}'])
        >>> judge = ListwiseJudge(model, explain=False)
        >>> sorted(judge.invoke({"messages": [HumanMessage("Hi")], "responses": ["a", "b"]}))
        [4.0, 9.0]
        >>> judge.most_requests(5), judge.most_requests(20)
        (2, 6)
    """

    prompt_variables: ClassVar[frozenset[str]] = LIST_VARIABLES

    scale: int = Field(ge=2)
    """The best score; the worst is 1."""
    ask: AskFor
    """What the model gives."""
    at_once: int = Field(ge=2)
    """Most responses of a list."""
    orders: int = Field(ge=1)
    """How often each response is judged; an even number shows each list forwards and backwards."""

    def __init__(  # noqa: PLR0913 options by keyword
        self,
        model: ChatModel,
        *,
        ask: AskFor = "scores",
        scale: int = 10,
        at_once: int = 8,
        orders: int = 2,
        explain: bool = True,
        criteria: str = CRITERIA,
        prompt: JudgePrompt = LIST_PROMPT,
        fields: Mapping[str, str] = MappingProxyType({}),
        structured: bool = True,
        name: str | None = None,
    ) -> None:
        """Check the options; no model is called.

        Args:
            model: A chat model, also one with `bind`, `with_retry` or `with_fallbacks`.
            ask: A score for each response, or their order ("ranking"), of which equal steps from
                `scale` down to 1 are made; a ranking comes without reasons.
            scale: The best score.
            at_once: Most responses of a list; fewer where responses are long and windows short.
            orders: How often each response is judged.
            explain: Whether to ask for reasons, one for each response.
            criteria: What makes a good response, in your words.
            prompt: Another prompt; `LIST_VARIABLES` and `EVERYWHERE` say what it may ask for.
            fields: What the prompt's other fields are, as for `ChatJudge`.
            structured: Pass False for a server that accepts no response format and no tools.
            name: How traces call this judge.
        """
        super().__init__(
            model=model,
            ask=ask,
            scale=scale,
            at_once=at_once,
            orders=orders,
            explain=explain and ask == "scores",
            criteria=criteria,
            fields=dict(fields),
            prompt=prompt,
            structured=structured,
            read=None,
            name=name,
        )

    @model_validator(mode="after")
    def _lists_have_room(self) -> Self:
        if self.at_once < 3:  # noqa: PLR2004 one is common to all lists
            raise SettingsError(
                f"`at_once` of ListwiseJudge must be at least 3, got {self.at_once}."
            )
        return self

    def most_requests(self, responses: int, *, first: bool = True) -> int:
        """Return how many requests a round costs at most.

        Args:
            responses: Different responses to score.
            first: Whether it is the run's first round; later the best so far is on every list.
        """
        return self.orders * most_lists(responses, self.at_once, with_best=not first)

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask for every list at once, and put their scores together."""
        best = best_so_far(request)
        texts = list(dict.fromkeys(request["responses"]))
        lists = lists_of(
            texts, best=best and best["text"], at_once=self.at_once, orders=self.orders
        )
        reading = partial(read_list, form=self._form)
        return RunnableSequence(
            RunnableLambda(partial(self._questions, lists), name="questions"),
            self._asker(self._form, read=reading),
            RunnableLambda(partial(self._scores, request, lists, best), name="scores"),
            name=self.get_name(),
        )

    @property
    def _form(self) -> type[Verdict]:
        if self.ask == "ranking":
            return forms.ListRanking
        return forms.ExplainedListScores if self.explain else forms.ListScores

    def _questions(self, lists: list[Listed], request: ScoreRequest) -> list[list[BaseMessage]]:
        meanings = {"ranking": RANKING, "verdicts": VERDICTS, "scores": SCORES}
        field = next(iter(self._form.model_fields))
        ask = partial(self._list_question, request, {field: meanings[field]})
        return [ask(listed) for listed in lists]

    def _list_question(
        self, request: ScoreRequest, verdict: Mapping[str, str], listed: Listed
    ) -> list[BaseMessage]:
        told = {"scale": str(self.scale), "number": str(len(listed.texts))}
        shown = {"responses": written(listed.texts)}
        return self._question(request, verdict, shown, reasons=False, **told)

    def _scores(
        self,
        request: ScoreRequest,
        lists: list[Listed],
        best: Candidate | None,
        outcomes: Sequence[VerdictOrError],
    ) -> list[Score]:
        checked = [self._on_scale(*one) for one in zip(lists, outcomes, strict=True)]
        count_failures(checked, judge=self.get_name())
        read = [
            (listed, one)
            for listed, one in zip(lists, checked, strict=True)
            if not isinstance(one, Exception)
        ]
        rewards = shares(
            [(listed, [score for score, _ in said]) for listed, said in read],
            known=best["reward"] if best else None,
        )
        remarks = {
            text: remark
            for listed, said in read
            for text, (_, remark) in zip(listed.texts, said, strict=True)
            if remark
        }
        return [_score(rewards.get(text), remarks.get(text)) for text in request["responses"]]

    def _on_scale(
        self, listed: Listed, outcome: VerdictOrError
    ) -> list[tuple[float, str]] | Exception:
        """Return score and remark of each place of a list, or why there are none."""
        if isinstance(outcome, Exception):
            return outcome
        if isinstance(outcome, forms.ListRanking):
            return _by_rank(outcome.ranking, len(listed.texts), self.scale)
        said = _said(outcome)
        if len(said) != len(listed.texts):
            return UnreadableVerdict(f"{len(said)} scores were given for {len(listed.texts)}.")
        off = [score for score, _ in said if not 1 <= score <= self.scale]
        if off:
            return UnreadableVerdict(f"The score {off[0]:g} is not from 1 to {self.scale}.")
        return said


def _said(outcome: forms.ListScores | forms.ExplainedListScores) -> list[tuple[float, str]]:
    if isinstance(outcome, forms.ListScores):
        return [(score, "") for score in outcome.scores]
    return [(one.score, one.rationale) for one in outcome.verdicts]


def _by_rank(
    ranking: Sequence[Sequence[int]], number: int, scale: int
) -> list[tuple[float, str]] | Exception:
    """Spread ranks over the scale in equal steps; those of one rank share the middle of theirs."""
    placed = [place for tied in ranking for place in tied]
    if sorted(placed) != list(range(1, number + 1)):
        return UnreadableVerdict(f"The ranking does not name each of {number} responses once.")
    scores: dict[int, float] = {}
    better = 0
    for tied in ranking:
        share = 1 - (better + (len(tied) - 1) / 2) / max(1, number - 1)
        scores |= dict.fromkeys(tied, 1 + (scale - 1) * share)
        better += len(tied)
    return [(scores[place], "") for place in range(1, number + 1)]


def _score(reward: float | None, remark: str | None) -> Score:
    if reward is None or not remark:
        return reward
    return ExplainedScore(reward=reward, rationale=remark)
