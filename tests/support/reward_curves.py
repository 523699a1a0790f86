"""Runs on given reward curves: exact counts of what a stop rule saves and what it loses.

The model writes as much as a real one and takes its time, but the clock is the script's own, so
that nothing depends on the machine. A run's rewards are known for all rounds beforehand, also for
those that a rule leaves out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias
from unittest.mock import patch

from langchain_core.outputs import ChatResult

from langchain_tpo import TPOResult, TPORunnable, TPOSettings
from langchain_tpo.loop import node
from tests.support.fakes import Call, ScriptedModelWithN, obedient
from tests.support.servers.paced_openai import MEAN_SECONDS, WORDS

Curve: TypeAlias = Sequence[Sequence[float]]
"""Rewards of the first responses and of the revisions of every round, in order of arrival."""


def down_from(*bests: float, by: float = 1.0, width: int = 5) -> Curve:
    """Return rounds with these best rewards, each further response worth less by so much.

    Example:
        >>> down_from(3, 4, width=2)
        [[3.0, 2.0], [4.0, 3.0]]
    """
    return [[best - by * place for place in range(width)] for best in map(float, bests)]


CURVES: Mapping[str, Curve] = {
    "rising": down_from(0, 4, 7, 9, 10, 10),
    "flat": down_from(5, 5, 5, 5, 5, 5),
    "noisy": down_from(3, 2, 5, 4, 6, 1),
    "early peak": down_from(3, 7, 4, 4, 3, 3),
    "late bloom": down_from(3, 3, 3, 3, 3, 9),
    "narrow": down_from(5, 6, 6, 6, 6, 6, by=0.5),
    "no contrast": down_from(5, 5, 5, 5, 5, 5, by=0),
    "alike at first": [*down_from(5, by=0), *down_from(6, 7, 8, 9, 9)],
    "easy": down_from(8, 9, 10, 10, 10, 10),
    "hard": down_from(1, 4, 6, 7, 8, 8),
}
"""D5-N5 runs, by what their rewards do."""


@dataclass
class Clock:
    """A clock that only moves when it is told to."""

    now: float = 0.0

    def perf_counter(self) -> float:
        """Return the time as Python's own clock does."""
        return self.now


@dataclass(frozen=True)
class Outcome:
    """What a run on a curve came to."""

    result: TPOResult
    settings: TPOSettings
    curve: Curve

    @property
    def rounds(self) -> int:
        """Rounds whose revisions were scored."""
        return self.result.summary()["rounds"]  # type: ignore[no-any-return]

    @property
    def calls(self) -> int:
        """Completions that were paid for."""
        return self.result.usage["completions"]

    @property
    def saved(self) -> int:
        """Completions that the full run would have cost on top."""
        return self.settings.completions - self.calls

    @property
    def tokens(self) -> int:
        """Words, in and out."""
        usage = self.result.usage
        return (usage["input_tokens"] or 0) + (usage["output_tokens"] or 0)

    @property
    def lost(self) -> float:
        """How much better the answer of the full run is."""
        return best_of(self.curve) - self.result.reward

    @property
    def bound(self) -> float:
        """The most that the rule which ended the run may lose; infinity where none can know.

        A reward that was asked for is reached on any curve. All else holds where returns diminish.
        """
        told, reason = self.settings, self.result.stop_reason
        if reason == "depth":
            return 0.0
        asked = {"target_reward": told.target_reward, "gate": told.gate_reward}.get(reason)
        if asked is not None and self.result.reward >= asked:
            return best_of(self.curve) - asked
        left = told.depth - self.rounds
        if not diminishing(self.curve):
            return float("inf")
        if reason == "plateau":
            return told.min_gain * -(-left // (told.patience or 1))
        if reason in {"gate", "no_contrast"}:
            return left * max(least_contrast(told), told.gate_contrast or 0.0)
        return left * expected_gains(self.curve)[self.rounds]


def best_of(curve: Curve) -> float:
    """Return the reward of the best response of all."""
    return max(map(max, curve))


def expected_gains(curve: Curve) -> list[float]:
    """Return the most that a round can be expected to gain, known when it begins.

    What the one before gained; the first round, what sets the first responses apart.
    """
    bests = [best_of(curve[: done + 1]) for done in range(len(curve))]
    gains = [later - earlier for earlier, later in pairwise(bests)]
    return [max(curve[0]) - min(curve[0]), *gains]


def diminishing(curve: Curve) -> bool:
    """Say whether no round gains more than could be expected of it."""
    gains = expected_gains(curve)
    return gains == sorted(gains, reverse=True)


def least_contrast(told: TPOSettings) -> float:
    """Return the gap at which a run on rewards that say nothing ends."""
    return told.min_contrast if isinstance(told.min_contrast, float) else 0.0


def simulate(curve: Curve, **options: Any) -> Outcome:
    """Run on a curve with these settings, on a clock that counts the model's seconds alone."""
    settings = TPOSettings(width=len(curve[0]), depth=len(curve) - 1, **options)
    rewards = iter([reward for numbers in curve for reward in numbers])
    clock = Clock()
    model = _model(clock)
    tpo = TPORunnable(model=model, reward=lambda *_: next(rewards), settings=settings)
    with _on(clock):
        return Outcome(tpo.optimize("Wood?"), settings, curve)


def _model(clock: Clock) -> ScriptedModelWithN:
    class Paced(ScriptedModelWithN):
        def _result(self, call: Call) -> ChatResult:
            clock.now += MEAN_SECONDS[call.step]
            return super()._result(call)

    return Paced(reply=_long, custom_get_token_ids=word_tokens)


def word_tokens(text: str) -> list[int]:
    """Count as the scripted models report: a word is a token."""
    return [0] * len(text.split())


def _long(step: str, messages: list[Any], number: int) -> str:
    words = " ".join(["word"] * WORDS[step])
    return obedient(step, messages, number).replace(f"{number}", f"{number} {words}")


def _on(clock: Clock) -> Any:
    """Let the steps look at this clock."""
    return patch.object(node, "time", clock)
