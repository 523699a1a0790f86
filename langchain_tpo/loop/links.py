"""What stands between a link and the loop inside it: its config, and whether a run has ended.

Knows LangGraph's configs and outputs; knows nothing of steps.
"""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig, patch_config

from langchain_tpo.errors import RunError
from langchain_tpo.loop.progress import heard_outside
from langchain_tpo.sampling.call_config import check_config
from langchain_tpo.sampling.run_limit import Threads
from langchain_tpo.state import TPOThread

ANY_DEPTH = 10_000
"""Supersteps for a node of some graph, whose context may ask for any depth: the loop ends by
itself."""


def roomy(
    config: RunnableConfig, *, supersteps: int = ANY_DEPTH, threads: int | None = None
) -> RunnableConfig:
    """Return a config with room for every superstep and, if the caller does not bound them, draw.

    Chains hand down LangChain's limit of 25 supersteps, too few from D=6 on.
    """
    check_config(config)
    return patch_config(
        heard_outside(config),
        recursion_limit=max(config.get("recursion_limit", 0), supersteps),
        max_concurrency=config.get("max_concurrency") or (Threads(threads) if threads else None),
    )


def ended(output: Mapping[str, Any]) -> TPOThread:
    """Return what a run leaves in its thread, or say that it is paused and nothing can resume it.

    Raises:
        RunError: When the run paused and nothing keeps it.
    """
    if "__interrupt__" in output:
        raise RunError(
            "The run paused for a person and nothing keeps it: call this in a node of a graph "
            "with a checkpointer, or compile `build_tpo_graph(...)` with one."
        )
    return cast("TPOThread", output)
