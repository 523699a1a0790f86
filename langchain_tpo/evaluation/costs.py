"""What answers cost in arithmetic: 2 x parameters x tokens, as the paper estimates it."""

PAPER_TPO_PFLOPS = 9.3
"""A query at D2-N5 with Llama-3.1-70B-SFT (arXiv 2501.12895)."""

PAPER_DPO_PFLOPS = 72_840
"""DPO training of the same model on 64,000 pairs, as the paper gives it."""

_PETA = 1e15


def pflops(parameters: float, tokens: float) -> float:
    """Estimate the arithmetic of a forward pass over tokens, in 10^15 operations.

    Args:
        parameters: Of the model.
        tokens: Read and written.

    Example:
        >>> round(pflops(70e9, 66_000), 1)
        9.2
    """
    return 2 * parameters * tokens / _PETA
