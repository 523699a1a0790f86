"""What a run's context sets, and how a resumed run keeps it.

Knows settings and LangGraph's runtime; knows no step.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import get_runtime

from langchain_tpo.errors import RunError, SettingsError
from langchain_tpo.sampling.inner_calls import PER_CALL
from langchain_tpo.settings import SamplingOptions, TPOContext, TPOSettings, check_client_options
from langchain_tpo.strategies import is_plain
from langchain_tpo.text.shown import shown

SAMPLED = tuple(
    name for name, field in TPOSettings.model_fields.items() if field.annotation is SamplingOptions
)
"""Settings that say how something is sampled."""

EXTRA = {name: {"extra"} for name in SAMPLED}
"""What of them no checkpoint keeps: it may hold a key."""


LIMITS = ("call_budget", "token_budget", "time_budget", "context_tokens")
"""Settings that a client may lower, and set where the graph has none."""


def context_options(own: TPOSettings) -> dict[str, Any]:
    """Return the settings that the context of this very call sets.

    A client's context, which is a dict, or whatever a server was sent, lowers what a run may cost
    and never raises it.

    Args:
        own: The settings of the graph.

    Raises:
        SettingsError: When a client asks for more than they allow.
    """
    context = get_runtime(TPOSettings).context
    if not isinstance(context, TPOSettings):  # none, or the context of somebody's own graph
        return {}
    given = {name: getattr(context, name) for name in context.model_fields_set}
    if isinstance(context, TPOContext) or on_a_server():
        return client_options(own, given)
    return given


def client_options(own: TPOSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client asks for, checked against the settings of the graph.

    What it leaves unsaid of how something is sampled stays as the graph has it.

    Args:
        own: The settings of the graph.
        given: What the client asks for.

    Raises:
        SettingsError: When that is more than the graph allows.

    Example:
        >>> client_options(TPOSettings(width=3), {"width": 4})
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: A run's context may ask for 13 completions, as the \
settings of the graph do, got 16: lower `width` or `depth`, or raise them in those settings.
    """
    sampled = {name: _sampled(own, given, name) for name in SAMPLED if name in given}
    asked = {**given, **sampled}
    wanted = own.with_changes(**asked)
    if wanted.completions > own.completions:
        raise SettingsError(
            f"A run's context may ask for {own.completions} completions, as the settings of the "
            f"graph do, got {wanted.completions}: lower `width` or `depth`, or raise them in those "
            "settings."
        )
    for name in LIMITS:
        _check_limit(name, getattr(wanted, name), getattr(own, name))
    if own.one_request and not wanted.one_request:
        raise SettingsError(
            "`one_request` cannot be turned off by a run's context, since every request pays for "
            "its prompt: set it in the settings of the graph."
        )
    return asked


def on_a_server() -> bool:
    """Return whether LangGraph Server runs this: what a call says of itself, a client has sent."""
    return get_runtime(TPOSettings).server_info is not None


def _sampled(own: TPOSettings, given: Mapping[str, Any], name: str) -> SamplingOptions:
    options: SamplingOptions = given[name]
    ours: SamplingOptions = getattr(own, name)
    if options.extra:
        raise SettingsError(
            f"`{name}.extra` cannot be set by a run's context: set it in the settings of the graph."
        )
    said = {field: getattr(options, field) for field in options.model_fields_set - {"extra"}}
    merged = ours.model_copy(update=said)
    _check_limit(f"{name}.max_tokens", merged.max_tokens, ours.max_tokens)
    return merged


def _check_limit(name: str, wanted: float | None, most: float | None) -> None:
    if most is not None and (wanted is None or wanted > most):
        raise SettingsError(
            f"`{name}` may be at most {most:g} in a run's context, as in the settings of the "
            f"graph, got {'None' if wanted is None else f'{wanted:g}'}."
        )


def configured_options(
    config: RunnableConfig, settings: TPOSettings, *, of_client: bool = False
) -> dict[str, Any]:
    """Return the settings that this very call sets in `config["configurable"]["tpo_settings"]`.

    Args:
        config: Of the call.
        settings: What they change, and have to go with.
        of_client: Whether a client has sent them, who may lower and never raise.

    Raises:
        SettingsError: In one line, when they cannot work.

    Example:
        >>> config = {"configurable": {"tpo_settings": {"token_budget": 4000}}}
        >>> configured_options(config, TPOSettings())
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
    asked = {name: getattr(changed, name) for name in given}
    return client_options(settings, asked) if of_client else asked


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
        options: Settings by name; those that a checkpoint has kept reach no further argument of a
            model's call, whoever has edited them.
    """
    if not options:
        return settings
    if not isinstance(options, Mapping):
        raise RunError(f"`tpo.options` must be a dict of settings, got `{shown(options)}`.")
    ours = {name: getattr(settings, name).extra for name in SAMPLED}
    kept = {
        name: {**value, "extra": ours[name]}
        if name in ours and isinstance(value, Mapping)
        else value
        for name, value in options.items()
    }
    for known, changes, result in tuple(_RECENT):
        if known is settings and _same(changes, kept):
            return result
    result = settings.with_changes(**kept)
    _RECENT.append((settings, kept, result))
    return result


_RECENT: deque[tuple[TPOSettings, Mapping[str, Any], TPOSettings]] = deque(maxlen=8)
"""What every node of a run asks for once more: checking settings takes half a millisecond."""


def _same(one: object, other: object) -> bool:
    """Return whether two values are one object, equal plain values, or dicts or lists of such."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        return all(map(_same, one, other))
    return type(one) is type(other) and isinstance(one, str | int | float) and one == other
