"""The wording of textual loss, textual gradient and update."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from langchain_tpo.errors import PromptError
from langchain_tpo.prompts.paper import REVISION_PROMPTS, TPO_PROMPTS
from langchain_tpo.prompts.prompt_set import TPOPrompts
from langchain_tpo.prompts.small_model import SMALL_FUSED_PROMPTS, SMALL_MODEL_PROMPTS
from langchain_tpo.prompts.threaded import FUSED_PROMPTS, THREADED_PROMPTS

PROMPT_SETS: Mapping[str, TPOPrompts] = {
    prompts.name: prompts
    for prompts in (
        TPO_PROMPTS,
        REVISION_PROMPTS,
        THREADED_PROMPTS,
        FUSED_PROMPTS,
        SMALL_MODEL_PROMPTS,
        SMALL_FUSED_PROMPTS,
    )
}
"""The sets that come along, by name."""


def prompt_set(value: str | TPOPrompts) -> TPOPrompts:
    """Return the set of a name, or the set itself.

    Raises:
        PromptError: When no set has that name.

    Example:
        >>> prompt_set("revision").name
        'revision'
    """
    if isinstance(value, TPOPrompts):
        return value
    if value not in PROMPT_SETS:
        known = ", ".join(f"`{name}`" for name in PROMPT_SETS)
        raise PromptError(f"`prompts` must be a TPOPrompts or one of {known}, got `{value!r}`.")
    return PROMPT_SETS[value]


PromptSet = Annotated[
    TPOPrompts,
    BeforeValidator(prompt_set),
    PlainSerializer(lambda prompts: prompts.name, return_type=str),
    WithJsonSchema({"type": "string", "enum": list(PROMPT_SETS), "default": TPO_PROMPTS.name}),
]
"""A set of prompts as a field of a pydantic model: given by name or as an object."""

__all__ = [
    "FUSED_PROMPTS",
    "PROMPT_SETS",
    "REVISION_PROMPTS",
    "SMALL_FUSED_PROMPTS",
    "SMALL_MODEL_PROMPTS",
    "THREADED_PROMPTS",
    "TPO_PROMPTS",
    "PromptSet",
    "TPOPrompts",
    "prompt_set",
]
