"""When a run tells what of itself, and to whom.

Its events are custom events of LangChain and LangGraph; `langchain_tpo.events` has their types.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import RunnableConfig, ensure_config
from langgraph.config import get_stream_writer
from langgraph.runtime import get_runtime
from langgraph.types import StreamWriter

from langchain_tpo.candidate_pool import chosen, rejected
from langchain_tpo.events import EndEvent, RoundEvent, StartEvent, StepEvent, TPOEvent
from langchain_tpo.result import TPOResult, TPORound
from langchain_tpo.sampling.usage import total_usage
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import TPORun, TPOState

OUTSIDE = "__tpo_stream_writer"
"""Where a config holds the custom stream of the graph around a loop. Neither checkpoints nor traces
keep what begins with two underscores."""


def beginning(state: TPOState, settings: TPOSettings) -> list[TPOEvent]:
    """Return the events of a run that begins, given the state it begins in.

    What it has paid for already, the first reply of an agent, is a step like any other.
    """
    paid = [step for step in state["steps"] if not step.get("shared")]
    completions = sum(step["usage"]["completions"] for step in paid)
    start = StartEvent(
        event="tpo_start",
        run=state["id"],
        width=settings.width,
        depth=settings.depth,
        strategy=settings.strategy.spec,
        completions=settings.completions + completions,
        stages=settings.stages + len(paid),
    )
    return [start, *(StepEvent(event="tpo_step", run=state["id"], **step) for step in paid)]


def events_of(state: TPOState, *, texts: bool) -> list[TPOEvent]:
    """Return the events of the step that has just ended, given the state it leaves behind.

    Args:
        state: All that is known of the run.
        texts: Whether they may hold the best response.
    """
    record = state["steps"][-1]
    events: list[TPOEvent] = [StepEvent(event="tpo_step", run=state["id"], **record)]
    if record["step"] == "reward":
        events.append(round_event(state, texts=texts))
    if state["stop_reason"] is not None:
        result = TPOResult.from_state(state)
        events.append(_end_event(result, state["id"], texts=texts))
    return events


def _end_event(result: TPOResult, run: str, *, texts: bool) -> EndEvent:
    own: dict[str, Any] = {"text": result.answer} if texts else {}
    told = {"event": "tpo_end", "run": run, "answer_id": result.answer_id, **result.summary()}
    return cast("EndEvent", told | own)


def round_event(state: TPORun, *, texts: bool) -> RoundEvent:
    """Return the event of the round that a run has scored last.

    Args:
        state: All that is known of the run.
        texts: Whether it may hold the best response.
    """
    pool, number = state["pool"], state["steps"][-1]["round"]
    best = chosen(pool)
    steps = [step for step in state["steps"] if step["round"] == number]
    event = RoundEvent(
        event="tpo_round",
        run=state["id"],
        round=number,
        rewards=[candidate["reward"] for candidate in pool if candidate["round"] == number],
        best_reward=None if best is None else pool[best]["reward"],
        chosen=best,
        rejected=rejected(pool),
        dropped=sum(drop["round"] == number for drop in state["drops"]),
        stop_reason=state["stop_reason"],
        usage=total_usage(step["usage"] for step in steps),
        seconds=sum(step["seconds"] for step in steps),
    )
    if best is not None and texts:
        event["text"] = pool[best]["text"]
    return event


class RoundWatch:
    """Finds the scored rounds among the states that a run passes through."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.thread: Mapping[str, Any] = {}
        self._steps = 0

    def scored(self, thread: Mapping[str, Any]) -> list[TPORound]:
        """Return the round that has been scored since the last state, if one has.

        Args:
            thread: What the run's thread holds now.
        """
        self.thread = thread
        run: TPORun = thread.get("tpo") or TPORun()
        steps, before = run.get("steps", []), self._steps
        self._steps = len(steps)
        if len(steps) <= before or steps[-1]["step"] != "reward":
            return []
        return [TPORound(event=round_event(run, texts=True), pool=tuple(run["pool"]))]


def heard_outside(config: RunnableConfig) -> RunnableConfig:
    """Return a config with which a loop tells its events to the graph around it.

    LangGraph drops what an inner graph writes where the outer one does not stream its subgraphs.

    Args:
        config: That of the node in which the loop is called, or of whatever calls it.
    """
    here = ensure_config(config).get("configurable", {})
    runtime = get_runtime() if here.get("checkpoint_ns") else None
    if runtime is None:
        return config
    return {**config, "configurable": {**here, OUTSIDE: runtime.stream_writer}}


def tell(events: Sequence[TPOEvent], config: RunnableConfig) -> None:
    """Send events to the custom stream and to the handlers of a node."""
    write = _writer_of(config)
    for event in events:
        write({**event})
        dispatch_custom_event(event["event"], event, config=config)


async def atell(events: Sequence[TPOEvent], config: RunnableConfig) -> None:
    """Send events as `tell` does, without blocking the event loop."""
    write = _writer_of(config)
    for event in events:
        write({**event})
        await adispatch_custom_event(event["event"], event, config=config)


def _writer_of(config: RunnableConfig) -> StreamWriter:
    outside: StreamWriter | None = config.get("configurable", {}).get(OUTSIDE)
    return outside or get_stream_writer()
