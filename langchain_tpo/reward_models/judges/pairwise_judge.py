"""A chat model as R(x, y): it compares every response with a fixed one, in both orders.

Knows comparisons; how a model is asked is `judgement`, what it is told `judge_prompts`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from pydantic import BaseModel, Field, field_validator

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.base import ComposedReward, run_so_far
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.judges.judge_prompts import (
    A_IS_BETTER,
    COMPARISON_PROMPT,
    COMPARISON_VARIABLES,
    CRITERIA,
    RATIONALE,
    checked_prompt,
    form_text,
    render,
)
from langchain_tpo.reward_models.judges.judgement import AllAtOnce, count_failures, judgement
from langchain_tpo.sampling.wrappers import ChatModel, check_chat_model

SURE = 100
"""The most that `a_is_better` can be: percent."""


class Comparison(BaseModel):
    """A verdict on two responses."""

    a_is_better: float = Field(description=A_IS_BETTER)


class ExplainedComparison(BaseModel):
    """A verdict on two responses; the reasons come first."""

    rationale: str = Field(description=RATIONALE)
    a_is_better: float = Field(description=A_IS_BETTER)


Pair: TypeAlias = tuple[str, str]
"""Response A and response B of one question."""

Verdict: TypeAlias = Comparison | ExplainedComparison
"""How a model judged a pair."""

Outcome: TypeAlias = Verdict | Exception
"""A verdict, or what came in its place."""


class PairwiseJudge(ComposedReward):
    """Compares each response with a fixed anchor; the reward is the probability that it wins.

    Every pair is asked twice, with the places swapped, and the two answers are averaged before
    anything else is made of them: judges favour a place. As the anchor stays the same for a whole
    run, rewards of different rounds are on one scale, from 0 to 1, and 0.5 is as good as the
    anchor. Cost per round of N responses: 2N requests, and 2(N - 1) where the anchor is one of
    them; with k anchors k times as much.

    The anchor is the first response of the run, which `request["pool"]` tells in later rounds, or
    what `anchors` says. The better the anchor, the finer good responses are told apart.

    A response is not scored when one of its comparisons failed or is unreadable, and a warning
    counts these. When all requests fail, the provider's first error is raised.

    Raises:
        ModelTypeError: When `model` is no chat model.
        PromptError: When `prompt` asks for something that is never filled.
        SettingsError: When a request brings nothing to compare with.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_core.messages import HumanMessage
        >>> biased = FakeListChatModel(responses=['{"rationale": "A", "a_is_better": 90}'])
        >>> judge = PairwiseJudge(biased, explain=False)
        >>> judge.invoke({"messages": [HumanMessage("Hi")], "responses": ["a", "b"], "pool": []})
        [0.5, 0.5]
    """

    model: ChatModel = Field(repr=False)
    """Who compares."""
    anchors: tuple[str, ...]
    """Fixed responses to compare with; none of them: the first response of the run."""
    explain: bool
    """Whether the model gives its reasons first; the textual loss is shown them."""
    criteria: str
    """What makes a good response."""
    prompt: ChatPromptTemplate
    """How the model is asked."""
    structured: bool
    """Whether to use structured output where the model has it; False asks for JSON text."""

    def __init__(
        self,
        model: ChatModel,
        *,
        anchors: Sequence[str] = (),
        explain: bool = True,
        criteria: str = CRITERIA,
        prompt: ChatPromptTemplate = COMPARISON_PROMPT,
        structured: bool = True,
        name: str | None = None,
    ) -> None:
        """Check the options; no model is called.

        Args:
            model: A chat model, also one with `bind`, `with_retry` or `with_fallbacks`.
            anchors: Responses to the very question that will be asked, such as last month's.
            explain: Whether to ask for reasons. Without them a comparison costs a few tokens.
            criteria: What makes a good response, in your words.
            prompt: Another prompt; `COMPARISON_VARIABLES` says what it may ask for.
            structured: Pass False for a server that accepts no response format and no tools.
            name: How traces call this judge.
        """
        super().__init__(
            model=model,
            anchors=anchors,
            explain=explain,
            criteria=criteria,
            prompt=prompt,
            structured=structured,
            name=name,
        )

    @field_validator("model", mode="before")
    @classmethod
    def _is_chat_model(cls, model: object) -> ChatModel:
        return check_chat_model(model, field="model")

    @field_validator("anchors", mode="before")
    @classmethod
    def _several(cls, anchors: object) -> object:
        if isinstance(anchors, str):
            raise SettingsError(
                f"`anchors` of PairwiseJudge must be a list of texts, got the text "
                f"`{anchors[:40]}`: put it in brackets."
            )
        return anchors

    @field_validator("prompt", mode="before")
    @classmethod
    def _can_be_filled(cls, prompt: object) -> ChatPromptTemplate:
        return checked_prompt(prompt, fills=COMPARISON_VARIABLES)

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask every pair in both orders, then average."""
        anchors = self._anchors_of(request)
        pairs = _pairs(request["responses"], anchors)
        form: type[Verdict] = ExplainedComparison if self.explain else Comparison
        return RunnableSequence(
            RunnableLambda(partial(self._questions, pairs), name="questions"),
            AllAtOnce(judgement(self.model, form, structured=self.structured)),
            RunnableLambda(partial(self._scores, request, anchors, pairs), name="scores"),
            name=self.get_name(),
        )

    def _anchors_of(self, request: ScoreRequest) -> tuple[str, ...]:
        if self.anchors:
            return tuple(dict.fromkeys(self.anchors))
        pool = run_so_far(request)
        if pool is None and len(request["responses"]) > 0:
            raise SettingsError(
                "`PairwiseJudge` has nothing fixed to compare with: pass `anchors=[...]`, or give "
                'the request a `"pool"` (`[]` in the first round, then all responses so far).'
            )
        return (pool[0]["text"],) if pool else tuple(request["responses"][:1])

    def _questions(self, pairs: list[Pair], request: ScoreRequest) -> list[list[BaseMessage]]:
        fields = {"rationale": RATIONALE} if self.explain else {}
        instructions = {
            "criteria": self.criteria,
            "form": form_text({**fields, "a_is_better": A_IS_BETTER}),
        }
        return [
            render(
                self.prompt,
                request["messages"],
                instructions=instructions,
                responses={"response_a": first, "response_b": second},
            )
            for first, second in pairs
        ]

    def _scores(
        self,
        request: ScoreRequest,
        anchors: tuple[str, ...],
        pairs: list[Pair],
        outcomes: Sequence[Outcome],
    ) -> list[Score]:
        checked = [_in_percent(outcome) for outcome in outcomes]
        count_failures(checked, judge=self.get_name())
        verdicts = dict(zip(pairs, checked, strict=True))
        return [_score(response, anchors, verdicts) for response in request["responses"]]


