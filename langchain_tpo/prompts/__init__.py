"""The wording of textual loss, textual gradient and update."""

from langchain_tpo.prompts.critique_per_draw import ADVICE_PROMPTS
from langchain_tpo.prompts.paper import CONTRAST_PROMPTS, REVISION_PROMPTS, TPO_PROMPTS
from langchain_tpo.prompts.prompt_set import TPOPrompts
from langchain_tpo.prompts.small_model import (
    SMALL_ADVICE_PROMPTS,
    SMALL_CONTRAST_PROMPTS,
    SMALL_FUSED_PROMPTS,
    SMALL_MODEL_PROMPTS,
    SMALL_REVISION_PROMPTS,
)
from langchain_tpo.prompts.threaded import FUSED_PROMPTS, THREADED_PROMPTS
from langchain_tpo.prompts.without_critique import (
    DIRECTED_PROMPTS,
    EXPLAINED_PROMPTS,
    SMALL_DIRECTED_PROMPTS,
    SMALL_EXPLAINED_PROMPTS,
    SMALL_SYNTHESIS_PROMPTS,
    SYNTHESIS_PROMPTS,
)

__all__ = [
    "ADVICE_PROMPTS",
    "CONTRAST_PROMPTS",
    "DIRECTED_PROMPTS",
    "EXPLAINED_PROMPTS",
    "FUSED_PROMPTS",
    "REVISION_PROMPTS",
    "SMALL_ADVICE_PROMPTS",
    "SMALL_CONTRAST_PROMPTS",
    "SMALL_DIRECTED_PROMPTS",
    "SMALL_EXPLAINED_PROMPTS",
    "SMALL_FUSED_PROMPTS",
    "SMALL_MODEL_PROMPTS",
    "SMALL_REVISION_PROMPTS",
    "SMALL_SYNTHESIS_PROMPTS",
    "SYNTHESIS_PROMPTS",
    "THREADED_PROMPTS",
    "TPO_PROMPTS",
    "TPOPrompts",
]
