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
from langchain_tpo.reward_models.verifiers.answers import says
from langchain_tpo.reward_models.verifiers.denied_results import without_denied
from langchain_tpo.reward_models.verifiers.plain_formulas import as_latex, with_formula
from langchain_tpo.reward_models.verifiers.quantities import same_quantity, written_otherwise
from langchain_tpo.reward_models.verifiers.written_numbers import alternatives, readable

READ_CHARACTERS = 20_000
"""How much of an answer's end is searched for its result."""

TIME_LIMIT = 5
"""Seconds for reading an answer, and again for comparing it: 9^(9^(9^9)) takes forever."""

_FORMULA = re.compile(r"(?<!\\)\$")
"""A dollar sign that opens a formula; with a backslash it is money."""

_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)\}")
_IN_WORDS = re.compile(r"(?:\\text\{)?[^\W\d_]{2,}(?:[\s-][^\W\d_]+)*\}?|\d{1,2}:\d{2}")
"""A reference that is no formula but a word, or a time of day."""

_RESULT = "####"
"""What GSM8K puts before the result, after the way that leads there."""


def solves(answer: str, reference: str) -> bool | None:
    r"""Return whether the final result in an answer equals the reference.

    Where both name a unit, a currency or brackets, these have to agree, too: 5 km is 5000 m and not
    5 m. None means that nobody can tell: the reference is no mathematics, or time ran out. There is
    a time limit in the main thread only, since it needs a signal. A result that the answer denies
    ("not 42") is none of it.

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
    stated = without_denied(answer[-READ_CHARACTERS:])
    result = result_in(stated)
    wanted = reference.rpartition(_RESULT)[2].strip()
    if written_otherwise(wanted, result):
        return False
    measured = same_quantity(wanted, result)
    if measured is not None:
        return measured
    told = _equal(stated, wanted)
    return True if _IN_WORDS.fullmatch(wanted) and says(wanted, answer) else told


def _equal(answer: str, reference: str) -> bool | None:
    """Compare by `math-verify`; None means that nobody can tell."""
    verifier = _verifier()
    limit = TIME_LIMIT if threading.current_thread() is threading.main_thread() else None
    read = partial(verifier.parse, parsing_timeout=limit)
    expected = read(_as_formula(readable(reference)))
    since = time.monotonic()
    same = any(
        all(verifier.verify(expected, read(one), timeout_seconds=limit) for one in results)
        for results in _results(readable(answer))
    )
    in_time = limit is None or time.monotonic() - since < limit
    return same if same or (in_time and expected) else None


def result_in(answer: str) -> str:
    r"""Return what an answer gives as its result: what is boxed, or its last line.

    Example:
        >>> result_in(r"So it is $\boxed{5\text{ m}}$ in all.")
        '5\\text{ m}'
    """
    if boxed := _BOXED.findall(answer):
        return str(boxed[-1])
    return answer.rstrip().rpartition("\n")[2].rpartition(_RESULT)[2]


def _results(answer: str) -> list[list[str]]:
    """Return the ways to read an answer: each of several results alone, or all as a set."""
    several = alternatives(answer)
    if not several:
        return [[with_formula(answer)]]
    return [[f"${one}$" for one in several], [rf"$\{{{', '.join(several)}\}}$"]]


def _as_formula(reference: str) -> str:
    return reference if _FORMULA.search(reference) else f"${as_latex(reference)}$"


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
