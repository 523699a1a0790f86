"""The wording of textual loss, textual gradient and update."""

from langchain_tpo.prompts.paper import REVISION_PROMPTS, TPO_PROMPTS
from langchain_tpo.prompts.prompt_set import TPOPrompts
from langchain_tpo.prompts.small_model import (
    SMALL_FUSED_PROMPTS,
    SMALL_MODEL_PROMPTS,
    SMALL_REVISION_PROMPTS,
)
from langchain_tpo.prompts.threaded import FUSED_PROMPTS, THREADED_PROMPTS

__all__ = [
    "FUSED_PROMPTS",
    "REVISION_PROMPTS",
    "SMALL_FUSED_PROMPTS",
    "SMALL_MODEL_PROMPTS",
    "SMALL_REVISION_PROMPTS",
    "THREADED_PROMPTS",
    "TPO_PROMPTS",
    "TPOPrompts",
]
