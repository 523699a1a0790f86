"""What a plan counts, by every strategy; tests/integration_tests/test_plans.py asks a server."""

import pytest

from langchain_tpo import TPOSettings
from langchain_tpo.errors import SettingsError
from langchain_tpo.planning import REMARK, Lengths, rehearse
from langchain_tpo.strategies import STRATEGIES, strategy_of

WAYS = {name: TPOSettings(strategy=name) for name in ("tpo", "threaded")}
SPECS = [*STRATEGIES, "tpo:fresh=1", "tpo:contrast_k=2"]
LENGTHS = Lengths(prompt=70, answer=120, critique=90, verdict=40)


@pytest.mark.parametrize(
    ("strategy", "prompts"),
    [(spec, style) for spec in SPECS for style in strategy_of(spec).wordings],
)
@pytest.mark.parametrize(("width", "depth"), [(5, 2), (2, 1), (3, 0)])
def test_a_plan_has_the_completions_and_stages_of_every_strategy(
    strategy: str, prompts: str, width: int, depth: int
) -> None:
    settings = TPOSettings(strategy=strategy, prompts=prompts, width=width, depth=depth)

    plan = rehearse(settings, LENGTHS)

    asking = [step for step in plan.steps if step["step"] != "reward"]
    assert sum(step["usage"]["completions"] for step in asking) == settings.completions
    assert len(asking) == settings.stages
    assert list(map(len, plan.scored)) == [width] * (depth + 1)


def test_rules_that_look_at_rewards_are_left_out_and_budgets_are_kept() -> None:
    told = TPOSettings(target_reward=0.0, gate_reward=0.0, patience=1, min_contrast=1e9)

    assert len(rehearse(told).scored) == 3
    assert len(rehearse(TPOSettings(call_budget=12)).scored) == 2


def test_longest_replies_are_kept_to() -> None:
    settings = TPOSettings(sample={"max_tokens": 30}, depth=0)

    (draws, _) = rehearse(settings, LENGTHS).steps

    assert draws["usage"]["output_tokens"] == 5 * 30


def test_a_prefix_cache_knows_what_a_conversation_has_said_before() -> None:
    read, cached = (
        {
            name: sum(step["usage"][key] or 0 for step in rehearse(settings, LENGTHS).steps)
            for name, settings in WAYS.items()
        }
        for key in ("input_tokens", "cached_tokens")
    )
    assert cached["threaded"] / read["threaded"] > 0.6
    assert cached["tpo"] / read["tpo"] < 0.4
    without = rehearse(WAYS["threaded"], LENGTHS, prefix_cache=False).steps
    assert not any(step["usage"]["cached_tokens"] for step in without)


def test_n_requests_read_their_prompt_once_where_it_is_kept() -> None:
    (draws, _) = rehearse(TPOSettings(one_request=False, depth=0), LENGTHS).steps

    usage = draws["usage"]
    assert (usage["requests"], usage["input_tokens"]) == (5, 5 * 74)
    assert usage["cached_tokens"] == 4 * (74 // 16) * 16


def test_a_length_below_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="`answer` of Lengths"):
        Lengths(answer=0)


def read(strategy: str, **options: int | bool) -> int:
    """Return how many tokens a run reads to draw and to write critiques."""
    judge = bool(options.pop("judge", False))
    settings = TPOSettings(strategy=strategy, prompts="small", width=5, depth=2)
    plan = rehearse(settings, Lengths(prompt=70, **options), judge=judge, prefix_cache=False)
    asking = [step["usage"] for step in plan.steps if step["step"] != "reward"]
    return sum(usage["input_tokens"] or 0 for usage in asking)


def test_a_strategy_without_a_critic_is_planned_with_the_words_it_is_made_for() -> None:
    silent = read("explain", remark=0)

    assert silent == 3 * 74  # three times nothing but the question
    assert read("explain") > 3 * silent
    assert read("explain", remark=80) == pytest.approx(read("explain") + 4 * 40, abs=40)
    assert read("explain", judge=True) > 3 * silent
    assert rehearse(TPOSettings(strategy="explain")).remark == REMARK


@pytest.mark.parametrize("judge", [False, True])
def test_a_memory_is_planned_to_the_last_word_it_can_hold(*, judge: bool) -> None:
    settings = TPOSettings(width=2, depth=4, strategy="explain:forms=remind,memory=3")

    plan = rehearse(settings, Lengths(verdict=100, remark=60), judge=judge)

    usages = [step["usage"] for step in plan.steps if step["step"] == "update"]
    first, *later = [usage["input_tokens"] or 0 for usage in usages]
    more = [after - before for before, after in zip([first, *later], later, strict=False)]
    assert min(more) > 40  # each round is told of one answer more


@pytest.mark.parametrize("strategy", ["synthesize", "directions"])
def test_neither_is_one_silent_that_shows_remarks_beside_answers(strategy: str) -> None:
    assert read(strategy) == read(strategy, remark=REMARK) > read(strategy, remark=0)


def test_a_critic_is_planned_without_words_unless_they_are_told() -> None:
    assert rehearse(TPOSettings()).remark == 0
    assert read("tpo") == read("tpo", remark=0) < read("tpo", remark=40)
