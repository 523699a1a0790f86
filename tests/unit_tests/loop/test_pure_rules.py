"""The rules over a pool, over replies and over what was spent, each to its last word."""

import math
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda

from langchain_tpo.candidate_pool import Candidate, best_reward, chosen, contrast, ranked
from langchain_tpo.loop.revisions import read_response, revision_reader, usable
from langchain_tpo.loop.scoring import RewardCaller
from langchain_tpo.loop.stopping import stop_reason
from langchain_tpo.reward_models import as_reward_model
from langchain_tpo.sampling.draws import Draws
from langchain_tpo.sampling.usage import NOTHING_USED
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import StepRecord


def one(text: str, reward: float | None, number: int = 0, **more: Any) -> Candidate:
    return Candidate(text=text, reward=reward, round=number, **more)


def step(number: int, seconds: float = 0.0) -> StepRecord:
    return StepRecord(step="reward", round=number, usage=NOTHING_USED, seconds=seconds, waiting=0.0)


def drawn(*replies: Any, failures: Any = ()) -> Draws:
    return Draws(replies=list(replies), failures=list(failures), usage=NOTHING_USED)


def test_a_ranking_has_the_best_first_and_every_text_once() -> None:
    pool = [
        one("cut", 9.0, demoted=True),
        one("low", 1.0),
        one("high", 3.0),
        one("unscored", None),
        one("middle", 2.0),
        one("also high", 3.0),
        one("high", 3.0, 1),
    ]

    assert ranked(pool) == [2, 5, 4, 1, 0]


def test_what_nobody_scored_is_worth_less_than_anything() -> None:
    unscored = [one("a", None), one("b", None)]

    assert best_reward(unscored, until=0) == -math.inf
    assert best_reward([], until=0) == -math.inf
    assert contrast(unscored) == -math.inf
    assert chosen([*unscored, one("c", -1e300)]) == 2


def test_a_reward_counts_until_its_round() -> None:
    pool = [one("a", 1.0), one("b", 2.0, 1), one("c", 3.0, 2)]

    assert [best_reward(pool, until=number) for number in range(3)] == [1.0, 2.0, 3.0]


def test_between_complete_and_cut_lies_everything() -> None:
    assert contrast([one("a", 1.0), one("b", 5.0, demoted=True)]) == math.inf
    assert contrast([one("a", 1.0), one("b", 5.0)]) == 4.0


def test_a_draw_that_cannot_be_used_says_whose_it_was_and_why() -> None:
    draws = drawn(
        {"text": "x" * 300},
        {"text": "", "finish": "content_filter"},
        {"text": "I cannot.", "finish": "refusal"},
        {"text": "<A>good</A>"},
        failures=[ConnectionError("gone")],
    )

    revisions, drops = usable(draws, revision_reader("A"), step="update", round_number=2)

    assert [revision["text"] for revision in revisions] == ["good"]
    assert drops == [
        {"step": "update", "round": 2, "reason": "failed", "detail": "ConnectionError: gone"},
        {"step": "update", "round": 2, "reason": "no_tag", "detail": "x" * 200},
        {"step": "update", "round": 2, "reason": "filtered", "detail": ""},
        {"step": "update", "round": 2, "reason": "refused", "detail": "I cannot."},
    ]


def test_what_is_cut_is_demoted_unless_told_otherwise() -> None:
    draws = drawn({"text": "half a", "finish": "length"}, {"text": "a whole"})

    (half, whole), _ = usable(draws, read_response, step="sample", round_number=0)
    (alike, _), _ = usable(
        draws, read_response, step="sample", round_number=0, prefer_complete=False
    )

    assert half == one("half a", None, finish="length", demoted=True)
    assert whole == one("a whole", None)
    assert alike == one("half a", None, finish="length")


def test_a_reply_with_a_fault_is_demoted_and_told_so() -> None:
    draws = drawn({"text": "{", "fault": "It is no JSON."})

    (candidate,), _ = usable(draws, read_response, step="sample", round_number=0)

    fault = "It is no JSON."
    assert candidate == one("{", None, demoted=True, fault=fault, rationale=fault)


@pytest.mark.parametrize(
    ("words", "seconds", "reason"),
    [
        (None, 0.0, "no_contrast"),
        (None, 9.0, "time_budget"),
        ("It is too long.", 0.0, None),
        ("", 0.0, "no_contrast"),
    ],
)
def test_equal_rewards_end_a_run_unless_words_tell_what_is_wrong(
    words: str | None, seconds: float, reason: str | None
) -> None:
    more = {} if words is None else {"rationale": words}
    pool = [one("a", 1.0), one("b", 1.0, **more)]

    assert stop_reason(pool, [step(0, seconds)], settings=TPOSettings(time_budget=9)) == reason


@pytest.mark.parametrize(
    ("rewards", "done", "reason"),
    [
        ([1.0, 1.0], 1, None),
        ([1.0, 1.0, 1.0], 2, "plateau"),
        ([1.0, 1.0, 1.5], 2, "plateau"),
        ([1.0, 1.0, 1.6], 2, None),
        ([1.0, 9.0, 9.0], 2, None),
    ],
)
def test_patience_waits_so_many_rounds_for_a_gain(
    rewards: list[float], done: int, reason: str | None
) -> None:
    pool = [one("worst", 0.0)]
    pool += [one(str(number), reward, number) for number, reward in enumerate(rewards)]
    settings = TPOSettings(depth=5, patience=2, min_gain=0.5)

    assert stop_reason(pool, [step(done)], settings=settings) == reason


def test_a_run_without_any_record_has_done_no_round() -> None:
    pool = [one("a", 1.0), one("b", 2.0)]

    assert stop_reason(pool, [], settings=TPOSettings(depth=1)) is None
    assert stop_reason(pool, [], settings=TPOSettings(depth=0)) == "depth"


async def test_a_scorer_knows_its_rewards_name_maximum_and_call() -> None:
    seen: list[RunnableConfig] = []

    def score(request: Any, config: RunnableConfig) -> list[float]:
        seen.append(config)
        return [float(len(text)) for text in request["responses"]]

    reward = as_reward_model(RunnableLambda(score, name="length"))
    scorer = RewardCaller(reward)
    request: Any = {"messages": [], "responses": ["a", "bcd"], "pool": []}

    found = scorer.run(request, {"tags": ["mine"]})
    awaited = await scorer.arun(request, {"tags": ["mine"]})

    assert found.of("bcd")["reward"] == awaited.of("bcd")["reward"] == 3.0
    assert found.maximum is None
    assert all("mine" in config["tags"] for config in seen)


def test_a_scorer_hands_on_the_highest_reward_there_can_be() -> None:
    class Bounded(RunnableLambda[Any, Any]):
        maximum = 1.0

    scorer = RewardCaller(Bounded(lambda request: [1.0] * len(request["responses"])))

    assert scorer.run({"messages": [], "responses": ["a"], "pool": []}, {}).maximum == 1.0
