"""The instructions that a row of IFEval or IFBench names, as rules.

IFEval's are `ifeval_rules`; IFBench's are checked by `if-verifiable` (extra `evaluation`), whose
few rules that need NLTK's data say so where it is not installed. Nothing is downloaded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from langchain_tpo.errors import MissingExtraError, RewardTypeError
from langchain_tpo.reward_models.verifiable_instructions.ifeval_rules import (
    Fields,
    NamedRule,
    ifeval_rule,
)
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict
from langchain_tpo.text.shown import shown

NAMES, FIELDS = "instruction_id_list", "kwargs"
"""The fields of a row that name instructions and say what each is about."""


def named_rules(context: Mapping[str, object], prompt: str) -> tuple[Rule, ...] | None:
    """Return the rules that a row names; None when it names none.

    Args:
        context: The row's fields.
        prompt: The row's prompt.

    Raises:
        RewardTypeError: When a name is neither IFEval's nor IFBench's, or names and fields do not
            match.

    Example:
        >>> row = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        >>> named_rules(row, "No commas.")[0].check("a, b").words
        '1 comma, asked for none'
    """
    names, fields = context.get(NAMES), context.get(FIELDS)
    if names is None:
        return None
    if not isinstance(names, Sequence) or isinstance(names, str):
        raise RewardTypeError(f"`{NAMES}` must be a list of names, got `{shown(names)}`.")
    listed = fields if isinstance(fields, Sequence) else [{}] * len(names)
    if len(listed) != len(names):
        raise RewardTypeError(
            f"`{FIELDS}` must hold one dict for each of {len(names)} instructions, got "
            f"{len(listed)}."
        )
    return tuple(
        named_rule(str(name), given or {}, prompt)
        for name, given in zip(names, listed, strict=True)
    )


def named_rule(name: str, fields: Fields, prompt: str) -> NamedRule:
    """Return the rule of one name.

    Args:
        name: One of IFEval's or IFBench's.
        fields: What it is about; None stands for nothing.
        prompt: The prompt that holds the instruction.

    Raises:
        RewardTypeError: When nobody has a rule of that name.
    """
    given = {key: _plain(value) for key, value in fields.items() if value is not None}
    if rule := ifeval_rule(name, given, prompt):
        return rule
    if name in _registry():
        return NamedRule(name=name, fields=given, prompt=prompt, by=_Library(name))
    raise RewardTypeError(
        f"`{name[:60]}` is no instruction of IFEval or IFBench: a rule of your own is a `Rule`."
    )


class _Library:
    """Checks a text with the library's rule of one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, text: str, fields: Fields, prompt: str) -> Verdict:
        rule = _registry()[self._name](self._name)
        said = rule.build_description(**fields)
        if "prompt" in (rule.get_instruction_args() or {}):
            said = rule.build_description(prompt=prompt)
        wish = re.sub(r"\s+", " ", said).strip().rstrip(".")
        try:
            kept = bool(rule.check_following(text))
        except LookupError as error:
            return Verdict(satisfaction=None, words=f"{self._name} ({_reason(error)})")
        return verdict(kept, wish)


def _reason(error: LookupError) -> str:
    resource = re.search(r"Resource .*?([a-z]\w+)", re.sub(r"\x1b\[\d+m", "", str(error)))
    return f"NLTK's `{resource[1]}` is not installed" if resource else type(error).__name__


def _plain(value: object) -> object:
    """Return whole numbers as such: data sets keep them as 5.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def _registry() -> Mapping[str, Any]:
    try:
        with _no_download():
            registry = import_module("if_verifiable.ifbench.instructions_registry")
    except ImportError:
        raise MissingExtraError("if-verifiable", "evaluation") from None
    rules: Mapping[str, Any] = registry.INSTRUCTION_DICT
    return rules


@contextmanager
def _no_download() -> Iterator[None]:
    """Keep the library from fetching NLTK's data as it is imported."""
    nltk = import_module("nltk")
    fetch = nltk.download
    nltk.download = lambda *_, **__: False  # type: ignore[attr-defined]  # put back below
    try:
        yield
    finally:
        nltk.download = fetch  # type: ignore[attr-defined]
