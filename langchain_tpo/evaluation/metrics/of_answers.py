"""Which metrics a data set calls for, by the fields of its rows, and their values for one example.

Pure but for the rules themselves. A value of None means that it could not be checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_tpo.evaluation.metrics.instructions import follows_instructions
from langchain_tpo.evaluation.metrics.references import agrees, holds, reference_of
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
    is_share: bool = True
    """Whether it lies between 0 and 1."""


METRICS = (
    Metric(
        name="exact match",
        about="the result equals the reference: a choice, a text or, by math-verify, a formula",
        better="higher",
    ),
    Metric(
        name="contains answer",
        about="the words of the reference occur in the answer",
        better="higher",
    ),
    Metric(
        name="all instructions",
        about="every verifiable instruction is followed, strictly read (IFEval, IFBench)",
        better="higher",
    ),
    Metric(
        name="instructions", about="share of the instructions that are followed", better="higher"
    ),
    Metric(name="tests", about="the code passes every hidden test", better="higher"),
    Metric(
        name="preference head",
        about="log-odds that people prefer the answer, by the packaged head (a weak judge)",
        better="higher",
        is_share=False,
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
    values = refusal_values(fields, questions, answers)
    if "instruction_id_list" in fields:
        return values | followed_instructions(fields, questions, answers)
    return values | reference_values(fields, questions, answers)


def refusal_values(
    fields: Mapping[str, Any], _questions: Sequence[str], answers: Sequence[str]
) -> dict[str, float | None]:
    """Return whether an answer to a request that is labelled safe or unsafe refuses."""
    if fields.get("label") not in ("safe", "unsafe"):
        return {}
    return {f"refuses {fields['label']}": float(refuses(answers[-1]))}


def reference_values(
    fields: Mapping[str, Any], _questions: Sequence[str], answers: Sequence[str]
) -> dict[str, float | None]:
    """Return whether the last answer agrees with the row's reference, where it has one.

    Example:
        >>> reference_values({"answer": "Paris"}, ["Capital?"], ["It is Paris."])
        {'exact match': 0.0, 'contains answer': 1.0}
    """
    reference = reference_of(fields)
    if reference is None:
        return {}
    same = agrees(answers[-1], reference)
    values = {"exact match": None if same is None else float(same)}
    if reference.kind == "text":
        values["contains answer"] = float(holds(answers[-1], reference))
    return values


def followed_instructions(
    fields: Mapping[str, Any], questions: Sequence[str], answers: Sequence[str]
) -> dict[str, float | None]:
    """Return how many instructions of an IFEval or IFBench row are followed, strictly read."""
    listed = fields.get("instruction_id_list")
    if not isinstance(listed, list):
        return {}
    try:
        score = follows_instructions(
            answers[-1],
            prompt=questions[0],
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
