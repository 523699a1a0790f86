"""Test-Time Preference Optimization for LangChain (arXiv 2501.12895).

`TPORunnable` is the loop as a link of any chain, `ChatTPO` as a chat model, `TPOMiddleware` inside
an agent and `build_tpo_graph` as a graph of your own. What scores answers is in
`langchain_tpo.reward_models`, a model that runs right here in `langchain_tpo.local`.
"""

import warnings
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.costs import Price
from langchain_tpo.errors import ConfigurationError, RewardError, RunError, TPOError
from langchain_tpo.graph import build_tpo_graph
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.result import TPOResult
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.request_limit import RequestLimit
from langchain_tpo.settings import SamplingOptions, TPOSettings

if TYPE_CHECKING:
    from langchain_tpo.chat_models import ChatTPO as ChatTPO
    from langchain_tpo.middleware import TPOMiddleware as TPOMiddleware

    # Moved since 0.1, and types until 0.3 removes them here.
    from langchain_tpo.reward_models import ExplainedScore as ExplainedScore
    from langchain_tpo.reward_models import RewardModel as RewardModel
    from langchain_tpo.reward_models import Score as Score
    from langchain_tpo.reward_models import ScoreRequest as ScoreRequest
    from langchain_tpo.sampling.usage import Usage as Usage
    from langchain_tpo.state import StopReason as StopReason
    from langchain_tpo.state import TPOState as TPOState

    __version__: str

__all__ = [
    "Candidate",
    "ChatTPO",
    "ConfigurationError",
    "Price",
    "RequestLimit",
    "RewardError",
    "RunError",
    "SamplingOptions",
    "TPOError",
    "TPOMiddleware",
    "TPOPrompts",
    "TPOResult",
    "TPORunnable",
    "TPOSettings",
    "__version__",
    "build_tpo_graph",
]

_WHEN_ASKED_FOR = {
    "ChatTPO": "langchain_tpo.chat_models",
    "TPOMiddleware": "langchain_tpo.middleware",  # needs the extra `agents`
}
"""Doors that are imported by those who use them."""

_MOVED = {
    **dict.fromkeys(
        (
            "FUSED_PROMPTS",
            "REVISION_PROMPTS",
            "SMALL_FUSED_PROMPTS",
            "SMALL_MODEL_PROMPTS",
            "THREADED_PROMPTS",
            "TPO_PROMPTS",
        ),
        "langchain_tpo.prompts",
    ),
    **dict.fromkeys(
        (
            "ConversationError",
            "MissingExtraError",
            "ModelTypeError",
            "NoResponseError",
            "NothingScoredError",
            "PromptError",
            "RewardOutputError",
            "RewardServerError",
            "RewardTypeError",
            "SettingsError",
        ),
        "langchain_tpo.errors",
    ),
    **dict.fromkeys(
        ("ExplainedScore", "RewardModel", "Score", "ScoreRequest"), "langchain_tpo.reward_models"
    ),
    **dict.fromkeys(("StopReason", "TPOState", "Usage"), "langchain_tpo.state"),
}
"""Names that 0.1 had here, and the modules that have them now."""


def __getattr__(name: str) -> object:
    if name in _WHEN_ASKED_FOR:
        return getattr(import_module(_WHEN_ASKED_FOR[name]), name)
    if name == "__version__":
        return metadata.version("langchain-tpo")
    if name in _MOVED:
        home = _MOVED[name]
        warnings.warn(
            f"`langchain_tpo.{name}` will go with 0.3: import it from `{home}`.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
