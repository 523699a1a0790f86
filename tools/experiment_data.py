"""Writes the data sets of docs/results.md from public benchmark files: which half is which.

    python tools/experiment_data.py FOLDER_WITH_THE_FILES data

The files, as their authors publish them: `ifeval.jsonl` (google-research,
instruction_following_eval/data/input_data.jsonl), `humaneval.jsonl` (openai/human-eval),
`ifbench.jsonl` (allenai/IFBench, data/IFBench_test.jsonl), `gsm8k_test.jsonl` (openai/grade-school-
math), `math500.jsonl` (openai/prm800k, math_splits/test.jsonl), and AlpacaEval 2's baseline as
JSONL, `alpaca_eval2_ref_gpt4_turbo.jsonl` (tatsu-lab/alpaca_eval,
results/gpt4_1106_preview/model_outputs.json). One that is not there is left out, and said.

Rows of IFEval and HumanEval are shuffled with a fixed seed and halved: prompts and defaults may be
chosen by the tuning half, the test half and IFBench are for the last word only. Nothing is
downloaded and nothing but rows is copied; needs the extra `evaluation`, without NLTK's data.
In each half of IFEval the prompts come first whose answers are short by nature, so that `--limit`
takes those: under a cap of tokens that a laptop can afford, essays are cut for every system alike.
Problems of GSM8K and MATH-500 keep their order and end in the wish to see the result in a box.
Of AlpacaEval's questions those are kept, shuffled, that GPT-4 Turbo answers in few words.
`conventions-told.jsonl` is examples/conventions.jsonl with its tests in the prompts.
"""

import json
import random
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from langchain_tpo.reward_models.verifiable_instructions.named_rules import named_rules
from langchain_tpo.reward_models.verifiers.test_suites import suite_of_examples

SEED = 20261127
"""Of the shuffle; changing it would mix what has been looked at with what has not."""

NEED_NLTK = frozenset({"change_case:capital_word_frequency", "length_constraints:number_sentences"})
"""Checks of IFEval that download data of NLTK's."""

MOST_WORDS = 150
"""Longest answer that a prompt may demand: the token cap of the experiments must hold it."""

MOST_PARAGRAPHS = 5
"""The same in paragraphs."""

BRIEF = 100
"""Most words of GPT-4 Turbo's answer to an open question: longer ones would all be cut."""

LONG_FORMS = re.compile(
    r"\b(essay|blog|stor(y|ies)|article|resume|cv|itinerary|speech|script|proposal|guide|report|"
    r"review|play|novel|plan|tutorial|manual|ad|advertisement|letter|email|song|poem|rap|lyrics|"
    r"template|dialogue|conversation|press release|paper|post|obituary|pitch|summary|ballad|"
    r"limericks?|haikus?|elegy|rubric|chapter|biography|commentary|critique|curriculum|wiki\w*|"
    r"long|elaborate|detailed)\b",
    re.IGNORECASE,
)
"""Words of prompts that ask for much text."""

BOXED = "Reason step by step, and put the final result in \\boxed{}."
"""What follows a problem of mathematics, so that its result can be read."""

TOLD = "It must pass these tests:"
"""What leads from a question to its tests."""

Row = dict[str, Any]


def halves_of_ifeval(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the tuning and the test half, each in the order in which it is to be taken.

    Example:
        >>> row = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}], "prompt": "Hi"}
        >>> rows = [{**row, "key": key} for key in range(4)]
        >>> [[row["key"] for row in half] for half in halves_of_ifeval(rows)]
        [[3, 1], [2, 0]]
    """
    halves = _halves([row for row in rows if _offline(row) and not _long(row)])
    tuning, test = (sorted(half, key=_asks_for_much) for half in halves)
    return tuning, test


def halves_of_humaneval(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the same of the tasks whose prompts state examples, which serve as public tests."""
    return _halves([row for row in rows if suite_of_examples(row["prompt"])])


