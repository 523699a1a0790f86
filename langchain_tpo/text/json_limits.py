"""Where a JSON value breaks its schema: limits, patterns, missing keys. Needs the extra `json`.

Knows JSON Schema; knows nothing of rewards, models or agents.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.text.shown import shown

logger = logging.getLogger(__name__)

ERRORS_TOLD = 3
"""Errors that a line quotes."""

Checker: TypeAlias = Callable[[object], str | None]
"""Says in a line where a value breaks its schema; None where it fits."""


def validator(schema: Any) -> Any:  # noqa: ANN401 of an untyped package
    """Return what finds the errors of values; no reference is ever fetched from elsewhere.

    Args:
        schema: A JSON schema.

    Raises:
        MissingExtraError: Without the extra `json`.
        ValueError: When the schema is none, or a reference in it leads nowhere.

    Example:
        >>> told(validator({"type": "integer", "minimum": 0}).iter_errors(-1))
        '$: -1 is less than the minimum of 0.'
        >>> validator({"$ref": "http://127.0.0.1/schema.json"})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: `$ref` `http://127.0.0.1/schema.json` leads nowhere: only what stands in the ...
    """
    try:
        library, references = import_module("jsonschema"), import_module("referencing.jsonschema")
        known = import_module("jsonschema_specifications").REGISTRY
    except ImportError:
        raise MissingExtraError("jsonschema", "json") from None
    kind = library.validators.validator_for(schema, default=library.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except library.SchemaError as error:
        raise ValueError(error.message) from None
    dialect = references.specification_with(kind.ID_OF(kind.META_SCHEMA))
    resource = dialect.create_resource(schema)
    _check_references(resource, known.resolver_with_root(resource))
    return kind(schema, registry=references.EMPTY_REGISTRY)


def _check_references(resource: Any, resolver: Any) -> None:  # noqa: ANN401 of an untyped package
    """Refuse references that would be errors of the library's own when a value is checked."""
    _check_reference(resource.contents, resolver)
    for part in resource.subresources():
        _check_references(part, resolver.in_subresource(part))


def _check_reference(contents: Any, resolver: Any) -> None:  # noqa: ANN401 of an untyped package
    seen: list[Any] = []
    while isinstance(contents, Mapping) and isinstance(name := contents.get("$ref"), str):
        if any(contents is one for one in seen):
            raise ValueError(f"`$ref` `{shown(name)}` leads round in a circle")
        seen.append(contents)
        try:
            found = resolver.lookup(name)
        except Exception as error:  # of several kinds
            raise ValueError(
                f"`$ref` `{shown(name)}` leads nowhere: only what stands in the schema itself is "
                "looked up"
            ) from error
        contents, resolver = found.contents, found.resolver


def told(errors: Iterable[Any]) -> str:
    """Return a line about the first errors in the order of their places.

    Args:
        errors: What a validator found.
    """
    ordered = sorted(errors, key=lambda error: [str(part) for part in error.path])
    lines = [f"{error.json_path}: {error.message}" for error in ordered[:ERRORS_TOLD]]
    return f"{'; '.join(lines)}."


def checker(schema: Mapping[str, Any]) -> Checker:
    """Return what checks values against a schema, as models and agents are handed one.

    It checks nothing, and the log says so once, without the extra `json` or where the schema is
    none: LangChain takes both.

    Args:
        schema: A JSON schema, or a function or format of OpenAI's or Anthropic's around one.

    Example:
        >>> checker({"type": "object", "required": ["euros"]})({"euro": 3})
        "$: 'euros' is a required property."
        >>> checker({"name": "Price", "parameters": {"required": ["euros"]}})({"euros": 3}) is None
        True
    """
    try:
        known = validator(_inside(schema))
    except MissingExtraError as error:
        _say(str(error))
        return _anything
    except ValueError as error:
        _say(f"It is no JSON schema: {error}")
        return _anything

    def check(value: object) -> str | None:
        try:
            errors = list(known.iter_errors(value))
        except Exception as error:  # noqa: BLE001 a reference that leads nowhere, or round and round
            _say(f"{type(error).__name__} of its validator")  # whose text may quote the answer
            return None
        return told(errors) if errors else None

    return check


def _anything(_value: object) -> None:
    return None


def _inside(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for wrapper in ("function", "json_schema"):
        if isinstance(schema.get(wrapper), Mapping):
            schema = schema[wrapper]
    for name in ("parameters", "input_schema", "schema"):
        inner = schema.get(name)
        if isinstance(inner, Mapping):
            return inner
    return schema


@cache
def _say(why: str) -> None:
    logger.warning("the limits of a JSON schema (minimum, pattern, ...) are not checked: %s", why)
