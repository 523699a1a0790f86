"""Data sets are read row by row; a bad row is in its place and costs nobody else anything."""

import bz2
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.datasets import _Names, open_dataset, read_examples
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


def test_that_rows_are_called_otherwise_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    named = [{"prompt": "a", "id": 1}, {"prompt": "b", "id": 2}]
    same = [{"prompt": "a", "id": 1}, {"prompt": "b", "id": "1"}, {"prompt": "c", "id": 1}]

    for rows, said in ((named, 0), (same, 1)):
        with open_dataset(rows) as dataset:
            assert len([row.id for _ in range(2) for row in dataset.examples()]) == 2 * len(rows)
        assert len(caplog.messages) == said
    assert "row 2 has the name `1` of an earlier row and is called `1~2`" in caplog.text


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
    assert open_dataset(path).count() == 2


def test_a_csv_row_with_too_many_cells_is_bad(tmp_path: Path) -> None:
    (row,) = read_examples(written(tmp_path, "x.csv", "prompt\na,b\n"))

    assert isinstance(row, BadRow)


QUOTES = [
    (
        "x.csv",
        'id,prompt\n1,"Oil oak\n2,Wax\n',
        'Row 1 of .* a cell begins with a `"` that nothing',
    ),
    ("x.csv", 'id,prompt\n1,Oil\n2,"Wax\n3,"Oil, or wax?"\n', "Row 2 of .* text stands behind the"),
    ("x.tsv", 'id\tprompt\n1\tOil\n2\t"Oak" is hard?\n', 'Row 2 of .* text stands behind the `"`'),
    ("x.csv", 'id,"prompt\n1,Oil\n2,Wax\n', "The first line of .* that nothing closes"),
]


