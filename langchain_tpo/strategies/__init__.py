"""How rounds are played: the paper's way, and others in the same five steps."""

from langchain_tpo.strategies.paper import Fused, Revision, Threaded, Tpo
from langchain_tpo.strategies.registry import STRATEGIES, StrategyField, is_plain, strategy_of
from langchain_tpo.strategies.strategy import (
    CRITIQUE_STEPS,
    FRESH,
    CritiqueStep,
    Draw,
    RunSoFar,
    Strategy,
)

__all__ = [
    "CRITIQUE_STEPS",
    "FRESH",
    "STRATEGIES",
    "CritiqueStep",
    "Draw",
    "Fused",
    "Revision",
    "RunSoFar",
    "Strategy",
    "StrategyField",
    "Threaded",
    "Tpo",
    "is_plain",
    "strategy_of",
]
