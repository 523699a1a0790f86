"""How a system answers an example: one run for each of its turns.

Builds the loop that a system stands for, once where it is the same for every example. Knows models;
knows no files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    convert_to_openai_messages,
)
from langchain_core.runnables import RunnableConfig

from langchain_tpo.errors import DatasetError, RunError
from langchain_tpo.evaluation.examples import Example
from langchain_tpo.evaluation.first_samples import (
    Asked,
    SharedSamples,
    asked_key,
    first_samples_of,
    paid_here,
)
from langchain_tpo.evaluation.given_answers import GivenAnswer, samples_of
from langchain_tpo.evaluation.given_critiques import NO_CRITIQUE, given_critic, read_critiques
from langchain_tpo.evaluation.systems import System
from langchain_tpo.evaluation.token_matching import Drawn, Spent, drawn_in
from langchain_tpo.evaluation.withheld_remarks import WithoutWords, samples_without_words
from langchain_tpo.result import TPOResult
from langchain_tpo.reward_models.interface import RewardModel
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.wrappers import ChatModel

Spending: TypeAlias = Sequence[Spent]
"""What each turn of an example took."""

MOST_WIDTHS = 64
"""Loops kept of a matched system, one for each width: to build a graph takes as long as a run of it
whose model answers at once."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What all systems of an evaluation share."""

    model: ChatModel
    """The policy."""
    reward: RewardModel
    """What scores."""
    critic: ChatModel | None = None
    """Writes loss and gradient, where a system does not say otherwise; None is the policy."""
    model_named: Callable[[str], ChatModel] | None = None
    """Return the model of a string, for systems with a critic of their own."""
    answers: Mapping[str, Mapping[str, GivenAnswer]] = field(default_factory=dict)
    """Answers that exist already, by system and example."""


