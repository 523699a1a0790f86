"""A round as one conversation, and with loss and gradient in one reply: calls, stages, prefixes."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo import TPOPrompts, TPORunnable, TPOSettings, build_tpo_graph
from langchain_tpo.prompts import FUSED_PROMPTS, SMALL_FUSED_PROMPTS, THREADED_PROMPTS
from tests.support.fakes import Call, ScriptedModelWithN, last_number

SNAPSHOTS = Path(__file__).parent / "snapshots"
WITHOUT_GRADIENT = ["textual_loss", "update"]
IN_FULL = ["textual_loss", "textual_gradient", "update"]


def run(strategy: str, *, depth: int = 2, **fields: Any) -> tuple[Any, list[Call]]:
    model = ScriptedModelWithN()
    settings = TPOSettings(strategy=strategy, depth=depth)
    tpo = TPORunnable(model=model, reward=last_number, settings=settings, **fields)
    return tpo.optimize("Wood?"), model.notebook.calls


@pytest.mark.parametrize(("strategy", "stages"), [("fused", 2), ("threaded", 3), ("tpo", 3)])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_round_takes_as_many_stages_as_its_prompts_ask_for(
    strategy: str, stages: int, depth: int
) -> None:
    result, calls = run(strategy, depth=depth)

    steps = WITHOUT_GRADIENT if stages == 2 else IN_FULL
    assert [call.step for call in calls] == ["sample", *steps * depth]
    settings = TPOSettings(strategy=strategy, depth=depth)
    assert len(calls) == settings.stages == 1 + stages * depth
    assert result.usage["completions"] == settings.completions == 5 + depth * (stages - 1 + 5)
    assert (result.stop_reason, len(result.rounds)) == ("depth", depth)


def test_a_fused_run_takes_a_superstep_less_in_every_round() -> None:
    settings = TPOSettings(strategy="fused", depth=3)
    graph = build_tpo_graph(ScriptedModelWithN(), last_number, settings=settings).compile()

    updates = graph.stream({"messages": [HumanMessage("Wood?")]}, stream_mode="updates")

    nodes = [name for update in updates for name in update if name in graph.get_graph().nodes]
    assert nodes == ["sample", "reward", *["textual_loss", "update", "reward"] * 3]


def test_a_fused_critique_is_kept_and_reaches_the_update() -> None:
    result, calls = run("fused", depth=1)

    (this,) = result.rounds
    assert this["textual_loss"] == "textual_loss 5"
    assert "textual_gradient" not in this
    update = calls[-1].messages
    assert [message.type for message in update] == ["system", "human", "ai", "human"]
    assert update[2].text == "textual_loss 5"


@pytest.mark.parametrize("strategy", ["threaded", "fused"])
def test_every_call_of_a_round_begins_with_the_whole_call_before_it(strategy: str) -> None:
    _, calls = run(strategy, depth=2)

    for before, after in pairwise(calls[1:]):
        shared = after.messages[: len(before.messages)]
        if after.step == "textual_loss":  # another round: other answers to the same query
            shared, before.messages = after.messages[:1], before.messages[:1]
        assert contents(shared) == contents(before.messages), after.step


def test_the_papers_own_calls_share_no_such_prefix() -> None:
    _, calls = run("tpo", depth=1)

    loss, gradient, update = (call.messages for call in calls[1:])
    assert contents(loss)[0] != contents(gradient)[0] != contents(update)[0]


def test_images_stay_where_they_were_so_that_the_prefix_holds() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    question = HumanMessage([{"type": "text", "text": "What wood is this?"}, image])
    model = ScriptedModelWithN()
    settings = TPOSettings(strategy="threaded", depth=1)

    TPORunnable(model=model, reward=last_number, settings=settings).invoke([question])

    for call in model.notebook.calls[1:]:
        assert image in call.messages[1].content
        assert all(isinstance(message.content, str) for message in call.messages[2:])


def test_a_call_budget_knows_how_many_critiques_a_round_takes() -> None:
    for strategy, rounds in (("fused", 2), ("threaded", 1)):
        model = ScriptedModelWithN()
        settings = TPOSettings(strategy=strategy, width=2, depth=5, call_budget=2 + 2 * 3)
        tpo = TPORunnable(model=model, reward=last_number, settings=settings)

        assert len(tpo.optimize("Wood?").rounds) == rounds


def test_a_run_may_be_fused_by_its_context_alone() -> None:
    model = ScriptedModelWithN()
    graph = build_tpo_graph(model, last_number).compile()

    graph.invoke({"messages": [HumanMessage("Wood?")]}, context=TPOSettings(strategy="fused"))

    assert "textual_gradient" not in model.notebook.steps()


@pytest.mark.parametrize(
    "prompts", [THREADED_PROMPTS, FUSED_PROMPTS, SMALL_FUSED_PROMPTS], ids=lambda one: one.name
)
def test_the_rendered_update_is_that_of_the_snapshot(
    prompts: TPOPrompts, request: pytest.FixtureRequest
) -> None:
    values = {
        name: f"[{name}]"
        for name in ("query", "chosen", "rejected", "remarks", "textual_loss", "textual_gradient")
    }

    rendered = prompts.render("update", **values)

    text = "\n\n".join(f"## {message.type}\n\n{message.text}" for message in rendered) + "\n"
    assert text == (SNAPSHOTS / f"{prompts.name}_update.md").read_text(encoding="utf-8")


def contents(messages: list[BaseMessage]) -> list[Any]:
    return [message.content for message in messages]
