"""The real `langgraph dev` server over the repository's own `langgraph.json`: no key, no network.

The server refuses blocking calls in async code, so every run here also shows that there are none.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph_api", reason="needs `langgraph-cli[inmem]`")

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from tests.support.server_graphs import GRAPHS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
PATIENCE = 120
"""Seconds after which a server that does not come up fails the tests."""

QUESTION = {"messages": [{"role": "user", "content": "How do I care for a wooden table?"}]}
SMALL = {"width": 2, "depth": 1}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server without keys, and with every way out of this machine closed.

    It runs in a folder of its own, since it writes beside its configuration.
    """
    home = tmp_path_factory.mktemp("server")
    shutil.copytree(ROOT / "examples", home / "examples")
    shutil.copy(ROOT / "tests" / "support" / "server_graphs.py", home)
    served = json.loads((ROOT / "langgraph.json").read_text())
    served["graphs"] |= {name: f"./server_graphs.py:{name}" for name in GRAPHS}
    (home / "langgraph.json").write_text(json.dumps(served))
    port = free_port()
    log = (home / "log").open("w")
    process = subprocess.Popen(  # noqa: S603 our own interpreter
        [*COMMAND, "--port", str(port)],
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "LANGSMITH_TRACING": "false",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(port, process, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        log.close()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)


@pytest.fixture
def client(url: str) -> Iterator[SyncLangGraphClient]:
    with get_sync_client(url=url, api_key=None) as client:
        yield client


@pytest.fixture
def thread(client: SyncLangGraphClient) -> str:
    return client.threads.create()["thread_id"]


def assistant(client: SyncLangGraphClient, graph: str) -> Any:
    (found,) = client.assistants.search(graph_id=graph)
    return found


def test_the_graph_shows_the_five_steps(client: SyncLangGraphClient) -> None:
    loop = assistant(client, "tpo")

    drawn = client.assistants.get_graph(loop["assistant_id"], xray=True)

    assert {node["id"] for node in drawn["nodes"]} == {
        *("__start__", "__end__"),
        *("sample", "reward", "textual_loss", "textual_gradient", "update"),
    }
    assert loop["name"] == "TPO"
    assert "improves its answer" in loop["description"]


def test_the_options_of_a_run_are_a_form(client: SyncLangGraphClient) -> None:
    schemas = client.assistants.get_schemas(assistant(client, "tpo")["assistant_id"])

    fields = schemas["context_schema"]["properties"]
    assert fields["width"]["title"] == "Width (N)"
    assert fields["width"]["minimum"] == 1
    assert fields["depth"]["title"] == "Depth (D)"
    assert {"paper", "small"} <= set(fields["prompts"]["enum"])
    for name in ("target_reward", "patience", "call_budget", "time_budget"):
        assert name in fields, "a stop rule without a place in the form"
    for name, field in fields.items():
        assert field["title"], name
        assert field["description"], name
    given = schemas["input_schema"]["properties"]
    assert set(given) == {"messages", "tpo_drafts", "tpo_first_samples", "tpo_context"}
    for name, field in given.items():
        assert field["title"], name
        assert field["description"], name
    assert {"messages", "tpo"} <= set(schemas["state_schema"]["properties"])


def test_a_streamed_run_tells_its_progress_and_no_draft(
    client: SyncLangGraphClient, thread: str
) -> None:
    modes: Any = ["custom", "updates", "messages-tuple", "values"]
    parts = list(
        client.runs.stream(thread, "tpo", input=QUESTION, context=SMALL, stream_mode=modes)
    )

    by_kind: dict[str, list[Any]] = {}
    for part in parts:
        by_kind.setdefault(part.event.split("|")[0], []).append(part.data)
    assert "error" not in by_kind, by_kind["error"]
    rounds = [event for event in by_kind["custom"] if event["event"] == "tpo_round"]
    assert [(one["round"], len(one["rewards"])) for one in rounds] == [(0, 2), (1, 2)]
    steps = [event["step"] for event in by_kind["custom"] if event["event"] == "tpo_step"]
    assert steps == ["sample", "reward", "textual_loss", "textual_gradient", "update", "reward"]
    answer = by_kind["values"][-1]["messages"][-1]["content"]
    told = [message["content"] for message, _ in by_kind["messages"] if message["type"] != "human"]
    assert told == [answer]


def test_the_threads_state_holds_pool_and_rounds_and_its_history_every_step(
    client: SyncLangGraphClient, thread: str
) -> None:
    client.runs.wait(thread, "tpo", input=QUESTION, context=SMALL)

    values = client.threads.get_state(thread)["values"]
    assert len(values["tpo"]["pool"]) == 4
    assert [set(one) for one in values["tpo"]["rounds"]] == [
        {"chosen", "rejected", "textual_loss", "textual_gradient"}
    ]
    assert values["tpo"]["stop_reason"] == "depth"
    best = max(values["tpo"]["pool"], key=lambda one: one["reward"])
    assert values["messages"][-1]["content"] == best["text"]
    following = [state["next"] for state in client.threads.get_history(thread, limit=50)]
    assert [name for names in reversed(following) for name in names] == [
        *("__start__", "sample", "reward"),
        *("textual_loss", "textual_gradient", "update", "reward"),
    ]


def test_a_second_question_on_a_thread_starts_with_an_empty_pool(
    client: SyncLangGraphClient, thread: str
) -> None:
    client.runs.wait(thread, "tpo", input=QUESTION, context=SMALL)
    again = {"messages": [{"role": "user", "content": "And for a chair?"}]}
    client.runs.wait(thread, "tpo", input=again, context={"width": 3, "depth": 0})

    values = client.threads.get_state(thread)["values"]
    assert [message["type"] for message in values["messages"]] == ["human", "ai"] * 2
    assert (len(values["tpo"]["pool"]), values["tpo"]["rounds"]) == (3, [])


def test_a_value_that_the_form_would_not_take_is_refused_in_a_line(
    client: SyncLangGraphClient, thread: str
) -> None:
    parts = list(
        client.runs.stream(
            thread, "tpo", input=QUESTION, context={"width": 1, "depth": 2}, stream_mode="values"
        )
    )

    (error,) = [part.data for part in parts if part.event == "error"]
    assert error["error"] == "SettingsError"
    assert "`width` must be at least 2 when `depth` > 0" in error["message"]


def test_a_person_judges_over_http_and_a_wrong_answer_keeps_the_run(
    client: SyncLangGraphClient, thread: str
) -> None:
    def resume(answer: Any) -> Any:
        client.runs.wait(thread, "tpo_with_a_person", command={"resume": answer}, context=SMALL)
        return client.threads.get_state(thread)

    client.runs.wait(thread, "tpo_with_a_person", input=QUESTION, context=SMALL)
    paused = client.threads.get_state(thread)
    (question,) = [one["value"] for one in paused["interrupts"]]
    drawn = [one["text"] for one in question["candidates"]]
    assert client.threads.get(thread)["status"] == "interrupted"
    assert (question["type"], question["problem"], len(drawn)) == ("tpo_human_reward", None, 2)

    refused = resume("I would rather not say")
    (asked_again,) = [one["value"] for one in refused["interrupts"]]
    assert (
        asked_again["problem"] == "`I would rather not say` is neither a number nor a list of "
        "numbers."
    )
    assert [one["text"] for one in asked_again["candidates"]] == drawn

    second_round = resume([1, 7])
    assert second_round["next"] == ["reward"]
    done = resume([9, 2])
    rewards = [one["reward"] for one in done["values"]["tpo"]["pool"]]
    assert (done["next"], rewards) == ([], [1.0, 7.0, 9.0, 2.0])
    assert [one["text"] for one in done["values"]["tpo"]["pool"][:2]] == drawn
    assert done["values"]["messages"][-1]["content"] == done["values"]["tpo"]["pool"][2]["text"]


def test_a_remote_graph_answers_alone_and_as_a_node(client: SyncLangGraphClient) -> None:
    loop = RemoteGraph("tpo", sync_client=client)
    alone = loop.invoke(QUESTION, context=SMALL)
    assert alone["tpo"]["stop_reason"] == "depth"
    best = max(alone["tpo"]["pool"], key=lambda one: one["reward"])
    assert alone["messages"][-1]["content"] == best["text"]

    outer = StateGraph(MessagesState).add_node("answer", loop).add_edge(START, "answer").compile()
    state = outer.invoke(QUESTION)
    assert [message.type for message in state["messages"]] == ["human", "ai"]


WAYS = list(itertools.product(GRAPHS, [False, True], ["messages", "messages-tuple"]))


@pytest.fixture(scope="module")
def heard(url: str) -> dict[tuple[str, bool, str], dict[str, list[Any]]]:
    """Return what each way to stream each graph tells, by kind.

    All are asked at once: the server looks for work once a second.
    """

    def streamed(way: tuple[str, bool, str]) -> dict[str, list[Any]]:
        door, subgraphs, mode = way
        modes: Any = ["values", mode, "custom"]
        by_kind: dict[str, list[Any]] = {}
        with get_sync_client(url=url, api_key=None) as client:
            thread = client.threads.create()["thread_id"]
            for part in client.runs.stream(
                thread, door, input=QUESTION, stream_mode=modes, stream_subgraphs=subgraphs
            ):
                by_kind.setdefault(part.event.split("|")[0], []).append(part.data)
        return by_kind

    with ThreadPoolExecutor(len(WAYS)) as pool:
        return dict(zip(WAYS, pool.map(streamed, WAYS), strict=True))


@pytest.mark.parametrize(("door", "subgraphs", "mode"), WAYS)
def test_every_door_gives_the_answer_once_under_one_id(
    heard: dict[tuple[str, bool, str], dict[str, list[Any]]],
    door: str,
    mode: str,
    *,
    subgraphs: bool,
) -> None:
    by_kind = heard[door, subgraphs, mode]

    asked, answer = by_kind["values"][-1]["messages"]
    assert "revision" in answer["content"]
    kinds = ("messages", "messages/partial", "messages/complete")  # the server's own split
    told = _messages_in([by_kind.get(kind, []) for kind in kinds])
    shown = [(one["id"], one["content"]) for one in told if one["id"] != asked["id"]]
    assert shown == [(answer["id"], answer["content"])]
    ends = [one["answer_id"] for one in by_kind.get("custom", []) if one["event"] == "tpo_end"]
    unheard = door.endswith("_inside") and not subgraphs  # see docs/events.md
    assert ends == ([] if unheard else [answer["id"]])


def _messages_in(data: list[Any]) -> Iterator[Any]:
    """Return messages of any mode: alone, in a list, or beside their metadata."""
    for one in data:
        if isinstance(one, dict):
            yield from (value for value in [one] if "type" in one)
        else:
            yield from _messages_in(one)
