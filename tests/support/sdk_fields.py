"""Values for every field that an SDK's typed request can have, read from its types."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import is_typeddict

MARK = "oak-7351"
"""A text that is nowhere else."""

_NUMBERS = {int: 7351, float: 0.7351}
_LISTS = (list, Iterable, Sequence)
_ASIDE = (Annotated, NotRequired, Required)
_SAID_BY_OTHERS = ("type", "role")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A value for one field of a request, somewhere in which one thing is said."""

    value: Any
    path: tuple[str, ...] = ()
    """Where, beneath the field."""
    said: Any = None
    """What."""

    def inside(self, name: str, around: Mapping[str, Any]) -> "Variant":
        """Return this in a field of an object."""
        return Variant(value={**around, name: self.value}, path=(name, *self.path), said=self.said)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Walks the types of one request; each type of an object once."""

    samples: Mapping[str, Mapping[str, Any]]
    """Objects that a server takes, by the names of their types."""
    seen: set[str] = field(default_factory=set)

    def variants(self, hint: Any) -> Iterator[Variant]:
        """Yield values of a type, each of which says one thing more than need be."""
        for option in _options(hint):
            if is_typeddict(option):
                yield from self._objects(option)
            elif get_origin(option) in _LISTS:
                for one in self.variants(get_args(option)[0]):
                    yield Variant(value=[one.value], path=one.path, said=one.said)
            else:
                yield from (Variant(value=value, said=said) for value, said in _plain(option))

    def _objects(self, kind: Any) -> Iterator[Variant]:
        if kind.__name__ in self.seen:
            return
        self.seen.add(kind.__name__)
        base = self._least(kind)
        for name, hint in get_type_hints(kind).items():
            if name not in _SAID_BY_OTHERS:
                yield from (one.inside(name, base) for one in self.variants(hint))

    def _least(self, hint: Any) -> Any:
        """Return the least that a type allows."""
        kind = _options(hint)[0]
        if is_typeddict(kind):
            if kind.__name__ in self.samples:
                return copy.deepcopy(dict(self.samples[kind.__name__]))
            hints = get_type_hints(kind, include_extras=True)
            needed = {name: one for name, one in hints.items() if get_origin(one) is Required}
            return {name: self._least(one) for name, one in needed.items()}
        if get_origin(kind) is Literal:
            return get_args(kind)[0]
        if get_origin(kind) not in (None, dict, Mapping):
            return [self._least(get_args(kind)[0])]
        return {int: 1, float: 1.0, bool: True, str: "hi"}.get(kind, {"a": "b"})


def _plain(option: Any) -> Iterator[tuple[Any, Any]]:
    """Yield values of a type that is no object of the SDK's and no list, and what each says."""
    if get_origin(option) is Literal:
        yield from ((one, one) for one in get_args(option))
    elif option is bool:
        yield from ((one, one) for one in (True, False))
    elif option in (dict, object) or get_origin(option) in (dict, Mapping):
        yield {MARK: MARK}, MARK
    elif option is not NoneType:
        said = _NUMBERS.get(option, MARK)
        yield said, said


def _options(hint: Any) -> list[Any]:
    """Return what a hint allows."""
    while get_origin(hint) in _ASIDE:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        return [option for one in get_args(hint) for option in _options(one)]
    return [hint]
