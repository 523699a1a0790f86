"""What a run tells of itself while it goes on: custom events with plain values and no texts.

They reach `astream_events` and LangGraph's `stream_mode="custom"`.
"""

from dataclasses import dataclass
from typing import Any

from langchain_tpo.candidate_pool import chosen, rejected
from langchain_tpo.state import StepRecord, TPOState
from langchain_tpo.usage import total_usage


@dataclass(frozen=True)
class Event:
    """A custom event: `tpo_step` after every step, `tpo_round` after every scored round."""

    name: str
    data: dict[str, Any]


def events_of(record: StepRecord, state: TPOState) -> list[Event]:
    """Give the events of a finished step, given the state it leaves behind."""
    events = [Event("tpo_step", dict(record))]
    if record["step"] == "reward":
        events.append(Event("tpo_round", _round(record["round"], state)))
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
