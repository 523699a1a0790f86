"""Coverage-guided fuzzing of what reads other people's text: model replies, data sets, records.

`python tests/fuzz/readers.py [SECONDS]` (needs `pip install atheris`) prints executions and
findings, and exits with 1 when there are any.
"""

import contextlib
import json
import os
import re
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["langchain_tpo"], enable_loader_override=False):
    from langchain_core.exceptions import OutputParserException
    from langchain_core.messages import convert_to_openai_messages
    from pydantic import BaseModel

    from langchain_tpo.errors import DatasetError
    from langchain_tpo.evaluation.datasets import open_dataset
    from langchain_tpo.evaluation.done import Done
    from langchain_tpo.evaluation.examples import BadRow, Row
    from langchain_tpo.evaluation.given_critiques import read_critiques
    from langchain_tpo.evaluation.records import RecordFile
    from langchain_tpo.loop.revisions import Unusable, revision_reader
    from langchain_tpo.loop.run_input import as_tpo_input
    from langchain_tpo.reward_models.judges.judgement import read_json
    from langchain_tpo.text.fencing import fence
    from langchain_tpo.text.secrecy import without_credentials
    from langchain_tpo.text.thinking import split_thinking
    from tests.support.hostile import frame_of
    from tests.support.record_files import drop_failed

TAG = "IMPROVED_VARIABLE"
SUFFIXES = [".jsonl", ".json", ".csv", ".txt"]
WORDS = [
    *("id", "prompt", "messages", "role", "content", "user", "assistant", "system", "turns"),
    *(
        "instruction",
        "input",
        "context",
        "chosen",
        "\n\nHuman: ",
        "\n\nAssistant: ",
        "text",
        "type",
    ),
    *(
        "image_url",
        "label",
        "example",
        "status",
        "failed",
        "runs",
        "tool_calls",
        "args",
        "name",
        "a\nb",
    ),
    *(
        "",
        " ",
        "\ufeff",
        "\ud800",
        "\0",
        "1e999",
        "NaN",
        f"<{TAG}>",
        f"</{TAG}>",
        f"< / {TAG} >",
        "</improved_variable>",
    ),
]
SEEDS = (
    f"Sure: <{TAG}>oil it</{TAG}> Better?".encode(),
    b'{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}\n',
    b'[{"turns": ["One", {"content": "Two"}]}, {"context": "\\n\\nHuman: a\\n\\nAssistant: b"}]',
    b"prompt,label\na,safe\n",
    b'{"example": "1", "system": "tpo", "status": "ok", "runs": []}\n{"example',
    b'Say {"score": 2}? No: ```json {"score": 4}```',
)


class Rating(BaseModel):
    """What a judge is asked for."""

    score: float


def check_revision(text: str) -> None:
    """Hold a reply against what DESIGN says of tags, worked out in another way."""
    same_case = partial(re.sub, rf"<(/?){TAG}>", rf"<\1{TAG}>", flags=re.IGNORECASE)
    _, opened, rest = same_case(text).partition(f"<{TAG}>")
    inside = rest.partition(f"</{TAG}>")[0].strip()
    found = revision_reader(TAG)(text)
    if rest.count(f"<{TAG}>") or rest.count(f"</{TAG}>") > 1:
        if isinstance(found, str):
            assert found in text
            assert f"<{TAG}>" not in same_case(found)
    elif isinstance(found, Unusable):
        assert found.reason == ("empty" if opened else "no_tag")
        assert not inside
    else:
        assert found in text
        assert same_case(found) == inside


def check_fence(text: str) -> None:
    """No text can open or close the tag that it is quoted in, nor lose more than a bracket."""
    fenced = fence(text, [TAG])
    assert frame_of(fenced, [TAG]) == []
    assert fence(fenced, [TAG]) == fenced
    assert fenced.replace("&lt;", "<") == text.replace("&lt;", "<")
    read = revision_reader(TAG)(f"<{TAG}>{fenced}</{TAG}>")
    assert read == (fenced.strip() or Unusable("empty"))


def check_thinking(text: str) -> None:
    """Nothing of a reply is made up, and an answer is its end."""
    reasoning, answer = split_thinking(text)
    assert answer in text
    assert (reasoning, answer) == ("", text) or len(reasoning) + len(answer) < len(text)


def check_secrecy(text: str) -> None:
    """Hiding twice changes nothing."""
    hidden = without_credentials(text)
    assert without_credentials(hidden) == hidden


def check_judgement(text: str) -> None:
    """A judge's reply is a rating or the one error that retries know."""
    with contextlib.suppress(OutputParserException):
        assert isinstance(read_json(text, Rating).score, float)


def check_data_set(path: Path) -> None:
    """A data set is rows or one error; every row can be answered, named and written down."""
    try:
        with open_dataset(path) as dataset:
            rows = list(dataset.examples())
            assert dataset.count() == len(rows)
    except DatasetError as error:
        check_line(str(error))
        return
    assert len({row.id for row in rows}) == len(rows)
    assert dataset.sha256
    for row in rows:
        check_row(row)


def check_row(row: Row) -> None:
    """An example is ready for a run and for the record of it; a bad row says why in one line."""
    json.dumps(row.id)
    if isinstance(row, BadRow):
        check_line(row.reason)
        return
    assert row.messages[-1].type != "ai"
    assert as_tpo_input(list(row.messages))["messages"]
    json.dumps([convert_to_openai_messages(row.messages), dict(row.fields), row.follow_ups])


