"""Metrics that a person asks for by name, measured as soon as an answer is there.

The report measures by itself what a row plainly calls for (`of_answers`); what runs code is
measured only when it is asked for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError, SettingsError, check_installed
from langchain_tpo.evaluation.metrics.of_answers import (
    followed_instructions,
    reference_values,
    refusal_values,
)
from langchain_tpo.evaluation.outcomes import question
from langchain_tpo.evaluation.records import Record
from langchain_tpo.reward_models import PreferenceHead, UnitTests
from langchain_tpo.reward_models.interface import ScoreRequest

Values: TypeAlias = Mapping[str, float | None]
"""By name; None where it could not be measured."""

Measure: TypeAlias = Callable[
    [Mapping[str, Any], Sequence[str], Sequence[str]], Awaitable[Values] | Values
]
"""From a row's fields, questions and answers to values."""


async def passed_tests(
    fields: Mapping[str, Any], questions: Sequence[str], answers: Sequence[str]
) -> Values:
    """Return whether the code of an answer passes all tests of its row; runs it.

    Args:
        fields: Of the row, with tests as HumanEval or MBPP have them.
        questions: The user's message of each turn.
        answers: The answer of each turn; the last one counts.
    """
    request = ScoreRequest(
        messages=[HumanMessage(questions[-1])], responses=[answers[-1]], context=dict(fields)
    )
    try:
        (score,) = await UnitTests(run_code=True, where="row").ainvoke(request)
    except RewardTypeError:  # a row without tests
        return {"tests": None}
    reward = score["reward"] if isinstance(score, Mapping) else score
    return {"tests": None if reward is None else float(reward == 1.0)}


async def preferred(
    fields: Mapping[str, Any],  # noqa: ARG001 a measure's shape
    questions: Sequence[str],
    answers: Sequence[str],
) -> Values:
    """Return what the preference head thinks of an answer: a second opinion on other rewards.

    Args:
        fields: Of the row.
        questions: The user's message of each turn.
        answers: The answer of each turn; the last one counts.
    """
    request = ScoreRequest(
        messages=[HumanMessage(question) for question in questions], responses=[answers[-1]]
    )
    (score,) = await PreferenceHead().ainvoke(request)
    return {"preference head": score if isinstance(score, float) else None}


MEASURES: Mapping[str, Measure] = {
    "exact-match": reference_values,
    "ifeval": followed_instructions,
    "ifbench": followed_instructions,
    "humaneval": passed_tests,
    "preference-head": preferred,
    "refusals": refusal_values,
}
"""What `--metric` takes."""

PACKAGES: Mapping[str, str] = {
    "exact-match": "math-verify",
    "ifeval": "if-verifiable",
    "ifbench": "if-verifiable",
}
"""What compares formulas and checks instructions, of the extra `evaluation`."""


def measures_named(names: Sequence[str]) -> dict[str, Measure]:
    """Return metrics by their names.

    Raises:
        SettingsError: In one line, when one of them is unknown.
        MissingExtraError: When what one of them needs is not installed; before anything is drawn.

    Example:
        >>> list(measures_named(["ifeval"]))
        ['ifeval']
    """
    for name in names:
        if name not in MEASURES:
            known = ", ".join(f"`{known}`" for known in MEASURES)
            raise SettingsError(f"There is no metric `{name}`: use {known}.")
        if name in PACKAGES:
            check_installed(PACKAGES[name], "evaluation")
    return {name: MEASURES[name] for name in names}


async def measure(record: Record, measures: Mapping[str, Measure]) -> None:
    """Write the values of an answered example into its record.

    Args:
        record: The record.
        measures: What to measure.
    """
    if not measures:
        return
    questions = [question(run) for run in record["runs"]]
    answers = [run["answer"] for run in record["runs"]]
    values: dict[str, float | None] = {}
    for measure in measures.values():
        found = measure(record["fields"], questions, answers)
        values |= await found if isinstance(found, Awaitable) else found
    record["metrics"] = values
