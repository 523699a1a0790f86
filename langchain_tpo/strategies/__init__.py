"""How rounds are played: the paper's way, and others in the same five steps."""

from langchain_tpo.strategies.critique_per_draw import Advise
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
from langchain_tpo.strategies.without_critique import DIRECTIONS, Directions, Explain, Synthesize

__all__ = [
    "CRITIQUE_STEPS",
    "DIRECTIONS",
    "FRESH",
    "STRATEGIES",
    "Advise",
    "CritiqueStep",
    "Directions",
    "Draw",
    "Explain",
    "Fused",
    "Revision",
    "RunSoFar",
    "Strategy",
    "StrategyField",
    "Synthesize",
    "Threaded",
    "Tpo",
    "is_plain",
    "strategy_of",
]
