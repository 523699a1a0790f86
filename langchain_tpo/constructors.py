"""A mistake in a constructor is one typed line, whoever is constructed.

Knows pydantic's errors and Python's own complaints about arguments; knows no class of the package.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeAlias, TypeVar, get_args, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic import model_validator as validator
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict

from langchain_tpo.errors import SettingsError
from langchain_tpo.text.shown import MOST_SHOWN, shown

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
            raise SettingsError(_too_many(_called(type(self)), 0, args))
        super().__init__(**options)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the class's own `__init__` complain about its arguments in the same way."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = names_checked(cls.__init__)  # type: ignore[method-assign]  # wraps it

    @validator(mode="wrap")
    @classmethod
    def _one_line(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 pydantic's signature
        try:
            return handler(data)
        except ValidationError as error:
            if not isinstance(data, Mapping):  # a field's value: the class around it says which
                raise
            raise SettingsError(first_problem(cls, error, data)) from None


Params = ParamSpec("Params")
ResultT = TypeVar("ResultT")
ClassT = TypeVar("ClassT", bound=type)
ItemT = TypeVar("ItemT")

if TYPE_CHECKING:
    TupleField: TypeAlias = Sequence[ItemT]
    """A tuple as a field of a pydantic model, which takes any sequence of such items."""
else:
    TupleField = tuple[ItemT, ...]


def names_checked(call: Callable[Params, ResultT]) -> Callable[Params, ResultT]:
    """Refuse arguments that a function does not take, and the lack of one that it needs.

    Example:
        >>> @names_checked
        ... def bake(*, degrees: int) -> str:
        ...     return f"baked at {degrees}"
        >>> bake(degres=180)
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `degres` is no option of bake: do you mean `degrees`?
    """
    return _checked(call, lambda _arguments: None)


def types_checked(
    *, unless: Collection[str] = ()
) -> Callable[[Callable[Params, ResultT]], Callable[Params, ResultT]]:
    """Refuse what `names_checked` refuses, and values that are not of the annotated type.

    Nothing is converted: the function gets what was handed over.

    Args:
        unless: Names of arguments that the function itself knows better how to check.

    Example:
        >>> @types_checked()
        ... def bake(*, degrees: int) -> str:
        ...     return f"baked at {degrees}"
        >>> bake(degrees="hot")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `degrees` of bake: input should be ..., got `'hot'`.
    """

    def decorated(call: Callable[Params, ResultT]) -> Callable[Params, ResultT]:
        adapters: list[TypeAdapter[Any]] = []  # built at the first call, when every name is known

        def check(arguments: Mapping[str, Any]) -> None:
            if not adapters:
                adapters.append(_adapter(call, unless))
            adapters[0].validate_python(arguments)

        return _checked(call, check)

    return decorated


def typed_fields(cls: ClassT) -> ClassT:
    """Check the arguments of a dataclass as `types_checked` does those of a function."""
    cls.__init__ = types_checked()(cls.__init__)  # type: ignore[misc]  # wraps it
    return cls


def named_fields(cls: ClassT) -> ClassT:
    """Check the arguments of a dataclass as `names_checked` does those of a function."""
    cls.__init__ = names_checked(cls.__init__)  # type: ignore[misc]  # wraps it
    return cls


def first_problem(cls: type[BaseModel], error: ValidationError, data: object = None) -> str:
    """Return the first complaint of pydantic about a class as one line.

    Args:
        cls: What was constructed.
        error: What pydantic raised.
        data: What was validated: of a path, what leads nowhere in it names a branch of a union.
    """
    problems = error.errors(include_url=False, include_context=False)
    # A typo in a needed option is two problems: say which name is wrong, not which one is missing.
    problem = next(
        (problem for problem in problems if problem["type"] in UNKNOWN_OPTION), problems[0]
    )
    path = _path(problem["loc"], data)
    name, option = _called(cls), ".".join(path) or _called(cls)
    if problem["type"] in UNKNOWN_OPTION and len(path) == 1:
        return _no_field(cls, option)
    if problem["type"] in ("missing", "missing_argument"):
        return f"`{option}` of {name} is missing: give it."
    field = cls.model_fields.get(path[0]) if path else None
    hidden = field is None or _is_private(field)
    return _misfit_value(name, option, problem["msg"], _seen(problem["input"], hidden=hidden))


def _checked(
    call: Callable[Params, ResultT], check: Callable[[Mapping[str, Any]], None]
) -> Callable[Params, ResultT]:
    signature = inspect.signature(call)
    is_method = next(iter(signature.parameters), "") == "self"

    @wraps(call)
    def checked(*args: Params.args, **options: Params.kwargs) -> ResultT:
        name = _called(type(args[0])) if is_method and args else call.__name__
        try:
            given = signature.bind(*args, **options).arguments
        except TypeError:
            raise SettingsError(_misfit(name, signature, args[is_method:], options)) from None
        try:
            check(given)
        except ValidationError as error:
            (problem, *_) = error.errors(include_url=False, include_context=False)
            option, seen = str(problem["loc"][0]), _seen(problem["input"], hidden=False)
            raise SettingsError(_misfit_value(name, option, problem["msg"], seen)) from None
        return call(*args, **options)

    return checked


def _adapter(call: Callable[..., Any], unless: Collection[str]) -> TypeAdapter[Any]:
    """Return what checks the arguments of a function that have a type, by their names."""
    annotated = {name: of for name, of in call.__annotations__.items() if name not in unless}
    names = inspect.unwrap(call).__globals__
    hints = get_type_hints(SimpleNamespace(__annotations__=annotated), names, include_extras=True)
    types = {
        name: tuple[hints[name], ...] if parameter.kind is parameter.VAR_POSITIONAL else hints[name]  # type: ignore[valid-type]  # one at run time
        for name, parameter in inspect.signature(call).parameters.items()
        if name in hints and parameter.kind is not parameter.VAR_KEYWORD
    }
    typed_dict: Any = TypedDict  # mypy knows literals only
    arguments = typed_dict("arguments", types, total=False)
    arguments.__pydantic_config__ = ConfigDict(strict=True, arbitrary_types_allowed=True)
    return TypeAdapter(arguments)


def _path(places: Sequence[int | str], data: object) -> list[str]:
    """Return the places that a path goes through: fields, keys and items, no branches of unions."""
    path = [str(place) for place in places[:1]]
    value = data.get(places[0]) if places and isinstance(data, Mapping) else None
    for place in places[1:]:
        if isinstance(place, str) and not isinstance(value, Mapping) and data is not None:
            continue
        path.append(str(place))
        with suppress(LookupError, TypeError):
            value = value[place]  # type: ignore[index]  # a mapping or a sequence, if it has it
    return path


def _called(cls: type) -> str:
    """Return what users call a class: its title, where it stands behind another name."""
    title = cls.model_config.get("title") if issubclass(cls, BaseModel) else None
    return title or cls.__name__


def _misfit(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], options: Mapping[str, Any]
) -> str:
    """Say what is wrong with the arguments of a call that its signature does not take."""
    collected = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    taken = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind not in collected and parameter.name != "self"
    ]
    named = {
        parameter.name: parameter
        for parameter in taken
        if parameter.kind is not parameter.POSITIONAL_ONLY
    }
    open_ended = any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values()
    )
    if unknown := [option for option in options if option not in named and not open_ended]:
        kind = named["settings"].annotation if "settings" in named else None
        return _setting(name, unknown[0], kind) or _unknown(name, unknown[0], named)
    positional = [
        parameter.name for parameter in taken if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    if len(args) > len(positional):
        return _too_many(name, len(positional), args)
    given = {*positional[: len(args)], *options}
    if missing := [
        parameter.name
        for parameter in taken
        if parameter.default is parameter.empty and parameter.name not in given
    ]:
        return f"`{missing[0]}` of {name} is missing: give it."
    return f"`{positional[0]}` of {name} is given twice, by place and by name."


def _misfit_value(name: str, option: str, complaint: str, seen: str) -> str:
    complaint = complaint.removeprefix("Value error, ")
    return f"`{option}` of {name}: {complaint[:1].lower()}{complaint[1:]}, got {seen}."


def what_was_meant(name: str, known: Sequence[str]) -> str:
    """Return the end of a line about an unknown name: the nearest that there is, or all of them.

    Example:
        >>> what_was_meant("widht", ["width", "depth"]), what_was_meant("oak", ["width", "depth"])
        ('do you mean `width`?', 'it takes width, depth.')
    """
    near = get_close_matches(name, known, n=1)
    return f"do you mean `{near[0]}`?" if near else f"it takes {', '.join(known) or 'none'}."


def _no_field(cls: type[BaseModel], option: str) -> str:
    """Say what was meant by an option that is no field of a class."""
    settings = cls.model_fields.get("settings")
    kind = None if settings is None else settings.annotation
    name = _called(cls)
    return _setting(name, option, kind) or _unknown(name, option, cls.model_fields)


def _unknown(name: str, option: str, known: Iterable[str]) -> str:
    options = [option for option in known if not option.startswith("_")]
    return f"`{option[:MOST_SHOWN]}` is no option of {name}: {what_was_meant(option, options)}"


def _setting(name: str, option: str, settings: Any) -> str | None:  # noqa: ANN401 any annotation
    """Say where an option belongs that is one of the settings that are taken beside it."""
    for kind in (settings, *get_args(settings)):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and option in kind.model_fields:
            return (
                f"`{option}` is no option of {name}, it belongs in its settings: "
                f"`settings={kind.__name__}({option}=...)`."
            )
    return None


def _too_many(name: str, places: int, args: tuple[Any, ...]) -> str:
    return (
        f"{name} takes {places or 'no'} argument{'s' * (places != 1)} by place, got "
        f"{len(args)}: give options by name."
    )


def _is_private(field: FieldInfo) -> bool:
    return not field.repr or "Secret" in str(field.annotation)


def _seen(value: object, *, hidden: bool) -> str:
    if hidden or isinstance(value, SecretStr):
        return f"a value of type {type(value).__name__}"
    return f"`{shown(value, quoted=True)}`"


def check_options(cls: type[BaseModel], options: Iterable[str]) -> None:
    """Refuse names that are no fields of a class.

    Raises:
        SettingsError: In one line, with the field that was meant.

    Example:
        >>> class Oven(BaseModel):
        ...     degrees: int
        >>> check_options(Oven, ["degres"])
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `degres` is no option of Oven: do you mean `degrees`?
    """
    for option in options:
        if option not in cls.model_fields:
            raise SettingsError(_no_field(cls, option))
