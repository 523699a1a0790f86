"""What holds of the pure parts whatever they are given."""

import json
from math import ceil
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_tpo import TPOResult, TPOSettings
from langchain_tpo.candidate_pool import Candidate, best_reward, chosen, contrast, rejected
from langchain_tpo.loop.revisions import Unusable, revision_reader
from langchain_tpo.loop.stopping import over_budget, stop_reason
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.state import Drop, Failure, Round, StepRecord, TPOState
from tests.support.properties import examples

TAG = "IMPROVED_VARIABLE"
read = revision_reader(TAG)

many = examples(150)

PIECES = ["<", ">", "/", f"<{TAG}", f"</{TAG}", f"{TAG}>", "</", " ", "\n", "\0", "é", "<b>", "a"]
broken_tags = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
tags = st.sampled_from([TAG, TAG.lower(), TAG.title()])


def holds(text: str, tag: str) -> bool:
    return tag.lower() in text.lower()


@many
@given(broken_tags, tags, broken_tags, tags, st.text(max_size=20))
def test_a_revision_is_what_stands_between_the_first_tags(
    before: str, opening: str, inside: str, closing: str, after: str
) -> None:
    reply = f"{before}<{opening}>{inside}</{closing}>{after}"
    assume(not holds(f"{before}<{TAG}", f"<{TAG}>"))
    assume(not holds(f"{inside}</{TAG}", f"</{TAG}>"))
    assume(not holds(f"{inside}</{TAG}", f"<{TAG}>"))

    assert read(reply) == (inside.strip() or Unusable("empty"))


@many
@given(broken_tags, tags, broken_tags)
def test_a_completion_that_was_cut_is_a_revision_up_to_there(
    before: str, opening: str, inside: str
) -> None:
    assume(not holds(f"{before}<{TAG}", f"<{TAG}>"))
    assume(not holds(inside, f"</{TAG}>"))
    assume(not holds(inside, f"<{TAG}>"))

    assert read(f"{before}<{opening}>{inside}") == (inside.strip() or Unusable("empty"))


@many
@given(broken_tags)
def test_nothing_is_a_revision_without_an_opening_tag(reply: str) -> None:
    found = read(reply)

    if holds(reply, f"<{TAG}>"):
        nothing = (Unusable("empty"), Unusable("ambiguous"))
        assert found in nothing or (isinstance(found, str) and found in reply)
    else:
        assert found == Unusable("no_tag")


rewards = st.none() | st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1e308, 1e308])


