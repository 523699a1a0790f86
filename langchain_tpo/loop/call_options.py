"""What every request of a step is sent with: its sampling options, and whose run it belongs to."""

from typing import Any

from langchain_tpo.settings import SamplingOptions, TPOSettings
from langchain_tpo.state import TPOState


def call_options(
    options: SamplingOptions, state: TPOState, settings: TPOSettings
) -> dict[str, Any]:
    """Return the keyword arguments of a step's model calls.

    Args:
        options: How the step is sampled.
        state: The run.
        settings: What it obeys; `session_header` names the run's question in a header.
    """
    known = options.as_kwargs()
    if settings.session_header is None:
        return known
    session = {settings.session_header: state["question"]["digest"]}
    return {**known, "extra_headers": {**known.get("extra_headers", {}), **session}}
