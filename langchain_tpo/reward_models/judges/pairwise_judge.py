"""A chat model as R(x, y): it compares responses in pairs, each in both orders.

Knows comparisons; who meets whom is `tournament`, how a model is asked `judgement`, what it is told
`judge_prompts`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import field_validator

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.judges import forms
from langchain_tpo.reward_models.judges.comparison_styles import COMPARISON_STYLES
from langchain_tpo.reward_models.judges.judge import Judge, best_so_far, read_with
from langchain_tpo.reward_models.judges.judge_prompts import (
    A_IS_BETTER,
    COMPARISON_VARIABLES,
    CRITERIA,
)
from langchain_tpo.reward_models.judges.judgement import AllAtOnce, count_failures
from langchain_tpo.reward_models.judges.prompt_fields import JudgePrompt
from langchain_tpo.reward_models.judges.replies import UnreadableVerdict
from langchain_tpo.reward_models.judges.styles import OWN, style_named
from langchain_tpo.reward_models.judges.tournament import (
    Effort,
    Pair,
    Tournament,
    most_pairs,
)
from langchain_tpo.reward_models.judges.written_comparison import read_comparison
from langchain_tpo.sampling.wrappers import ChatModel

SURE = 100
"""The most that `a_is_better` can be: percent."""


AnyComparison: TypeAlias = forms.ComparisonForm | forms.ExplainedComparisonForm
"""How a model judged a pair."""

ComparisonOrError: TypeAlias = AnyComparison | Exception
"""A verdict, or what came in its place."""

Outcomes: TypeAlias = Mapping[Pair, ComparisonOrError]
"""What came of each question, by its response A and response B."""

ComparisonFlow: TypeAlias = Generator[list[Pair], Sequence[ComparisonOrError], list[Score]]
"""Gives the questions to ask next, is sent what came of them, and returns the scores."""


class PairwiseJudge(Judge):
    """Compares responses in pairs; the difference of two rewards is the log-odds of a win.

    Every pair is asked twice, with the places swapped, and the two answers are averaged before
    anything else is made of them: judges favour a place. The responses of a round and the best one
    so far meet in a tournament of at most 3N requests (`effort="loglinear"`: 2N log2 N), which
    a judge that is right ends with the best response first and the worst last. With one that is
    right in four of five answers the last of ten is the very worst in about half of the rounds, and
    one in seven of the others is worse than it. `most_requests` says the number beforehand. The
    best response so far keeps its reward, so rewards of different rounds are on one scale, on which
    the first response of a run stands at 0.

    With `anchors`, fixed responses to the very question, every response is compared with each of
    them instead, and the reward is the probability that it wins: 2N requests for each anchor.

    A response is not scored when all of its comparisons failed or are unreadable (with anchors: one
    of them), and a warning counts these. When all requests fail, the provider's first error is
    raised.

    Raises:
        ModelTypeError: When `model` is no chat model.
        PromptError: When `prompt` asks for something that is never filled.
        SettingsError: When an option is out of range.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_core.messages import HumanMessage
        >>> biased = FakeListChatModel(responses=['{"rationale": "A", "a_is_better": 90}'])
        >>> judge = PairwiseJudge(biased, explain=False)
        >>> judge.invoke({"messages": [HumanMessage("Hi")], "responses": ["a", "b"], "pool": []})
        [0.0, 0.0]
        >>> judge.most_requests(5)
        14
    """

    prompt_variables: ClassVar[frozenset[str]] = COMPARISON_VARIABLES

    anchors: tuple[str, ...]
    """Fixed responses to compare with; none of them: the responses meet each other."""
    effort: Effort
    """How much a round may cost where there are no anchors."""

    def __init__(  # noqa: PLR0913 options by keyword
        self,
        model: ChatModel,
        *,
        anchors: Sequence[str] = (),
        effort: Effort = "linear",
        explain: bool = True,
        criteria: str = CRITERIA,
        prompt: JudgePrompt | None = None,
        fields: Mapping[str, str] = MappingProxyType({}),
        style: str = OWN,
        structured: bool = True,
        read: Callable[[str], object] | None = None,
        name: str | None = None,
    ) -> None:
        """Check the options; no model is called.

        Args:
            model: A chat model, also one with `bind`, `with_retry` or `with_fallbacks`.
            anchors: Responses to the very question that will be asked, such as last month's.
            effort: Requests for a round of N responses that meet each other: at most 3N
                ("linear"), or 2N log2 N ("loglinear") for a judge that is often wrong.
            explain: Whether to ask for reasons. Without them a comparison costs a few tokens.
            criteria: What makes a good response, in your words.
            prompt: Another prompt, a published one as it is: a text for one message, texts by role,
                or a template. `COMPARISON_VARIABLES` and `EVERYWHERE` say what it may ask for;
                usual names such as `{instruction}` and `{rubric}` are known.
            fields: What the prompt's other fields are, by their names: one of those, or a field of
                the question's context.
            style: A published judge, by its name in `COMPARISON_STYLES`: how it is asked and read,
                as far as you do not say.
            structured: Pass False for a server that accepts no response format and no tools.
            read: For a reward model that answers in a form of its own: from the text of its reply
                to how sure it is that response A is better, from 0 to 1, or None. `reply_formats`
                has those of published ones.
            name: How traces call this judge.
        """
        known = style_named(COMPARISON_STYLES, style, judge="PairwiseJudge")
        super().__init__(
            model=model,
            anchors=anchors,
            effort=effort,
            explain=explain,
            criteria=criteria,
            fields=dict(fields),
            prompt=known.prompt if prompt is None else prompt,
            structured=structured,
            read=read or known.read,
            name=name,
        )

    @field_validator("anchors", mode="before")
    @classmethod
    def _several(cls, anchors: object) -> object:
        if isinstance(anchors, str):
            raise SettingsError(
                f"`anchors` of PairwiseJudge must be a list of texts, got the text "
                f"`{anchors[:40]}`: put it in brackets."
            )
        return anchors

    def most_requests(self, responses: int, *, first: bool = True) -> int:
        """Return how many requests a round costs at most.

        Args:
            responses: Different responses to score.
            first: Whether it is the run's first round; later the best so far plays as well.
        """
        if self.anchors:
            return 2 * responses * len(dict.fromkeys(self.anchors))
        return 2 * most_pairs(responses + (not first), self.effort)

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:  # noqa: ARG002 any
        """Ask stage by stage, each pair in both orders."""
        return RunnableLambda(self._play, self._aplay, name=self.get_name())

    def _play(self, request: ScoreRequest, config: RunnableConfig) -> list[Score]:
        flow, asker = self._flow(request), self._comparing()
        try:
            questions = self._questions(next(flow), request)
            while True:
                outcomes = asker.invoke(questions, config)
                questions = self._questions(flow.send(outcomes), request)
        except StopIteration as end:
            return _scores_of(end)

    async def _aplay(self, request: ScoreRequest, config: RunnableConfig) -> list[Score]:
        flow, asker = self._flow(request), self._comparing()
        try:
            questions = self._questions(next(flow), request)
            while True:
                outcomes = await asker.ainvoke(questions, config)
                questions = self._questions(flow.send(outcomes), request)
        except StopIteration as end:
            return _scores_of(end)

    def _comparing(self) -> AllAtOnce[list[BaseMessage], AnyComparison]:
        form: type[AnyComparison] = (
            forms.ExplainedComparisonForm if self.explain else forms.ComparisonForm
        )
        return self._asker(form, read=partial(self._comparison, form=form))

    def _comparison(self, text: str, *, form: type[AnyComparison]) -> AnyComparison:
        if self.read is None:
            return read_comparison(text, form)
        sure, rationale = read_with(self.read, text)
        if sure is None or not 0 <= sure <= 1:
            raise UnreadableVerdict("The judge's reply holds no choice that `read` could find.")
        if not self.explain:
            return forms.ComparisonForm(a_is_better=round(SURE * sure))
        return forms.ExplainedComparisonForm(a_is_better=round(SURE * sure), rationale=rationale)

    def _flow(self, request: ScoreRequest) -> ComparisonFlow:
        return self._against_anchors(request) if self.anchors else self._tournament(request)

    def _against_anchors(self, request: ScoreRequest) -> ComparisonFlow:
        anchors = tuple(dict.fromkeys(self.anchors))
        pairs = _pairs(request["responses"], anchors)
        checked = [_in_percent(outcome) for outcome in (yield pairs)] if pairs else []
        count_failures(checked, judge=self.get_name())
        verdicts = dict(zip(pairs, checked, strict=True))
        return [_score(response, anchors, verdicts) for response in request["responses"]]

    def _tournament(self, request: ScoreRequest) -> ComparisonFlow:
        best = best_so_far(request)
        players = list(dict.fromkeys([*([best["text"]] if best else []), *request["responses"]]))
        tournament = Tournament(players=players, effort=self.effort)
        verdicts: dict[Pair, ComparisonOrError] = {}
        while pairs := tournament.stage():
            both = [order for pair in pairs for order in (pair, pair[::-1])]
            checked = [_in_percent(outcome) for outcome in (yield both)]
            verdicts.update(zip(both, checked, strict=True))
            for pair in pairs:
                tournament.record(pair, _win(*pair, verdicts))
        count_failures(list(verdicts.values()), judge=self.get_name())
        strengths = tournament.strengths()
        known = best["reward"] or 0.0 if best else 0.0  # the first response of a run stands at 0
        shift = known - strengths.get(players[0], 0.0) if players else 0.0
        return [
            _explained(response, strengths.get(response), shift, verdicts)
            for response in request["responses"]
        ]

    def _questions(self, pairs: list[Pair], request: ScoreRequest) -> list[list[BaseMessage]]:
        ask = partial(self._question, request, {"a_is_better": A_IS_BETTER})
        return [ask({"response_a": first, "response_b": second}) for first, second in pairs]


def _scores_of(end: StopIteration) -> list[Score]:
    scores: list[Score] = end.value
    return scores


def _explained(response: str, strength: float | None, shift: float, verdicts: Outcomes) -> Score:
    if strength is None:
        return None
    said = [
        f"Compared, as response A, with another as response B: {verdict.rationale}"
        for (first, _), verdict in verdicts.items()
        if first == response and isinstance(verdict, forms.ExplainedComparisonForm)
    ]
    reward = strength + shift
    return ExplainedScore(reward=reward, rationale=said[-1]) if said else reward


def _pairs(responses: Sequence[str], anchors: Sequence[str]) -> list[Pair]:
    both = (
        pair
        for response in responses
        for anchor in anchors
        if response != anchor
        for pair in ((response, anchor), (anchor, response))
    )
    return list(dict.fromkeys(both))


def _in_percent(outcome: ComparisonOrError) -> ComparisonOrError:
    if isinstance(outcome, Exception):
        return outcome
    if 0 < outcome.a_is_better < 1:  # a share, or hardly sure at all: nobody can tell
        return UnreadableVerdict(f"The verdict {outcome.a_is_better:g} is no percentage.")
    if 0 <= outcome.a_is_better <= SURE:
        return outcome
    return UnreadableVerdict(f"The verdict {outcome.a_is_better:g} is not from 0 to {SURE}.")


def _score(response: str, anchors: Sequence[str], verdicts: Outcomes) -> Score:
    wins = [_win(response, anchor, verdicts) for anchor in anchors]
    known = [win for win in wins if win is not None]
    if len(known) < len(anchors):
        return None
    reward = sum(known) / len(known)
    said = [
        f"Compared, as response A, with a reference as response B: {verdict.rationale}"
        for anchor in anchors
        if isinstance(verdict := verdicts.get((response, anchor)), forms.ExplainedComparisonForm)
    ]
    return ExplainedScore(reward=reward, rationale="\n".join(said)) if said else reward


def _win(response: str, anchor: str, verdicts: Outcomes) -> float | None:
    """Average P(response beats anchor) over both orders; equal texts are equally good."""
    if response == anchor:
        return 0.5
    as_a, as_b = verdicts[response, anchor], verdicts[anchor, response]
    if isinstance(as_a, Exception) or isinstance(as_b, Exception):
        return None
    return (as_a.a_is_better + SURE - as_b.a_is_better) / (2 * SURE)
