"""The strategies that come along, by name and in a line of text."""

from collections.abc import Mapping
from typing import Annotated, Any, get_origin

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from langchain_tpo.errors import SettingsError
from langchain_tpo.strategies.critique_per_draw import Advise
from langchain_tpo.strategies.paper import Fused, Revision, Threaded, Tpo
from langchain_tpo.strategies.strategy import Strategy
from langchain_tpo.strategies.without_critique import Directions, Explain, Synthesize
from langchain_tpo.text.shown import shown

STRATEGIES: Mapping[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (Tpo, Revision, Threaded, Fused, Synthesize, Directions, Explain, Advise)
}
"""Every one of them."""


def strategy_of(value: str | Strategy) -> Strategy:
    """Return the strategy of a name with options, `NAME[:option=value,...]`, or itself.

    Options that hold several values have them separated by `/`.

    Raises:
        SettingsError: In one line, when there is no such strategy or option.

    Example:
        >>> strategy_of("fused:fresh=2").fresh
        2
        >>> strategy_of("haiku")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `strategy` must be a Strategy or one of `tpo`, ...
    """
    if isinstance(value, Strategy):
        return value
    name, _, listed = (value if isinstance(value, str) else "").partition(":")
    if name not in STRATEGIES:
        known = ", ".join(f"`{known}`" for known in STRATEGIES)
        raise SettingsError(
            f"`strategy` must be a Strategy or one of {known}, got `{shown(value, quoted=True)}`."
        )
    options: dict[str, str] = {}
    for option, text in map(_option, filter(None, listed.split(","))):
        if option in options:
            raise SettingsError(f"`{value}` says `{option}` twice.")
        options[option] = text
    return with_options(STRATEGIES[name], options)


def is_plain(strategy: str | Strategy) -> bool:
    """Return whether a strategy is one that comes along and its `spec` says all of it.

    Example:
        >>> is_plain(Fused(fresh=1))
        True
    """
    try:
        return strategy_of(strategy if isinstance(strategy, str) else strategy.spec) == strategy_of(
            strategy
        )
    except SettingsError:
        return False


def with_options(strategy: type[Strategy], options: Mapping[str, str]) -> Strategy:
    """Return a strategy with options as users type them.

    Args:
        strategy: Which one.
        options: Their text by name.
    """
    return strategy(**{name: _value(strategy, name, text) for name, text in options.items()})


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"`{text}` is no option of a strategy: write `name=value`.")
    return name, value


def _value(strategy: type[Strategy], name: str, text: str) -> Any:  # noqa: ANN401 pydantic reads it
    field = strategy.model_fields.get(name)
    several = field is not None and get_origin(field.annotation) is tuple
    return tuple(filter(None, text.split("/"))) if several else text


StrategyField = Annotated[
    Strategy,
    BeforeValidator(strategy_of),
    PlainSerializer(lambda strategy: strategy.spec, return_type=str),
    WithJsonSchema({"type": "string", "examples": list(STRATEGIES), "default": Tpo.name}),
]
"""A strategy as a field of a pydantic model: given by name, in a line, or as an object."""
