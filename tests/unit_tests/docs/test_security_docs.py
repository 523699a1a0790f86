"""docs/security.md names the tests of what it claims; what no other test covers is tested here."""

import ast
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

import langchain_tpo
from langchain_tpo import SamplingOptions, TPOSettings, build_tpo_graph
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models import ChatJudge, Ensemble, LengthPenalty
from tests.support.fakes import ScriptedModel

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(?:(tests/[\w/]+\.py)(?:::(test_\w+))?|(test_\w+))`")

SECRETS = {
    "prompt": "where is the prompt-canary",
    "answer": "the answer-canary sings",
    "critique": "a critique-canary objects",
    "rationale": "for the rationale-canary",
}


def test_every_test_that_the_page_names_exists() -> None:
    tests: list[tuple[str, str]] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        path = ""
        for file, name, further in NAMED.findall(line):
            path = file or path
            tests.append((path, name or further))

    assert len(tests) > 30
    for path, name in tests:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {name}(" in source if name else path, (path, name)


def test_every_claim_has_a_test() -> None:
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").partition("## What holds")[2].splitlines()
        if line.startswith("| ") and not line.endswith("| test |")
    ]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row)] == []


def reply(step: str, messages: list[BaseMessage], number: int) -> str:
    if step == "update":
        written = f"{SECRETS['answer']} {number}"
        return written if number % 2 else f"<IMPROVED_VARIABLE>{written}"
    return SECRETS["answer" if step == "sample" else "critique"] + f" {number}"


def judged() -> Any:
    judge = ScriptedModel(
        reply=lambda step, messages, number: json.dumps(
            {"rationale": SECRETS["rationale"], "score": 1 + number % 5}
        )
    )
    explained = ChatJudge(judge, explain=True)
    return Ensemble({"judge": explained, "brief": LengthPenalty(explained, per_word=0.1)})


def run(saver: InMemorySaver, **settings: Any) -> list[Any]:
    chosen = TPOSettings(width=3, depth=2, **settings)
    graph = build_tpo_graph(ScriptedModel(reply=reply), judged(), settings=chosen)
    thread: Any = {"configurable": {"thread_id": "1"}}
    asked: Any = {"messages": [HumanMessage(SECRETS["prompt"])]}
    return list(
        graph.compile(checkpointer=saver).stream(
            asked, thread, stream_mode="custom", context=chosen
        )
    )


def test_a_checkpoint_holds_what_the_page_says() -> None:
    saver = InMemorySaver()
    run(saver, sample={"max_tokens": 76543})

    kept = f"{dict(saver.storage)!r} {dict(saver.writes)!r} {dict(saver.blobs)!r}"
    assert all(text in kept for text in SECRETS.values())
    assert "no_tag" in kept
    assert "You evaluate answers" not in kept
    assert "Leave the rewriting to that model" not in kept
    assert "<FEEDBACK>" not in kept
    assert "76543" not in kept
    assert "settings" not in kept


def test_events_and_logs_hold_no_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        events = run(InMemorySaver())

    assert {one["event"] for one in events} == {"tpo_start", "tpo_step", "tpo_round", "tpo_end"}
    said = [one.getMessage() for one in caplog.records if one.name.startswith("langchain_tpo")]
    assert said
    assert not [one for one in (*said, repr(events)) if "canary" in one]


def test_nothing_is_unpickled_or_evaluated() -> None:
    package = Path(langchain_tpo.__file__).parent
    used: set[str] = set()
    apart = package / "reward_models" / "verifiers" / "sandboxed.py"  # what `UnitTests` runs apart
    for path in set(package.rglob("*.py")) - {apart}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add(node.module or "")
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used.add(f"{node.func.id}()")

    assert {"json", "len()"} <= used
    assert used & {"pickle", "marshal", "shelve", "dill", "joblib", "yaml"} == set()
    assert used & {"eval()", "exec()", "compile()", "__import__()"} == set()


@pytest.mark.parametrize("step", ["sample", "textual_loss", "textual_gradient", "update"])
def test_a_clients_context_reaches_no_model_arguments(step: str) -> None:
    model = ScriptedModel(reply=reply)
    graph = build_tpo_graph(model, lambda _prompt, _response: 1.0).compile()
    asked: Any = {"messages": [HumanMessage("Wood?")]}
    attack: Any = {"width": 1, "depth": 0, step: {"extra": {"model": "costly-canary"}}}

    with pytest.raises(SettingsError, match=rf"`{step}\.extra` cannot be set") as refused:
        graph.invoke(asked, context=attack)
    assert "canary" not in str(refused.value)

    own = TPOSettings(width=1, depth=0, sample=SamplingOptions(extra={"stop": ["x"]}))
    assert graph.invoke(asked, context=own)["messages"][-1].text
