"""Runs below a chat model's own run: traced as its children, and not counted twice.

LangChain gives chains and tools a manager for their children, chat models none. A chat model that
calls others also has to see to it that handlers that add up tokens hear of its total only.
"""

from contextvars import Context, copy_context

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
    UsageMetadataCallbackHandler,
)
from langchain_core.runnables import RunnableConfig

from langchain_tpo.chat_models.one_chunk import HeldAnswer
from langchain_tpo.chat_models.untold_usage import untold
from langchain_tpo.sampling.inner_calls import TellNothing
from langchain_tpo.sampling.usage import UsageCounter

TOKEN_COUNTERS = (UsageMetadataCallbackHandler, UsageCounter)
"""Handlers that add up what every chat model below them reports."""


def child_config(
    run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None, counter: UsageCounter
) -> RunnableConfig:
    """Return the config for calls made inside a chat model's run.

    Args:
        run: The chat model's own run.
        counter: Counts what they cost, which no handler above hears of.
    """
    if run is None:
        return RunnableConfig(callbacks=[counter, TellNothing()])
    is_async = isinstance(run, AsyncCallbackManagerForLLMRun)
    kind = AsyncCallbackManager if is_async else CallbackManager
    manager = kind(handlers=[], parent_run_id=run.run_id)
    manager.add_handler(counter)
    manager.add_handler(TellNothing())
    for handler in run.inheritable_handlers:
        if not isinstance(handler, (*TOKEN_COUNTERS, HeldAnswer)):
            manager.add_handler(untold(handler))
    manager.add_tags(run.inheritable_tags)
    own = {key: value for key, value in run.inheritable_metadata.items() if _is_callers(key)}
    manager.add_metadata(own)
    return RunnableConfig(callbacks=manager)


def uncounted_context() -> Context:
    """Copy the current context without the token counters that are set in it.

    `get_usage_metadata_callback()` reaches every chat model through a context variable.

    Example:
        >>> from langchain_core.callbacks import get_usage_metadata_callback
        >>> with get_usage_metadata_callback() as counter:
        ...     counter in copy_context().values(), counter in uncounted_context().values()
        (True, False)
    """
    context = copy_context()
    for variable, value in list(context.items()):
        if isinstance(value, TOKEN_COUNTERS):
            context.run(variable.set, None)
    return context


def _is_callers(key: str) -> bool:
    """Leave out what LangChain says of the outer model: each inner one says it of itself."""
    return not key.startswith(("ls_", "lc_versions"))
