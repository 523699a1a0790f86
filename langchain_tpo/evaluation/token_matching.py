"""How wide best-of-N becomes for the tokens that another system took on the same prompt.

Pure: reads what a finished run cost, and what its first samples cost.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_tpo.evaluation.first_samples import draws_in, first_samples_of
from langchain_tpo.evaluation.systems import MatchOn
from langchain_tpo.sampling.usage import Usage, total_usage

PRICE_OF_READING: Mapping[MatchOn, float] = {"output": 0.0, "all": 1.0, "money": 0.25}
"""What a prompt token counts, beside a generated one, by what is matched. Money: providers ask
four times as much for a generated token as for a prompt's; discounts of their caches, which a loop
has more use for than plain draws, are left out."""

MOST_SAMPLES = 512
"""A bound against a run whose first samples were nearly empty."""

SMALLEST_ROOM = 0.5
"""Of the cost of a sample: with less of the budget left, one more would miss it by more."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Plain draws, and what they took."""

    draws: int
    """How many, those that failed included."""
    sampling: Usage
    """Of the model that drew."""
    scoring: Usage
    """Of a judge that scored them."""
    at_once: bool = False
    """Whether every request made all that were asked for, known where that was more than one: it
    reads its prompt once for them."""

    @property
    def completions(self) -> int:
        """How many draws brought something."""
        return self.sampling["completions"]

    @property
    def failed(self) -> int:
        """How many brought nothing."""
        return self.draws - self.completions


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run took, as far as matching needs to know it.

    Example:
        >>> sample = Usage(
        ...     requests=1, completions=5, input_tokens=20, output_tokens=500, cached_tokens=0
        ... )
        >>> whole = {**sample, "completions": 19, "input_tokens": 9000, "output_tokens": 2300}
        >>> first = Drawn(draws=5, sampling=sample, scoring=total_usage([]))
        >>> Spent(first=first, whole=whole).next_width(first, "output")
        10
    """

    first: Drawn
    """Before its first round: the plain draws that best-of-N consists of."""
    whole: Usage
    """Of the run."""

    def next_width(self, drawn: Drawn, match_on: MatchOn) -> int:
        """Return how many samples to have drawn next: as many as before when no more fit.

        That is half of those that still fit by what the samples so far took, and no more than there
        are. All at once would come out dearer than the run: where the first few happen to be short,
        too many seem to fit.
        Where a provider does not count tokens, completions are matched instead, and at once. What a
        judge takes is counted on both sides, and a draw that failed took nothing.

        Args:
            drawn: The samples so far; at first those of the run itself.
            match_on: What prompts count. Best-of-N pays its prompt once per request.
        """
        price, done = PRICE_OF_READING[match_on], drawn.completions
        budget, taken = self._budget(price, once=drawn.at_once), _taken(drawn, price)
        if budget is None or not taken or not done:
            more = self._completions_left(drawn)
        else:
            room = budget / taken * done - done
            more = min(math.ceil(room / 2), done) if room >= SMALLEST_ROOM else 0
        return max(drawn.draws, min(drawn.draws + more, MOST_SAMPLES))

    def _budget(self, price: float, *, once: bool) -> float | None:
        """A prompt that one request reads for all draws is paid once, however many there are."""
        read, written = self.whole["input_tokens"], self.whole["output_tokens"]
        if not price or written is None:
            return written
        shared = (self.first.sampling["input_tokens"] or 0) if once else 0
        return None if read is None else written + price * (read - shared)

    def _completions_left(self, drawn: Drawn) -> int:
        judged = drawn.scoring["completions"] / max(1, drawn.completions)
        return round(max(1, self.whole["completions"]) / (1 + judged)) - drawn.completions


def spent_in(run: Mapping[str, Any]) -> Spent:
    """Read what a recorded run took."""
    return Spent(first=drawn_in(run), whole=run["usage"])


def drawn_in(run: Mapping[str, Any]) -> Drawn:
    """Read what a run drew before its first round: what it took over and what it drew itself.

    Args:
        run: As it is recorded, or its result's own fields.
    """
    samples = first_samples_of(run)
    steps = [(step["step"], step["usage"]) for step in samples.get("steps", [])]
    sampling = [usage for step, usage in steps if step == "sample"]
    return Drawn(
        draws=draws_in(samples),
        sampling=total_usage(sampling),
        scoring=total_usage(usage for step, usage in steps if step != "sample"),
        at_once=_at_once(sampling),
    )


def _at_once(steps: Sequence[Usage]) -> bool:
    """A request for one says nothing; more requests than steps say that a model makes fewer."""
    made_several = any(step["completions"] > 1 for step in steps)
    return made_several and all(step["requests"] <= 1 for step in steps)


def _taken(drawn: Drawn, price: float) -> float | None:
    both = total_usage([drawn.sampling, drawn.scoring])
    read = (drawn.scoring if drawn.at_once else both)["input_tokens"]
    written = both["output_tokens"]
    if not price or written is None or read is None:
        return written
    return written + price * read
