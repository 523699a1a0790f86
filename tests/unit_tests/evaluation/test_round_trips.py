"""Data sets and records come back from the disk as they were, whatever they hold."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tpo.evaluation.datasets import open_dataset, read_examples
from langchain_tpo.evaluation.examples import BadRow, Example
from langchain_tpo.evaluation.file_kinds import JSON_LINE
from langchain_tpo.evaluation.records import RecordFile, read_records
from tests.support.properties import examples
from tests.support.record_files import drop_failed
from tests.unit_tests.evaluation.run_folders import run_of

some = examples(25)

in_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
).map(json.dumps)
texts_alone = st.text(min_size=1, max_size=30).filter(str.strip)
prompts = texts_alone | in_json
lines = texts_alone.filter(
    lambda text: (
        not set(text) & set("\n\r\ufeff")
        # What may begin a file of JSON is read as that.
        and not (JSON_LINE.match(text) or text.strip().startswith("{"))
    )
)


def write_lines(path: Path, asked: list[str]) -> None:
    path.write_bytes("".join(f"{text}\n" for text in asked).encode())


def write_json(path: Path, asked: list[str]) -> None:
    path.write_text(json.dumps([{"prompt": text} for text in asked]))


def write_json_lines(path: Path, asked: list[str]) -> None:
    rows = [json.dumps({"prompt": text}, ensure_ascii=False) for text in asked]
    path.write_bytes("".join(f"{row}\n" for row in rows).encode())


def write_csv(path: Path, asked: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["prompt"], *([text] for text in asked)])


WRITERS = {".txt": write_lines, ".json": write_json, ".jsonl": write_json_lines, ".csv": write_csv}


@pytest.mark.parametrize("suffix", WRITERS)
@some
@given(st.data())
def test_every_prompt_comes_back_as_it_was(tmp_path: Path, suffix: str, data: Any) -> None:
    asked = data.draw(st.lists(lines if suffix == ".txt" else prompts, max_size=5))
    path = tmp_path / f"prompts{suffix}"
    WRITERS[suffix](path, asked)

    rows = list(read_examples(path))

    assert [row.messages[0].content for row in rows if isinstance(row, Example)] == asked
    assert open_dataset(path).count() == len(rows) == len({row.id for row in rows})


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["prompt", "messages", "turns", "role", "content", "id"])
            | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@some
@given(
    st.lists(prompts, min_size=1, max_size=4), st.lists(st.binary(max_size=30) | values, max_size=4)
)
def test_rows_of_any_kind_cost_the_others_nothing(
    tmp_path: Path, asked: list[str], odd: list[Any]
) -> None:
    """Good rows first, then whatever: each good one is read, each odd one is a row of its own."""
    path = tmp_path / "prompts.jsonl"
    write_json_lines(path, asked)
    with path.open("ab") as file:
        for row in odd:
            raw = row if isinstance(row, bytes) else json.dumps(row).encode()
            file.write(raw.translate(bytes.maketrans(b"\r\n", b"  ")).strip() + b"\n")

    rows = list(read_examples(path))

    good = rows[: len(asked)]
    assert [row.messages[0].content for row in good if isinstance(row, Example)] == asked
    assert len(rows) <= len(asked) + len(odd)
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        if isinstance(row, BadRow):
            assert row.reason.strip()
            assert "\n" not in row.reason
        else:
            assert row.messages[-1].type != "ai"


texts = st.text(max_size=12) | st.sampled_from(["cut \ud83d", "\udc00", "\0", "\u2028\r\x85"])
fields = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts, max_size=3)
records = st.builds(
    dict,
    example=texts,
    system=texts,
    status=st.sampled_from(["ok", "failed"]),
    fields=fields,
    runs=st.lists(
        st.fixed_dictionaries({"answer": texts, "reward": st.floats(allow_nan=False)}).map(
            lambda said: run_of([[0.5]]) | said
        ),
        max_size=2,
    ),
    failure=st.none(),
    seconds=st.floats(0, 1e9),
)


@some
@given(st.lists(records, max_size=5), st.binary(max_size=9).filter(lambda cut: b"\n" not in cut))
def test_records_come_back_as_they_were(tmp_path: Path, written: list[Any], cut: bytes) -> None:
    """Also when a kill cut the last line off, and when those that failed are taken out."""
    path = tmp_path / "records.jsonl"
    path.unlink(missing_ok=True)
    for record in written:
        with RecordFile(path) as file:
            file.append(record)
        with path.open("ab") as torn:
            torn.write(cut)

    assert (list(read_records(path)) if written else []) == written

    failed = [record for record in written if record["status"] == "failed"]
    if written:
        assert drop_failed(path) == len(failed)
        assert list(read_records(path)) == [one for one in written if one not in failed]
