"""A run's answers in the files that the judges of AlpacaEval, Arena-Hard and MT-Bench read.

Knows their layouts, and records; asks nobody. `given=FILE` reads all of them again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.outcomes import question
from langchain_tpo.evaluation.records import Record

AnswerRow: TypeAlias = dict[str, Any]
"""One answer, as its format has it."""


def exported(records: Iterable[Record], *, layout: str, name: str) -> Iterator[str]:
    r"""Return the lines of a file of answers, without those that there are none of.

    Args:
        records: Of one system.
        layout: One of `ANSWER_FORMATS`.
        name: What the judge is to call the system.

    Raises:
        SettingsError: In one line, when there is no such format.

    Example:
        >>> run = {"messages": [{"role": "user", "content": "Hi"}], "answer": "Hello"}
        >>> record = {"example": "1", "system": "tpo", "fields": {}, "runs": [run], "started": None}
        >>> print("".join(exported([record], layout="alpaca-eval", name="tpo")))
        [
        {"instruction": "Hi", "output": "Hello", "generator": "tpo"}
        ]
        <BLANKLINE>
    """
    write = format_named(layout)
    rows = (json.dumps(write(record, name)) for record in records if record["runs"])
    if layout == "alpaca-eval":
        yield from _as_array(rows)
    else:
        yield from (f"{row}\n" for row in rows)


def format_named(layout: str) -> Callable[[Record, str], AnswerRow]:
    """Return what writes a record in a format.

    Raises:
        SettingsError: In one line, when there is no such format.
    """
    if layout not in ANSWER_FORMATS:
        known = ", ".join(f"`{known}`" for known in ANSWER_FORMATS)
        raise SettingsError(f"`--format` must be one of {known}, got `{layout}`.")
    return ANSWER_FORMATS[layout]


def _as_array(rows: Iterable[str]) -> Iterator[str]:
    """AlpacaEval reads one JSON array."""
    opening = "[\n"
    for row in rows:
        yield opening + row
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _alpaca_eval(record: Record, name: str) -> AnswerRow:
    """Its judge finds the reference by the very instruction, so that is kept as the row had it."""
    if len(record["runs"]) > 1:
        raise SettingsError(
            f"`--format alpaca-eval` holds one answer to a question, and `{record['example']}` has "
            f"{len(record['runs'])} turns: use `mt-bench`."
        )
    fields, run = record["fields"], record["runs"][0]
    row = {"instruction": fields.get("instruction") or question(run)}
    row |= {key: fields[key] for key in ("input", "dataset") if fields.get(key)}
    return {**row, "output": run["answer"], "generator": name}


def _arena_hard(record: Record, name: str) -> AnswerRow:
    messages = [*record["runs"][-1]["messages"]]
    answer = {"role": "assistant", "content": {"answer": record["runs"][-1]["answer"]}}
    return {
        "uid": _identity(record, "uid", "question_id"),
        "ans_id": _answer_id(record, name),
        "model": name,
        "messages": [*messages, answer],
        "tstamp": _written(record),
    }


def _mt_bench(record: Record, name: str) -> AnswerRow:
    turns = [run["answer"] for run in record["runs"]]
    return {
        "question_id": _identity(record, "question_id"),
        "answer_id": _answer_id(record, name),
        "model_id": name,
        "choices": [{"index": 0, "turns": turns}],
        "tstamp": _written(record),
    }


ANSWER_FORMATS: Mapping[str, Callable[[Record, str], AnswerRow]] = {
    "alpaca-eval": _alpaca_eval,
    "arena-hard": _arena_hard,
    "mt-bench": _mt_bench,
}
"""The formats by name."""


def _identity(record: Record, *names: str) -> object:
    """Return what the data set calls the question, as it is: a number where it was one.

    Of questions that it calls the same, the later ones are called as the run calls them.
    """
    example = record["example"]
    known: Sequence[object] = [record["fields"][name] for name in names if name in record["fields"]]
    return example if not known or example.startswith(f"{known[0]}~") else known[0]


def _answer_id(record: Record, name: str) -> str:
    """Return an id that is the same whenever the same answer is written."""
    said = json.dumps([name, record["example"], [run["answer"] for run in record["runs"]]])
    return hashlib.sha256(said.encode()).hexdigest()[:22]


def _written(record: Record) -> float | None:
    started = record.get("started")
    return datetime.fromisoformat(started).timestamp() if started else None