@dataclass(frozen=True, kw_only=True)
class AnsweredTurn:
    """One answered turn."""

    messages: Sequence[BaseMessage]
    """What was answered."""
    result: TPOResult
    """How."""
    asked: Asked | None = None
    """Where its first samples come from; None for an answer that was given."""
    given: Mapping[str, Any] | None = None
    """What the file of a given answer says of it."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        origins = {"first_samples": self.asked, "given": self.given}
        return {
            "messages": convert_to_openai_messages(self.messages),
            **{name: dict(origin) for name, origin in origins.items() if origin is not None},
            **self.result.as_dict(),
        }


class SystemRunner:
    """Answers examples as one system would; immutable."""

    def __init__(self, system: System, parts: Parts) -> None:
        """Build what the system needs.

        Args:
            system: Which one.
            parts: Models and reward.

        Raises:
            ConfigurationError: In one line, when a part of it cannot work.
        """
        self.system = system
        self._parts = parts
        self._critic = self._own_critic()
        self._critiques: Mapping[str, str] | None = None
        if system.critique is not None:
            self._critiques = read_critiques(system.critique)
        self._of_width = lru_cache(maxsize=MOST_WIDTHS)(self._build_of_width)

    async def answer(
        self, example: Example, shared: SharedSamples, budget: Spending | None = None
    ) -> list[AnsweredTurn]:
        """Run the system on every turn of an example.

        Args:
            example: What to answer.
            shared: What other systems drew for it.
            budget: What each turn of the matched system took; only matched systems need it.

        Raises:
            Exception: What a run raises.
        """
        turns: list[AnsweredTurn] = []
        messages = list(example.messages)
        for number in range(1 + len(example.follow_ups)):
            if self.system.answers is not None:
                turn = await self._given(example, number, messages)
            elif self.system.match is not None:
                spent = self._spent(number, budget)
                turn = await self._as_dear(spent, messages, shared, example.fields)
            else:
                tpo = self._runnable(example)
                turn = await self._answered(tpo, messages, shared, example.fields)
            turns.append(turn)
            if number < len(example.follow_ups):
                said = HumanMessage(example.follow_ups[number])
                messages = [*messages, AIMessage(turn.result.answer), said]
        return turns

    async def _answered(
        self,
        tpo: TPORunnable,
        messages: Sequence[BaseMessage],
        shared: SharedSamples,
        fields: Mapping[str, Any],
    ) -> AnsweredTurn:
        key = asked_key(messages, tpo.settings)
        taken = shared.take(key, width=tpo.settings.width)
        if self.system.remarks is not None:
            taken = samples_without_words(taken) if taken else None
            key = f"{key}-without-words"  # what it draws is of no use to systems that want words
        asked_for: Any = {"messages": messages, "first_samples": taken, "context": dict(fields)}
        result = await tpo.aoptimize(
            asked_for,
            RunnableConfig(max_concurrency=max(tpo.settings.width, 1)),
        )
        asked = shared.asked(key, taken, result.pool)
        return AnsweredTurn(messages=list(messages), result=result, asked=asked)

    async def _as_dear(
        self,
        spent: Spent,
        messages: Sequence[BaseMessage],
        shared: SharedSamples,
        fields: Mapping[str, Any],
    ) -> AnsweredTurn:
        """Draw on until as much is spent, or more fails than comes; one answer out of all draws."""
        drawn, key = shared.copy(), asked_key(messages, self._shared.settings)
        width, goes_on = self._next_width(spent, spent.first), True
        while goes_on:
            turn = await self._answered(self._of_width(width), messages, drawn, fields)
            run = turn.result.as_dict()
            drawn.add(key, paid_here(first_samples_of(run)), self.system.name)
            so_far = drawn_in(run)
            width = self._next_width(spent, so_far)
            goes_on = width > so_far.draws and so_far.failed <= so_far.completions
        taken = shared.take(key, width=so_far.draws)
        return replace(turn, asked=shared.asked(key, taken, turn.result.pool))

    def _next_width(self, spent: Spent, drawn: Drawn) -> int:
        """Return how many samples to have drawn next: no more than the system may ask for."""
        wanted = spent.next_width(drawn, self.system.match_on)
        return min(wanted, self.system.settings.call_budget or wanted)

    async def _given(
        self, example: Example, number: int, messages: Sequence[BaseMessage]
    ) -> AnsweredTurn:
        """Score an answer that exists already; what it cost nobody knows."""
        answer = self._parts.answers[self.system.name][example.id]
        if not answer.turns:
            raise RunError(f"Row {answer.row} of `{self.system.answers}` says: no answer.")
        turn = answer.turns[number - 1 - len(example.follow_ups)]
        asked_for: Any = {
            "messages": messages,
            "first_samples": samples_of(turn),
            "context": dict(example.fields),
        }
        result = await self._shared.aoptimize(asked_for)
        return AnsweredTurn(messages=list(messages), result=result, given=answer.more or {})

    @cached_property
    def _shared(self) -> TPORunnable:
        return self._built(self._critic)

    def _runnable(self, example: Example) -> TPORunnable:
        if self.system.critique is not None:
            return self._built(given_critic(self._critique(example)))
        return self._shared

    def _spent(self, number: int, budget: Spending | None) -> Spent:
        if budget is None:
            raise RunError(f"`{self.system.match}` has no answer whose tokens could be matched.")
        return budget[number]

    def _build_of_width(self, width: int) -> TPORunnable:
        settings = self.system.settings.with_changes(width=width)
        return self._shared.model_copy(update={"settings": settings, "width": None})

    def _built(self, critic: ChatModel | None) -> TPORunnable:
        return TPORunnable(
            model=self._parts.model,
            reward=self._reward,
            critic=critic,
            settings=self.system.settings,
            name=self.system.name,
        )

    @property
    def _reward(self) -> RewardModel:
        reward = self._parts.reward
        return reward if self.system.remarks is None else WithoutWords(reward=reward)

    def _own_critic(self) -> ChatModel | None:
        if self.system.critic is None:
            return self._parts.critic
        if self._parts.model_named is None:
            raise DatasetError(f"`{self.system.name}` names a critic, and nothing can find it.")
        return self._parts.model_named(self.system.critic)

    def _critique(self, example: Example) -> str:
        if self._critiques is None:
            return NO_CRITIQUE
        if example.id not in self._critiques:
            raise DatasetError(
                f"`{self.system.critique}` holds no critique for example `{example.id}`."
            )
        return self._critiques[example.id]
