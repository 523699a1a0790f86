"""The paper's method, its baseline, and the same in fewer words or calls."""

from collections.abc import Mapping
from typing import ClassVar

from langchain_tpo.prompts import (
    FUSED_PROMPTS,
    REVISION_PROMPTS,
    SMALL_FUSED_PROMPTS,
    SMALL_REVISION_PROMPTS,
    THREADED_PROMPTS,
    TPOPrompts,
)
from langchain_tpo.strategies.strategy import CritiqueStep, Strategy


class Tpo(Strategy):
    """The paper: a loss contrasts best and worst, a gradient draws advice from it.

    Example:
        >>> Tpo().completions(5, 2), Tpo().stages(2)
        (19, 7)
    """

    name: ClassVar[str] = "tpo"


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
