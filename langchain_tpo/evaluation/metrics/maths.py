"""Exact match for mathematics: whether an answer comes to the same value as the reference.

Needs the extra `evaluation` (`math-verify`).
"""

import logging
import re
from functools import cache
from importlib import import_module
from typing import Any

from langchain_tpo.errors import MissingExtraError

READ_CHARACTERS = 20_000
"""How much of an answer's end is searched for its result: the parser takes no time limit outside
of the main thread."""

_FORMULA = re.compile(r"(?<!\\)\$")
"""A dollar sign that opens a formula; with a backslash it is money."""


def solves(answer: str, reference: str) -> bool:
    r"""Tell whether the final result in an answer equals the reference.

    Args:
        answer: What a model wrote; its last boxed or written-out result counts.
        reference: The right result, in LaTeX or plain.

    Raises:
        MissingExtraError: When `math-verify` is not installed.

    Example:
        >>> solves("So the answer is $\\boxed{\\frac{1}{2}}$.", "0.5")
        True
        >>> solves("It is 3.", "4")
        False
    """
    verifier = _verifier()
    # Its timeouts use signals, which raise outside of the main thread.
    expected = verifier.parse(_as_latex(reference), parsing_timeout=None)
    found = verifier.parse(answer[-READ_CHARACTERS:], parsing_timeout=None)
    return bool(verifier.verify(expected, found, timeout_seconds=None))


def _as_latex(reference: str) -> str:
    return reference if _FORMULA.search(reference) else f"${reference}$"


@cache
def _verifier() -> Any:  # noqa: ANN401 an untyped package
    try:
        verifier = import_module("math_verify")
    except ImportError:
        raise MissingExtraError("math-verify", "evaluation") from None
    # It warns, once per process, that we keep its time limits off.
    for part in ("parser", "grader"):
        logging.getLogger(f"math_verify.{part}").setLevel(logging.ERROR)
    return verifier
