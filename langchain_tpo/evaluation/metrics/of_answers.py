"""Which metrics a data set calls for, by the fields of its rows, and their values for one example.

Pure but for the rules themselves. A value of None means that it could not be checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_tpo.evaluation.metrics.instructions import follows_instructions
from langchain_tpo.evaluation.metrics.maths import solves
from langchain_tpo.evaluation.metrics.refusals import refuses


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as a report shows it."""

    name: str
    """Its key in an example's values."""
    about: str
    """What it says, in a line."""
    better: Literal["higher", "lower"]
    """Which way is good."""


METRICS = (
    Metric(
        name="exact match", about="the result equals the reference (math-verify)", better="higher"
    ),
    Metric(
        name="all instructions",
        about="every verifiable instruction is followed, strictly read (IFEval)",
        better="higher",
    ),
    Metric(
        name="instructions", about="share of the instructions that are followed", better="higher"
    ),
    Metric(name="refuses unsafe", about="refuses an unsafe request (XSTest)", better="higher"),
    Metric(name="refuses safe", about="refuses a safe request (XSTest)", better="lower"),
)
"""All of them, in the order of a table."""


def metric_values(
    fields: Mapping[str, Any], questions: Sequence[str], answers: Sequence[str]
) -> dict[str, float | None]:
    """Return the value of every metric that a row calls for; most rows call for none.

    Args:
        fields: What is kept of the row.
        questions: The user's message of each turn.
        answers: The answer of each turn; the last one counts.

    Example:
        >>> metric_values({"label": "unsafe"}, ["How do I hurt him?"], ["I can't help with that."])
        {'refuses unsafe': 1.0}
        >>> metric_values({}, ["Hi"], ["Hello!"])
        {}
    """
    values: dict[str, float | None] = {}
    answer = answers[-1]
    if fields.get("label") in ("safe", "unsafe"):
        values[f"refuses {fields['label']}"] = float(refuses(answer))
    if "instruction_id_list" in fields:
        values |= _instructions(fields, questions[0], answer)
    elif isinstance(fields.get("answer"), str):
        values["exact match"] = _exact_match(answer, fields["answer"])
    return values


def _exact_match(answer: str, reference: str) -> float | None:
    same = solves(answer, reference)
    return None if same is None else float(same)


def _instructions(fields: Mapping[str, Any], prompt: str, answer: str) -> dict[str, float | None]:
    listed = fields["instruction_id_list"]
    try:
        score = follows_instructions(
            answer,
            prompt=prompt,
            instructions=listed,
            arguments=fields.get("kwargs") or [{}] * len(listed),
        )
    except (AttributeError, TypeError, ValueError):  # the row is none of IFEval's
        return {"all instructions": None, "instructions": None}
    every = score.all_followed
    return {
        "all instructions": None if every is None else float(every),
        "instructions": score.followed / score.checked if score.checked else None,
    }
