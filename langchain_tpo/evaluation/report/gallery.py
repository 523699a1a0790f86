"""The cases worth reading: where a system gained most over its baseline, and where it lost most.

Chosen by numbers first, then fetched from the records: texts of other examples are never held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from langchain_tpo.evaluation.outcomes import Outcome, question
from langchain_tpo.evaluation.records import Record

CASES = 4
"""Of either kind."""

SHOWN_CHARACTERS = 6000
"""How much of one text the page shows."""


@dataclass(frozen=True, kw_only=True)
class RoundText:
    """What was said in one round."""

    number: int
    """Of the round, from 1."""
    chosen_reward: float | None
    """Of the response that the loss praises."""
    rejected_reward: float | None
    """Of the response that the loss holds against it."""
    textual_loss: str
    """Why the one beats the other."""
    textual_gradient: str
    """What to do better."""


@dataclass(frozen=True, kw_only=True)
class CaseTurn:
    """One question, answered by a system and by its baseline."""

    question: str
    """What the user asked."""
    answer: str
    """Ours."""
    reward: float
    """Of it."""
    baseline_answer: str
    """Theirs."""
    baseline_reward: float
    """Of it."""
    rounds: Sequence[RoundText]
    """How ours came about."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One example; most have one turn."""

    example: str
    """Its name."""
    gain: float
    """Our reward less theirs, averaged over turns."""
    turns: Sequence[CaseTurn]
    """What was asked, one after the other."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Cases of one system against one baseline."""

    system: str
    """Ours."""
    baseline: str
    """Theirs."""
    best: Sequence[Case]
    """Where ours gained most."""
    worst: Sequence[Case]
    """Where ours gained least, or lost."""


def chosen_examples(
    ours: Mapping[str, Outcome], theirs: Mapping[str, Outcome]
) -> tuple[list[str], list[str]]:
    """Return the examples with the largest and with the smallest gain, no example twice."""
    gains = sorted(
        ((ours[name].reward - theirs[name].reward, name) for name in ours.keys() & theirs.keys()),
        key=lambda pair: (-pair[0], pair[1]),
    )
    names = [name for _, name in gains]
    best = names[: min(CASES, (len(names) + 1) // 2)]
    return best, [name for name in reversed(names) if name not in best][:CASES]


def gallery_of(
    records: Iterable[Record],
    *,
    system: str,
    baseline: str,
    examples: tuple[Sequence[str], Sequence[str]],
) -> Gallery:
    """Fetch the texts of chosen examples.

    Args:
        records: Of the run; all of them are looked at.
        system: Ours.
        baseline: Theirs.
        examples: Names of the best and of the worst.
    """
    wanted = {(name, who) for part in examples for name in part for who in (system, baseline)}
    found = {
        (record["example"], record["system"]): record["runs"]
        for record in records
        if (record["example"], record["system"]) in wanted and record["runs"]
    }
    best, worst = (
        [_case(name, found[name, system], found[name, baseline]) for name in part]
        for part in examples
    )
    return Gallery(system=system, baseline=baseline, best=best, worst=worst)


def _case(
    example: str, ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> Case:
    turns = [_turn(*runs) for runs in zip(ours, theirs, strict=False)]
    gain = fmean(turn.reward - turn.baseline_reward for turn in turns)
    return Case(example=example, gain=gain, turns=turns)


def _turn(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> CaseTurn:
    return CaseTurn(
        question=_shown(question(ours)),
        answer=_shown(ours["answer"]),
        reward=ours["reward"],
        baseline_answer=_shown(theirs["answer"]),
        baseline_reward=theirs["reward"],
        rounds=[_round(number, ours) for number in range(1, len(ours["rounds"]) + 1)],
    )


def _round(number: int, run: Mapping[str, Any]) -> RoundText:
    this = run["rounds"][number - 1]
    return RoundText(
        number=number,
        chosen_reward=run["pool"][this["chosen"]]["reward"],
        rejected_reward=run["pool"][this["rejected"]]["reward"],
        textual_loss=_shown(this.get("textual_loss", "")),
        textual_gradient=_shown(this.get("textual_gradient", "")),
    )


def _shown(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]} (... {len(text) - SHOWN_CHARACTERS} more characters)"
