"""How wide best-of-N may be for the tokens that another system took on the same prompt.

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


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run took, as far as matching needs to know it.

    Example:
        >>> sample = Usage(
        ...     requests=1, completions=5, input_tokens=20, output_tokens=500, cached_tokens=0
        ... )
        >>> whole = {**sample, "completions": 19, "input_tokens": 9000, "output_tokens": 2300}
        >>> Spent(sample=sample, whole=whole).width("output")
        23
    """

    sample: Usage
    """Of the first step: the plain draws that best-of-N consists of."""
    whole: Usage
    """Of the run."""

    def width(self, match_on: MatchOn) -> int:
        """Return the number of samples that costs as much, rounded to the nearest and at least one.

        Where a provider does not count tokens, completions are matched instead.

        Args:
            match_on: What prompts count. Best-of-N pays its prompt once per request.
        """
        price = PRICE_OF_READING[match_on]
        budget, each = self._budget(price), self._per_sample(price)
        if budget is None or not each:
            return min(max(1, self.whole["completions"]), MOST_SAMPLES)
        return min(max(1, math.floor(budget / each + 0.5)), MOST_SAMPLES)

    def _budget(self, price: float) -> float | None:
        """A prompt that one request reads for all draws is paid once, however many there are."""
        read, written = self.whole["input_tokens"], self.whole["output_tokens"]
        if not price or written is None:
            return written
        shared = (self.sample["input_tokens"] or 0) if self.sample["requests"] == 1 else 0
        return None if read is None else written + price * (read - shared)

    def _per_sample(self, price: float) -> float | None:
        tokens, completions = self.sample["output_tokens"], self.sample["completions"]
        if not tokens or not completions:
            return None
        prompt = self.sample["input_tokens"]
        if not price or prompt is None or self.sample["requests"] == 1:
            return tokens / completions
        return (tokens + price * prompt) / completions


def spent_in(run: Mapping[str, Any]) -> Spent:
    """Read what a recorded run took."""
    return Spent(sample=_sampling(run["steps"]), whole=run["usage"])


def _sampling(steps: Iterable[StepRecord]) -> Usage:
    """Add up the plain draws: shared ones and a run's own."""
    return total_usage(step["usage"] for step in steps if step["step"] == "sample")
