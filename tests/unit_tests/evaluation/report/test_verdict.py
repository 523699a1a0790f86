"""The sentence that a report opens with is true, whatever the run."""

from typing import Any

import pytest

from langchain_tpo.evaluation.outcomes import outcome_of
from langchain_tpo.evaluation.report.analysis import analyse
from langchain_tpo.evaluation.report.summaries import Analysis
from langchain_tpo.evaluation.report.verdict import cautions, verdict
from tests.unit_tests.evaluation.run_folders import record_of, run_of

KINDS = {"best-of-n-matched": "best-of-n-matched", "tpo": "tpo"}


def manifest_of(kinds: dict[str, str], **more: Any) -> dict[str, Any]:
    systems = [
        {"name": name, "kind": kind, "match": "tpo" if kind == "best-of-n-matched" else None}
        for name, kind in kinds.items()
    ]
    return {"systems": systems, "model": "policy", "reward": "length", "critic": None, **more}


def run(gains: list[float], kinds: dict[str, str] = KINDS, **more: Any) -> Analysis:
    theirs, ours = kinds
    outcomes = [
        outcome_of(record_of(str(number), who, run_of([[reward]])), lambda *_: {})  # type: ignore[arg-type]
        for number, gain in enumerate(gains)
        for who, reward in ((ours, gain), (theirs, 0.0))
    ]
    return analyse(outcomes, kinds, **more)


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        (
            [0.5, 0.25] * 10,
            "TPO beats best-of-N at equal output tokens by 0.38 [0.30, 0.45] on 20 prompts: more "
            "than chance explains.",
        ),
        (
            [-0.5, -0.25] * 10,
            "TPO trails best-of-N at equal output tokens by 0.38 [0.30, 0.45] on 20 prompts: "
            "more than chance explains.",
        ),
        ([1.0, -0.9] * 10, "TPO beats"),
        ([0.5] * 6, "TPO beats best-of-N at equal output tokens by 0.50 on 6 prompts: too few"),
        (
            [0.0] * 12,
            "TPO and best-of-N at equal output tokens earn the same reward on 12 prompts, and on "
            "each of them: of such prompts at most 22% differ from that.",
        ),
        (
            [0.5] * 20,
            "TPO beats best-of-N at equal output tokens by 0.50 on 20 prompts, and on each of "
            "them: of such prompts at most 14% differ from that.",
        ),
        ([], "Nothing can be said of TPO"),
    ],
)
def test_the_verdict_says_what_the_figures_say(gains: list[float], sentence: str) -> None:
    assert verdict(run(gains), manifest_of(KINDS)).startswith(sentence)


@pytest.mark.parametrize(
    ("match_on", "equal"), [("output", "output tokens"), ("all", "tokens"), ("money", "cost")]
)
def test_the_verdict_says_what_was_equal(match_on: str, equal: str) -> None:
    manifest = manifest_of(KINDS)
    manifest["systems"][0]["match_on"] = match_on

    said = verdict(run([0.5, 0.25] * 10), manifest)

    assert said.startswith(f"TPO beats best-of-N at equal {equal} by 0.38")


def test_an_interval_with_zero_in_it_is_not_distinguishable() -> None:
    said = verdict(run([1.0, -0.9] * 10), manifest_of(KINDS))

    assert said.endswith("on 20 prompts: not distinguishable.")


def test_the_verdict_names_a_system_that_has_a_name_of_its_own() -> None:
    kinds = {"plain": "best-of-n", "mine": "tpo"}

    said = verdict(run([1.0, 2.0] * 8, kinds), manifest_of(kinds))

    assert said.startswith("mine (TPO) beats plain (best-of-N) by 1.50 [")


def test_small_rewards_keep_digits_that_matter() -> None:
    assert "by 0.0020 [" in verdict(run([0.001, 0.003] * 10), manifest_of(KINDS))


def test_readers_are_warned_of_a_policy_that_judges_itself_and_of_missing_examples() -> None:
    analysis = run([1.0, 2.0] * 8)

    assert cautions(analysis, manifest_of(KINDS))[0].startswith("No second judge")
    warned = cautions(analysis, manifest_of(KINDS, reward="policy"))
    assert "judges its own answers" in warned[-1]
    outcomes = [
        outcome_of(record_of(str(number), "tpo", run_of([[1.0]])), lambda *_: {})  # type: ignore[arg-type]
        for number in range(10)
    ]
    theirs = outcome_of(record_of("1", "best-of-n-matched", run_of([[1.0]])), lambda *_: {})  # type: ignore[arg-type]
    few = analyse([*outcomes, theirs], KINDS)
    assert any("Only 1 of 10" in line for line in cautions(few, manifest_of(KINDS)))


@pytest.mark.parametrize(
    ("win", "words"), [(0.0, "says the opposite"), (0.5, "does not confirm"), (1.0, None)]
)
def test_readers_are_told_when_the_second_judge_disagrees(win: float, words: str | None) -> None:
    pair = ("tpo", "best-of-n-matched")
    analysis = run([1.0, 2.0] * 10, verdicts={pair: {str(number): win for number in range(20)}})

    warned = cautions(analysis, manifest_of(KINDS))

    assert [words in line for line in warned] == ([] if words is None else [True])


@pytest.mark.parametrize(
    "reward", ["policy", "judge:policy", "pairwise:policy?style=arena-hard", "listwise:policy"]
)
def test_readers_are_told_that_the_policy_judges_itself_whatever_its_options(reward: str) -> None:
    said = cautions(run([0.5] * 12), manifest_of(KINDS, reward=reward))
    assert any("judges its own answers: `policy`" in one for one in said)
    other = manifest_of(KINDS, reward=reward.replace("policy", "someone"))
    assert not any("its own answers" in one for one in cautions(run([0.5] * 12), other))
