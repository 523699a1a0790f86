"""A mistake in a constructor is one typed line, whoever is constructed.

Knows pydantic's errors and Python's own complaints about arguments; knows no class of the package.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from typing import Any, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, SecretStr, ValidationError
from pydantic import model_validator as validator
from pydantic.fields import FieldInfo

from langchain_tpo.errors import SettingsError
from langchain_tpo.text.secrecy import without_credentials

MOST_SHOWN = 60
"""Characters of a value that an error shows."""

UNKNOWN_OPTION = ("extra_forbidden", "unexpected_keyword_argument")
"""What pydantic calls an option that there is not."""


class OneTypedLine(BaseModel):
    """Base of whatever users construct: a typo, a wrong type or a missing argument is one line.

    Put it before other bases. What a validator raises by itself passes through. The value of a
    field that is secret or kept out of `repr` is not shown.

    Raises:
        SettingsError: In one line that names the option, the class and the value seen.

    Example:
        >>> class Oven(OneTypedLine, extra="forbid"):
        ...     degrees: int
        >>> Oven(degres=180)
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `degres` is no option of Oven: do you mean `degrees`?
        >>> Oven(degrees="hot")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `degrees` of Oven: input should be ..., got `'hot'`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Check the options.

        Args:
            args: None are taken: options go by name, unless a subclass says otherwise.
            options: The fields of the class.
        """
        if args:
            raise SettingsError(_too_many(type(self), 0, args))
        super().__init__(**options)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the class's own `__init__` complain about its arguments in the same way."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _checking_arguments(cls.__init__)  # type: ignore[method-assign]  # wraps it

    @validator(mode="wrap")
    @classmethod
    def _one_line(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 pydantic's signature
        try:
            return handler(data)
        except ValidationError as error:
            raise SettingsError(first_problem(cls, error)) from None


def first_problem(cls: type[BaseModel], error: ValidationError) -> str:
    """Return the first complaint of pydantic about a class as one line.

    Args:
        cls: What was constructed.
        error: What pydantic raised.
    """
    problems = error.errors(include_url=False, include_context=False)
    # A typo in a needed option is two problems: say which name is wrong, not which one is missing.
    problem = next((one for one in problems if one["type"] in UNKNOWN_OPTION), problems[0])
    path = [str(part) for part in problem["loc"]]
    option = ".".join(path) or cls.__name__
    if problem["type"] in UNKNOWN_OPTION and len(path) == 1:
        return _setting(cls, option) or _unknown(cls, option, cls.model_fields)
    if problem["type"] in ("missing", "missing_argument"):
        return f"`{option}` of {cls.__name__} is missing: give it."
    field = cls.model_fields.get(path[0]) if path else None
    said = problem["msg"].removeprefix("Value error, ")
    seen = _seen(problem["input"], hidden=field is None or _is_private(field))
    return f"`{option}` of {cls.__name__}: {said[:1].lower()}{said[1:]}, got {seen}."


def _checking_arguments(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @wraps(init)
    def checked_init(self: Any, /, *args: Any, **options: Any) -> None:  # noqa: ANN401 any class
        try:
            signature.bind(self, *args, **options)
        except TypeError:
            raise SettingsError(_misfit(type(self), signature, args, options)) from None
        init(self, *args, **options)

    return checked_init


def _misfit(
    cls: type, signature: inspect.Signature, args: tuple[Any, ...], options: Mapping[str, Any]
) -> str:
    """Say what is wrong with the arguments of a call that its signature does not take."""
    collected = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    taken = [one for one in signature.parameters.values() if one.kind not in collected][1:]
    named = {one.name: one for one in taken if one.kind is not one.POSITIONAL_ONLY}
    open_ended = any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())
    if unknown := [name for name in options if name not in named and not open_ended]:
        return _unknown(cls, unknown[0], named)
    positional = [one.name for one in taken if one.kind is not one.KEYWORD_ONLY]
    if len(args) > len(positional):
        return _too_many(cls, len(positional), args)
    given = {*positional[: len(args)], *options}
    if missing := [one.name for one in taken if one.default is one.empty and one.name not in given]:
        return f"`{missing[0]}` of {cls.__name__} is missing: give it."
    return f"`{positional[0]}` of {cls.__name__} is given twice, by place and by name."


def _unknown(cls: type, option: str, known: Iterable[str]) -> str:
    options = [name for name in known if not name.startswith("_")]
    near = get_close_matches(option, options, n=1)
    hint = f"do you mean `{near[0]}`?" if near else f"it takes {', '.join(options) or 'none'}."
    return f"`{option[:MOST_SHOWN]}` is no option of {cls.__name__}: {hint}"


def _setting(cls: type[BaseModel], option: str) -> str | None:
    """Say where an option belongs that is one of the class's `settings`."""
    field = cls.model_fields.get("settings")
    kind = None if field is None else field.annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return None
    if option not in kind.model_fields:
        return None
    return (
        f"`{option}` is no option of {cls.__name__}, it belongs in its settings: "
        f"`settings={kind.__name__}({option}=...)`."
    )


def _too_many(cls: type, places: int, args: tuple[Any, ...]) -> str:
    return (
        f"{cls.__name__} takes {places or 'no'} argument{'s' * (places != 1)} by place, got "
        f"{len(args)}: give options by name."
    )


def _is_private(field: FieldInfo) -> bool:
    return not field.repr or "Secret" in str(field.annotation)


def _seen(value: object, *, hidden: bool) -> str:
    if hidden or isinstance(value, SecretStr):
        return f"a value of type {type(value).__name__}"
    text = without_credentials(repr(value))
    return f"`{text[:MOST_SHOWN]}...`" if len(text) > MOST_SHOWN else f"`{text}`"


def check_choice(option: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        SettingsError: In one line.

    Example:
        >>> check_choice("optimize", "answers", ("answers", "tool_calls"))
    """
    if value not in choices:
        listed = " or ".join(f"`{choice}`" for choice in choices)
        raise SettingsError(f"`{option}` must be {listed}, got {_seen(value, hidden=False)}.")


def check_function(option: str, value: object) -> None:
    """Refuse what is there and cannot be called, and what would have to be awaited.

    Raises:
        SettingsError: In one line.

    Example:
        >>> check_function("should_optimize", None)
    """
    if value is None or (callable(value) and not inspect.iscoroutinefunction(value)):
        return
    what = "an async function" if callable(value) else _seen(value, hidden=False)
    raise SettingsError(f"`{option}` must be a plain function, got {what}.")
