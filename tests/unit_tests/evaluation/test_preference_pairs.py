"""Pairs for DPO, in the conversational form with an explicit prompt."""

from typing import Any

from langchain_tpo.evaluation.preference_pairs import preference_pairs
from tests.unit_tests.evaluation.run_folders import record_of, run_of


def pairs(*records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    return list(preference_pairs(records, **options))  # type: ignore[arg-type]


def test_a_pair_is_the_best_against_the_worst_of_the_whole_run() -> None:
    (pair,) = pairs(record_of("1", "tpo", run_of([[0.5, 0.1], [2.0, None]])))

    assert pair == {
        "prompt": [{"role": "user", "content": "Why?"}],
        "chosen": [{"role": "assistant", "content": "an answer 1.0"}],
        "rejected": [{"role": "assistant", "content": "an answer 0.1"}],
        "score_chosen": 2.0,
        "score_rejected": 0.1,
    }


def test_what_teaches_nothing_is_left_out() -> None:
    alike = record_of("1", "tpo", run_of([[1.0, 1.0]]))
    alone = record_of("2", "single", run_of([[1.0]]))
    close = record_of("3", "tpo", run_of([[1.0, 0.9]]))

    assert pairs(alike, alone, record_of("4", "tpo")) == []
    assert len(pairs(close)) == 1
    assert pairs(close, least_gap=0.5) == []


def test_the_same_pair_of_two_systems_comes_once() -> None:
    run = run_of([[1.0, 0.0]])
    records = [record_of("1", "tpo", run), record_of("1", "best-of-n", run)]

    assert len(pairs(*records)) == 1
    assert len(pairs(*records, systems=["best-of-n"])) == 1
    assert pairs(*records, systems=["single"]) == []
