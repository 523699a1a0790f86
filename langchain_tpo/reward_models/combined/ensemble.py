"""Several reward models as one: the weighted mean, the worst case, or the mean less its spread.

Knows its members and what puts them on one scale; how scores become one is `combination`, who
is asked when is `members`.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSequence
from pydantic import Field, field_validator, model_validator

from langchain_tpo.candidate_pool import KeptScore
from langchain_tpo.errors import RewardOutputError, SettingsError
from langchain_tpo.reward_models.base import ComposedReward, with_flaws, without_rewards
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.reward_models.combined.combination import Combination, How, check_weights
from langchain_tpo.reward_models.combined.members import Members, MemberScores
from langchain_tpo.reward_models.combined.scaling import Scaling, ScalingField, fitted
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.reward_models.scores import checked_scores


class Ensemble(ComposedReward):
    """Combines reward models, all asked at once.

    Members on different scales need `normalize`, a location and a scale for each: fixed by you or
    found once by `calibrated`. Taken from the round at hand they would put every round on a scale
    of its own, and the pool could not be ordered.

    What one member did not score, the ensemble does not score, unless `skip_missing` says to
    combine the others: then a response can win because its harshest judge kept silent. The error
    of a member passes through. Rationales are joined, each under its member's name; what a member
    says of a response to which it gives its maximum counts as no flaw.

    Whoever asks a person comes first, so that no other member is paid twice. Members do not see
    rewards of earlier rounds: those are the ensemble's.

    Raises:
        RewardTypeError: When a member cannot be made into a reward model.
        SettingsError: When there is no member, or weights or scalings do not fit the members.

    Example:
        >>> def polite(prompt, response):
        ...     return float("please" in response)
        >>> def short(prompt, response):
        ...     return -len(response) / 10
        >>> both = Ensemble({"polite": polite, "short": short}, weights={"polite": 3, "short": 1})
        >>> both.invoke({"messages": [], "responses": ["please wait", "wait"]})
        [0.475, -0.1]
    """

    members: dict[str, RewardModel] = Field(min_length=1, repr=False)
    """Reward models by name."""
    weights: dict[str, float] | None
    """How much each counts, by name; None: all alike."""
    how: How
    """How their rewards become one."""
    k: float = Field(ge=0, allow_inf_nan=False)
    """How many standard deviations `mean_minus_std` takes off."""
    normalize: dict[str, ScalingField] | None
    """What puts each member's rewards on a common scale; None: they are on one already."""
    skip_missing: bool
    """Whether a response is scored by those members that did score it."""

    def __init__(  # noqa: PLR0913 options by keyword
        self,
        members: Mapping[str, RewardLike],
        *,
        weights: Mapping[str, float] | None = None,
        how: How = "mean",
        k: float = 1.0,
        normalize: Mapping[str, Scaling | tuple[float, float]] | None = None,
        skip_missing: bool = False,
        normalise: Mapping[str, Scaling | tuple[float, float]] | None = None,
        name: str | None = None,
    ) -> None:
        """Check the options; nothing is called.

        Args:
            members: Reward models, or functions `(prompt, response) -> float`, by name.
            weights: How much each counts; not for the worst case, which knows no weights.
            how: How rewards become one.
            k: Standard deviations that `mean_minus_std` takes off: disagreement costs.
            normalize: Location and scale of each member's rewards.
            skip_missing: Whether the others decide where a member has no score.
            normalise: The old name of `normalize`.
            name: How traces call this ensemble.
        """
        if normalise is not None:
            warnings.warn(
                "`normalise` is called `normalize` now.", DeprecationWarning, stacklevel=2
            )
            normalize = normalise
        super().__init__(
            members=members,
            weights=weights,
            how=how,
            k=k,
            normalize=normalize,
            skip_missing=skip_missing,
            name=name,
        )

    @field_validator("members", mode="before")
    @classmethod
    def _can_score(cls, members: object) -> dict[str, RewardModel]:
        if not isinstance(members, Mapping):
            raise SettingsError(
                f"`members` of Ensemble must be a dict of rewards, got {type(members).__name__}."
            )
        return {str(name): as_reward_model(member) for name, member in members.items()}

    @model_validator(mode="after")
    def _fit_the_members(self) -> Self:
        for option, given in (("weights", self.weights), ("normalize", self.normalize)):
            if given is not None and set(given) != set(self.members):
                raise SettingsError(
                    f"`{option}` of Ensemble must name exactly its members {list(self.members)}, "
                    f"got {list(given)}."
                )
        check_weights(self.weights, self.how)
        return self

    @property
    def inside(self) -> Sequence[RewardModel]:
        """The members."""
        return tuple(self.members.values())

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask all members, then combine."""
        return RunnableSequence(
            RunnableLambda(without_rewards),
            Members(self.members),
            RunnableLambda(partial(self._combined, request), name="combined"),
            name=self.get_name(),
        )

    def calibrated(
        self, *, on: Sequence[ScoreRequest], config: RunnableConfig | None = None
    ) -> Self:
        """Return a copy whose members are normalized by what they give to a sample.

        Args:
            on: Conversations with some dozens of responses such as will be scored.
            config: For the calls of the members.

        Raises:
            RewardOutputError: When a member gives the same reward to all.

        Example:
            >>> length = Ensemble({"long": lambda prompt, response: len(response)})
            >>> sample = {"messages": [], "responses": ["a", "abc"]}
            >>> length.calibrated(on=[sample]).normalize
            {'long': Scaling(location=2.0, scale=1.0)}
        """
        return self._calibrated(on, Members(self.members).batch(list(on), config))

    async def acalibrated(
        self, *, on: Sequence[ScoreRequest], config: RunnableConfig | None = None
    ) -> Self:
        """Calibrate as `calibrated` does, without blocking the event loop."""
        return self._calibrated(on, await Members(self.members).abatch(list(on), config))

    def _calibrated(self, on: Sequence[ScoreRequest], given: Sequence[MemberScores]) -> Self:
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**kept, "normalize": _fitted(on, given)})

    def _combined(self, request: ScoreRequest, scores: MemberScores) -> list[Score]:
        by_member = _by_member(scores, request["responses"])
        combination = Combination(
            how=self.how,
            k=self.k,
            weights=self.weights or {},
            scalings=self.normalize or {},
            skip_missing=self.skip_missing,
        )
        return [
            combination.of(
                {
                    name: with_flaws(member, by_member[name][response])
                    for name, member in self.members.items()
                }
            )
            for response in request["responses"]
        ]


def _fitted(on: Sequence[ScoreRequest], given: Sequence[MemberScores]) -> dict[str, Scaling]:
    by_member: dict[str, list[float]] = {}
    for request, scores in zip(on, given, strict=True):
        for name, by_text in _by_member(scores, request["responses"]).items():
            rewards = (by_text[text]["reward"] for text in request["responses"])
            by_member.setdefault(name, []).extend(
                reward for reward in rewards if reward is not None
            )
    return {name: fitted(rewards, member=name) for name, rewards in by_member.items()}


def _by_member(scores: MemberScores, texts: list[str]) -> dict[str, dict[str, KeptScore]]:
    checked = {}
    for name, given in scores.items():
        try:
            checked[name] = checked_scores(given, texts)
        except RewardOutputError as error:
            raise RewardOutputError(f"Member `{name}` of Ensemble: {error}") from error
    return checked
