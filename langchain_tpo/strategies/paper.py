"""The paper's method, its baseline, and the same in fewer words or calls."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from langchain_tpo.errors import PromptError
from langchain_tpo.prompts import (
    CONTRAST_PROMPTS,
    FUSED_PROMPTS,
    REVISION_PROMPTS,
    SMALL_CONTRAST_PROMPTS,
    SMALL_FUSED_PROMPTS,
    SMALL_REVISION_PROMPTS,
    THREADED_PROMPTS,
    TPOPrompts,
)
from langchain_tpo.strategies.strategy import CritiqueStep, RunSoFar, Strategy


class Tpo(Strategy):
    """The paper: a loss contrasts best and worst, a gradient draws advice from it.

    Example:
        >>> Tpo().completions(5, 2), Tpo().stages(2)
        (19, 7)
    """

    name: ClassVar[str] = "tpo"

    contrast_k: int = Field(default=1, ge=1)
    """How many of the best and how many of the worst responses the loss compares."""

    def compared(self, run: RunSoFar) -> tuple[int, ...]:
        """Return the K best and the K worst, best first, each once."""
        if self.contrast_k == 1:
            return ()
        best, worst = run.best(self.contrast_k), run.worst(self.contrast_k)
        return (*best, *(place for place in reversed(worst) if place not in best))

    def worded(self, style: str) -> TPOPrompts:
        """Return the prompts in a style, those for several responses where several are compared."""
        several = {"paper": CONTRAST_PROMPTS, "small": SMALL_CONTRAST_PROMPTS}
        prompts = super().worded(style)
        return prompts if self.contrast_k == 1 else several[style]

    def check(self, width: int, prompts: TPOPrompts) -> None:
        """Refuse several responses where the loss does not show them."""
        super().check(width, prompts)
        if self.contrast_k > 1 and "candidates" not in prompts.asked("textual_loss"):
            raise PromptError(
                f"`contrast_k` needs a loss that shows `candidates`, and the prompts "
                f"`{prompts.name}` do not."
            )


class Revision(Strategy):
    """The paper's baseline: the best response is criticized and revised by itself."""

    name: ClassVar[str] = "revision"
    contrasts: ClassVar[bool] = False
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": REVISION_PROMPTS,
        "small": SMALL_REVISION_PROMPTS,
    }


class Threaded(Strategy):
    """The paper's three calls as one conversation, for servers with a prefix cache."""

    name: ClassVar[str] = "threaded"
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {"paper": THREADED_PROMPTS}


class Fused(Strategy):
    """Loss and gradient in one reply, and a round as one conversation.

    Example:
        >>> Fused().completions(5, 2), Fused().stages(2)
        (17, 5)
    """

    name: ClassVar[str] = "fused"
    critiques: ClassVar[tuple[CritiqueStep, ...]] = ("textual_loss",)
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": FUSED_PROMPTS,
        "small": SMALL_FUSED_PROMPTS,
    }