@pytest.mark.parametrize(("name", "content", "words"), QUOTES)
def test_a_stray_quotation_mark_swallows_no_rows(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    with pytest.raises(DatasetError, match=words):
        open_dataset(written(tmp_path, name, content)).count()


def test_quotation_marks_as_tables_have_them_are_read(tmp_path: Path) -> None:
    content = 'id,prompt\n1,"Oil, or\nwax?"\n2,"A ""hard"" one?"\n3,A board of 5" or 6"?\n'

    rows = list(read_examples(written(tmp_path, "x.csv", content)))

    assert [row.messages[0].text for row in rows if isinstance(row, Example)] == [
        "Oil, or\nwax?",
        'A "hard" one?',
        'A board of 5" or 6"?',
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_two_columns_of_one_name_are_refused_and_empty_names_are_not(
    tmp_path: Path, name: str
) -> None:
    mark = "," if name == "x.csv" else "\t"
    twice = written(tmp_path, name, mark.join(["prompt", "prompt"]) + f"\nOil?{mark}Wax?\n")
    with pytest.raises(DatasetError, match="2 columns of the name `prompt`: rename all but one"):
        list(read_examples(twice))

    unnamed = written(tmp_path, name, f"prompt{mark}{mark}\nOil?{mark}{mark}\n")
    assert open_dataset(unnamed).count() == 1


def test_two_columns_of_one_name_are_refused_in_every_kind_of_table(tmp_path: Path) -> None:
    arrow, pandas = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table([["Oil?"], ["Wax?"]], names=["prompt", "prompt"])
    parquet.write_table(table, tmp_path / "x.parquet")
    frame = pandas.DataFrame([["Oil?", "Wax?"]], columns=["prompt", "prompt"])

    for source in (tmp_path / "x.parquet", table, frame):
        with pytest.raises(DatasetError, match="2 columns of the name `prompt`"):
            list(read_examples(source))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.jsonl", "No such file"),
        (lambda folder: written(folder, "x.json", '"text"'), "list of rows"),
        (lambda folder: written(folder, "x.json", "[1, "), "no JSON"),
        (lambda folder: written(folder, "x.md", "# Prompts"), "nothing here reads `.md`"),
        (lambda folder: written(folder, "prompts", "Hi"), "no ending"),
        (lambda folder: written(folder, "x.csv", b"prompt\na\nO\xf9 ?\n"), "Row 2 of .*0xf9"),
        (lambda folder: written(folder, "x.txt", b"a\nO\xf9 ?\n"), "Row 2 of .*0xf9"),
        (lambda folder: written(folder, "x.txt", "a".encode("utf-16-le")), "UTF-16"),
        (lambda folder: written(folder, "x.csv.gz", b"\x1f\x8b\x08cut off"), "could not be read"),
        (lambda folder: written(folder, "x.parquet", "none"), "no Parquet file"),
        (lambda folder: written(folder, "x.xlsx", "none"), "workbook"),
        (lambda folder: folder, "no saved data set"),
    ],
)
def test_a_data_set_that_cannot_be_read_is_one_line(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        list(read_examples(make(tmp_path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("x.tsv", "prompt\tlabel\na\tsafe\nb\tsafe\n", None),
        ("x.csv", "prompt;label\na;safe\nb;safe\n", "`;` between cells"),
        ("x.csv", "prompt,label\na,safe\nb,safe\n".encode("utf-16"), None),
        ("x.jsonl", '{"prompt": "a"}\r{"prompt": "b"}\r', None),
        ("x.jsonl", '{"prompt": "a"}\n"b"\n'.encode("utf-16"), None),
        ("x.jsonl", '[{"prompt": "a"},\n {"prompt": "b"}]', "one JSON value"),
        ("x.json", '{"prompt": "a"}\n{"prompt": "b"}\n', "read as .jsonl"),
        ("x.json", '{"version": 1, "data": [{"prompt": "a"}, {"prompt": "b"}]}', None),
        ("x.jsonl.txt", '{"prompt": "a"}\n{"prompt": "b"}\n', "read as .jsonl"),
        ("prompts", '{"prompt": "a"}\n{"prompt": "b"}\n', "read as .jsonl"),
        ("x.jsonl.gz", gzip.compress(b'{"prompt": "a"}\n{"prompt": "b"}\n', mtime=0), None),
        ("x.txt.bz2", bz2.compress(b"a\nb\n"), None),
    ],
)
def test_what_a_file_is_is_seen_and_what_was_guessed_is_said(
    tmp_path: Path, name: str, content: str | bytes, note: str | None
) -> None:
    dataset = open_dataset(written(tmp_path, name, content))

    assert [row.messages[0].text for row in dataset.examples() if isinstance(row, Example)] == [
        "a",
        "b",
    ]
    assert (dataset.note is None) if note is None else (note in str(dataset.note))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.jsonl", gzip.compress(b'"a"\n', mtime=0), "packed with gzip: add `.gz` to its name"),
        ("x.txt", bz2.compress(b"a\n"), "packed with bzip2: add `.bz2`"),
        ("x.csv", b'{"prompt": "a"}\n', "holds JSON, and its name says a table: name it `.json`"),
        ("x.tsv", b'[\n {"prompt": "a"}\n]', "holds JSON, and its name says a table"),
        ("x.csv", b"PK\x03\x04", "a ZIP archive: unpack it, or name a workbook `.xlsx`"),
        ("x.jsonl.xz", b"\xfd7zXZ\x00", "packed with xz: unpack it"),
        ("x", b"PAR1", "Parquet: name it `.parquet`"),
        ("x.csv.txt", b"prompt\na\n", "may be a table or a prompt per line"),
        ("x.json", b'{"train": [{"prompt": "a"}], "test": [{"prompt": "b"}]}', "(`train`, `test`)"),
    ],
)
def test_a_file_under_a_name_that_says_something_else_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(DatasetError) as raised:
        list(read_examples(written(tmp_path, name, content)))

    assert said in str(raised.value)


