"""What a run's context sets, and how a resumed run keeps it.

Knows settings and LangGraph's runtime; knows no step.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime

from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.inner_calls import PER_CALL
from langchain_tpo.settings import SamplingOptions, TPOSettings, check_client_options
from langchain_tpo.strategies import is_plain

SAMPLED = tuple(
    name for name, field in TPOSettings.model_fields.items() if field.annotation is SamplingOptions
)
"""Settings that say how something is sampled."""

EXTRA = {name: {"extra"} for name in SAMPLED}
"""What of them no checkpoint keeps: it may hold a key."""


def context_options() -> dict[str, Any]:
    """Return the settings that the context of this very call sets."""
    context = get_runtime(TPOSettings).context
    if not isinstance(context, TPOSettings):  # none, or the context of somebody's own graph
        return {}
    return {name: getattr(context, name) for name in context.model_fields_set}


def call_options(config: RunnableConfig, settings: TPOSettings) -> dict[str, Any]:
    """Return the settings that this very call sets in `config["configurable"]["tpo_settings"]`.

    Args:
        config: Of the call.
        settings: What they change, and have to go with.

    Raises:
        SettingsError: In one line, when they cannot work.

    Example:
        >>> config = {"configurable": {"tpo_settings": {"token_budget": 4000}}}
        >>> call_options(config, TPOSettings())
        {'token_budget': 4000}
    """
    given = config.get("configurable", {}).get(PER_CALL)
    if given is None:
        return {}
    if isinstance(given, TPOSettings):
        return {name: getattr(given, name) for name in given.model_fields_set}
    if not isinstance(given, Mapping):
        raise SettingsError(
            f"`{PER_CALL}` in a call's `configurable` must be a dict or a TPOSettings, got "
            f"{type(given).__name__}."
        )
    check_client_options(given)
    changed = settings.with_changes(**given)
    return {name: getattr(changed, name) for name in given}


def plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as plain values, for a checkpoint to keep.

    Strategies and styles are kept by their names: a strategy or prompts of your own have to be
    handed over again when a run is resumed. So has `extra` of any sampling options, which may hold
    a key.

    Args:
        options: Settings by name.

    Example:
        >>> plain_options({"width": 3, "sample": SamplingOptions(extra={"api_key": "..."})})
        {'width': 3, 'sample': {'temperature': None, 'top_p': None, 'max_tokens': None}}
    """
    if not options:
        return {}
    holder = TPOSettings.model_construct(**options)
    own = {"prompts"} if not isinstance(holder.prompts, str) else set()
    own |= set() if is_plain(holder.strategy) else {"strategy"}
    return holder.model_dump(mode="json", include=set(options) - own, exclude=EXTRA)


def with_options(settings: TPOSettings, options: Mapping[str, Any]) -> TPOSettings:
    """Return settings as a run's own options change them.

    Args:
        settings: Those of the graph.
        options: Settings by name.
    """
    return settings.with_changes(**options) if options else settings
