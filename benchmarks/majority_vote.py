"""What majority voting answers with the draws of a run of `tpo evaluate`: no reward is asked.

    python benchmarks/majority_vote.py runs/c-15b best-of-n > voted.jsonl
    tpo evaluate data/gsm8k.jsonl -s given=voted.jsonl -r ... --metric exact-match

Prints a line for each example: the first of those answers whose result most of the system's first
samples share (self-consistency, arXiv 2203.11171). Works on results that `exact-match` can compare.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from langchain_tpo.evaluation.held_draws import drawn_first
from langchain_tpo.evaluation.records import RECORDS, read_records
from langchain_tpo.reward_models.verifiers.maths import result_in, solves


def most_voted(answers: Sequence[str]) -> str:
    r"""Return the first of the answers with whose result most of the answers agree.

    Example:
        >>> most_voted([r"\boxed{3}", r"\boxed{4}", r"So it is \boxed{4.0}"])
        '\\boxed{4}'
    """
    results = [result_in(answer) for answer in answers]
    votes = [sum(solves(answer, result) is True for answer in answers) for result in results]
    return answers[votes.index(max(votes))]


def main(folder: str, system: str) -> None:
    """Print them."""
    for record in read_records(Path(folder) / RECORDS):
        if record["system"] == system and record["status"] == "ok":
            drawn = [one["text"] for one in drawn_first(record["runs"][0])]
            print(json.dumps({"id": record["example"], "output": most_voted(drawn)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
