"""What the trace of a step records of its own input and output: figures, not every text once more.

The texts stand in the runs below it: what a model was sent, and what it answered.
"""

from typing import Any

from langgraph.types import TracePolicy


def step_input(thread: Any) -> Any:  # noqa: ANN401 whatever reaches the node
    """Return the figures of the run that a step begins with.

    Example:
        >>> step_input({"messages": ["Wood?"], "tpo": {"rounds": [{}], "pool": []}})
        {'messages': 1, 'round': 1, 'candidates': 0, 'responses': 0}
    """
    if not isinstance(thread, dict):
        return thread
    run = thread.get("tpo") or {}
    return {
        "messages": len(thread.get("messages") or []),
        "round": len(run.get("rounds") or []),
        "candidates": len(run.get("pool") or []),
        "responses": len(run.get("responses") or []),
    }


def step_output(update: Any) -> Any:  # noqa: ANN401 as above
    """Return the figures of what a step has changed.

    Example:
        >>> step_output({"tpo": {"pool": [{"text": "a", "reward": 0.5}], "stop_reason": "depth"}})
        {'rewards': [0.5], 'stop_reason': 'depth'}
    """
    if not isinstance(update, dict):
        return update
    run = update.get("tpo") or {}
    found: dict[str, Any] = {}
    if run.get("responses"):
        found["responses"] = len(run["responses"])
    if "pool" in run:
        found["rewards"] = [candidate.get("reward") for candidate in run["pool"]]
    if run.get("stop_reason"):
        found["stop_reason"] = run["stop_reason"]
    return found


FIGURES = TracePolicy(process_inputs=step_input, process_outputs=step_output)
"""How every node of the loop is traced."""
