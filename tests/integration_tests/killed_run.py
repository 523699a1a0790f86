"""A checkpointed run that can be killed: started as a process of its own by `test_checkpoints`.

It is `main(folder, kind, stall)`: `kind` is `sync`, `async` or `nested`; `stall` names a call that
never returns, such as `update 5`, or is `nothing`. Every model call that finished is a line of
`folder/finished`. A run that ends leaves its final state in `folder/outcome`.
"""

import asyncio
import json
import time
from pathlib import Path
from traceback import format_exc
from typing import Any
from warnings import simplefilter

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tpo import TPORunnable, TPOSettings, build_tpo_graph
from tests.support.fakes import Call, ScriptedModel, step_of

SETTINGS = TPOSettings(width=3, depth=2, seed=0)
CONFIG: Any = {"configurable": {"thread_id": "1"}}
LONG = 600
QUESTION = {"messages": [HumanMessage("Wood?", id="question")]}


class Diary:
    """Notes what finished, and where to stand still."""

    def __init__(self, folder: Path, stall: str) -> None:
        self._folder = folder
        self._stall = stall

    def stalls(self, name: str) -> bool:
        """Say whether this is the call that never returns."""
        if name == self._stall:
            (self._folder / "stalled").touch()
        return name == self._stall

    def finished(self, name: str) -> None:
        with (self._folder / "finished").open("a") as lines:
            lines.write(f"{name}\n")


class NotedModel(ScriptedModel):
    """Writes the seed it was given, so that a call says the same however often it is made."""

    diary: Any

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        if self.diary.stalls(f"{step_of(messages)} {kwargs['seed']}"):
            time.sleep(LONG)
        return super()._generate(messages, *args, **kwargs)

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        if self.diary.stalls(f"{step_of(messages)} {kwargs['seed']}"):
            await asyncio.sleep(LONG)
        return await super()._agenerate(messages, *args, **kwargs)

    def _result(self, call: Call) -> ChatResult:
        seed = call.kwargs["seed"]
        text = f"{call.step} {seed}"
        if call.step == "update":
            text = f"<IMPROVED_VARIABLE>revision {seed}</IMPROVED_VARIABLE>"
        message = AIMessage(text, usage_metadata=self._usage(call.messages, [text]))
        self.diary.finished(f"{call.step} {seed}")
        return ChatResult(generations=[ChatGeneration(message=message)])


class NotedReward:
    """Rewards later seeds, and has a name for every batch."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def __call__(self, prompt: str, response: str) -> float:
        seed = int(response.rsplit(maxsplit=1)[-1])
        if self._diary.stalls(f"reward {seed // SETTINGS.width}"):
            time.sleep(LONG)
        return float(seed)


def graph(folder: Path, kind: str, stall: str, saver: BaseCheckpointSaver[Any]) -> Any:
    diary = Diary(folder, stall)
    model, reward = NotedModel(diary=diary), NotedReward(diary)
    if kind != "nested":
        return build_tpo_graph(model, reward, settings=SETTINGS).compile(checkpointer=saver)
    tpo = TPORunnable(model=model, reward=reward, settings=SETTINGS)
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [tpo.invoke(state["messages"])]})
    return builder.add_edge(START, "answer").compile(checkpointer=saver)


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return what has to be the same after a kill: all but the time it took."""
    answer = state["messages"][-1]
    summary = answer.response_metadata["tpo"].items()
    figures = {key: value for key, value in summary if key not in ("seconds", "waiting")}
    run = state.get("tpo", {})
    kept = {key: run.get(key) for key in ("pool", "rounds", "drops", "stop_reason")}
    return {**kept, "answer": answer.text, "usage": answer.usage_metadata, "tpo": figures}


def run(folder: Path, kind: str, stall: str) -> dict[str, Any]:
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as saver:
        compiled = graph(folder, kind, stall, saver)
        begun = bool(compiled.get_state(CONFIG).next)
        return plain(compiled.invoke(None if begun else QUESTION, CONFIG))


async def arun(folder: Path, kind: str, stall: str) -> dict[str, Any]:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as saver:
        compiled = graph(folder, kind, stall, saver)
        begun = bool((await compiled.aget_state(CONFIG)).next)
        return plain(await compiled.ainvoke(None if begun else QUESTION, CONFIG))


def main(folder: Path, kind: str, stall: str) -> None:
    """Run to the end and leave the outcome in FOLDER; a warning is an error."""
    simplefilter("error")
    try:
        ended = arun(folder, kind, stall) if kind == "async" else None
        outcome = asyncio.run(ended) if ended else run(folder, kind, stall)
    except BaseException:
        (folder / "complaint").write_text(format_exc())
        raise
    (folder / "outcome").write_text(json.dumps(outcome))


def complaint(folder: Path) -> str:
    """Return what a child that failed had to say."""
    said = folder / "complaint"
    return said.read_text() if said.exists() else "It ended without a word."
