"""Exact match for mathematics: whether an answer comes to the same value as the reference.

Needs the extra `evaluation` (`math-verify`).
"""

import json
import logging
import re
import sys
import threading
import time
from functools import cache, partial
from importlib import import_module
from typing import Any

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.reward_models.verifiers.written_numbers import alternatives, readable

READ_CHARACTERS = 20_000
"""How much of an answer's end is searched for its result."""

TIME_LIMIT = 5
"""Seconds for reading an answer, and again for comparing it: 9^(9^(9^9)) takes forever."""

_FORMULA = re.compile(r"(?<!\\)\$")
"""A dollar sign that opens a formula; with a backslash it is money."""

_RESULT = "####"
"""What GSM8K puts before the result, after the way that leads there."""


def solves(answer: str, reference: str) -> bool | None:
    r"""Return whether the final result in an answer equals the reference.

    None means that nobody can tell: the reference is no mathematics, or time ran out. There is a
    time limit in the main thread only, since it needs a signal.

    Args:
        answer: What a model wrote; its last boxed or written-out result counts, or several that
            stand together at its end ("x = 3 or x = -3").
        reference: The right result, in LaTeX or plain, or as GSM8K has it after `####`.

    Raises:
        MissingExtraError: When `math-verify` is not installed.

    Example:
        >>> solves("So the answer is $\\boxed{\\frac{1}{2}}$.", "0.5")
        True
        >>> solves("It is 3.", "4")
        False
    """
    verifier = _verifier()
    limit = TIME_LIMIT if threading.current_thread() is threading.main_thread() else None
    read = partial(verifier.parse, parsing_timeout=limit)
    expected = read(_as_latex(readable(reference)))
    since = time.monotonic()
    same = any(
        all(verifier.verify(expected, read(one), timeout_seconds=limit) for one in results)
        for results in _results(readable(answer[-READ_CHARACTERS:]))
    )
    in_time = limit is None or time.monotonic() - since < limit
    return same if same or (in_time and expected) else None


def _results(answer: str) -> list[list[str]]:
    """Return the ways to read an answer: each of several results alone, or all as a set."""
    several = alternatives(answer)
    if not several:
        return [[answer]]
    return [[f"${one}$" for one in several], [rf"$\{{{', '.join(several)}\}}$"]]


def _as_latex(reference: str) -> str:
    result = reference.rpartition(_RESULT)[2].strip()
    return result if _FORMULA.search(result) else f"${result}$"


@cache
def _verifier() -> Any:  # noqa: ANN401 an untyped package
    try:
        verifier = import_module("math_verify")
    except ImportError:
        raise MissingExtraError("math-verify", "evaluation") from None
    # It warns when time runs out, and once per process where there is no limit.
    for part in ("parser", "grader"):
        logging.getLogger(f"math_verify.{part}").setLevel(logging.ERROR)
    return verifier


def main() -> None:
    """Compare the pairs of answer and reference on standard input; the process of `MathAnswer`."""
    solves("1", "1")  # loads what is loaded at the first comparison
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    pairs = json.load(sys.stdin)
    for answer, reference in pairs:
        sys.stdout.write(json.dumps(solves(answer, reference)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
