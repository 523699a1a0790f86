"""A rule on what a text adds to the request: a bare form or a copy adds nothing."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from langchain_tpo.reward_models.verifiable_instructions.answer_text import UNSPACED, comparable
from langchain_tpo.reward_models.verifiable_instructions.count_rules import number_of
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict

_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+(?:'[^\W_{UNSPACED}]+)*")


@dataclass(frozen=True)
class OwnWords(Rule):
    """The text has some words that the request does not have; each counts once.

    In scripts without spaces each character counts.

    Example:
        >>> OwnWords(at_least=2, request="Why oil a table?").check(
        ...     "Why oil a table? It dries."
        ... ).kept
        True
    """

    at_least: int
    """How many words."""
    request: str = field(repr=False)
    """What the text answers."""

    @property
    def topic(self) -> str:
        """The words."""
        return "words of its own"

    def check(self, text: str) -> Verdict:
        """Count the words that only the text has."""
        own = len(_words(text) - self._asked)
        return verdict(
            own >= self.at_least,
            f"{number_of(own, 'word')} beside those of the request, at least {self.at_least} "
            "make an answer",
            closeness=own / self.at_least,
            advice="write the whole answer, in words of your own",
        )

    @cached_property
    def _asked(self) -> set[str]:
        return _words(self.request)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(comparable(text)))
