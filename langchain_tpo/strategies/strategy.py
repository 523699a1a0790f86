"""What a strategy decides: whom a round contrasts and revises, what each draw is shown and told.

A strategy is data without state: everything it needs to know of a run is in the `RunSoFar` that it
is handed, so a run that was stopped goes on as if it had not been. It decides; the five steps do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field

from langchain_tpo.candidate_pool import Candidate, best_reward, chosen, flaws_of, ranked, rejected
from langchain_tpo.constructors import OneTypedLine, typed_fields
from langchain_tpo.errors import NothingScoredError, PromptError, SettingsError
from langchain_tpo.prompts import SMALL_MODEL_PROMPTS, TPO_PROMPTS, TPOPrompts
from langchain_tpo.prompts.blocks import Tried
from langchain_tpo.state import Round
from langchain_tpo.strategies.agreement import most_agreed

CritiqueStep: TypeAlias = Literal["textual_loss", "textual_gradient"]
"""The steps in which the critic writes."""

CRITIQUE_STEPS: tuple[CritiqueStep, ...] = get_args(CritiqueStep)
"""Both of them, in their order."""

FRESH = "fresh"
"""The form of a draw that answers the conversation anew, as the first ones did."""


@typed_fields
@dataclass(frozen=True, kw_only=True)
class Draw:
    """Some draws of a round that share one prompt."""

    n: int = 1
    """How many."""
    form: str = "update"
    """Which prompt: `update`, one of the wording's other `forms`, or `fresh`, which sends the
    conversation as it is."""
    shown: tuple[int, ...] = ()
    """What `candidates` holds: indices in the pool, in the order to show them."""
    direction: str = ""
    """What `direction` holds."""
    remark: str | None = None
    """What `remark` holds; None for what the reward found wrong with the response to revise."""
    label: str = ""
    """What candidates say in `form` of how they were asked for; the form itself where empty."""


@dataclass(frozen=True)
class RunSoFar:
    """What a strategy is told of a run, once a round has begun."""

    pool: Sequence[Candidate]
    """Every response of the run in order of arrival."""
    rounds: Sequence[Round]
    """The rounds begun; the last is under way."""
    width: int
    """How many draws this round has."""

    @property
    def chosen(self) -> int:
        """Index of the response that this round revises."""
        return self.rounds[-1]["chosen"]

    @property
    def rejected(self) -> int | None:
        """Index of the response that this round holds against it, if there is one."""
        return self.rounds[-1]["rejected"]

    def best(self, number: int) -> tuple[int, ...]:
        """Return the indices of the responses with the highest rewards, best first, texts once.

        Args:
            number: How many at most.
        """
        return self._ranked[:number]

    def worst(self, number: int) -> tuple[int, ...]:
        """Return the indices of the responses with the lowest rewards, worst first, texts once.

        Args:
            number: How many at most.
        """
        return self._ranked[::-1][:number]

    def tried(self, number: int) -> tuple[Tried, ...]:
        """Return what the rounds since the last gain advised, and what came of it, oldest first.

        Args:
            number: How many rounds at most, the latest of them.
        """
        without_gain: list[Tried] = []
        for place in reversed(range(len(self.rounds) - 1)):
            earlier = self.rounds[place]
            drawn = [one for one in self.pool if one["round"] == place + 1]
            before = best_reward(self.pool, until=place)
            after = best_reward(drawn, until=place + 1)
            if after > before or len(without_gain) == number:
                break
            advice = earlier.get("textual_gradient") or earlier.get("textual_loss", "")
            without_gain.append(Tried(advice=advice, before=before, after=after))
        return tuple(reversed(without_gain))

    def found(self, number: int) -> tuple[str, ...]:
        """Return what the reward found wrong with what this round revises, then earlier rounds did.

        Each text once, and none of a response that nothing is wrong with.

        Args:
            number: How many earlier findings at most, the latest of them.
        """
        began_from = [self.pool[each["chosen"]] for each in reversed(self.rounds)]
        findings = dict.fromkeys(text for text in map(flaws_of, began_from) if text)
        return tuple(findings)[: 1 + number]

    @cached_property
    def _ranked(self) -> tuple[int, ...]:
        return tuple(ranked(self.pool))


class Strategy(OneTypedLine):
    """How rounds are played; this one plays them as the paper does.

    Change what differs and leave the rest: `draws` for what a round asks, `contrast` for whom it
    revises, `critiques` for what the critic writes before, `wordings` for the prompts, `answer` for
    the final choice. Options are fields, as in any pydantic model.

    Raises:
        SettingsError: In one line, when an option is unknown or out of range.

    Example:
        >>> strategy = Strategy(fresh=1)
        >>> strategy.completions(5, 2), strategy.stages(2), strategy.supersteps(2)
        (19, 7, 10)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )

    name: ClassVar[str] = "strategy"
    """How settings, manifests and reports call it."""
    critiques: ClassVar[tuple[CritiqueStep, ...]] = ("textual_loss", "textual_gradient")
    """The steps in which the critic writes: both, one or none."""
    contrasts: ClassVar[bool] = True
    """Whether its first round needs two responses, one to hold against the other."""
    wordings: ClassVar[Mapping[str, TPOPrompts]] = {
        "paper": TPO_PROMPTS,
        "small": SMALL_MODEL_PROMPTS,
    }
    """Its prompts in each style. `paper`: in tags and at length. `small`: short tasks and whole
    replies, no tags to keep."""

    fresh: int = Field(default=0, ge=0)
    """How many of a round's N draws answer anew instead of revising."""
    memory: int = Field(default=0, ge=0)
    """How many earlier rounds the critic is reminded of that brought no gain: what they advised,
    and what came of it (Feedback Descent, arXiv 2511.07919). A gain clears the memory. Where the
    reward's own words are told, as by `explain`: how many earlier findings are told with them."""

    agreed: int = Field(default=0, ge=0)
    """Among how many of the best the answer is the one that all responses agree with most; 0 for
    the highest reward. It guards against a reward's outliers (MBR-BoN, arXiv 2404.01054), and gives
    up that no first response has a higher reward than the answer."""

    def compared(self, run: RunSoFar) -> tuple[int, ...]:  # noqa: ARG002 what others may need
        """Return what `candidates` of the critic's prompts holds, in the order to show it.

        Args:
            run: What is known so far.
        """
        return ()

    def contrast(self, pool: Sequence[Candidate]) -> tuple[int, int | None]:
        """Return whom the next round revises, and whom it holds against that one.

        Args:
            pool: Every response of the run, at least one of them scored.
        """
        best, worst = chosen(pool), rejected(pool)
        if best is None or worst is None:
            raise NothingScoredError("Nothing is scored: there is no response to revise.")
        if pool[worst]["text"] != pool[best]["text"]:
            return best, worst
        others = [index for index in ranked(pool) if pool[index]["text"] != pool[best]["text"]]
        return best, others[-1] if others else None

    def draws(self, run: RunSoFar) -> Iterable[Draw]:
        """Return the N draws of a round: as many as `run.width` together.

        Args:
            run: What is known so far.
        """
        return (Draw(n=run.width - self.fresh, shown=(run.chosen,)), *self.afresh())

    def answer(self, pool: Sequence[Candidate]) -> int | None:
        """Return the index of the run's answer, once it has ended; None where nothing is scored.

        Args:
            pool: Every response of the run. What is cut or faulty agrees with nothing.
        """
        best = chosen(pool)
        if best is None or not self.agreed:
            return best
        whole = [index for index, one in enumerate(pool) if not one.get("demoted", False)]
        among = [whole.index(index) for index in ranked(pool)[: self.agreed] if index in whole]
        if not among:
            return best
        return whole[most_agreed([pool[index]["text"] for index in whole], among)]

    def afresh(self) -> tuple[Draw, ...]:
        """Return the draws that answer anew."""
        return (Draw(n=self.fresh, form=FRESH),) if self.fresh else ()

    def worded(self, style: str) -> TPOPrompts:
        """Return this strategy's prompts in a style.

        Raises:
            PromptError: When it has none of that name.
        """
        if style not in self.wordings:
            known = ", ".join(f"`{name}`" for name in self.wordings) or "none"
            raise PromptError(
                f"`prompts` of the strategy `{self.name}` must be a TPOPrompts or one of {known}, "
                f"got `{style!r}`."
            )
        return self.wordings[style]

    def check(self, width: int, prompts: TPOPrompts) -> None:
        """Refuse what cannot work, before anything is asked.

        Args:
            width: N.
            prompts: The wording.

        Raises:
            SettingsError: When there are too few draws.
            PromptError: When a prompt is missing.
        """
        least = max(2 if self.contrasts else 1, self.fresh + 1)
        if width < least:
            why = "a chosen and a rejected response" if least > self.fresh + 1 else "one to revise"
            raise SettingsError(
                f"`width` must be at least {least} when `depth` > 0 ({why}), got {width}."
            )
        for step in self.critiques:
            if getattr(prompts, step) is None:
                raise PromptError(
                    f"The strategy `{self.name}` asks for a {step.replace('_', ' ')}, and the "
                    f"prompts `{prompts.name}` have none."
                )
        if self.memory:
            self._check_memory(width, prompts)

    def _check_memory(self, width: int, prompts: TPOPrompts) -> None:  # noqa: ARG002 what others need
        """Refuse to remember what is never written, or what no prompt can tell."""
        if not self.critiques:
            raise SettingsError(
                f"`memory` must be 0 for the strategy `{self.name}`, got {self.memory}: it asks "
                "for no critique that could be remembered."
            )
        if not any("history" in prompts.asked(step) for step in self.critiques):
            raise PromptError(
                f"`memory` needs a critic's prompt with `history`, and the prompts "
                f"`{prompts.name}` have none."
            )

    def replies(self, step: CritiqueStep, width: int) -> int:  # noqa: ARG002 what others may need
        """Return how many replies a step asks the critic for.

        Of more than one, `RunSoFar.rounds` has each as one of the round's `directions`.

        Args:
            step: One of `critiques`.
            width: N.
        """
        return 1

    def critic_replies(self, width: int) -> int:
        """Return how many replies of the critic a round takes.

        Args:
            width: N.
        """
        return sum(self.replies(step, width) for step in self.critiques)

    def completions(self, width: int, depth: int) -> int:
        """Return the completions of a run that nothing stops early.

        Args:
            width: N.
            depth: D.
        """
        return width + depth * (self.critic_replies(width) + width)

    def stages(self, depth: int) -> int:
        """Return how many model calls of such a run have to wait for each other."""
        return 1 + depth * (len(self.critiques) + 1)

    def supersteps(self, depth: int) -> int:
        """Return how many nodes of the graph such a run passes."""
        return 2 + depth * (len(self.critiques) + 2)

    @property
    def spec(self) -> str:
        """The strategy in a line, as settings and command lines take it.

        Example:
            >>> Strategy(fresh=2).spec
            'strategy:fresh=2'
        """
        changed = (name for name in type(self).model_fields if name in self.model_fields_set)
        options = ",".join(f"{name}={_text(getattr(self, name))}" for name in changed)
        return f"{self.name}:{options}" if options else self.name


def _text(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
