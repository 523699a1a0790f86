"""How wide best-of-N becomes for the tokens that another system took on the same prompt.

Pure: reads what a finished run cost, and what its first samples cost.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_tpo.evaluation.systems import MatchOn
from langchain_tpo.sampling.usage import Usage, total_usage
from langchain_tpo.state import StepRecord

PRICE_OF_READING: Mapping[MatchOn, float] = {"output": 0.0, "all": 1.0, "money": 0.25}
"""What a prompt token counts, beside a generated one, by what is matched. Money: providers ask
four times as much for a generated token as for a prompt's; discounts of their caches, which a loop
has more use for than plain draws, are left out."""

MOST_SAMPLES = 512
"""A bound against a run whose first samples were nearly empty."""

SMALLEST_ROOM = 0.5
"""Of the cost of a sample: with less of the budget left, one more would miss it by more."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run took, as far as matching needs to know it.

    Example:
        >>> sample = Usage(
        ...     requests=1, completions=5, input_tokens=20, output_tokens=500, cached_tokens=0
        ... )
        >>> whole = {**sample, "completions": 19, "input_tokens": 9000, "output_tokens": 2300}
        >>> Spent(sample=sample, whole=whole).next_width(sample, "output")
        14
    """

    sample: Usage
    """Of the first step: the plain draws that best-of-N consists of."""
    whole: Usage
    """Of the run."""

    def next_width(self, drawn: Usage, match_on: MatchOn) -> int:
        """Return how many samples to have drawn next: as many as before when no more fit.

        That is half of those that still fit by what the samples so far took. All at once would come
        out dearer than the run: where the first few happen to be short, too many seem to fit.
        Where a provider does not count tokens, completions are matched instead, and at once.

        Args:
            drawn: What the samples so far took; at first those of the run itself.
            match_on: What prompts count. Best-of-N pays its prompt once per request.
        """
        price, done = PRICE_OF_READING[match_on], drawn["completions"]
        budget, taken = self._budget(price), self._taken(drawn, price)
        if budget is None or not taken or not done:
            return min(max(1, self.whole["completions"]), MOST_SAMPLES)
        room = budget / taken * done - done
        more = math.ceil(room / 2) if room >= SMALLEST_ROOM else 0
        return min(done + more, MOST_SAMPLES)

    def _budget(self, price: float) -> float | None:
        """A prompt that one request reads for all draws is paid once, however many there are."""
        read, written = self.whole["input_tokens"], self.whole["output_tokens"]
        if not price or written is None:
            return written
        shared = (self.sample["input_tokens"] or 0) if self._reads_once else 0
        return None if read is None else written + price * (read - shared)

    def _taken(self, drawn: Usage, price: float) -> float | None:
        tokens, prompt = drawn["output_tokens"], drawn["input_tokens"]
        if not tokens or not price or prompt is None or self._reads_once:
            return tokens
        return tokens + price * prompt

    @property
    def _reads_once(self) -> bool:
        return self.sample["requests"] == 1


def spent_in(run: Mapping[str, Any]) -> Spent:
    """Read what a recorded run took."""
    return Spent(sample=sampling(run["steps"]), whole=run["usage"])


def sampling(steps: Iterable[StepRecord]) -> Usage:
    """Return what plain draws took in all: shared ones and a run's own."""
    return total_usage(step["usage"] for step in steps if step["step"] == "sample")
