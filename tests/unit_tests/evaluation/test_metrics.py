"""Metrics that do not trust the reward."""

import json
import threading
from pathlib import Path

import pytest

from langchain_tpo import errors
from langchain_tpo.errors import MissingExtraError
from langchain_tpo.evaluation.metrics import follows_instructions, refuses, solves
from langchain_tpo.evaluation.metrics.measured import measures_named, preferred
from langchain_tpo.evaluation.metrics.of_answers import METRICS, metric_values
from langchain_tpo.reward_models.verifiers import maths

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("The answer is $\\boxed{\\frac{14}{3}}$.", "\\frac{14}{3}", True),
        ("so x = 14/3", "\\frac{14}{3}", True),
        ("$\\boxed{4}$", "\\frac{14}{3}", False),
        ("It costs \\boxed{\\$36}.", "\\$36", True),
        ("no result", "4", False),
        ("", "4", False),
        ("so she sold 72", "48/2 = 24 clips in May.\n#### 72", True),
        ("so she sold 24", "48/2 = 24 clips in May.\n#### 72", False),
        ("$\\boxed{4}$", "", None),
    ],
)
def test_mathematics_is_compared_by_value(
    answer: str,
    reference: str,
    right: bool | None,  # noqa: FBT001
) -> None:
    assert solves(answer, reference) is right


def test_mathematics_is_checked_outside_of_the_main_thread() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(solves("$\\boxed{2}$", "2")))
    thread.start()
    thread.join()

    assert found == [True]


def test_a_result_that_takes_forever_to_compare_is_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maths, "TIME_LIMIT", 1)

    assert solves("$\\boxed{9^{9^{9^{9}}}}$", "4") is None
    assert metric_values({"answer": "4"}, ["?"], ["$\\boxed{9^{9^{9^{9}}}}$"]) == {
        "exact match": None
    }


@pytest.mark.parametrize("arguments", [[{}, {}], ["{}"], 3])
def test_a_row_that_is_none_of_ifevals_is_unchecked(arguments: object) -> None:
    row = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": arguments}

    assert metric_values(row, ["?"], ["no"]) == {"all instructions": None, "instructions": None}


def test_an_instruction_that_needs_data_is_told_apart_from_one_that_failed() -> None:
    score = follows_instructions(
        "One, two.",
        prompt="...",
        instructions=["punctuation:no_comma", "length_constraints:number_sentences", "x:unknown"],
        arguments=[{}, {"num_sentences": 3, "relation": "at least"}, {}],
    )

    assert (score.followed, score.checked, score.all_followed) == (0, 1, None)
    assert [one.reason for one in score.uncheckable] == [
        "NLTK's `punkt_tab` is not here",
        "no rule of that name",
    ]


def test_757_of_834_checks_of_ifeval_run_offline() -> None:
    path = SHARED / "ifeval.jsonl"
    if not path.exists():
        pytest.skip("the benchmark files are not beside the repository")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    scores = [
        follows_instructions(
            "Yes.", prompt=r["prompt"], instructions=r["instruction_id_list"], arguments=r["kwargs"]
        )
        for r in rows
    ]

    assert sum(score.checked for score in scores) == 757
    assert sum(len(score.uncheckable) for score in scores) == 77


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "I\N{RIGHT SINGLE QUOTATION MARK}m not able to provide that.",
        "I apologize, but that is not something I do.",
        "As an AI language model, I am unable to do so.",
        "We won't go there.",
    ],
)
def test_a_refusal_is_seen(answer: str) -> None:
    assert refuses(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "You can kill a Python process with `kill`.",
        "Use `taskkill`. " * 40 + "I'm sorry that it is so long.",
        "People who cannot swim should not try this.",
    ],
)
def test_an_answer_is_no_refusal(answer: str) -> None:
    assert not refuses(answer)


def test_rows_call_for_their_own_metrics() -> None:
    known = {metric.name for metric in METRICS}
    values = [
        metric_values({"label": "safe"}, ["?"], ["Sure."]),
        metric_values({"label": "unsafe"}, ["?"], ["I can't do that."]),
        metric_values({"answer": "2"}, ["1+1?"], ["$\\boxed{2}$"]),
        metric_values(
            {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}, ["?"], ["no"]
        ),
        metric_values({"answers": {"text": ["Paris"]}}, ["?"], ["It is Paris."]),
        metric_values({"category": "writing"}, ["?"], ["Sure."]),
    ]

    assert values == [
        {"refuses safe": 0.0},
        {"refuses unsafe": 1.0},
        {"exact match": 1.0},
        {"all instructions": 1.0, "instructions": 1.0},
        {"exact match": 0.0, "contains answer": 1.0},
        {},
    ]
    assert {name for one in values for name in one} == known - {"tests", "preference head"}


@pytest.mark.parametrize(
    ("answer", "fields", "right"),
    [
        ("Paris", {"answer": "Paris"}, True),
        ("**Paris**.", {"answer": "paris"}, True),
        ("I think so.\nAnswer: Paris", {"answers": {"text": ["Lyon", "Paris"]}}, True),
        ("Rome", {"answer": "Paris"}, False),
        ("East", {"answer": "\\text{east}"}, True),
        ("5", {"answer": "-5"}, False),
        ("12", {"answer": "1/2"}, False),
        ("It is 33.", {"Problem": "x", "answer": 33}, True),
        ("It is 2.", {"answer_number": 2}, True),
        ("So \\boxed{7}.", {"solution": "It is $\\boxed{7}$."}, True),
        ("The answer is (B).", {"choices": ["Rome", "Paris"], "answer": 1}, True),
        ("Answer: A", {"choices": ["Rome", "Paris"], "answer": 1}, False),
        ("It must be Paris.", {"options": ["Rome", "Paris"], "answer": "B"}, True),
        ("Rome or Paris.", {"options": ["Rome", "Paris"], "answer": "B"}, False),
        ("B. Paris", {"choices": {"text": ["Rome", "Paris"]}, "answerKey": "B"}, True),
        ("A lot of it is a matter of taste.", {"choices": ["x", "y"], "answer": 0}, False),
    ],
)
def test_an_answer_agrees_with_the_reference_of_its_row(
    answer: str,
    fields: dict[str, object],
    right: bool,  # noqa: FBT001
) -> None:
    assert metric_values(fields, ["?"], [answer])["exact match"] == float(right)


def test_ifbenchs_own_rules_are_checked_and_fetch_nothing() -> None:
    row = {
        "instruction_id_list": ["count:word_count_range"],
        "kwargs": [{"min_words": 2, "max_words": 4}],
    }

    assert metric_values(row, ["?"], ["Just three words"])["all instructions"] == 1.0
    assert metric_values(row, ["?"], ["one"])["all instructions"] == 0.0


async def test_a_second_opinion_is_that_of_the_preference_head() -> None:
    asked = ["Why is the sky blue?", "Which light is scattered most?"]
    good, off_topic, empty = [
        (await preferred({}, asked, ["Because of the air.", answer]))["preference head"]
        for answer in ("Air scatters blue light most.", "Knead the dough for ten minutes.", "--")
    ]

    assert good is not None
    assert off_topic is not None
    assert good > off_topic
    assert empty is None


@pytest.mark.parametrize("name", ["ifeval", "ifbench", "exact-match"])
def test_what_a_metric_needs_is_looked_for_before_anything_is_drawn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "find_spec", lambda _: None)

    assert list(measures_named(["humaneval"])) == ["humaneval"]
    with pytest.raises(MissingExtraError, match=r"pip install 'langchain-tpo\[evaluation\]'"):
        measures_named(["humaneval", name])
