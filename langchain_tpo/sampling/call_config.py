"""The config of a call, as users hand it over: refused in one line where it cannot be one.

Joins it with that of the run around. Knows LangChain's `RunnableConfig`; knows nothing of what is
called.
"""

from collections.abc import Mapping

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.runnables.config import merge_configs

from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.inner_calls import PER_CALL
from langchain_tpo.text.shown import shown

_PARTS: dict[str, tuple[str, tuple[type, ...]]] = {
    "tags": ("a list of names", (list,)),
    "metadata": ("a dict", (Mapping,)),
    "configurable": ("a dict", (Mapping,)),
    "callbacks": ("a list of handlers, or a manager", (list, BaseCallbackManager)),
    "max_concurrency": ("a number of requests", (int,)),
    "recursion_limit": ("a number of supersteps", (int,)),
}
"""What each part has to be."""

_LISTED = {"tags": "lower", "callbacks": "raise_error"}
"""What everything in these lists can do: names are text, and handlers are told of errors."""


def check_config(config: object) -> None:
    """Refuse what no Runnable can take for a config.

    Raises:
        SettingsError: In one line that names the part.

    Example:
        >>> check_config({"max_concurrency": "four"})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `max_concurrency` of the config must be ...
    """
    if config is None:
        return
    if not isinstance(config, Mapping):
        raise SettingsError(
            f"`config` must be a dict, as for any Runnable, got {type(config).__name__} "
            f"`{shown(config)}`."
        )
    for name, (words, kinds) in _PARTS.items():
        value = config.get(name)
        if value is not None and not _fits(name, value, kinds):
            raise SettingsError(f"`{name}` of the config must be {words}, got `{shown(value)}`.")


def with_configurable(config: RunnableConfig | None) -> RunnableConfig:
    """Return the config of the run around, with what this call sets at run time.

    Raises:
        SettingsError: In one line, when it cannot be a config.

    Example:
        >>> with_configurable({"configurable": {"llm": "fast"}})["configurable"]
        {'llm': 'fast'}
    """
    check_config(config)
    own = RunnableConfig(configurable=(config or {}).get("configurable", {}))
    merged = merge_configs(ensure_config(), own)
    if config and "configurable" in config and PER_CALL not in own["configurable"]:
        merged["configurable"].pop(PER_CALL, None)  # of a run around this call, not of this one
    return merged


def _fits(name: str, value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, int):
        return int in kinds and value >= 0
    listed = value if isinstance(value, list) else []
    return isinstance(value, kinds) and all(hasattr(one, _LISTED[name]) for one in listed)