def _pairs(responses: Sequence[str], anchors: Sequence[str]) -> list[Pair]:
    both = (
        pair
        for response in responses
        for anchor in anchors
        if response != anchor
        for pair in ((response, anchor), (anchor, response))
    )
    return list(dict.fromkeys(both))


def _in_percent(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Exception) or 0 <= outcome.a_is_better <= SURE:
        return outcome
    return OutputParserException(f"The verdict {outcome.a_is_better} is not from 0 to {SURE}.")


def _score(response: str, anchors: Sequence[str], verdicts: Mapping[Pair, Outcome]) -> Score:
    wins = [_win(response, anchor, verdicts) for anchor in anchors]
    known = [win for win in wins if win is not None]
    if len(known) < len(anchors):
        return None
    reward = sum(known) / len(known)
    said = [
        f"Compared, as response A, with a reference as response B: {verdict.rationale}"
        for anchor in anchors
        if isinstance(verdict := verdicts.get((response, anchor)), ExplainedComparison)
    ]
    return ExplainedScore(reward=reward, rationale="\n".join(said)) if said else reward


def _win(response: str, anchor: str, verdicts: Mapping[Pair, Outcome]) -> float | None:
    """Average P(response beats anchor) over both orders; equal texts are equally good."""
    if response == anchor:
        return 0.5
    as_a, as_b = verdicts[response, anchor], verdicts[anchor, response]
    if isinstance(as_a, Exception) or isinstance(as_b, Exception):
        return None
    return (as_a.a_is_better + SURE - as_b.a_is_better) / (2 * SURE)
