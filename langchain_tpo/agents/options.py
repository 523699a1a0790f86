"""Options of an agent's middleware that are looked at before any call: a choice, a function."""

import inspect
from collections.abc import Sequence
from contextlib import suppress

from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.foreign_code import is_async
from langchain_tpo.text.shown import shown


def check_choice(option: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        SettingsError: In one line.

    Example:
        >>> check_choice("optimize", "answers", ("answers", "tool_calls"))
    """
    if value not in choices:
        listed = " or ".join(f"`{choice}`" for choice in choices)
        raise SettingsError(f"`{option}` must be {listed}, got {_seen(value)}.")


def check_function(option: str, value: object, *given: str) -> None:
    """Refuse what is there and cannot be called, and what would have to be awaited.

    Args:
        option: Its name.
        value: The function, or None.
        given: What it is called with, by place.

    Raises:
        SettingsError: In one line.

    Example:
        >>> check_function("should_optimize", lambda request: True, "request", "reply")
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `should_optimize` must take `(request, reply)`, got \
`(request)`.
    """
    if value is None:
        return
    if not callable(value) or is_async(value):
        what = "an async function" if callable(value) else _seen(value)
        raise SettingsError(f"`{option}` must be a plain function, got {what}.")
    with suppress(ValueError):  # of functions written in C nobody knows
        signature = inspect.signature(value)
        try:
            signature.bind(*given)
        except TypeError:
            raise SettingsError(
                f"`{option}` must take `({', '.join(given)})`, got `{signature}`."
            ) from None


def _seen(value: object) -> str:
    return f"`{shown(value, quoted=True)}`"
