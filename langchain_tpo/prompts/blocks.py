"""What a prompt shows several of: candidates with their rewards, and what earlier rounds tried.

Every text inside is fenced by itself; the tags around it are ours.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from langchain_tpo.text.fencing import fenced


class Block(Protocol):
    """Several untrusted texts as one variable of a prompt."""

    def text(self, tags: Iterable[str]) -> str:
        """Write them down, none of them closing any of `tags`."""
        ...


Blocks: TypeAlias = Mapping[str, Block]
"""By the names of the variables."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A candidate as a prompt shows it."""

    response: str
    reward: float | None = None
    remark: str = ""
    """What the reward model said of it."""


@dataclass(frozen=True)
class CandidatesBlock:
    """Candidates in the order they are shown.

    Example:
        >>> print(CandidatesBlock([Shown(response="Oil it.", reward=0.5)]).text([]))
        <CANDIDATE number="1" reward="0.5">
        Oil it.
        </CANDIDATE>
    """

    shown: Sequence[Shown]

    def text(self, tags: Iterable[str]) -> str:
        """Write them down, numbered from 1."""
        names = tuple(tags)
        return "\n\n".join(_candidate(*each, names) for each in enumerate(self.shown, start=1))


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What one earlier round advised, and what came of it."""

    advice: str
    before: float
    """The best reward when it began."""
    after: float
    """The best reward among what it drew."""


@dataclass(frozen=True)
class HistoryBlock:
    """Earlier rounds, oldest first; without any, nothing at all.

    Example:
        >>> HistoryBlock([]).text([])
        ''
        >>> print(HistoryBlock([Tried(advice="Shorter!", before=0.5, after=0.25)]).text([]))
        <BLANKLINE>
        What was advised before and did not help; advise something else:
        <EARLIER_ADVICE best_before="0.5" best_of_its_answers="0.25">
        Shorter!
        </EARLIER_ADVICE>
        <BLANKLINE>
    """

    rounds: Sequence[Tried]

    def text(self, tags: Iterable[str]) -> str:
        """Write them down."""
        names = tuple(tags)
        if not self.rounds:
            return ""
        told = "\n".join(
            f'<EARLIER_ADVICE best_before="{figure(one.before)}" '
            f'best_of_its_answers="{figure(one.after)}">\n{fenced(one.advice, names)}\n'
            "</EARLIER_ADVICE>"
            for one in self.rounds
        )
        return f"\nWhat was advised before and did not help; advise something else:\n{told}\n"


NO_BLOCKS: Blocks = {"candidates": CandidatesBlock([]), "history": HistoryBlock([])}
"""Where there is nothing to show."""


def figure(reward: float | None) -> str:
    """Return a reward as prompts show it.

    Example:
        >>> figure(0.123456), figure(None)
        ('0.1235', 'none')
    """
    return "none" if reward is None else f"{reward:.4g}"


def block_frames(variables: Collection[str]) -> list[str]:
    """Return the tags that the blocks among some variables bring, as text."""
    frames: Mapping[str, Block] = {
        "candidates": CandidatesBlock([Shown(response="", remark="-")]),
        "history": HistoryBlock([Tried(advice="", before=0, after=0)]),
    }
    return [block.text([]) for name, block in frames.items() if name in variables]


def _candidate(number: int, shown: Shown, tags: Sequence[str]) -> str:
    response = fenced(shown.response, tags)
    text = (
        f'<CANDIDATE number="{number}" reward="{figure(shown.reward)}">\n{response}\n</CANDIDATE>'
    )
    if shown.remark:
        text += f'\n<REMARK number="{number}">{fenced(shown.remark, tags)}</REMARK>'
    return text
