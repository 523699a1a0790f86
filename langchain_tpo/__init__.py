"""Test-Time Preference Optimization for LangChain (arXiv 2501.12895)."""

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.costs import Price
from langchain_tpo.errors import (
    ConfigurationError,
    ConversationError,
    MissingExtraError,
    ModelTypeError,
    NoResponseError,
    NothingScoredError,
    PromptError,
    RewardError,
    RewardOutputError,
    RewardServerError,
    RewardTypeError,
    RunError,
    SettingsError,
    TPOError,
)
from langchain_tpo.graph import build_tpo_graph
from langchain_tpo.prompts import (
    FUSED_PROMPTS,
    REVISION_PROMPTS,
    SMALL_FUSED_PROMPTS,
    SMALL_MODEL_PROMPTS,
    THREADED_PROMPTS,
    TPO_PROMPTS,
    TPOPrompts,
)
from langchain_tpo.result import TPOResult
from langchain_tpo.reward_models.interface import (
    ExplainedScore,
    RewardModel,
    Score,
    ScoreRequest,
)
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.settings import SamplingOptions, TPOSettings
from langchain_tpo.state import StopReason, TPOState

__all__ = [
    "FUSED_PROMPTS",
    "REVISION_PROMPTS",
    "SMALL_FUSED_PROMPTS",
    "SMALL_MODEL_PROMPTS",
    "THREADED_PROMPTS",
    "TPO_PROMPTS",
    "Candidate",
    "ConfigurationError",
    "ConversationError",
    "ExplainedScore",
    "MissingExtraError",
    "ModelTypeError",
    "NoResponseError",
    "NothingScoredError",
    "Price",
    "PromptError",
    "RewardError",
    "RewardModel",
    "RewardOutputError",
    "RewardServerError",
    "RewardTypeError",
    "RunError",
    "SamplingOptions",
    "Score",
    "ScoreRequest",
    "SettingsError",
    "StopReason",
    "TPOError",
    "TPOPrompts",
    "TPOResult",
    "TPORunnable",
    "TPOSettings",
    "TPOState",
    "Usage",
    "build_tpo_graph",
]
