"""Draws that several systems share stand on disk once, in the record of the system that made them.

The record of another system says whose they are and how many; whoever reads it is given all of its
pool. Knows records as values; the file is that of `records`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from langchain_tpo.errors import DatasetError

AnyRecord: TypeAlias = Mapping[str, Any]
"""A record of any example and system."""

RecordT = TypeVar("RecordT", bound=AnyRecord)
"""The same, of whatever type."""

Find: TypeAlias = Callable[[str, str], AnyRecord | None]
"""From the names of an example and a system to the whole record; None where there is none."""


def drawn_first(run: Mapping[str, Any]) -> list[Any]:
    """Return what a run drew before its first round, drafts left out.

    Example:
        >>> pool = [{"text": "a", "round": 0}, {"text": "b", "round": 1}]
        >>> drawn_first({"pool": pool})
        [{'text': 'a', 'round': 0}]
    """
    listed = [one for one in run["pool"] if isinstance(one, Mapping)]
    return [one for one in listed if one.get("round") == 0 and not one.get("draft")]


def without_held(record: AnyRecord) -> AnyRecord:
    """Return a record as it is written: without the draws that another one holds.

    Example:
        >>> run = {"first_samples": {"key": "k", "of": "tpo", "held": 1}, "pool": ["a", "b"]}
        >>> without_held({"example": "1", "runs": [run]})["runs"][0]["pool"]
        ['b']
    """
    runs = record.get("runs") or []
    if not any(map(_held, runs)):
        return record
    return {**record, "runs": [{**run, "pool": run["pool"][_held(run) :]} for run in runs]}


def standing_alone(record: RecordT) -> RecordT:
    """Return a record that needs no other one: it says of no draws that they stand elsewhere.

    Example:
        >>> run = {"first_samples": {"key": "k", "of": "tpo", "held": 1}, "pool": ["a", "b"]}
        >>> standing_alone({"example": "1", "runs": [run]})["runs"][0]
        {'first_samples': {'key': 'k'}, 'pool': ['a', 'b']}
    """
    runs = record.get("runs") or []
    if not any(map(_held, runs)):
        return record
    alone = [{**run, "first_samples": _own(run)} for run in runs]
    return cast("RecordT", {**record, "runs": alone})


def _own(run: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in _origin(run).items() if name not in ("of", "held")}


def with_held(record: AnyRecord, find: Find) -> AnyRecord:
    """Return a record as it was before it was written: with all of its draws.

    Args:
        record: As it is written.
        find: Finds the records of other systems.

    Raises:
        DatasetError: In one line, when the record that holds its draws is not there.
    """
    if not any(map(_held, record["runs"])):
        return record
    return {**record, "runs": [_whole(record, run, find) for run in record["runs"]]}


def _whole(record: AnyRecord, run: Mapping[str, Any], find: Find) -> Mapping[str, Any]:
    held = _held(run)
    if not held:
        return run
    origin = run["first_samples"]
    source = find(record["example"], str(origin.get("of"))) or {"runs": []}
    drawn = [
        one
        for other in source["runs"]
        if _origin(other).get("key") == origin.get("key")
        for one in drawn_first(other)
    ]
    if len(drawn) < held:
        raise DatasetError(
            f"The record of `{record['system']}` for example `{record['example']}` begins with "
            f"{held} draws that stand in the record of `{origin.get('of')}`, and they are not "
            "there: put that line back, or take this one out and go on with `--resume`."
        )
    return {**run, "pool": [*drawn[:held], *run["pool"]]}


def _held(run: Mapping[str, Any]) -> int:
    held = _origin(run).get("held")
    return held if isinstance(held, int) else 0


def _origin(run: Mapping[str, Any]) -> Mapping[str, Any]:
    origin = run.get("first_samples")
    return origin if isinstance(origin, Mapping) else {}
