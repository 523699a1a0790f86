"""Strategies that ask for no critique: the update is shown more, or told more, instead.

Their rounds take N completions in one stage where the paper's take N + 2 in three.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from langchain_tpo.candidate_pool import flaws_of
from langchain_tpo.constructors import TupleField
from langchain_tpo.errors import PromptError, SettingsError
from langchain_tpo.prompts import (
    DIRECTED_PROMPTS,
    EXPLAINED_PROMPTS,
    SMALL_DIRECTED_PROMPTS,
    SMALL_EXPLAINED_PROMPTS,
    SMALL_SYNTHESIS_PROMPTS,
    SYNTHESIS_PROMPTS,
    TPOPrompts,
)
from langchain_tpo.strategies.strategy import FRESH, CritiqueStep, Draw, RunSoFar, Strategy

DIRECTIONS = (
    "Make it more concrete: add an example, a figure or a step where it stays general.",
    "Make it shorter: leave out whatever the reader does not need.",
    "Put yourself in the reader's place: begin with what they need most.",
    "Check every statement: correct or leave out what may be wrong.",
    "Add what the question asks for and the answer leaves out.",
    "Order it better: one thought after the other, easy to follow.",
)
"""What draws are told where nobody says otherwise, in turn."""

REPAIR, REMIND = "repair", "remind"
"""Forms of `Explain`: the old answer with what is wrong in it, and the remark without it."""


class WithoutCritique(Strategy):
    """What these have in common: N(1 + D) completions in 1 + D stages."""

    critiques: ClassVar[tuple[CritiqueStep, ...]] = ()
    contrasts: ClassVar[bool] = False


class Synthesize(WithoutCritique):
    """Every draw sees the best answers with their rewards, keeps their strengths, drops the rest.

    After RF-SeqBoN (arXiv 2512.04558), FusioN (2510.00931) and RSA (2509.26626).

    Example:
        >>> Synthesize().completions(5, 2), Synthesize().stages(2)
        (15, 3)
    """

    name: ClassVar[str] = "synthesize"
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": SYNTHESIS_PROMPTS,
        "small": SMALL_SYNTHESIS_PROMPTS,
    }

    top: int = Field(default=3, ge=1)
    """How many answers are shown; fewer where there are not so many different ones."""

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        """Show the best answers of the whole pool."""
        return (Draw(n=run.width - self.fresh, shown=run.best(self.top)), *self.afresh())


class Directions(WithoutCritique):
    """Every draw rewrites the best answer with an aim of its own.

    After TMPC (arXiv 2502.20795), whose ablation finds most of its gain here.

    Example:
        >>> Directions(directions=("Shorter!", "Longer!")).spec
        'directions:directions=Shorter!/Longer!'
    """

    name: ClassVar[str] = "directions"
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": DIRECTED_PROMPTS,
        "small": SMALL_DIRECTED_PROMPTS,
    }

    directions: TupleField[str] = Field(default=DIRECTIONS, min_length=1)
    """What the draws of a run are told, one after the other, from the first again after the
    last."""

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        """Tell each draw something else; the next round goes on where this one ends."""
        revised = run.width - self.fresh
        told = (len(run.rounds) - 1) * revised
        turns = ((told + number) % len(self.directions) for number in range(revised))
        names = [self.directions[turn] for turn in turns]
        return (*(Draw(direction=name) for name in sorted(names, key=names.index)), *self.afresh())


class Explain(WithoutCritique):
    """The update is shown the best answer and what the reward found wrong with it, and mends that.

    For rewards that explain: tests, rules, validators, a judge's comment. The draws of a round
    differ in form, since none suits all prompts: `repair` shows the answer and changes only what
    is needed, `remind` shows the remark without the answer, which would anchor, `fresh` neither.
    Where the reward finds nothing wrong with the best answer, all draws are fresh.

    After GEPA's side information, CRITIC and "LLMs cannot self-correct reasoning yet" (arXiv
    2310.01798): feedback from outside helps where self-critique does not.

    Example:
        >>> Explain().completions(5, 2), Explain().stages(2)
        (15, 3)
    """

    name: ClassVar[str] = "explain"
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": EXPLAINED_PROMPTS,
        "small": SMALL_EXPLAINED_PROMPTS,
    }

    forms: TupleField[str] = Field(default=(REMIND, REPAIR), min_length=1)
    """In which forms the draws ask, in turn: `repair`, `remind`, or one of the prompts' `forms`.
    With `memory`, all but `repair` are told as well what the reward found in the answers that
    earlier rounds began from: what those rounds have mended may else be lost again."""

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        """Divide the draws among the forms."""
        if not flaws_of(run.pool[run.chosen]):
            return (Draw(n=run.width, form=FRESH),)
        revised, remark = run.width - self.fresh, _all_found(run.found(self.memory))
        asked = [self.forms[number % len(self.forms)] for number in range(revised)]
        in_turn = sorted(asked, key=self.forms.index)
        return (*(_in_form(form, remark) for form in in_turn), *self.afresh())

    def check(self, width: int, prompts: TPOPrompts) -> None:
        """Refuse forms that the prompts do not have."""
        known: Sequence[str] = (REPAIR, FRESH, *prompts.forms)
        for form in self.forms:
            if form not in known:
                raise PromptError(
                    f"`forms` must be some of {', '.join(f'`{name}`' for name in known)}, which "
                    f"the prompts `{prompts.name}` have, got `{form}`."
                )
        super().check(width, prompts)

    def _check_memory(self, width: int, prompts: TPOPrompts) -> None:
        asked = self.forms[: width - self.fresh]
        told = [form for form in asked if form not in (REPAIR, FRESH)]
        if not told:
            raise SettingsError(
                f"`memory` of the strategy `{self.name}` needs a form that begins anew, such as "
                f"`{REMIND}`, among the first {width - self.fresh} of `forms`, one for each draw, "
                f"got {', '.join(f'`{form}`' for form in asked)}: set it to 0, or name one."
            )
        if not any("remark" in prompts.asked(form) for form in told):
            raise PromptError(
                f"`memory` needs a form with `remark`, and the prompts `{prompts.name}` have none "
                f"in {', '.join(f'`{form}`' for form in told)}."
            )


def _in_form(form: str, remark: str) -> Draw:
    """Return a draw; to repair is what every update does, by the answer's own remark."""
    if form == REPAIR:
        return Draw(label=form)
    return Draw(form=form, label=form, remark=None if form == FRESH else remark)


def _all_found(findings: Sequence[str]) -> str:
    latest, *earlier = findings
    listed = "".join(f"\n- {finding}" for finding in earlier)
    return f"{latest}\n\nIn answers before that one it found:{listed}" if earlier else latest
