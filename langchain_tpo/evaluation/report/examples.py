"""Every example of a run for the page to read: a list of figures, and the texts of each.

Texts are fetched from the records one example at a time as the page is written, so that memory does
not grow with the run. Knows records; draws nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_tpo.evaluation.judging import Judgement
from langchain_tpo.evaluation.outcomes import Outcome, message_text
from langchain_tpo.evaluation.records import Record, records_at

SHOWN_CHARACTERS = 8000
"""How much of one text the page holds."""

MOST_WITH_TEXTS = 2000
"""Examples whose texts the page holds: a browser reads some 60 MB of them in a second or two. Of a
larger run the list has all examples, and texts those with the largest gains and losses."""

MOST_WHOLE = 300
"""Runs that the page holds with all candidates beside the subject's own."""

BEGINNING = 90
"""Characters of a question that the list shows."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """All examples of a run, as the page needs them."""

    path: Path
    """The records."""
    index: Sequence[Mapping[str, Any]]
    """One row of figures per example."""
    places: Mapping[str, Sequence[int]]
    """Where the records of each example are."""
    subject: str
    """The system whose runs are shown whole."""
    judged: Mapping[str, Sequence[str]]
    """What a second judge said, by example."""

    def texts(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Return number and texts of each example, the largest gains and losses first."""
        ranked = sorted(self.index, key=lambda row: -abs(row["gain"] or 0.0))
        systems = max((len(places) for places in self.places.values()), default=1)
        whole = len(self.index) * (systems - 1) <= MOST_WHOLE
        for row in ranked[:MOST_WITH_TEXTS]:
            records = list(records_at(self.path, self.places[row["id"]]))
            judged = self.judged.get(row["id"], ())
            yield row["place"], texts_of(records, self.subject, judged=judged, whole=whole)


def example_index(
    outcomes: Iterable[Outcome],
    beginnings: Mapping[str, str],
    *,
    subject: str,
    baseline: str | None,
    field: str | None,
) -> list[dict[str, Any]]:
    """Return a row of figures for each example that any system answered.

    Args:
        outcomes: Of all records.
        beginnings: How each question begins.
        subject: Whose reward, length and stop reason the list shows.
        baseline: Whom the gain is over.
        field: Of the data set, that tells kinds of examples apart.
    """
    by_example: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        by_example.setdefault(outcome.example, {})[outcome.system] = outcome
    return [
        _row(place, example, found, beginnings.get(example, ""), subject, baseline, field)
        for place, (example, found) in enumerate(by_example.items())
    ]


def _row(
    place: int,
    example: str,
    found: Mapping[str, Outcome],
    begins: str,
    *names: str | None,
) -> dict[str, Any]:
    subject, baseline, field = names
    ours, theirs = found.get(subject or ""), found.get(baseline or "")
    some = ours or next(iter(found.values()))
    return {
        "id": example,
        "place": place,
        "begins": begins,
        "gain": ours.reward - theirs.reward if ours and theirs else None,
        "reward": ours.reward if ours else None,
        "length": round(ours.length) if ours else None,
        "kind": some.categories.get(field) if field else None,
        "stop": ours.stop_reasons[-1] if ours else None,
    }


def texts_of(
    records: Sequence[Record], subject: str, *, judged: Sequence[str] = (), whole: bool = False
) -> dict[str, Any]:
    """Return what one example's systems were asked and said, turn by turn.

    Args:
        records: Of the example.
        subject: Whose runs are shown whole, before the others.
        judged: What a second judge said.
        whole: Whether the others' runs are as well.
    """
    answered = [record for record in records if record["runs"]]
    answered.sort(key=lambda record: record["system"] != subject)
    turns = max((len(record["runs"]) for record in answered), default=0)
    return {
        "turns": [
            {
                "question": _question(answered, turn),
                "runs": [
                    _run(record, turn, subject=record["system"] == subject, whole=whole)
                    for record in answered
                    if turn < len(record["runs"])
                ],
            }
            for turn in range(turns)
        ],
        "judged": list(judged),
    }


def said_by_judges(
    judgements: Iterable[Judgement], subject: str, baseline: str | None
) -> dict[str, list[str]]:
    """Return what second judges said of the subject against the baseline, by example."""
    said: dict[str, list[str]] = {}
    for judgement in judgements:
        pair = (judgement["system"], judgement["baseline"])
        if judgement["win"] is None or set(pair) != {subject, baseline}:
            continue
        win = judgement["win"] if pair[0] == subject else 1 - judgement["win"]
        line = f"The second judge {judgement['judge']} prefers {subject} to {baseline}: {win:.0%}."
        said.setdefault(judgement["example"], []).append(line)
    return said


def beginning(record: Record) -> str:
    """Return how the question of a record begins."""
    messages = record["runs"][0]["messages"] if record["runs"] else []
    words = " ".join(message_text(messages[-1]["content"]).split()) if messages else ""
    return words if len(words) <= BEGINNING else words[: BEGINNING - 1] + "\u2026"


def _question(answered: Sequence[Record], turn: int) -> list[dict[str, str]]:
    messages = next(one["runs"][turn]["messages"] for one in answered if turn < len(one["runs"]))
    return [
        {"role": str(message["role"]), "text": _shown(message_text(message["content"]))}
        for message in messages
    ]


_SHOWN_FIELDS = ("reward", "chosen", "stop_reason", "usage", "seconds", "drops", "failure")


def _run(record: Record, turn: int, *, subject: bool, whole: bool) -> dict[str, Any]:
    run = record["runs"][turn]
    shown = {"system": record["system"], "subject": subject, "reward": run["reward"]}
    shown["answer"] = _shown(run["answer"])
    if not subject and not whole:
        return shown
    shown |= {name: run[name] for name in _SHOWN_FIELDS if name in run}
    shown["pool"] = [_candidate(one) for one in run["pool"]]
    shown["rounds"] = [
        {name: _shown(value) if isinstance(value, str) else value for name, value in one.items()}
        for one in run["rounds"]
    ]
    return shown


def _candidate(one: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("text", "reward", "round", "draft", "rationale")
    return {
        name: _shown(one[name]) if isinstance(one[name], str) else one[name]
        for name in kept
        if name in one
    }


def _shown(text: str) -> str:
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]} (... {len(text) - SHOWN_CHARACTERS} more characters)"
