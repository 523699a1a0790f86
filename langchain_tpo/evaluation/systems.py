"""What is compared: single sample, best-of-N, revision and TPO, each with its settings.

All of them are one loop with different settings. Knows how systems are named and told apart; builds
and runs nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import PurePath
from typing import Any, Literal, TypeAlias, cast, get_args

from langchain_tpo.errors import SettingsError
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.settings import TPOSettings
from langchain_tpo.strategies import STRATEGIES
from langchain_tpo.strategies.registry import with_options

SystemKind: TypeAlias = str
"""A single sample, best-of-N, best-of-N at the tokens that another system takes, or a strategy."""

MATCHED = "best-of-n-matched"
"""The kind that draws as much as another system costs."""

WITHOUT_ROUNDS: tuple[SystemKind, ...] = ("single", "best-of-n", MATCHED)
"""The kinds that draw once and are done."""

OF_THE_PAPER: tuple[SystemKind, ...] = (*WITHOUT_ROUNDS, "revision", "tpo")
"""What is compared where nothing else is asked for, in the order of a table."""

KINDS: tuple[SystemKind, ...] = tuple(dict.fromkeys([*OF_THE_PAPER, *STRATEGIES]))
"""All of them."""

MatchOn: TypeAlias = Literal["output", "all", "money"]
"""Which tokens a matched system may use as many of: generated ones, prompts as well, or prompts at
the quarter of a price that providers ask for them."""

GIVEN = "given"
"""The kind of a system whose answers exist already, in a file."""

WITHHELD = "withheld"
"""A critique that says nothing; remarks that nobody is shown."""

_SETTINGS = (
    *("prompts", "target_reward", "gate_reward", "gate_contrast", "patience", "min_gain"),
    *("min_contrast", "call_budget", "token_budget", "time_budget"),
)
"""Settings that a system may have of its own, as `TPOSettings` calls them."""

_OF_ROUNDS = frozenset({"depth", "critic", "critique", "remarks"})
_OF_MATCHES = frozenset({"match", "match_on"})
_OPTIONS = frozenset({*_SETTINGS, "width", *_OF_ROUNDS, *_OF_MATCHES})
_MEANINGLESS: Mapping[SystemKind, frozenset[str]] = {
    "single": _OF_ROUNDS | {"width"},
    "best-of-n": _OF_ROUNDS,
    MATCHED: _OF_ROUNDS | {"width"},
}
"""Options that a kind without rounds has no use for, or would be another kind with."""

_GRID = ("width", "depth")
_GIVEN_SPEC = re.compile(r"(?:(?P<name>[^=:,]+)=)?given(?:=(?P<file>.*))?")
_SPEC = re.compile(r"(?:(?P<name>[^=:,]+)=)?(?P<kind>[\w-]+)(?::(?P<options>.*))?")


@dataclass(frozen=True, kw_only=True)
class System:
    """One thing that answers prompts.

    Example:
        >>> (wide,) = parse_systems(["wide=tpo:width=20,depth=1"], TPOSettings())
        >>> wide.name, wide.settings.completions
        ('wide', 42)
    """

    name: str
    """How records and reports call it."""
    kind: SystemKind
    """What it is."""
    settings: TPOSettings
    """Width, depth, prompts and sampling."""
    critic: str | None = None
    """Another model for loss and gradient, as a string."""
    critique: str | None = None
    """A file of critiques that take the place of loss and gradient, or `withheld`."""
    remarks: str | None = None
    """`withheld`: the reward's figures without its words."""
    match: str | None = None
    """The system whose tokens a `best-of-n-matched` takes as its budget."""
    match_on: MatchOn = "output"
    """What counts for that."""
    answers: str | None = None
    """The file of answers that exist already."""

    def as_dict(self) -> dict[str, Any]:
        """Describe the system for a manifest, as JSON values."""
        said = {
            "name": self.name,
            "kind": self.kind,
            "settings": self.settings.model_dump(mode="json"),
            "critic": self.critic,
            "critique": self.critique,
            "match": self.match,
            "match_on": self.match_on if self.match else None,
        }
        more = {"remarks": self.remarks, "answers": self.answers}
        return {**said, **{name: value for name, value in more.items() if value is not None}}


