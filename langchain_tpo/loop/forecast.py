"""What a round will cost in tokens, before it begins: its own prompts, counted.

Pure. Knows the prompts of a round and what steps have cost; knows no model. A round that has been
played corrects the count of the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeAlias, TypeVar

from langchain_tpo.loop.node import StepPlan
from langchain_tpo.loop.step_prompts import with_critiques
from langchain_tpo.sampling.usage import Usage, total_usage
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import Round, StepName, TPOState
from langchain_tpo.strategies import CRITIQUE_STEPS, CritiqueStep

CRITIQUE_TOKENS = 300
"""How long a critique is expected to be before the critic has written one, however short the
answers are: half a page. Longer answers have critiques as long as themselves."""

CHARACTERS_PER_TOKEN = 4
"""Where nothing but a text is known."""

PromptCount: TypeAlias = Callable[[TPOState, TPOSettings], int]
"""Counts the tokens of a step's prompts, as it would send them."""

RequestT = TypeVar("RequestT")


def prompt_count(plan: StepPlan[RequestT, Any], tokens: Callable[[RequestT], int]) -> PromptCount:
    """Return what counts the prompts of a step.

    Args:
        plan: Says what the step asks.
        tokens: Counts what is asked.
    """
    return lambda state, settings: tokens(plan.before(state, settings))


@dataclass(frozen=True)
class Forecast:
    """Counts what models read and write in the round to come, the reward's apart; immutable."""

    prompts: Mapping[StepName, PromptCount]
    """For each step of a round, in order."""

    def tokens(self, state: TPOState, begun: Round, settings: TPOSettings) -> float:
        """Return the tokens of the round to come.

        Args:
            state: The run, its responses of the last round scored.
            begun: The round to come.
            settings: What the run obeys.
        """
        current, total = begun, 0.0
        for step in self.prompts:
            if settings.skips(step):
                continue
            coming: TPOState = {**state, "rounds": [*state["rounds"], current]}
            length, replies = _reply_tokens(step, state, settings), _replies(step, state, settings)
            total += self._read(step, coming, settings) + replies * length
            if step in CRITIQUE_STEPS:
                current = with_critiques(step, current, _texts(step, state, length, replies))
        return total

    def _read(self, step: StepName, coming: TPOState, settings: TPOSettings) -> float:
        """Count the prompts of a step, corrected by what those of the last round came to."""
        counted = self.prompts[step](coming, settings)
        before = _as_it_was(coming)
        reported = None if before is None else _used(step, before)["input_tokens"]
        if before is None or not reported:
            return counted
        return counted * reported / self.prompts[step](before, settings)


def _as_it_was(coming: TPOState) -> TPOState | None:
    """Return the run as the last round saw it; None where there was none that can be looked at."""
    rounds = coming["rounds"][:-1]
    pool = [one for one in coming["pool"] if one["round"] < len(rounds)]
    if not rounds or max(rounds[-1]["chosen"], rounds[-1]["rejected"] or 0) >= len(pool):
        return None
    return {**coming, "rounds": rounds, "pool": pool}


def _used(step: StepName, state: TPOState) -> Usage:
    """Add up what a step has cost in the last round; an update's forerunner is the sample."""
    done = len(state["rounds"])
    drawn: StepName = "sample" if step == "update" and done == 0 else step
    records = [one for one in state["steps"] if one["round"] == done and one["step"] == drawn]
    return total_usage(one["usage"] for one in records)


def _replies(step: StepName, state: TPOState, settings: TPOSettings) -> int:
    """Return how many replies a step takes; a critic that makes several of one makes as many."""
    if step not in CRITIQUE_STEPS:
        return settings.width
    asked = settings.strategy.replies(step, settings.width)
    return max(asked, _used(step, state)["completions"])


def _reply_tokens(step: StepName, state: TPOState, settings: TPOSettings) -> float:
    """Return how long a reply of a step is: as its last one, or as can be told from answers."""
    written = _mean_written(step, state)
    if written is not None and (step != "update" or state["rounds"]):
        return written
    expected = _answer_tokens(state) if step == "update" else _critique_tokens(state)
    most = getattr(settings, step).max_tokens
    return expected if most is None else min(expected, most)


def _critique_tokens(state: TPOState) -> float:
    return max(_answer_tokens(state), CRITIQUE_TOKENS)


def _answer_tokens(state: TPOState) -> float:
    """Return how long answers are: as the last ones drawn, or as those that were handed in."""
    written = _mean_written("update", state)
    if written is not None:
        return written
    lengths = [len(one["text"]) / CHARACTERS_PER_TOKEN for one in state["pool"]]
    return sum(lengths) / len(lengths)


def _mean_written(step: StepName, state: TPOState) -> float | None:
    used = _used(step, state)
    if not used["completions"] or used["output_tokens"] is None:
        return None
    return used["output_tokens"] / used["completions"]


def _texts(step: CritiqueStep, state: TPOState, length: float, number: int) -> list[str]:
    """Return what stands for critiques that are not written yet: the last ones, or filler."""
    last = state["rounds"][-1] if state["rounds"] else None
    if last is not None and last.get(step):
        return last.get("directions") or [last[step]]
    filler = " ".join(["word"] * (ceil(length) - 1))
    return [f"{filler} {reply}" for reply in range(number)]
