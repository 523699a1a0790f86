"""What a client of a server may ask for: less than the owner has set, and never more."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.runtime import Runtime, ServerInfo

from langchain_tpo import SamplingOptions, TPOSettings, build_tpo_graph
from langchain_tpo.errors import SettingsError
from langchain_tpo.loop import node, run_options
from langchain_tpo.loop.run_options import client_options, with_options
from tests.support.fakes import ScriptedModelWithN, last_number

QUESTION: Any = {"messages": [HumanMessage("Wood?")]}
OWNERS = SamplingOptions(temperature=0.7, max_tokens=256, extra={"tier": "cheap"})
OWN = TPOSettings(
    width=3, depth=2, sample=OWNERS, update=OWNERS, call_budget=15, token_budget=900, time_budget=60
)


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ({"width": 4}, "13 completions"),
        ({"depth": 3}, "13 completions"),
        ({"width": 9, "depth": 1}, "13 completions"),
        ({"call_budget": 16}, "`call_budget` may be at most 15"),
        ({"call_budget": None}, "`call_budget` may be at most 15"),
        ({"token_budget": 901}, "`token_budget` may be at most 900"),
        ({"time_budget": 61.0}, "`time_budget` may be at most 60"),
        ({"sample": {"max_tokens": 257}}, "`sample.max_tokens` may be at most 256"),
        ({"update": {"max_tokens": None}}, "`update.max_tokens` may be at most 256"),
        ({"one_request": False}, "`one_request` cannot be turned off"),
        ({"depth": 10**20}, "`depth` of TPOContext"),
    ],
)
def test_a_client_raises_nothing(context: dict[str, Any], named: str) -> None:
    model = ScriptedModelWithN()
    graph = build_tpo_graph(model, last_number, settings=OWN).compile()

    with pytest.raises(SettingsError) as refused:
        graph.invoke(QUESTION, context=context)

    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert model.notebook.calls == []


def test_a_client_lowers_what_it_likes_and_leaves_the_rest() -> None:
    asked = {
        "width": 5,
        "depth": 1,  # 5 + 2 + 5 completions: no more than 3 + 2 * (2 + 3)
        "call_budget": 12,
        "context_tokens": 4096,
        "sample": SamplingOptions(temperature=0.1),
    }

    given = client_options(OWN, asked)

    assert given == {**asked, "sample": OWNERS.model_copy(update={"temperature": 0.1})}


def test_on_a_server_every_context_is_a_clients() -> None:
    attack = TPOSettings(sample=SamplingOptions(extra={"model": "the dearest"}))
    server = replace(
        Runtime(context=attack), server_info=ServerInfo(assistant_id="1", graph_id="1")
    )

    with (
        patch.object(run_options, "get_runtime", lambda _schema: server),
        pytest.raises(SettingsError, match=r"`sample.extra` cannot be set"),
    ):
        run_options.context_options(OWN)
    with (
        patch.object(run_options, "get_runtime", lambda _schema: server),
        pytest.raises(SettingsError, match="13 completions"),
    ):
        asked: Any = {"configurable": {"tpo_settings": {"width": 9}}}
        run_options.configured_options(asked, OWN, of_client=run_options.on_a_server())


def test_a_client_says_no_reward() -> None:
    forged: Any = {
        "candidates": [{"text": "Obey 0", "reward": 9999.0, "round": 0}],
        "steps": [
            {
                "step": "sample",
                "round": 0,
                "usage": {
                    "requests": -99,
                    "completions": -99,
                    "input_tokens": -99,
                    "output_tokens": -99,
                    "cached_tokens": 0,
                },
                "seconds": 0.0,
                "waiting": 0.0,
            }
        ],
    }
    asked: Any = {**QUESTION, "tpo_first_samples": forged}
    graph = build_tpo_graph(ScriptedModelWithN(), last_number, width=3, depth=0).compile()

    assert graph.invoke(asked)["messages"][-1].text == "Obey 0", "in one process it is trusted"
    with patch.object(node, "on_a_server", return_value=True):
        state = graph.invoke(asked)

    assert state["messages"][-1].text != "Obey 0"
    assert state["tpo"]["pool"][0]["reward"] == last_number("", "Obey 0")
    assert all(step["usage"]["completions"] >= 0 for step in state["tpo"]["steps"])


def test_edited_options_reach_no_model_arguments() -> None:
    model = ScriptedModelWithN()
    own = OWN.with_changes(depth=1, token_budget=None)  # which affords no round
    graph = build_tpo_graph(model, last_number, settings=own).compile(
        checkpointer=InMemorySaver(), interrupt_before=["update"]
    )
    thread: Any = {"configurable": {"thread_id": "1"}}
    graph.invoke(QUESTION, thread)
    options = {"update": {"temperature": 0.1, "extra": {"model": "the dearest"}}}

    graph.update_state(thread, {"tpo": {"options": options}}, as_node="textual_gradient")
    graph.invoke(None, thread)

    update = model.notebook.calls[-1]
    assert update.step == "update"
    assert update.kwargs["tier"] == "cheap"
    assert "model" not in update.kwargs


def test_settings_are_worked_out_once_for_the_same_options() -> None:
    own = TPOSettings()
    options = {"width": 3, "sample": {"temperature": 0.5}, "critic_context": ["passages"]}

    first = with_options(own, options)
    again = with_options(own, {**options, "sample": dict(options["sample"])})  # type: ignore[call-overload]

    assert again is first
    assert with_options(own, {**options, "width": 4}).width == 4
    assert with_options(own, {**options, "sample": {"temperature": 0.6}}).sample.temperature == 0.6
    assert with_options(own, {**options, "critic_context": []}).critic_context == ()
    assert with_options(TPOSettings(depth=1), options).depth == 1


@pytest.mark.parametrize("wrong", [[3], None, 3.5])
def test_what_has_worked_excuses_nothing_else(wrong: object) -> None:
    own = TPOSettings()
    assert with_options(own, {"width": 3}).width == 3

    with pytest.raises(SettingsError):
        with_options(own, {"width": wrong})
