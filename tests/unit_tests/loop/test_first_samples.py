"""A run may begin with the draws of an earlier one: they count, and are not drawn again."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import TPOResult, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.errors import ConversationError
from langchain_tpo.state import FirstSamples
from tests.support.fakes import ScriptedModelWithN, last_number

QUESTION = "How do I care for a wooden table?"


def drawn_by(result: TPOResult) -> FirstSamples:
    return FirstSamples(
        candidates=[one for one in result.pool if one["round"] == 0],
        steps=[step for step in result.steps if step["round"] == 0],
    )


def never(_prompt: str, _response: str) -> float:
    raise AssertionError("scored already")


@pytest.fixture
def earlier() -> TPOResult:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number, width=3, depth=0)
    return tpo.optimize(QUESTION)


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_given_samples_are_neither_drawn_nor_scored_again(
    earlier: TPOResult, *, asynchronous: bool
) -> None:
    model = ScriptedModelWithN()
    tpo = TPORunnable(model=model, reward=never, width=3, depth=0)
    value: Any = {"messages": QUESTION, "first_samples": drawn_by(earlier)}

    result = await tpo.aoptimize(value) if asynchronous else tpo.optimize(value)

    assert model.notebook.calls == []
    assert result.pool == earlier.pool
    assert result.usage == earlier.usage
    assert [step.get("shared", False) for step in result.steps] == [True, True, False, False]


def test_what_is_missing_is_drawn_and_scored(earlier: TPOResult) -> None:
    model = ScriptedModelWithN()
    scored: list[str] = []

    def reward(_prompt: str, response: str) -> float:
        scored.append(response)
        return 9.0

    tpo = TPORunnable(model=model, reward=reward, width=5, depth=0)
    result = tpo.optimize({"messages": QUESTION, "first_samples": drawn_by(earlier)})

    assert [call.n for call in model.notebook.calls] == [2]
    # The scripted model begins its numbers anew: its draws are texts that have a reward already.
    assert [one["text"] for one in result.pool] == [
        *("sample 0", "sample 1", "sample 2", "sample 0", "sample 1")
    ]
    assert scored == []


def test_what_they_cost_counts_towards_budgets(earlier: TPOResult) -> None:
    model = ScriptedModelWithN()
    settings = TPOSettings(width=3, depth=1, call_budget=7)
    tpo = TPORunnable(model=model, reward=last_number, settings=settings)

    result = tpo.optimize({"messages": QUESTION, "first_samples": drawn_by(earlier)})

    assert result.stop_reason == "call_budget"  # 3 + 5 are more than 7


def test_the_next_question_of_a_thread_does_not_begin_with_them(earlier: TPOResult) -> None:
    settings = TPOSettings(width=3, depth=0)
    builder = build_tpo_graph(ScriptedModelWithN(), last_number, settings=settings)
    graph = builder.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    given: Any = {"messages": [("human", QUESTION)], "tpo_first_samples": drawn_by(earlier)}
    graph.invoke(given, thread)

    state = graph.invoke({"messages": [("human", "And metal?")]}, thread)  # type: ignore[arg-type]

    assert len(state["tpo"]["steps"]) == 2
    assert not any(step.get("shared") for step in state["tpo"]["steps"])


@pytest.mark.parametrize(
    "wrong", ["text", {"candidates": "text"}, {"candidates": [{"text": "a"}]}, {"drops": []}]
)
def test_a_mistake_is_one_line(wrong: object) -> None:
    tpo = TPORunnable(model=ScriptedModelWithN(), reward=last_number)

    with pytest.raises(ConversationError, match="`first_samples` must hold") as caught:
        tpo.optimize({"messages": QUESTION, "first_samples": wrong})  # type: ignore[typeddict-item]
    assert "\n" not in str(caught.value)
