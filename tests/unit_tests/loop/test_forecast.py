"""A token budget begins no round whose revisions it cannot afford: no critique is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import (
    ChatTPO,
    SamplingOptions,
    TPOResult,
    TPORunnable,
    TPOSettings,
    build_tpo_graph,
)
from langchain_tpo.loop.forecast import CRITIQUE_TOKENS
from langchain_tpo.sampling.capabilities import TEMPLATE_TOKENS
from langchain_tpo.strategies import STRATEGIES, Strategy
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number
from tests.support.properties import examples
from tests.support.reward_curves import word_tokens

QUESTION = "How do I care for a wooden spoon?"
ROUNDS = 3
WAYS: list[str | Strategy] = [*STRATEGIES, "tpo:fresh=1", "tpo:contrast_k=2", "tpo:memory=2"]


def model_of(words: dict[str, int], *, n: bool = True, **options: Any) -> ScriptedModel:
    """Return a model that writes so many words in each step."""

    def reply(step: str, _messages: Any, number: int) -> str:
        text = " ".join([step, *["word"] * words.get(step, 0), str(number)])
        return f"<IMPROVED_VARIABLE>{text}</IMPROVED_VARIABLE>" if step == "update" else text

    kind = ScriptedModelWithN if n else ScriptedModel
    return kind(reply=reply, custom_get_token_ids=word_tokens, **options)


def run_of(model: ScriptedModel, **options: Any) -> TPOResult:
    told = {"width": 3, "depth": ROUNDS, **options}
    told = {"min_contrast": None, **told}
    tpo = TPORunnable(model=model, reward=last_number, settings=TPOSettings(**told))
    return tpo.optimize(QUESTION)


def tokens(result: TPOResult) -> int:
    usage = result.usage
    return (usage["input_tokens"] or 0) + (usage["output_tokens"] or 0)


def loses_nothing(result: TPOResult) -> bool:
    """Say whether every round that was begun has revisions."""
    drawn = {candidate["round"] for candidate in result.pool}
    return drawn == set(range(len(result.rounds) + 1))


lengths = st.fixed_dictionaries(
    {
        "sample": st.integers(0, 400),
        "textual_loss": st.integers(0, CRITIQUE_TOKENS),
        "textual_gradient": st.integers(0, CRITIQUE_TOKENS),
        "update": st.integers(0, 400),
    }
)


@pytest.mark.parametrize("strategy", WAYS, ids=str)
@examples(8)
@given(words=lengths, budget=st.integers(1, 20_000), n=st.booleans())
def test_whenever_a_budget_ends_a_run_no_critique_was_paid_for_nothing(
    strategy: str,
    words: dict[str, int],
    budget: int,
    n: bool,  # noqa: FBT001 drawn
) -> None:
    result = run_of(model_of(words, n=n), strategy=strategy, token_budget=budget)

    assert result.stop_reason in {"token_budget", "depth"}
    assert loses_nothing(result)


@pytest.mark.parametrize(
    ("strategy", "n"), [*((way, True) for way in WAYS), ("tpo", False), ("fused", False)], ids=str
)
def test_a_round_begins_as_soon_as_its_revisions_can_be_afforded(
    strategy: str,
    n: bool,  # noqa: FBT001 a table
) -> None:
    """Of a model that writes what is expected, to the last token of each round."""
    words = dict.fromkeys(("sample", "update"), 200)
    words |= dict.fromkeys(("textual_loss", "textual_gradient"), CRITIQUE_TOKENS - 2)
    whole = run_of(model_of(words, n=n), strategy=strategy)
    costs = [
        sum(
            (step["usage"]["input_tokens"] or 0) + (step["usage"]["output_tokens"] or 0)
            for step in whole.steps
            if step["round"] == number
        )
        for number in range(ROUNDS + 1)
    ]
    for rounds in range(2, ROUNDS + 1):
        enough = sum(costs[: rounds + 1])
        near = 3 * TEMPLATE_TOKENS + costs[rounds] // 50

        fits = run_of(model_of(words, n=n), strategy=strategy, token_budget=enough + near)
        lacks = run_of(model_of(words, n=n), strategy=strategy, token_budget=enough - near)

        assert len(fits.rounds) >= rounds
        assert len(lacks.rounds) == rounds - 1
        assert tokens(lacks) < enough - near


@pytest.mark.parametrize("strategy", WAYS, ids=str)
def test_where_no_usage_is_reported_no_round_begins(strategy: str) -> None:
    model = model_of({}, reports_usage=False)

    result = run_of(model, strategy=strategy, token_budget=10**9)

    assert (result.stop_reason, len(result.rounds)) == ("token_budget", 0)


@pytest.mark.parametrize("most", [30, None])
def test_a_critic_that_is_told_to_be_brief_is_expected_to_be(most: int | None) -> None:
    """Of a budget that affords brief critiques, and none of 300 tokens."""
    model = model_of({"sample": 20, "update": 20, "textual_loss": 28, "textual_gradient": 28})
    brief = SamplingOptions(max_tokens=most)
    capped = {"textual_loss": brief, "textual_gradient": brief, "depth": 1}
    whole = tokens(run_of(model, **capped))

    result = run_of(model, token_budget=whole + 4 * TEMPLATE_TOKENS, **capped)

    assert len(result.rounds) == (0 if most is None else 1)


@pytest.mark.parametrize("budget", [300, 1_000, 1_500, 2_000])
def test_chat_tpo_and_a_resumed_run_count_alike(budget: int) -> None:
    words = {"sample": 20, "update": 20, "textual_loss": 100, "textual_gradient": 100}
    told = TPOSettings(width=3, depth=2, token_budget=budget)
    asked = {"messages": [HumanMessage(QUESTION)]}

    def run_inside(model: ScriptedModel) -> list[str]:
        ChatTPO(model=model, reward=last_number, settings=told).invoke(QUESTION)
        return model.notebook.steps()

    model = model_of(words)
    graph = build_tpo_graph(model, last_number, settings=told).compile(
        checkpointer=InMemorySaver(), interrupt_before="*"
    )
    thread: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke(asked, thread)
    while graph.get_state(thread).next:
        graph.invoke(None, thread)

    assert model.notebook.steps() == run_inside(model_of(words))
    assert ("textual_loss" in model.notebook.steps()) == ("update" in model.notebook.steps())
