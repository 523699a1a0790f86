"""A run that an older version left unfinished is refused in one line, never misread."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tpo import RunError, build_tpo_graph
from tests.support.fakes import ScriptedModel, last_number

THREAD: RunnableConfig = {"configurable": {"thread_id": "wood", "checkpoint_ns": ""}}
OLD_RUN: dict[str, Any] = {
    "responses": [],
    "pool": [
        {"text": "oil it 1", "reward": 1.0, "round": 0},
        {"text": "dust it 2", "reward": 2.0, "round": 0},
    ],
    "rounds": [{"chosen": 1, "rejected": 0}],
    "drops": [],
    "steps": [],
    "stop_reason": None,
    "failure": None,
}
"""What release 0.1 knew of a run, in the first round."""

SHAPES: dict[str, dict[str, Any]] = {
    "0.1: at the top of the state": {"drafts": [], **OLD_RUN},
    "under its own key, without an id": {
        "tpo": {
            **OLD_RUN,
            "question": {"messages": 1, "digest": "2d711642b726b044"},
            "context": {},
            "options": {},
            "answer_id": None,
        }
    },
}


def left_before(step: str, run: dict[str, Any]) -> InMemorySaver:
    """Return a checkpointer with a thread that goes on at a step."""
    values = {"messages": [HumanMessage("Wood?", id="question")], **run, f"branch:to:{step}": None}
    saver, checkpoint = InMemorySaver(), empty_checkpoint()
    versions: dict[str, Any] = dict.fromkeys(values, saver.get_next_version(None, None))
    checkpoint.update(channel_values=values, channel_versions=versions)
    saver.put(THREAD, checkpoint, {"source": "loop", "step": 2, "parents": {}}, versions)
    return saver


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", ["reward", "textual_loss", "textual_gradient", "update"])
def test_a_run_of_an_older_version_is_refused_in_one_line(shape: str, step: str) -> None:
    saver, model = left_before(step, SHAPES[shape]), ScriptedModel()
    graph = build_tpo_graph(model, last_number, width=2, depth=1).compile(checkpointer=saver)
    assert graph.get_state(THREAD).next == (step,)

    with pytest.raises(RunError, match=r"^This checkpoint lacks `\w+` of its run, .*: ask") as told:
        graph.invoke(None, THREAD)

    assert "\n" not in str(told.value)
    assert model.notebook.calls == []


@pytest.mark.parametrize("shape", SHAPES)
def test_its_thread_takes_the_next_question(shape: str) -> None:
    saver = left_before("update", SHAPES[shape])
    graph = build_tpo_graph(ScriptedModel(), last_number, width=2, depth=1).compile(saver)

    again = graph.invoke({"messages": [HumanMessage("And oak?")]}, THREAD)

    assert [message.text for message in again["messages"]] == ["Wood?", "And oak?", "revision 5"]
    assert {candidate["text"] for candidate in again["tpo"]["pool"]}.isdisjoint(
        candidate["text"] for candidate in OLD_RUN["pool"]
    )