def parse_systems(texts: Sequence[str], settings: TPOSettings) -> tuple[System, ...]:
    """Read systems as users type them: `[NAME=]KIND[:option=value,...]`, or `[NAME=]given=FILE`.

    `width` and `depth` take several values at once (`tpo:width=2/5/10,depth=1/2`), which makes one
    system of each combination. A matched system comes after the one whose tokens it matches.

    Args:
        texts: The systems; none of them: those of the paper.
        settings: What holds where a system does not say otherwise.

    Raises:
        SettingsError: In one line, when a system cannot be read or two have the same name.

    Example:
        >>> [one.name for one in parse_systems(["tpo:depth=1/2", "single"], TPOSettings())]
        ['tpo-D1', 'tpo-D2', 'single']
        >>> [one.name for one in parse_systems(["given=gpt-4.json"], TPOSettings())]
        ['gpt-4']
    """
    systems = [system for text in texts or OF_THE_PAPER for system in _parse(text, settings)]
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(
                f"Two systems are called `{name}`: name one of them, as in `mine=tpo:width=8`."
            )
    settled = [_matching(system, systems) for system in systems]
    return tuple(sorted(settled, key=lambda system: system.match is not None))


def asks_a_model(systems: Iterable[System]) -> bool:
    """Return whether any system draws: answers that exist already are only scored."""
    return any(system.answers is None for system in systems)


def drawing_order(systems: Sequence[System]) -> list[System]:
    """Return the systems in the order in which they share first samples.

    The widest draws (of equals a `tpo`), the others begin with its draws; those that match the
    tokens of another go on from there. Draws whose remarks are withheld serve nobody else, so they
    come after their like.

    Example:
        >>> systems = parse_systems(["single", "best-of-n", "tpo"], TPOSettings())
        >>> [system.name for system in drawing_order(systems)]
        ['tpo', 'best-of-n', 'single']
    """
    return sorted(
        systems,
        key=lambda one: (
            one.match is not None,
            one.remarks is not None,
            -one.settings.width,
            one.kind != "tpo",
        ),
    )


def _parse(text: str, settings: TPOSettings) -> list[System]:
    match, given = _SPEC.fullmatch(text.strip()), _GIVEN_SPEC.fullmatch(text.strip())
    kind = match["kind"] if match else text
    if given is not None and kind not in KINDS:  # `given=tpo` is a `tpo` of that name
        return [_given(text, given["name"], given["file"] or "")]
    if match is None or kind not in KINDS:
        known = ", ".join(f"`{known}`" for known in [*KINDS, f"{GIVEN}=FILE"])
        raise SettingsError(f"`--system {text}`: there is no `{kind}`, use one of {known}.")
    options = _options(text, kind, match["options"] or "")
    grids = [options.pop(name).split("/") if name in options else [None] for name in _GRID]
    combinations = list(product(*grids))
    if match["name"] and len(combinations) > 1:
        raise SettingsError(f"`--system {text}` makes several systems: leave the name out.")
    return [_system(text, match["name"], kind, shape, options, settings) for shape in combinations]


def _given(text: str, name: str | None, file: str) -> System:
    if not file:
        raise SettingsError(
            f"`--system {text}` names no file of answers: write `{GIVEN}=answers.jsonl`."
        )
    # Of `hf:owner/name?split=test` the name, of `answers.jsonl.gz` what stands before the dot.
    own_name = PurePath(file.partition("?")[0].rstrip("/")).name.lstrip(".").partition(".")[0]
    return System(
        name=name or own_name or GIVEN,
        kind=GIVEN,
        settings=TPOSettings(width=1, depth=0),  # nothing is drawn: no other one means anything
        answers=file,
    )


