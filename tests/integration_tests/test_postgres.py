"""Checkpoints in a real PostgreSQL server, started for these tests from Debian's package."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph.checkpoint.postgres", reason="needs `langgraph-checkpoint-postgres`")

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command

from langchain_tpo import TPOSettings, build_tpo_graph
from langchain_tpo.reward_models.human.human import HumanReward
from tests.support.fakes import ScriptedModelWithN, last_number, obedient
from tests.support.hostile import ORDERS

pytestmark = pytest.mark.integration

CONFIG: Any = {"configurable": {"thread_id": "1"}}
QUESTION: Any = {"messages": [HumanMessage("Wood?")]}
SMALL = TPOSettings(width=2, depth=1, on_error="raise")


def _programs() -> Path | None:
    """Find the server's programs: Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server that listens on a socket file only; it refuses to run as root."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: `apt-get install postgresql`")
    folder = tmp_path_factory.mktemp("postgres")
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": "postgres", "cwd": "/"}
        ours = (one for one in folder.parents if one.name.startswith(("pytest-", "popen-")))
        for one in (folder, *ours):
            one.chmod(0o755)
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        subprocess.run(  # noqa: S603 Debian's own programs
            command, check=True, capture_output=True, timeout=120, **as_user
        )

    data = str(folder / "data")
    run(str(programs / "initdb"), "-D", data, "-U", "tpo", "-A", "trust", "--no-sync")
    control = (str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"))
    run(*control, "-o", f"-k {folder} -c listen_addresses=''", "start")
    try:
        yield f"postgresql://tpo@/postgres?host={folder}"
    finally:
        run(*control, "-m", "immediate", "stop")


@pytest.fixture
def uri(server: str) -> str:
    """Return the server with empty tables."""
    with PostgresSaver.from_conn_string(server) as saver:
        saver.setup()
        saver.delete_thread("1")
    return server


def graph(saver: Any, model: ScriptedModelWithN, reward: Any = last_number) -> Any:
    return build_tpo_graph(model, reward, settings=SMALL).compile(checkpointer=saver)


def breaks_once() -> ScriptedModelWithN:
    """Return a model whose first gradient fails."""
    broken = ["textual_gradient"]

    def reply(step: str, messages: Any, number: int) -> str:
        if step in broken:
            broken.remove(step)
            raise ConnectionError("reset by peer")
        return obedient(step, messages, number)

    return ScriptedModelWithN(reply=reply)


STEPS = ["sample", "textual_loss", "textual_gradient", "textual_gradient", "update"]


def test_a_run_that_broke_off_goes_on_from_the_database(uri: str) -> None:
    model = breaks_once()
    with PostgresSaver.from_conn_string(uri) as saver, pytest.raises(ConnectionError):
        graph(saver, model).invoke(QUESTION, CONFIG)

    with PostgresSaver.from_conn_string(uri) as saver:
        state = graph(saver, model).invoke(None, CONFIG)

    assert model.notebook.steps() == STEPS
    assert (state["tpo"]["stop_reason"], len(state["tpo"]["pool"])) == ("depth", 4)


async def test_an_async_run_that_broke_off_goes_on_from_the_database(uri: str) -> None:
    model = breaks_once()
    async with AsyncPostgresSaver.from_conn_string(uri) as saver:
        with pytest.raises(ConnectionError):
            await graph(saver, model).ainvoke(QUESTION, CONFIG)

    async with AsyncPostgresSaver.from_conn_string(uri) as saver:
        state = await graph(saver, model).ainvoke(None, CONFIG)

    assert model.notebook.steps() == STEPS
    assert (state["tpo"]["stop_reason"], len(state["tpo"]["pool"])) == ("depth", 4)


def test_hostile_text_comes_back_as_it_was(uri: str) -> None:
    said = " ".join(ORDERS)

    def reply(step: str, messages: Any, number: int) -> str:
        if step == "textual_gradient" and number < 4:
            raise ConnectionError(said)
        return obedient(step, messages, number).replace("</", f"{said} {number}</")

    def reward(prompt: str, response: str) -> Any:
        return {"reward": last_number(prompt, response), "rationale": said}

    model = ScriptedModelWithN(reply=reply)
    question: Any = {"messages": [HumanMessage(said)], "tpo_drafts": [f"{said} -1"]}
    with PostgresSaver.from_conn_string(uri) as saver:
        with pytest.raises(ConnectionError):
            graph(saver, model, reward).invoke(question, CONFIG)
        ended = graph(saver, model, reward).invoke(None, CONFIG)
        kept = graph(saver, model, reward).get_state(CONFIG).values

    assert ended["tpo"]["stop_reason"] == "depth"
    texts = [one["text"] for one in ended["tpo"]["pool"]]
    assert [one["text"] for one in kept["tpo"]["pool"]] == texts
    assert "\x1b]0;pwned\x07" in kept["tpo"]["pool"][0]["text"]
    assert kept["messages"][0].text.startswith(said.partition("half an emoji")[0])


def test_a_person_may_answer_after_the_process_has_gone(uri: str) -> None:
    model, reward = ScriptedModelWithN(), HumanReward(mode="score")
    with PostgresSaver.from_conn_string(uri) as saver:
        paused = graph(saver, model, reward).invoke(QUESTION, CONFIG)
    with PostgresSaver.from_conn_string(uri) as saver:
        graph(saver, model, reward).invoke(Command(resume=[4, 1]), CONFIG)
    with PostgresSaver.from_conn_string(uri) as saver:
        state = graph(saver, model, reward).invoke(Command(resume=[2, 9]), CONFIG)

    assert len(paused["__interrupt__"][0].value["candidates"]) == 2
    assert [one["reward"] for one in state["tpo"]["pool"]] == [4.0, 1.0, 2.0, 9.0]
    assert model.notebook.completions() == 6


def test_a_second_question_on_a_thread_starts_with_an_empty_pool(uri: str) -> None:
    model = ScriptedModelWithN()
    with PostgresSaver.from_conn_string(uri) as saver:
        graph(saver, model).invoke(QUESTION, CONFIG)
        state = graph(saver, model).invoke({"messages": [HumanMessage("Ash?")]}, CONFIG)

    assert len(state["tpo"]["pool"]) == 4
    assert [message.type for message in state["messages"]] == ["human", "ai"] * 2
