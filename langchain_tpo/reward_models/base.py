"""Reward models that are made of other Runnables: judges, ensembles, penalties, a person.

Each says once how it works, as a chain; `invoke`, `ainvoke` and `batch` follow from that. Knows
nothing of any particular way to score.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableLambda,
    RunnableSerializable,
)
from langchain_core.runnables.base import RunnableBindingBase
from pydantic import ConfigDict

from langchain_tpo.candidate_pool import Candidate, KeptScore
from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import RewardError, RewardTypeError
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.sampling.foreign_code import contained


class ComposedReward(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """A frozen reward model that scores by running a chain of its own.

    Subclasses write `chain`; sync and async runs, batches and traces follow from it.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> class Brevity(ComposedReward):
        ...     def chain(self, request):
        ...         return RunnableLambda(lambda asked: [-len(one) for one in asked["responses"]])
        >>> Brevity().invoke({"messages": [], "responses": ["short", "longer"]})
        [-5, -6]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **options: Any) -> None:
        """Check the options.

        Args:
            options: The fields of the class.
        """
        super().__init__(**options)

    @abstractmethod
    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Build what scores this very request."""

    def most_requests(self, responses: int, *, first: bool = True) -> int:
        """Return how many requests to models a round costs at most: those of what is inside.

        Args:
            responses: Different responses to score.
            first: Whether it is the run's first round.
        """
        return sum(most_requests(part, responses, first=first) for part in self.inside)

    @property
    def maximum(self) -> float | None:
        """The reward of a response with which nothing is wrong; None where there is no such."""
        return None

    @property
    def explains(self) -> bool:
        """Whether scores may come with words for the textual loss."""
        return any(explains(part) for part in self.inside)

    @property
    def inside(self) -> Sequence[RewardModel]:
        """The reward models that this one asks."""
        return ()

    @property
    def asks_a_person(self) -> bool:
        """Whether scoring may pause the run until a person has answered."""
        return any(asks_a_person(part) for part in self.inside)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses."""
        del kwargs  # nothing here takes any
        return self.chain(input).invoke(input, config)

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses without blocking the event loop."""
        del kwargs  # as above
        return await self.chain(input).ainvoke(input, config)


def asks_a_person(reward: object) -> bool:
    """Return whether a reward model, wrapped or not, may pause the run to ask a person."""
    inside = _unwrapped(reward)
    return isinstance(inside, ComposedReward) and inside.asks_a_person


def check_context(reward: object, context: Mapping[str, object]) -> None:
    """Refuse a context that lacks what a reward needs: before anything is drawn and paid for.

    Args:
        reward: A reward model, wrapped or not.
        context: What is known of a question, by name.

    Raises:
        RewardTypeError: With the name of the field that is missing.

    Example:
        >>> from langchain_tpo.reward_models import as_reward_model
        >>> check_context(as_reward_model(lambda prompt, response: 1.0), {})
    """
    for part in _parts(reward):
        check = getattr(part, "check_context", None)
        if callable(check):
            check(context)


def check_question(reward: object, request: ScoreRequest, *, sync: bool) -> None:
    """Refuse what a reward cannot score, whatever the responses: before any is paid for.

    Args:
        reward: A reward model, wrapped or not.
        request: The conversation and its context; responses are not looked at.
        sync: Whether the run that begins is a sync one.

    Raises:
        RewardTypeError: When the context lacks a field, a verifier finds nothing to check against,
            or the reward can be called in async runs only.

    Example:
        >>> from langchain_tpo.reward_models import as_reward_model
        >>> async def slow(response: str) -> float:
        ...     return 1.0
        >>> check_question(as_reward_model(slow), {"messages": [], "responses": []}, sync=True)
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.RewardTypeError: `reward` function `slow` is async: call `ainvoke`, \
or another async method.
    """
    check_context(reward, request.get("context", {}))
    for part in _parts(reward):
        check = getattr(part, "check_question", None)
        if callable(check):
            check(request)
        if sync and _is_async_only(part):
            raise async_only(cast("RewardModel", part).get_name())


def async_only(name: str) -> RewardTypeError:
    """Return the error of a sync call whose reward is async.

    Args:
        name: What the reward goes by.
    """
    return RewardTypeError(
        f"`reward` function `{name}` is async: call `ainvoke`, or another async method."
    )


def _is_async_only(reward: object) -> bool:
    if isinstance(reward, RunnableLambda):
        return not hasattr(reward, "func")
    return getattr(reward, "is_async_only", False) is True


def _parts(reward: object) -> Iterator[object]:
    """Return a reward model without its wrappers, and after those inside it."""
    inside = _unwrapped(reward)
    for member in inside.inside if isinstance(inside, ComposedReward) else ():
        yield from _parts(member)
    yield inside


def most_requests(reward: object, responses: int, *, first: bool = True) -> int:
    """Return how many requests to models a reward makes at most for a round; 0 where none is known.

    Args:
        reward: A reward model, wrapped or not.
        responses: Different responses to score.
        first: Whether it is the run's first round.

    Example:
        >>> most_requests(lambda prompt, response: 1.0, 5)
        0
    """
    count = getattr(_unwrapped(reward), "most_requests", None)
    return int(count(responses, first=first)) if callable(count) else 0


def maximum_of(reward: object) -> float | None:
    """Return the highest reward there can be, wrapped or not; None where nobody knows."""
    maximum = getattr(_unwrapped(reward), "maximum", None)
    return float(maximum) if isinstance(maximum, int | float) else None


def with_flaws(reward: object, scored: KeptScore) -> KeptScore:
    """Return a score of a reward model that names no flaws where there can be no higher one.

    Args:
        reward: The reward model, wrapped or not.
        scored: What it gave to a response.
    """
    maximum, given = maximum_of(reward), scored["reward"]
    perfect = maximum is not None and given is not None and given >= maximum
    return {**scored, "flaws": ""} if perfect and "rationale" in scored else scored


def explains(reward: object) -> bool:
    """Return whether a reward may say in words what earned a score, wrapped or not."""
    return getattr(_unwrapped(reward), "explains", False) is True


def _unwrapped(reward: object) -> object:
    return _unwrapped(reward.bound) if isinstance(reward, RunnableBindingBase) else reward


def copied(request: ScoreRequest) -> ScoreRequest:
    """Return a copy that a reward model may sort, extend and change at will.

    Example:
        >>> asked = {"messages": [], "responses": ["b", "a"]}
        >>> copied(asked)["responses"].sort()
        >>> asked["responses"]
        ['b', 'a']
    """
    copy = ScoreRequest(
        messages=[message.model_copy(deep=True) for message in request["messages"]],
        responses=list(request["responses"]),
    )
    if "context" in request:
        copy["context"] = dict(request["context"])
    if "replies" in request:
        copy["replies"] = [reply.model_copy(deep=True) for reply in request["replies"]]
    if "pool" in request:
        copy["pool"] = [Candidate(**known) for known in request["pool"]]
    return copy


class OnCopy(Runnable[ScoreRequest, list[Score]]):
    """Runs a reward model on a copy of each request; what it does to that changes nothing else.

    What it raises ends this call and nothing else. The scores of one that puts its list into
    another order follow that order: they are brought back into the order of the request.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> def longest_first(request):
        ...     request["responses"].sort(key=len, reverse=True)
        ...     return [float(len(text)) for text in request["responses"]]
        >>> OnCopy(RunnableLambda(longest_first)).invoke({"messages": [], "responses": ["a", "bb"]})
        [1.0, 2.0]
    """

    def __init__(self, reward_model: RewardModel) -> None:
        """Take the reward model as it is.

        Args:
            reward_model: Anything that keeps the contract of `RewardModel`.
        """
        self._reward_model = reward_model

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses."""
        handed = copied(input)
        left = handed["responses"]
        with contained("The reward model", RewardError):
            scores = self._reward_model.invoke(handed, config, **kwargs)
        return _in_order(scores, left, input["responses"])

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses without blocking the event loop."""
        handed = copied(input)
        left = handed["responses"]
        with contained("The reward model", RewardError):  # in the task that calls it, not around
            scores = await self._reward_model.ainvoke(handed, config, **kwargs)
        return _in_order(scores, left, input["responses"])


def _in_order(scores: list[Score], left: list[str], responses: list[str]) -> list[Score]:
    """Return scores that follow a list as it was left in the order of the responses."""
    sorted_anew = left != responses and sorted(left) == sorted(responses)
    if not sorted_anew or not isinstance(scores, list) or len(scores) != len(left):
        return scores
    by_text = dict(zip(left, scores, strict=True))
    return [by_text[text] for text in responses]


def without_rewards(request: ScoreRequest) -> ScoreRequest:
    """Return a copy of the request as a part of a whole may see it.

    The rewards of earlier rounds are those of the whole; to a part they would be on a strange
    scale. The texts stay: a pairwise judge finds its anchor by them.
    """
    part = copied(request)
    if "pool" in part:
        part["pool"] = [
            Candidate(text=known["text"], reward=None, round=known.get("round", 0))
            for known in part["pool"]
        ]
    return part