def _options(text: str, kind: SystemKind, listed: str) -> dict[str, str]:
    options = {}
    taken = {*_OPTIONS, *_strategy_fields(kind)} - _MEANINGLESS.get(kind, frozenset())
    taken -= frozenset() if kind == MATCHED else _OF_MATCHES
    for part in filter(None, listed.split(",")):
        name, equals, value = part.partition("=")
        if name in _OF_MATCHES and kind != MATCHED:
            raise SettingsError(
                f"`--system {text}`: `{kind}` matches nothing: only `{MATCHED}` does."
            )
        if not equals or name not in taken:
            known = ", ".join(f"`{known}`" for known in sorted(taken))
            raise SettingsError(f"`--system {text}`: `{part}` is no option, use {known}.")
        if name in options:
            raise SettingsError(f"`--system {text}` says `{name}` twice.")
        options[name] = value
    return options


def _system(
    text: str,
    name: str | None,
    kind: SystemKind,
    shape: Sequence[str | None],
    options: Mapping[str, str],
    settings: TPOSettings,
) -> System:
    width, depth = (None if value is None else _whole(text, value) for value in shape)
    own = {key: value for key, value in options.items() if key in _strategy_fields(kind)}
    changes = _fixed(kind, own, settings)
    changes |= {
        key: value for key, value in (("width", width), ("depth", depth)) if value is not None
    }
    changes |= {key: _value(options[key]) for key in _SETTINGS if key in options}
    return System(
        name=name or _default_name(kind, width, depth),
        kind=kind,
        settings=settings.with_changes(**changes),
        critic=options.get("critic"),
        critique=options.get("critique"),
        match=options.get("match"),
        match_on=_match_on(text, options.get("match_on", "output")),
        remarks=_remarks(text, options.get("remarks")),
    )


def _strategy_fields(kind: SystemKind) -> Sequence[str]:
    return list(STRATEGIES[kind].model_fields) if kind in STRATEGIES else []


def _fixed(kind: SystemKind, options: Mapping[str, str], settings: TPOSettings) -> dict[str, Any]:
    """Say what makes a kind: everything else is shared."""
    if kind == "single":
        return {"width": 1, "depth": 0}
    if kind in WITHOUT_ROUNDS:
        return {"depth": 0}
    strategy = with_options(STRATEGIES[kind], options)
    prompts = settings.prompts
    if isinstance(prompts, TPOPrompts) and kind != settings.strategy.name:
        # Somebody's own words for one strategy: the others are asked in the nearest style.
        prompts = "small" if prompts.revision_tag is None else "paper"
    return {"strategy": strategy, "prompts": prompts}


def _default_name(kind: SystemKind, width: int | None, depth: int | None) -> str:
    parts = [kind]
    parts += [] if depth is None else [f"D{depth}"]
    parts += [] if width is None else [f"N{width}"]
    return "-".join(parts)


def _matching(system: System, systems: Sequence[System]) -> System:
    """Return a system that knows whose tokens it takes, where its kind takes any."""
    if system.kind != MATCHED:
        return system
    loops = [other.name for other in systems if other.kind not in (*WITHOUT_ROUNDS, GIVEN)]
    tpo_first = [other.name for other in systems if other.kind == "tpo"] + loops
    wanted = system.match or next(iter(tpo_first), None)
    if wanted not in loops:
        raise SettingsError(
            f"`{system.name}` must match the tokens of a system with rounds of the same "
            f"run, got `{wanted}`: add `--system tpo` or say `match=NAME`."
        )
    return replace(system, match=wanted)


def _value(typed: str) -> str | None:
    """Return what stands for a setting; no setting is a text of this name."""
    return None if typed == "none" else typed


def _match_on(text: str, value: str) -> MatchOn:
    for known in get_args(MatchOn):
        if value == known:
            return cast("MatchOn", value)
    known = ", ".join(f"`{name}`" for name in get_args(MatchOn))
    raise SettingsError(f"`--system {text}`: `match_on` must be one of {known}, got `{value}`.")


def _remarks(text: str, value: str | None) -> str | None:
    if value not in (None, WITHHELD):
        raise SettingsError(f"`--system {text}`: `remarks` must be `{WITHHELD}`, got `{value}`.")
    return value


def _whole(text: str, value: str) -> int:
    if not value.isdecimal():
        raise SettingsError(f"`--system {text}`: `{value}` is no whole number.")
    return int(value)
