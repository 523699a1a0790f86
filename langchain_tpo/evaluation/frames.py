"""Data frames of pandas: the outcomes of a run as one, and the rows of any."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.file_kinds import check_columns
from langchain_tpo.evaluation.outcomes import Failed, Outcome


def frame_of(outcomes: Iterable[Outcome | Failed]) -> Any:  # noqa: ANN401 a data frame
    """Return outcomes as a pandas data frame; metrics are columns of their own.

    Args:
        outcomes: Of a run.

    Raises:
        MissingExtraError: When pandas is not installed.

    Example:
        >>> frame_of([Failed(example="1", system="tpo", reason="OSError: slow")]).failure[0]
        'OSError: slow'
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        raise MissingExtraError("pandas", "evaluation") from None
    return pandas.DataFrame([_row(outcome) for outcome in outcomes])


def _row(one: Outcome | Failed) -> Mapping[str, object]:
    named = {"example": one.example, "system": one.system}
    if isinstance(one, Failed):
        return {**named, "failure": one.reason}
    return {
        **named,
        "reward": one.reward,
        "first_reward": one.first_rewards[0] if one.first_rewards else None,
        "length": one.length,
        **one.usage,
        "seconds": one.seconds,
        "stop_reason": ", ".join(one.stop_reasons),
        **one.metrics,
        "failure": None,
    }


def rows_of_frame(table: Any) -> list[object]:  # noqa: ANN401 pandas is an optional package
    """Return the rows of a data frame of pandas by their columns; what is missing is None.

    Args:
        table: The data frame.

    Raises:
        DatasetError: When two of its columns have one name.
    """
    check_columns("The data frame", table.columns)
    rows: list[object] = table.astype(object).where(table.notna(), None).to_dict("records")
    return rows
