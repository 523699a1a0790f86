"""Writes the data sets of docs/results.md from public benchmark files: which half is which.

    python tools/experiment_data.py FOLDER_WITH_THE_FILES data

Rows of IFEval are shuffled with a fixed seed and halved: prompts and defaults may be chosen by the
tuning half, the test half is for the last word only. Nothing is downloaded and nothing but rows is
copied.
"""

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SEED = 20261127
"""Of the shuffle; changing it would mix what has been looked at with what has not."""

NEED_NLTK = frozenset({"change_case:capital_word_frequency", "length_constraints:number_sentences"})
"""Checks of IFEval that download data of NLTK's."""

MOST_WORDS = 150
"""Longest answer that a prompt may demand: the token cap of the experiments must hold it."""

MOST_PARAGRAPHS = 5
"""The same in paragraphs."""

Row = dict[str, Any]


def halves_of_ifeval(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the tuning and the test half, each in the order in which it is to be taken.

    Example:
        >>> rows = [
        ...     {"key": key, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        ...     for key in range(4)
        ... ]
        >>> [[row["key"] for row in half] for half in halves_of_ifeval(rows)]
        [[0, 2], [1, 3]]
    """
    usable = [row for row in rows if _offline(row) and not _long(row)]
    random.Random(SEED).shuffle(usable)  # noqa: S311 no secret
    middle = len(usable) // 2
    return usable[:middle], usable[middle:]


def _offline(row: Row) -> bool:
    return not NEED_NLTK & set(row["instruction_id_list"])


def _long(row: Row) -> bool:
    """Say whether a prompt demands more than a small model may write under the token cap."""
    return any(
        (given.get("relation") == "at least" and (given.get("num_words") or 0) > MOST_WORDS)
        or (given.get("num_paragraphs") or 0) > MOST_PARAGRAPHS
        for given in row["kwargs"]
    )


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    print(f"{path}: {len(rows)} rows")


def main(source: Path, target: Path) -> None:
    """Write them."""
    target.mkdir(parents=True, exist_ok=True)
    tuning, test = halves_of_ifeval(_read(source / "ifeval.jsonl"))
    _write(target / "ifeval-tuning.jsonl", tuning)
    _write(target / "ifeval-test.jsonl", test)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
