"""Metrics that a person asks for by name, measured as soon as an answer is there.

The report measures by itself what a row plainly calls for (`of_answers`); what runs code is
measured only when it is asked for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.metrics.of_answers import (
    followed_instructions,
    reference_values,
    refusal_values,
)
from langchain_tpo.evaluation.outcomes import question
from langchain_tpo.evaluation.records import Record

Values: TypeAlias = Mapping[str, float | None]
"""By name; None where it could not be measured."""

Measure: TypeAlias = Callable[
    [Mapping[str, Any], Sequence[str], Sequence[str]], Awaitable[Values] | Values
]
"""From a row's fields, questions and answers to values."""

MEASURES: Mapping[str, Measure] = {
    "exact-match": reference_values,
    "ifeval": followed_instructions,
    "ifbench": followed_instructions,
    "refusals": refusal_values,
}
"""What `--metric` takes."""


def measures_named(names: Sequence[str]) -> dict[str, Measure]:
    """Return metrics by their names.

    Raises:
        SettingsError: In one line, when one of them is unknown.

    Example:
        >>> list(measures_named(["ifeval"]))
        ['ifeval']
    """
    for name in names:
        if name not in MEASURES:
            known = ", ".join(f"`{known}`" for known in MEASURES)
            raise SettingsError(f"There is no metric `{name}`: use {known}.")
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
    for one in measures.values():
        found = one(record["fields"], questions, answers)
        values |= await found if isinstance(found, Awaitable) else found
    record["metrics"] = values
