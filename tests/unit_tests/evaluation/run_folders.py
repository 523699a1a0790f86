"""Folders of runs, made of records that are written by hand."""

import json
from pathlib import Path
from typing import Any

from langchain_tpo.evaluation.manifest import FORMAT, MANIFEST
from langchain_tpo.evaluation.records import RECORDS

USAGE = {
    "requests": 1,
    "completions": 2,
    "input_tokens": 10,
    "output_tokens": 40,
    "cached_tokens": 0,
}


def run_of(
    rewards: list[list[float | None]], *, answer: str = "an answer", question: str = "Why?"
) -> dict[str, Any]:
    """Return a recorded run with these rewards in round 0, 1, ..."""
    pool = [
        {"text": f"{answer} {number}.{place}", "reward": reward, "round": number}
        for number, at_round in enumerate(rewards)
        for place, reward in enumerate(at_round)
    ]
    best = max(one["reward"] for one in pool if one["reward"] is not None)
    rounds = [
        {"chosen": 0, "rejected": 1, "textual_loss": "loss", "textual_gradient": "gradient"}
        for _ in rewards[1:]
    ]
    steps = [
        {"step": "sample", "round": number, "usage": USAGE, "seconds": 0.5}
        for number in range(len(rewards))
    ]
    usage = {name: value * len(rewards) for name, value in USAGE.items()}
    return {
        "messages": [{"role": "user", "content": question}],
        "answer": answer,
        "reward": best,
        "pool": pool,
        "rounds": rounds,
        "stop_reason": "depth",
        "drops": [],
        "steps": steps,
        "failure": None,
        "usage": usage,
        "seconds": 0.5 * len(rewards),
    }


def record_of(example: str, system: str, *runs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "example": example,
        "system": system,
        "status": "ok" if runs else "failed",
        "fields": {},
        "runs": list(runs),
        "failure": None if runs else {"type": "RuntimeError", "message": "broken"},
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        **more,
    }


def folder_of(folder: Path, records: list[dict[str, Any]], systems: dict[str, str]) -> Path:
    """Write a run."""
    folder.mkdir(exist_ok=True)
    manifest = {
        "format": FORMAT,
        "dataset": {"source": "prompts.jsonl", "sha256": None},
        "model": "scripted",
        "critic": None,
        "reward": "length",
        "seed": None,
        "systems": [{"name": name, "kind": kind} for name, kind in systems.items()],
        "sittings": [{"started": "2026-01-01T00:00:00+00:00", "packages": {"langgraph": "1"}}],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / RECORDS).write_text(lines)
    return folder
