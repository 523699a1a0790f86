"""Metrics that do not trust the reward: where they and the reward part, the reward was hacked."""

from langchain_tpo.evaluation.metrics.instructions import (
    InstructionScore,
    Uncheckable,
    follows_instructions,
)
from langchain_tpo.evaluation.metrics.refusals import refuses
from langchain_tpo.reward_models.verifiers.maths import solves

__all__ = ["InstructionScore", "Uncheckable", "follows_instructions", "refuses", "solves"]
