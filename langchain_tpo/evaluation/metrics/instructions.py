"""Verifiable instructions of IFEval and IFBench: whether an answer did what it was told.

Needs the extra `evaluation` (`if-verifiable` 0.1.2; the package called `ifeval` is something else).
Checks that need NLTK's data are told apart: nobody failed them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any
from unittest.mock import patch

from langchain_tpo.errors import MissingExtraError


@dataclass(frozen=True, kw_only=True)
class Uncheckable:
    """An instruction that cannot be checked here."""

    instruction: str
    """Its name in IFEval or IFBench."""
    reason: str
    """Why not."""


@dataclass(frozen=True, kw_only=True)
class InstructionScore:
    """What an answer did of what it was told, strictly read."""

    followed: int
    """Instructions that it follows."""
    checked: int
    """Instructions that could be checked."""
    uncheckable: tuple[Uncheckable, ...]
    """The others."""

    @property
    def all_followed(self) -> bool | None:
        """IFEval's strict prompt accuracy; None where a check is missing."""
        return None if self.uncheckable else self.followed == self.checked


def follows_instructions(
    answer: str, *, prompt: str, instructions: Sequence[str], arguments: Sequence[Mapping[str, Any]]
) -> InstructionScore:
    """Check an answer against the instructions of an IFEval or IFBench row.

    Args:
        answer: What a model wrote.
        prompt: The row's prompt.
        instructions: The row's `instruction_id_list`.
        arguments: The row's `kwargs`, one for each instruction.

    Raises:
        MissingExtraError: When `if-verifiable` is not installed.

    Example:
        >>> score = follows_instructions(
        ...     "no commas here",
        ...     prompt="Write without commas.",
        ...     instructions=["punctuation:no_comma"],
        ...     arguments=[{}],
        ... )
        >>> score.all_followed
        True
    """
    followed = checked = 0
    uncheckable = []
    for instruction, given in zip(instructions, arguments, strict=True):
        try:
            followed += _follows(answer, prompt, instruction, given)
            checked += 1
        except LookupError as error:
            reason = (str(error).strip().splitlines() or ["unknown"])[0].strip(" *")
            uncheckable.append(Uncheckable(instruction=instruction, reason=_reason(error, reason)))
    return InstructionScore(followed=followed, checked=checked, uncheckable=tuple(uncheckable))


def _follows(answer: str, prompt: str, instruction: str, given: Mapping[str, Any]) -> bool:
    rule = _rule(instruction)(instruction)
    rule.build_description(**{name: value for name, value in given.items() if value is not None})
    if "prompt" in (rule.get_instruction_args() or {}):
        rule.build_description(prompt=prompt)
    return bool(answer.strip() and rule.check_following(answer))


def _reason(error: LookupError, first_line: str) -> str:
    if isinstance(error, KeyError):
        return "no rule of that name"
    return "NLTK's `punkt_tab` is not here" if "punkt" in str(error) else first_line


def _rule(name: str) -> Any:  # noqa: ANN401 an untyped package
    """Return the class that checks an instruction."""
    ifeval = _rules("ifeval")
    return ifeval[name] if name in ifeval else _rules("ifbench")[name]


@cache
def _rules(benchmark: str) -> Mapping[str, Any]:
    try:
        with patch("nltk.download"):  # IFBench's rules fetch data unasked when they are imported
            registry = import_module(f"if_verifiable.{benchmark}.instructions_registry")
        import_module("langdetect").DetectorFactory.seed = 0  # it guesses, differently every time
    except ImportError:
        raise MissingExtraError("if-verifiable", "evaluation") from None
    rules: Mapping[str, Any] = registry.INSTRUCTION_DICT
    return rules