def check_line(reason: str) -> None:
    """A reason fits on one line."""
    assert reason.strip()
    assert "\n" not in reason, reason


def check_records(path: Path) -> None:
    """Records that somebody has cut, mixed up or edited are read, or one error."""
    with contextlib.suppress(DatasetError):
        Done(path)
        drop_failed(path)
        with RecordFile(path) as file:
            file.append({"example": "last"})
        assert path.read_bytes().endswith(b'{"example":"last"}\n')


def check_critiques(path: Path) -> None:
    """Critiques from a file are texts by name, or one error."""
    with contextlib.suppress(DatasetError):
        assert all(isinstance(said, str) for said in (read_critiques(str(path)) or {}).values())


TEXT_CHECKS: tuple[Callable[[str], None], ...] = (
    check_revision,
    check_fence,
    check_thinking,
    check_secrecy,
    check_judgement,
)
FILE_CHECKS: tuple[Callable[[Path], None], ...] = (check_data_set, check_records, check_critiques)


def some_text(data: Any) -> str:
    """Return pieces of the vocabulary and of noise, so that tags and keys turn up whole."""
    pieces = []
    for _ in range(data.ConsumeIntInRange(0, 6)):
        known = data.ConsumeBool()
        pieces.append(data.PickValueInList(WORDS) if known else data.ConsumeUnicode(8))
    return "".join(pieces)


def some_json(data: Any, depth: int = 4) -> object:
    """Return a value such as a careless data set may hold."""
    kind = data.ConsumeIntInRange(0, 8 if depth else 5)
    if kind > 5:
        return _container(data, depth - 1, as_list=kind == 6)
    plain: tuple[object, ...] = (None, True, 10**30, 1.5, float("nan"))
    return plain[kind] if kind < len(plain) else some_text(data)


def _container(data: Any, depth: int, *, as_list: bool) -> object:
    size = data.ConsumeIntInRange(0, 3)
    if as_list:
        return [some_json(data, depth) for _ in range(size)]
    return {data.PickValueInList(WORDS): some_json(data, depth) for _ in range(size)}


def content_of(data: Any) -> bytes:
    """Return a file's content: bytes as they come, or lines of JSON."""
    if data.ConsumeBool():
        return bytes(data.ConsumeBytes(data.remaining_bytes()))
    rows = [some_json(data) for _ in range(data.ConsumeIntInRange(0, 3))]
    if data.ConsumeBool():
        return json.dumps(rows).encode()
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


class Fuzzer:
    """Runs the checks on whatever libFuzzer thinks of, and keeps one input for every fault."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """Take a folder for files and the time there is."""
        self._folder = folder
        self._since = time.monotonic()
        self._seconds = seconds
        self._executions: Counter[str] = Counter()
        self._findings: dict[str, str] = {}

    def try_one(self, content: bytes) -> None:
        """Run the checks of texts, or those of files, on one input."""
        data = atheris.FuzzedDataProvider(content)
        if data.ConsumeBool():
            text = some_text(data)
            for check in TEXT_CHECKS:
                self._try(check, text, content)
        else:
            path = self._folder / f"fuzzed{data.PickValueInList(SUFFIXES)}"
            written = content_of(data)
            for on_file in FILE_CHECKS:
                path.write_bytes(written)
                self._try(on_file, path, content)
                path.unlink(missing_ok=True)
        if time.monotonic() - self._since > self._seconds:
            self._end()

    def _try(self, check: Callable[[Any], None], value: object, content: bytes) -> None:
        self._executions[check.__name__] += 1
        try:
            check(value)
        except Exception as error:  # noqa: BLE001 what it is all about
            self._note(check.__name__, error, content)

    def _note(self, check: str, error: Exception, content: bytes) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{check}: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        if where not in self._findings:
            self._findings[where] = f"{error} <- {content!r}"
            print(f"FINDING {where}: {self._findings[where]}", flush=True)

    def _end(self) -> None:
        """Print the figures; libFuzzer never returns to Python, so leave from here."""
        taken = time.monotonic() - self._since
        for check, count in sorted(self._executions.items()):
            print(f"{check:<16} {count:>12,} executions")
        total = self._executions.total()
        print(f"{'all':<16} {total:>12,} executions in {taken:.0f} s, {total / taken:.0f} a second")
        print(f"{len(self._findings)} findings")
        for where, what in self._findings.items():
            print(f"  {where}: {what[:300]}")
        sys.stdout.flush()
        shutil.rmtree(self._folder)
        os._exit(1 if self._findings else 0)


def seeds(folder: Path) -> Iterator[Path]:
    """Write every seed as every kind of file; choices are read from the end."""
    for number, (seed, kind) in enumerate((s, k) for s in SEEDS for k in range(len(SUFFIXES))):
        path = folder / f"seed-{number}"
        path.write_bytes(seed + bytes([1, kind, 0]))
        yield path


def main() -> None:
    """Fuzz for so many seconds, ten minutes if not told otherwise."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    memory = Path("/dev/shm")  # noqa: S108 a private folder is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        list(seeds(corpus))
        fuzzer = Fuzzer(Path(folder), seconds)
        options = [
            sys.argv[0],
            str(corpus),
            "-verbosity=0",
            "-print_final_stats=0",
            "-max_len=2048",
        ]
        atheris.Setup(options, fuzzer.try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
