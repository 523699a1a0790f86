"""What a run costs: money, where prices are known, and arithmetic as the paper estimates it.

Knows usage and which model a step asks; knows nothing of rounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal, TypeAlias

from langchain_tpo.constructors import typed_fields
from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.usage import Usage, total_usage
from langchain_tpo.state import StepName, StepRecord

PAPER_TPO_PFLOPS = 9.3
"""A query at D2-N5 with Llama-3.1-70B-SFT (arXiv 2501.12895)."""

PAPER_DPO_PFLOPS = 72_840
"""DPO training of the same model on 64,000 pairs, as the paper gives it."""

COSTS_IN_THE_PAPER = (
    f"a query at D2-N5 on a 70B model takes {PAPER_TPO_PFLOPS} PFLOPs and DPO training of that "
    f"model {PAPER_DPO_PFLOPS:,}, as much as {PAPER_DPO_PFLOPS / PAPER_TPO_PFLOPS:,.0f} queries "
    "(arXiv 2501.12895)."
)
"""For a reader who wants to compare."""

_PETA = 1e15
_MILLION = 1e6


@typed_fields
@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model costs per million tokens, in any currency.

    Raises:
        SettingsError: In one line, when a price is negative.

    Example:
        >>> usage = Usage(
        ...     requests=1, completions=5, input_tokens=2000, output_tokens=500, cached_tokens=1000
        ... )
        >>> Price(input=0.4, cached_input=0.1, output=1.6).of(usage)
        0.0013
    """

    input: float
    """Of prompt tokens."""
    output: float
    """Of generated tokens."""
    cached_input: float | None = None
    """Of prompt tokens that the server had already worked out; as `input` when None."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a price."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (value >= 0 and isfinite(value)):
                raise SettingsError(f"`{field.name}` of a price must be at least 0, got {value}.")

    def of(self, usage: Usage) -> float | None:
        """Return what a usage costs; None where a token count is unknown."""
        read, written, cached = (
            usage[name] for name in ("input_tokens", "output_tokens", "cached_tokens")
        )
        if read is None or written is None or cached is None:
            return None
        known = self.input if self.cached_input is None else self.cached_input
        return ((read - cached) * self.input + cached * known + written * self.output) / _MILLION


ModelRole: TypeAlias = Literal["model", "critic", "reward"]
"""What a model is asked for."""

ASKED_BY: dict[StepName, ModelRole] = {
    "sample": "model",
    "update": "model",
    "textual_loss": "critic",
    "textual_gradient": "critic",
    "reward": "reward",
}
"""Which model each step asks."""


def usage_by_model(steps: Iterable[StepRecord]) -> dict[ModelRole, Usage]:
    """Add up what each model took."""
    usages: dict[ModelRole, list[Usage]] = {"model": [], "critic": [], "reward": []}
    for step in steps:
        usages[ASKED_BY[step["step"]]].append(step["usage"])
    return {role: total_usage(taken) for role, taken in usages.items()}


def price_of(
    usage: Mapping[ModelRole, Usage],
    *,
    model: Price,
    critic: Price | None = None,
    reward: Price | None = None,
) -> float | None:
    """Return what a run costs in money; None where a token count is unknown.

    Args:
        usage: What each model took, as `usage_by_model` adds it up.
        model: Price of the policy.
        critic: Price of the critic; that of the policy when None.
        reward: Price of a judge's tokens; nothing when None.
    """
    prices: dict[ModelRole, Price | None] = {
        "model": model,
        "critic": critic or model,
        "reward": reward,
    }
    parts = [price.of(usage[role]) for role, price in prices.items() if price is not None]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def pflops(parameters: float, tokens: float) -> float:
    """Estimate the arithmetic of a forward pass over tokens, in 10^15 operations.

    2 x parameters x tokens, as arXiv 2501.12895 does.

    Args:
        parameters: Of the model.
        tokens: Read and written.

    Example:
        >>> round(pflops(70e9, 66_000), 1)
        9.2
    """
    return 2 * parameters * tokens / _PETA
