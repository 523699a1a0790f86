"""Data sets are read row by row; a bad row is in its place and costs nobody else anything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.datasets import count_rows, fingerprint, read_examples
from langchain_tpo.evaluation.examples import BadRow, Example

SHARED = Path(__file__).parents[4] / "shared" / "data"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_bad_line_is_a_bad_row_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = b'{"prompt": "a"}\n{broken\n\n\xff\xfe\n{"nothing": 1}\n"b"\n'

    rows = list(read_examples(written(tmp_path, "x.jsonl", lines)))

    assert [type(row) for row in rows] == [Example, BadRow, BadRow, BadRow, Example]
    assert [row.id for row in rows] == ["1", "row 2", "row 4", "row 5", "6"]


def test_equal_names_are_told_apart_also_from_names_that_look_so(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "id": name} for name in ("a", "a", "a~2", "a")]
    path = written(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)))

    names = [row.id for row in read_examples(path)]

    assert names == ["a", "a~2", "a~2~2", "a~3"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", '\ufeff{"prompt": "a"}\n"b"\n'),
        ("x.json", '[{"prompt": "a"}, "b"]'),
        ("x.csv", "\ufeffprompt,label\na,safe\nb,\n"),
        ("x.txt", "a\nb\n"),
    ],
)
def test_every_kind_of_file_gives_the_same_prompts(tmp_path: Path, name: str, content: str) -> None:
    path = written(tmp_path, name, content)

    rows = [row for row in read_examples(path) if isinstance(row, Example)]

    assert [row.messages[0].text for row in rows] == ["a", "b"]
    assert count_rows(path) == 2


def test_a_csv_row_with_too_many_cells_is_bad(tmp_path: Path) -> None:
    (row,) = read_examples(written(tmp_path, "x.csv", "prompt\na,b\n"))

    assert isinstance(row, BadRow)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.jsonl", "No such file"),
        (lambda folder: written(folder, "x.json", '{"prompt": 1}'), "list of rows"),
        (lambda folder: written(folder, "x.json", '{"a": 1}\n{"a": 2}'), "jsonl"),
        (lambda folder: folder, "directory"),
    ],
)
def test_a_data_set_that_cannot_be_read_is_one_line(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        list(read_examples(make(tmp_path)))
    assert "\n" not in str(caught.value)


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one, other = written(tmp_path, "1.txt", "a"), written(tmp_path, "2.txt", "b")

    assert fingerprint(one) != fingerprint(other)
    assert fingerprint("hf:owner/name") is None


def test_a_hub_data_set_is_read_like_a_file(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    written(tmp_path, "test.jsonl", '{"prompt": "a"}\n')

    (row,) = read_examples(f"hf:{tmp_path}?split=test")

    assert isinstance(row, Example)
    with pytest.raises(DatasetError, match="`revison`"):
        list(read_examples("hf:owner/name?revison=1"))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("alpaca_eval2_prompts", 805),
        ("arena_hard_v0.1", 500),
        ("mt_bench", 80),
        ("xstest", 450),
        ("beavertails_50", 50),
        ("hh_rlhf_harmless_base_50", 50),
        ("math500", 500),
        ("ifeval", 541),
    ],
)
def test_the_real_benchmarks_are_read_in_full(name: str, rows: int) -> None:
    path = SHARED / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("the benchmark files are not beside the repository")

    read = list(read_examples(path))

    assert [type(row) for row in read] == [Example] * rows
    assert len({row.id for row in read}) == rows
