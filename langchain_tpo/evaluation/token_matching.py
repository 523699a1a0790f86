"""How wide best-of-N may be for the tokens that another system took on the same prompt.

Pure: reads what a finished run cost, and what its first samples cost.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_tpo.evaluation.systems import MatchOn
from langchain_tpo.result import TPOResult
from langchain_tpo.sampling.usage import Usage, total_usage
from langchain_tpo.state import StepRecord

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
            match_on: Whether prompts count as well. Best-of-N pays its prompt once per request.
        """
        budget = self.whole["output_tokens"]
        each = self._output_per_sample()
        if match_on == "all" and budget is not None:
            budget = self._all_tokens(budget)
            each = self._with_prompt(each)
        if budget is None or not each:
            return min(max(1, self.whole["completions"]), MOST_SAMPLES)
        return min(max(1, math.floor(budget / each + 0.5)), MOST_SAMPLES)

    def _output_per_sample(self) -> float | None:
        tokens, completions = self.sample["output_tokens"], self.sample["completions"]
        return tokens / completions if tokens and completions else None

    def _all_tokens(self, output: int) -> int | None:
        read = self.whole["input_tokens"]
        return None if read is None else output + read - self._shared_prompt()

    def _with_prompt(self, each: float | None) -> float | None:
        prompt, completions = self.sample["input_tokens"], self.sample["completions"]
        if each is None or prompt is None or self.sample["requests"] == 1:
            return each
        return each + prompt / completions

    def _shared_prompt(self) -> int:
        """A prompt that one request reads for all draws is paid once, however many there are."""
        return (self.sample["input_tokens"] or 0) if self.sample["requests"] == 1 else 0


def spent_by(result: TPOResult) -> Spent:
    """Read what a run took."""
    return Spent(sample=_sampling(result.steps), whole=result.usage)


def spent_in(run: Mapping[str, Any]) -> Spent:
    """Read what a recorded run took."""
    return Spent(sample=_sampling(run["steps"]), whole=run["usage"])


def _sampling(steps: Iterable[StepRecord]) -> Usage:
    """Add up the plain draws: shared ones and a run's own."""
    return total_usage(step["usage"] for step in steps if step["step"] == "sample")
