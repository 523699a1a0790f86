"""What is known of published reward models beyond what their files say.

Knows names, lengths and number formats. Loads nothing. What all of them share is no preset but the
rule: their own chat template, exactly one BOS where they use one, and the raw logit.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Dtype: TypeAlias = Literal["float32", "bfloat16", "float16"]
"""Number format of the weights."""


@dataclass(frozen=True, kw_only=True)
class ClassifierPreset:
    """How to run the checkpoints whose name holds `family`."""

    family: str
    """Part of the checkpoint's name that tells it, in lower case."""
    max_length: int | None = None
    """Most tokens of prompt and answer together; None reads the checkpoint's own limit."""
    dtype: Dtype = "bfloat16"
    """On an accelerator. On a CPU it is float32: bfloat16 there is slow and moves the scores."""


PRESETS = (
    # Llama 3 reads 8,192 tokens; the authors' own evaluation cuts at 2,048, which would cut the
    # answers of the paper's settings.
    ClassifierPreset(family="fsfairx-llama3-rm", max_length=8192),
    # The base model reads 131,072 tokens, far beyond what the reward head was trained on.
    ClassifierPreset(family="tulu-3-8b-rm", max_length=8192),
    # Trained on inputs up to this long.
    ClassifierPreset(family="skywork-reward-v2", max_length=16384),
)
"""The paper's two reward models, and the best small open one since."""

UNKNOWN = ClassifierPreset(family="")
"""For every other checkpoint."""


def preset_for(model: str) -> ClassifierPreset:
    """Return what is known of a checkpoint, by its name or the directory it lies in.

    Example:
        >>> preset_for("Skywork/Skywork-Reward-V2-Qwen3-0.6B").max_length
        16384
        >>> preset_for("/models/my-own").max_length is None
        True
    """
    return next((preset for preset in PRESETS if preset.family in model.lower()), UNKNOWN)
