"""What a run tells of itself while it goes on: custom events with plain values and no texts.

They reach `astream_events` and LangGraph's `stream_mode="custom"`.
"""

from dataclasses import dataclass
from typing import Any

from langchain_tpo.candidate_pool import chosen, rejected
from langchain_tpo.result import TPOResult
from langchain_tpo.sampling.usage import total_usage
from langchain_tpo.state import TPOState


@dataclass(frozen=True)
class Event:
    """A custom event: `tpo_step` after a step, `tpo_round` after its reward, `tpo_end` at last."""

    name: str
    data: dict[str, Any]


def events_of(state: TPOState) -> list[Event]:
    """Return the events of the step that has just ended, given the state it leaves behind."""
    record = state["steps"][-1]
    events = [Event("tpo_step", dict(record))]
    if record["step"] == "reward":
        events.append(Event("tpo_round", _round(record["round"], state)))
    if state["stop_reason"] is not None:
        events.append(Event("tpo_end", TPOResult.from_state(state).summary()))
    return events


def _round(number: int, state: TPOState) -> dict[str, Any]:
    pool = state["pool"]
    best = chosen(pool)
    return {
        "round": number,
        "rewards": [one["reward"] for one in pool if one["round"] == number],
        "best_reward": None if best is None else pool[best]["reward"],
        "chosen": best,
        "rejected": rejected(pool),
        "dropped": sum(drop["round"] == number for drop in state["drops"]),
        "stop_reason": state["stop_reason"],
        "usage": total_usage(one["usage"] for one in state["steps"] if one["round"] == number),
        "seconds": sum(one["seconds"] for one in state["steps"] if one["round"] == number),
    }
