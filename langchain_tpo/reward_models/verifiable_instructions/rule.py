"""What a rule is: a pure function over a text that says how well it is kept, and in what words.

Knows nothing of prompts, messages or rewards.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

BROKEN_AT_MOST = 0.5
"""What a broken rule can still earn: nearly keeping it is better than ignoring it, and never as
good as keeping it."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How well one rule is kept by one text.

    Example:
        >>> Verdict(satisfaction=1.0, words="64 words, asked for at most 70").kept
        True
    """

    satisfaction: float | None
    """1 when kept, else from 0 to a half by how far off the text is; None when nothing here can
    check it."""
    words: str
    """What was found and what was asked for."""
    advice: str = ""
    """What to do to keep it, as one would tell a writer; empty where `words` say it already."""

    @property
    def kept(self) -> bool:
        """Whether the rule is kept in full."""
        return self.satisfaction == 1


class Rule(ABC):
    """One instruction that can be checked by rule; subclass it to add a kind of your own.

    Example:
        >>> class Rhymes(Rule):
        ...     topic = "rhyme"
        ...
        ...     def check(self, text):
        ...         return verdict(text.endswith("ine"), "a rhyme on `ine` was asked for")
        >>> Rhymes().check("It will shine").kept
        True
    """

    @property
    @abstractmethod
    def topic(self) -> str:
        """What the rule is about; of two rules on one topic the later one holds."""

    @abstractmethod
    def check(self, text: str) -> Verdict:
        """Say how well a text keeps the rule."""


def verdict(
    kept: bool,  # noqa: FBT001 the verdict itself
    words: str,
    *,
    closeness: float = 0.0,
    advice: str = "",
) -> Verdict:
    """Return the verdict of a rule.

    Args:
        kept: Whether the rule is kept in full.
        words: What was found and what was asked for.
        closeness: When it is broken, from 0 (not at all kept) to 1 (all but kept).
        advice: What to do to keep it.

    Example:
        >>> verdict(False, "half way", closeness=0.5).satisfaction
        0.25
    """
    satisfaction = 1.0 if kept else BROKEN_AT_MOST * min(1.0, max(0.0, closeness))
    return Verdict(satisfaction=satisfaction, words=words, advice=advice)