@st.composite
def pools(draw: st.DrawFn, *, depth: int = 3) -> list[Candidate]:
    """Return responses of rounds 0 to `depth`, in order, with equal and missing rewards."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=depth + 1))
    return [
        Candidate(text=draw(st.text(max_size=5)), reward=draw(rewards), round=number)
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]


@many
@given(pools())
def test_chosen_and_rejected_are_the_earliest_of_the_best_and_worst(pool: list[Candidate]) -> None:
    known = [one["reward"] for one in pool if one["reward"] is not None]
    best, worst = chosen(pool), rejected(pool)

    if not known:
        assert (best, worst) == (None, None)
        return
    every = [one["reward"] for one in pool]
    assert best == every.index(max(known))
    assert worst == every.index(min(known))
    assert (best_reward(pool, until=99), contrast(pool)) == (max(known), max(known) - min(known))


@many
@given(pools(), pools())
def test_more_responses_never_make_the_best_worse(
    pool: list[Candidate], more: list[Candidate]
) -> None:
    assert best_reward(pool + more, until=99) >= best_reward(pool, until=99)
    assert contrast(pool + more) >= contrast(pool)
    before, after = chosen(pool), chosen(pool + more)
    if before is not None and best_reward(more, until=99) <= best_reward(pool, until=99):
        assert after == before  # equals that come later change nothing


counts = st.integers(0, 10**4)
usages = st.builds(
    Usage,
    requests=st.integers(0, 9),
    completions=st.integers(0, 9),
    input_tokens=counts,
    output_tokens=counts,
    cached_tokens=st.just(0),
)
STEPS = ("sample", "reward", "textual_loss", "textual_gradient", "update")
seconds = st.floats(0, 100)


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Candidate], list[StepRecord]]:
    """Return a run after some scored round, with at least one scored response."""
    pool = draw(pools())
    assume(any(one["reward"] is not None for one in pool))
    done = pool[-1]["round"]
    steps = [
        StepRecord(step=step, round=number, usage=draw(usages), seconds=draw(seconds), waiting=0.0)
        for number in range(done + 1)
        for step in (("sample", "reward") if number == 0 else (*STEPS[2:], "reward"))
    ]
    return pool, steps  # type: ignore[return-value]


limits = st.none() | st.floats(-2, 2)
at_least_0 = st.none() | st.floats(0, 2)
rules = st.fixed_dictionaries(
    {
        "target_reward": limits,
        "patience": st.none() | st.integers(1, 3),
        "min_gain": st.floats(0, 2),
        "min_contrast": st.floats(0, 2),
        "gate_reward": limits,
        "gate_contrast": at_least_0,
        "call_budget": st.none() | st.integers(2, 60),
        "token_budget": st.none() | st.integers(1, 10**5),
        "time_budget": st.none() | st.floats(0.1, 500),
    }
)


OUT_OF_TIME_AND_TOKENS = (
    [Candidate(text="", reward=0.0, round=0)],
    [
        StepRecord(
            step="reward",
            round=0,
            usage=Usage(
                requests=0, completions=0, input_tokens=0, output_tokens=1, cached_tokens=0
            ),
            seconds=1.0,
            waiting=0.0,
        )
    ],
)
NO_RULE = {
    "target_reward": None,
    "patience": None,
    "min_gain": 0.0,
    "min_contrast": 0.0,
    "gate_reward": None,
    "gate_contrast": None,
    "call_budget": None,
    "token_budget": None,
    "time_budget": None,
}


@many
@given(runs(), rules, st.integers(1, 4))
@example(OUT_OF_TIME_AND_TOKENS, {**NO_RULE, "token_budget": 1, "time_budget": 1.0}, 1)
def test_a_run_goes_on_exactly_when_no_rule_ends_it(
    run: tuple[list[Candidate], list[StepRecord]], given_rules: dict[str, Any], depth: int
) -> None:
    """All rules together end a run exactly when one of them alone does."""
    pool, steps = run
    off = {"min_contrast": 0.0, "min_gain": given_rules["min_gain"]}

    def reason(**changes: Any) -> str | None:
        return stop_reason(pool, steps, settings=TPOSettings(width=2, depth=depth, **changes))

    alone = {
        name: reason(**{**off, name: value})
        for name, value in given_rules.items()
        if name != "min_gain"
    }
    together = reason(**given_rules)

    assert (together is None) == (set(alone.values()) == {None})
    assert together in alone.values()
    if pool[-1]["round"] >= depth:
        assert together == "depth"


@many
@given(runs(), rules)
def test_a_stop_is_earned(
    run: tuple[list[Candidate], list[StepRecord]], given_rules: dict[str, Any]
) -> None:
    pool, steps = run
    best, spread = best_reward(pool, until=99), contrast(pool)
    rule = TPOSettings(width=2, depth=9, **given_rules)
    spent = sum(step["usage"]["completions"] for step in steps)
    done = pool[-1]["round"]
    new = {one["text"] for one in pool} - {one["text"] for one in pool if one["round"] < done}
    judged = steps[-1]["usage"]["completions"] * rule.width / max(1, len(new))  # of every text

    match stop_reason(pool, steps, settings=rule):
        case "target_reward":
            assert rule.target_reward is not None
            assert best >= rule.target_reward
        case "gate":
            assert pool[-1]["round"] == 0
        case "no_contrast":
            assert spread <= rule.min_contrast
        case "plateau":
            assert rule.patience is not None
            assert (
                best - best_reward(pool, until=pool[-1]["round"] - rule.patience) <= rule.min_gain
            )
        case "call_budget":
            assert rule.call_budget is not None
            assert spent + 2 + rule.width + ceil(judged) > rule.call_budget
        case "time_budget":
            assert rule.time_budget is not None
            assert sum(step["seconds"] for step in steps) >= rule.time_budget
        case "token_budget":
            assert rule.token_budget is not None
        case reason:
            assert reason is None


@many
@given(runs(), st.integers(2, 60), st.integers(1, 20), st.sampled_from(STEPS))
def test_a_larger_budget_never_stops_sooner(
    run: tuple[list[Candidate], list[StepRecord]], budget: int, more: int, step: Any
) -> None:
    pool, steps = run
    for name in ("call_budget", "token_budget", "time_budget"):
        tight, loose = (TPOSettings(width=2, depth=9, **{name: b}) for b in (budget, budget + more))  # type: ignore[arg-type]
        if stop_reason(pool, steps, settings=tight) is None:
            assert stop_reason(pool, steps, settings=loose) is None
        if over_budget(step, steps, settings=tight) is None:
            assert over_budget(step, steps, settings=loose) is None


words = st.text(max_size=12)
drops = st.builds(
    Drop,
    step=st.sampled_from(STEPS),
    round=st.integers(0, 3),
    reason=st.sampled_from(["failed", "empty", "no_tag", "not_scored"]),
    detail=words,
)


@st.composite
def ended(draw: st.DrawFn) -> TPOState:
    """Return the state of a run that has ended."""
    pool, steps = draw(runs())
    rounds = [
        Round(chosen=0, rejected=0, textual_loss=draw(words), textual_gradient=draw(words))
        for _ in range(pool[-1]["round"])
    ]
    failure = Failure(step="update", round=1, type="E", message=draw(words))
    return TPOState(
        messages=[],
        drafts=[],
        responses=[],
        pool=pool,
        rounds=rounds,
        drops=draw(st.lists(drops, max_size=3)),
        steps=steps,
        stop_reason="error",
        failure=draw(st.none() | st.just(failure)),
    )


@many
@given(ended())
def test_a_result_survives_a_checkpoint_and_json(state: TPOState) -> None:
    serde = JsonPlusSerializer()
    result = TPOResult.from_state(state)

    assert TPOResult.from_state(serde.loads_typed(serde.dumps_typed(state))) == result
    again = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    for name in ("pool", "rounds", "drops", "steps"):
        assert tuple(again[name]) == getattr(result, name)
    assert (again["answer"], again["reward"], again["failure"]) == (
        result.answer,
        result.reward,
        result.failure,
    )
    json.dumps(result.message().response_metadata, allow_nan=False)


@many
@given(ended())
def test_the_answer_is_never_worse_than_anything_seen(state: TPOState) -> None:
    result = TPOResult.from_state(state)
    seen = [one["reward"] for one in result.pool if one["reward"] is not None]

    assert result.reward == max(seen)
    assert result.answer == result.pool[result.chosen]["text"]
    known = [reward for reward in result.best_rewards if reward is not None]
    assert known == sorted(known)
    assert known[-1] == result.reward
    assert result.usage["requests"] == sum(step["usage"]["requests"] for step in result.steps)
