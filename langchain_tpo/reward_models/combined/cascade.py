"""A reward model that asks a second one only about what passes the first.

Knows where the first is passed and from where on the second is content; the rewards themselves
come from the two inside.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Self

from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from pydantic import Field, field_validator, model_validator

from langchain_tpo.candidate_pool import Candidate, KeptScore, flaws_of
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.base import (
    ComposedReward,
    OnCopy,
    asks_a_person,
    maximum_of,
    with_flaws,
    without_rewards,
)
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.reward_models.combined.asked_once import AskedOnce
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores, explained

FALLS_SHORT = (
    "It passes what can be checked and is no answer, but a bare form, a title or a copy of the "
    "request. To do: answer the request in full, in words of your own, and keep to all that is "
    "asked for."
)
"""What is said of a response that passes the first reward model and not the second."""

ROUNDING = 1e-9
"""What sums of floats may be short of a bar: ten tenths add up to less than 1."""


class Cascade(ComposedReward):
    """Cheap checks first, and a judge of sense only for what passes them.

    A reward of rules or tests alone is met by the shortest text that keeps them: a title, a bare
    form, a copy of the request. `then` sees what `first` has no objection to, and decides whether
    it is an answer. Most responses fail a check, so a dear judge is asked seldom.

    What fails `first` keeps its reward and its words. What passes gets the reward from which on
    it does, and up to 1 more: 1 where `then` gives `enough`, half of it where one point is
    missing to that, and nothing where `then` has no score. So no response that fails a check wins
    over one that passes it, and a run may stop where both are content.

    Where `then` compares responses with the first of a run, as `PairwiseJudge` without anchors
    does, that one is compared with whether it passes or not: so rounds are on one scale. Where
    `then` asks a person, `first` is not asked again after the pause.

    After FrugalGPT's cascade (arXiv 2305.05176), with judges in place of models.

    Raises:
        RewardTypeError: When `first` or `then` cannot be made into a reward model.
        SettingsError: When nobody knows from which reward on `first` is passed, or when `passes` or
            `enough` is more than can be given.

    Example:
        >>> def brief(prompt, response):
        ...     return float(len(response.split()) <= 5)
        >>> def warm(prompt, response):
        ...     return float("please" in response)
        >>> both = Cascade(brief, warm, passes=1, enough=1, remark="Say please.")
        >>> asked = {"messages": [], "responses": ["please wait a moment, all of you", "wait"]}
        >>> both.invoke(asked)
        [0.0, {'reward': 1.5, 'rationale': 'Say please.'}]
        >>> both.invoke({"messages": [], "responses": ["please wait"]}), both.maximum
        ([2.0], 2.0)
    """

    first: RewardModel = Field(repr=False)
    """What scores every response."""
    then: RewardModel = Field(repr=False)
    """What scores those that pass."""
    enough: float = Field(allow_inf_nan=False)
    """The reward of `then` from which on nothing is wrong."""
    passes: float | None = Field(allow_inf_nan=False)
    """The reward of `first` from which on a response passes; None: its highest."""
    remark: str
    """What is said where `then` is not content and has no words of its own for it."""

    def __init__(
        self,
        first: RewardLike,
        then: RewardLike,
        *,
        enough: float,
        passes: float | None = None,
        remark: str = FALLS_SHORT,
        name: str | None = None,
    ) -> None:
        """Check the options; nothing is called.

        Args:
            first: A reward model, or a function `(prompt, response) -> float`: rules, tests.
            then: Likewise: a judge, a verifier, a reward server.
            enough: The reward of `then` from which on nothing is wrong.
            passes: The reward of `first` from which on a response passes.
            remark: What is said where `then` is not content and has no words of its own for it.
                The default suits one that tells answers from bare forms: say what yours asks for.
            name: How traces call this reward model.
        """
        super().__init__(
            first=first, then=then, enough=enough, passes=passes, remark=remark, name=name
        )

    @field_validator("first", "then", mode="before")
    @classmethod
    def _can_score(cls, reward: RewardLike) -> RewardModel:
        return as_reward_model(reward)

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        if self.passes is None and maximum_of(self.first) is None:
            raise SettingsError(
                f"`first` of Cascade, `{self.first.get_name()}`, has no highest reward: say with "
                "`passes=` from which reward on a response passes, such as `passes=1.0`."
            )
        _check_can_be_given("passes", self._bar, by=self.first, as_what="first")
        _check_can_be_given("enough", self.enough, by=self.then, as_what="then")
        return self

    @property
    def inside(self) -> Sequence[RewardModel]:
        """Both, in their order."""
        return (self.first, self.then)

    @property
    def maximum(self) -> float:
        """One more than what passes: both are content."""
        return self._bar + 1

    @property
    def explains(self) -> bool:
        """Whether scores come with words: a remark always does."""
        return True

    @property
    def _bar(self) -> float:
        bar = maximum_of(self.first) if self.passes is None else self.passes
        if bar is None:
            raise AssertionError("checked when it was made")
        return bar

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask the first, then the second about what passes."""
        return RunnableSequence(
            RunnableLambda(without_rewards),
            AskedOnce(self.first) if asks_a_person(self.then) else OnCopy(self.first),
            RunnableLambda(partial(self._those_that_pass, request), name="those that pass"),
            name=self.get_name(),
        )

    def _those_that_pass(
        self, request: ScoreRequest, scores: list[Score]
    ) -> list[Score] | Runnable[list[Score], list[Score]]:
        """Return the scores, or what finds the rest of them: that runs in this one's place."""
        by_text = checked_scores(scores, request["responses"])
        by_first = [with_flaws(self.first, by_text[text]) for text in request["responses"]]
        passing = [number for number, one in enumerate(by_first) if self._passes(one)]
        if not passing:
            return [_as_given(one) for one in by_first]
        asked = _only(without_rewards(request), passing)
        return RunnableSequence(
            RunnableLambda(lambda _: asked, name="what passes"),
            OnCopy(self.then),
            RunnableLambda(partial(self._both, asked["responses"], passing, by_first), name="both"),
        )

    def _passes(self, scored: KeptScore) -> bool:
        return scored["reward"] is not None and _reaches(scored["reward"], self._bar)

    def _both(
        self,
        responses: list[str],
        passing: list[int],
        by_first: list[KeptScore],
        scores: list[Score],
    ) -> list[Score]:
        by_text = checked_scores(scores, responses)
        judged = dict(zip(passing, (by_text[text] for text in responses), strict=True))
        return [
            self._joined(one, judged[number]) if number in judged else _as_given(one)
            for number, one in enumerate(by_first)
        ]

    def _joined(self, first: KeptScore, then: KeptScore) -> Score:
        given = then["reward"]
        said, wrong = then.get("rationale", ""), flaws_of(then)
        if given is None:  # a fault of the judge's, and no verdict: nothing is held against it
            return self._worded(0.0, first, said, "")
        if _reaches(given, self.enough):
            return explained(self.maximum, f"{said} {first.get('rationale', '')}".strip(), "")
        if not wrong:
            said, wrong = f"{said} {self.remark}".strip(), self.remark
        return self._worded(1 / (1 + self.enough - given), first, said, wrong)

    def _worded(self, share: float, first: KeptScore, said: str, wrong: str) -> Score:
        words = f"{said} {first.get('rationale', '')}".strip()
        return explained(self._bar + share, words, f"{wrong} {flaws_of(first)}".strip())


def _check_can_be_given(option: str, bar: float, *, by: RewardModel, as_what: str) -> None:
    most = maximum_of(by)
    if most is not None and not _reaches(most, bar):
        raise SettingsError(
            f"`{option}` of Cascade is {bar:g}, and `{as_what}`, `{by.get_name()}`, gives at most "
            f"{most:g}: no response could reach it."
        )


def _reaches(reward: float, bar: float) -> bool:
    return reward >= bar or math.isclose(reward, bar, rel_tol=ROUNDING, abs_tol=ROUNDING)


def _as_given(scored: KeptScore) -> Score:
    return explained(scored["reward"], scored.get("rationale", ""), flaws_of(scored))


def _only(request: ScoreRequest, numbers: Sequence[int]) -> ScoreRequest:
    """Return a request for some of the responses; a run's first one is what the pool begins with.

    From the second round on it does so anyhow. A judge that places all responses against it has to
    find the same one there in the first round, also where it does not pass.
    """
    part = request.copy()
    if request.get("pool") == []:
        part["pool"] = [Candidate(text=request["responses"][0], reward=None, round=0)]
    part["responses"] = [part["responses"][number] for number in numbers]
    if "replies" in part:
        part["replies"] = [part["replies"][number] for number in numbers]
    return part