def test_a_zstandard_file_that_was_cut_off_is_an_error_and_joined_ones_are_read(
    tmp_path: Path,
) -> None:
    zstandard: Any = pytest.importorskip("zstandard")
    lines = "".join(json.dumps({"prompt": f"question {n * n * 7919}"}) + "\n" for n in range(3000))
    whole = zstandard.compress(lines.encode())

    path = written(tmp_path, "x.jsonl.zst", whole + whole)
    assert sum(1 for _ in read_examples(path)) == 6000
    for end in (5, len(whole) // 2, len(whole) - 1, len(whole) + 9):
        cut = written(tmp_path, "cut.jsonl.zst", (whole + whole)[:end])
        with pytest.raises(DatasetError, match="could not be read: the file ended in the middle"):
            list(read_examples(cut))


@pytest.mark.parametrize(
    ("content", "prompts"),
    [
        ({"prompt": ["a", "b"], "id": [7, 8]}, ["a", "b"]),
        ({"prompt": {"0": "a", "1": "b"}, "id": {"0": 7, "1": 8}}, ["a", "b"]),
        ({"turns": ["a", "b"], "tags": ["c", "d"]}, ["a"]),
        ({"messages": [{"role": "user", "content": "a"}], "tags": ["c"]}, ["a"]),
    ],
)
def test_a_table_of_columns_is_told_from_one_row(
    tmp_path: Path, content: object, prompts: list[str]
) -> None:
    rows = list(read_examples(written(tmp_path, "x.json", json.dumps(content))))

    assert [row.messages[-1].text for row in rows if isinstance(row, Example)] == prompts


@pytest.mark.parametrize("ending", ["parquet", "xlsx", "jsonl.zst", "saved"])
def test_tables_of_other_packages_are_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    if ending == "jsonl.zst":
        zstandard = pytest.importorskip("zstandard")
        path.write_bytes(zstandard.compress(b'{"prompt": "a", "level": 5}\n{"prompt": "b"}\n'))
    elif ending == "saved":
        table = pytest.importorskip("datasets").Dataset.from_list(
            [{"prompt": "a", "level": 5}, {"prompt": "b", "level": None}]
        )
        table.save_to_disk(str(path))
    else:
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("openpyxl")
        table = pandas.DataFrame({"prompt": ["a", "b"], "level": [5, None]}, dtype=object)
        table.to_parquet(path) if ending == "parquet" else table.to_excel(path, index=False)

    rows = [row for row in read_examples(path) if isinstance(row, Example)]

    assert [(row.messages[0].text, row.fields.get("level")) for row in rows] == [
        ("a", 5),
        ("b", None),
    ]


def test_a_bad_row_is_named_with_its_file(tmp_path: Path) -> None:
    (row,) = read_examples(written(tmp_path, "x.jsonl", '{"nothing": 1}\n'))

    assert isinstance(row, BadRow)
    assert row.reason.startswith("Row 1 of `x.jsonl`: A row must have one of the fields")


def test_a_pipe_can_be_read_as_often_as_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = Thread(target=lambda: pipe.write_text('{"prompt": "a"}\n{"prompt": "b"}\n'))
    thread.start()

    with open_dataset(pipe) as dataset:
        thread.join()
        assert dataset.count() == 2
        assert [row.id for row in dataset.examples()] == ["1", "2"]
        assert dataset.sha256 == open_dataset(written(tmp_path, "same.jsonl", LINES)).sha256


LINES = '{"prompt": "a"}\n{"prompt": "b"}\n'


def test_a_hundred_thousand_equal_names_are_told_apart_in_a_moment() -> None:
    names = _Names()
    since = time.process_time()

    assert [names.free("a") for _ in range(100_000)][-1] == "a~100000"
    assert time.process_time() - since < 5


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one, other = written(tmp_path, "1.txt", "a"), written(tmp_path, "2.txt", "b")

    assert open_dataset(one).sha256 != open_dataset(other).sha256
    assert open_dataset("hf:owner/name").sha256 is None


def test_a_langsmith_data_set_is_read_like_an_export(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def list_examples(self, *, dataset_name: str, splits: list[str] | None) -> Iterator[Any]:
            assert (dataset_name, splits) == ("capitals", ["test"])
            yield SimpleNamespace(id="u1", inputs={"question": "a"}, outputs={"answer": "b"})

    monkeypatch.setattr("langsmith.Client", Client)

    (row,) = read_examples("langsmith:capitals?split=test")

    assert isinstance(row, Example)
    assert (row.id, row.messages[0].text, row.fields["answer"]) == ("u1", "a", "b")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("hf:owner/name?revison=1", "`owner/name` knows no `revison`: use `split` and `config`."),
        ("langsmith:mine?config=x", "`mine` knows no `config`: use `split`."),
    ],
)
def test_an_option_that_a_service_has_not_is_refused_before_it_is_asked(
    source: str, words: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        open_dataset(source)
    assert str(caught.value) == words


def test_a_hub_data_set_is_read_like_a_file(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    written(tmp_path, "test.jsonl", '{"prompt": "a"}\n')

    (row,) = read_examples(f"hf:{tmp_path}?split=test")

    assert isinstance(row, Example)
    with pytest.raises(DatasetError, match="`revison`"):
        list(read_examples("hf:owner/name?revison=1"))


ROWS = [{"prompt": "Oil?"}, {"prompt": "Two?"}]


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("x.txt", json.dumps(ROWS, indent=2), "`x.txt` holds one JSON value: read as .json."),
        ("x.txt", json.dumps(ROWS), "`x.txt` holds one JSON value: read as .json."),
        ("x.txt", json.dumps(["Oil?", "Two?"], indent=1), "`x.txt` holds one JSON value"),
        ("x.tsv", "prompt,answer\nOil?,yes\nTwo?,no\n", "`x.tsv` is read with `,` between"),
    ],
)
def test_what_a_file_is_against_its_name_is_said(
    tmp_path: Path, name: str, content: str, note: str
) -> None:
    path = written(tmp_path, name, content)

    with open_dataset(str(path)) as dataset:
        rows = [row for row in dataset.examples() if isinstance(row, Example)]

    assert [row.messages[-1].text for row in rows] == ["Oil?", "Two?"]
    assert note in (dataset.note or "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.txt", "prompt,answer\nOil?,yes\n", "names of columns (prompt, answer)"),
        ("x.txt", "id\tQuestion\n1\tOil?\n", "names of columns (id, Question)"),
        (
            "x.jsonl",
            "prompt,answer\nOil?,yes\n",
            "holds no JSON, its first line is `prompt,answer`",
        ),
        ("x.jsonl", "Oil a table?\nTwo?\n", "`.txt` where every line is a prompt"),
        ("x.ndjson", "<!DOCTYPE html>\n", "holds no JSON"),
    ],
)
def test_a_name_that_lies_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = written(tmp_path, name, content)

    with pytest.raises(DatasetError) as raised:
        list(read_examples(path))

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "line", ["[INST] Oil? [/INST]", "{{name}} asks", "[1] What?", "prompt, please", "Question; now"]
)
def test_prompts_that_look_like_something_else_are_prompts(tmp_path: Path, line: str) -> None:
    rows = list(read_examples(written(tmp_path, "x.txt", f"{line}\nsecond\n")))

    assert [row.messages[-1].text for row in rows if isinstance(row, Example)] == [line, "second"]


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
        ("ifbench", 300),
        ("humaneval", 164),
        ("gsm8k_test", 1319),
    ],
)
def test_the_real_benchmarks_are_read_in_full(name: str, rows: int) -> None:
    path = SHARED / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("the benchmark files are not beside the repository")

    read = list(read_examples(path))

    assert [type(row) for row in read] == [Example] * rows
    assert len({row.id for row in read}) == rows