def checkable(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of IFBench all of whose instructions can be checked without NLTK's data."""
    return [row for row in rows if _all_checked(row)]


def problems(rows: Iterable[Row]) -> list[Row]:
    r"""Return problems of GSM8K or MATH-500, of whose way to the result nothing is left.

    Example:
        >>> problems([{"question": "6 x 7?", "answer": "6 x 7 = 42\n#### 42"}])[0]["answer"]
        '42'
    """
    return [
        {
            "id": f"problem-{place}",
            "prompt": f"{row.get('question') or row['problem']}\n\n{BOXED}",
            "answer": row["answer"].rpartition("####")[2].strip(),
        }
        for place, row in enumerate(rows)
    ]


def open_questions(rows: Iterable[Row]) -> list[Row]:
    """Return the questions of AlpacaEval whose answer by its baseline is short, in seeded order.

    Example:
        >>> rows = [
        ...     {"instruction": "Why?", "output": "So."},
        ...     {"instruction": "How?", "output": "a " * 101},
        ... ]
        >>> [row["prompt"] for row in open_questions(rows)]
        ['Why?']
    """
    short = [
        row
        for row in rows
        if len(row["output"].split()) <= BRIEF >= len(row["instruction"].split())
    ]
    random.Random(SEED).shuffle(short)  # noqa: S311 no secret
    return [
        {"id": f"open-{place}", "prompt": row["instruction"]} for place, row in enumerate(short)
    ]


def told(rows: Iterable[Row]) -> list[Row]:
    r"""Return rows whose prompts say their tests.

    Example:
        >>> told([{"prompt": "Write f.", "tests": ["assert f(1)"]}])[0]["prompt"].split("\n\n")
        ['Write f.', 'It must pass these tests:', 'assert f(1)']
    """
    return [
        {**row, "prompt": "\n\n".join([row["prompt"], TOLD, "\n".join(row["tests"])])}
        for row in rows
    ]


def _all_checked(row: Row) -> bool:
    rules = named_rules(row, row["prompt"]) or ()
    return all(rule.check("A text. And more of it.").satisfaction is not None for rule in rules)


def _halves(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    random.Random(SEED).shuffle(rows)  # noqa: S311 no secret
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def _offline(row: Row) -> bool:
    return not NEED_NLTK & set(row["instruction_id_list"])


def _asks_for_much(row: Row) -> bool:
    return bool(LONG_FORMS.search(row["prompt"]))


def _long(row: Row) -> bool:
    """Say whether a prompt demands more than a small model may write under the token cap."""
    return any(
        (given.get("relation") == "at least" and (given.get("num_words") or 0) > MOST_WORDS)
        or (given.get("num_paragraphs") or 0) > MOST_PARAGRAPHS
        for given in row["kwargs"]
    )


def _read(path: Path) -> list[Row]:
    if not path.exists():
        print(f"{path}: not there, and left out")
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, rows: list[Row]) -> None:
    if rows:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        print(f"{path}: {len(rows)} rows")


def main(source: Path, target: Path) -> None:
    """Write them."""
    target.mkdir(parents=True, exist_ok=True)
    for name, halves in (("ifeval", halves_of_ifeval), ("humaneval", halves_of_humaneval)):
        tuning, test = halves(_read(source / f"{name}.jsonl"))
        _write(target / f"{name}-tuning.jsonl", tuning)
        _write(target / f"{name}-test.jsonl", test)
    _write(target / "ifbench.jsonl", checkable(_read(source / "ifbench.jsonl")))
    _write(target / "gsm8k.jsonl", problems(_read(source / "gsm8k_test.jsonl")))
    _write(target / "math500.jsonl", problems(_read(source / "math500.jsonl")))
    functions = Path(__file__).parents[1] / "examples" / "conventions.jsonl"
    _write(target / "conventions-told.jsonl", told(_read(functions)))
    baseline = _read(source / "alpaca_eval2_ref_gpt4_turbo.jsonl")
    _write(target / "open.jsonl", open_questions(baseline))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
