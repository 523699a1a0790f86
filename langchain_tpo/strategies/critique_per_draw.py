"""A critique for each draw: the revisions of a round differ because their advice does."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from langchain_tpo.prompts import ADVICE_PROMPTS, SMALL_ADVICE_PROMPTS, TPOPrompts
from langchain_tpo.strategies.strategy import CritiqueStep, Draw, RunSoFar, Strategy


class Advise(Strategy):
    """The critic writes one piece of advice for each revision, all at once.

    One critique for all draws of a round sends them all the same way. Several, drawn at the
    critic's temperature, spread them, as the instructions of `directions` do, but by what this
    answer lacks. Where a critique fails or comes back empty, more than one draw is told another.

    The idea of an instruction per draw is TMPC's (arXiv 2502.20795); that it comes from a critique
    of the answer is TPO's (2501.12895).

    Example:
        >>> Advise().completions(5, 2), Advise().stages(2)
        (25, 5)
    """

    name: ClassVar[str] = "advise"
    critiques: ClassVar[tuple[CritiqueStep, ...]] = ("textual_gradient",)
    contrasts: ClassVar[bool] = False
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": ADVICE_PROMPTS,
        "small": SMALL_ADVICE_PROMPTS,
    }

    def replies(self, step: CritiqueStep, width: int) -> int:  # noqa: ARG002 there is one step
        """Return one for each draw that revises."""
        return width - self.fresh

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        """Tell each draw what one of the critiques says."""
        current = run.rounds[-1]
        advice = current.get("directions") or [current["textual_gradient"]]
        revised = run.width - self.fresh
        told = sorted(number % len(advice) for number in range(revised))
        return (*(Draw(direction=advice[number]) for number in told), *self.afresh())
