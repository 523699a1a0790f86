"""`tpo runs`: what runs there are, how large, and how far."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from langchain_tpo.cli.console import count, give, say
from langchain_tpo.cli.run_folders import RUNS, run_folders
from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.manifest import manifest_at
from langchain_tpo.evaluation.records import RECORDS, is_being_written, read_records

_KILOBYTE = 1024


def runs(
    root: Annotated[Path, typer.Argument(help="The folder that holds the runs' folders.")] = RUNS,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List runs: folder, status, answers, failures, size, data set and systems."""
    listed = [described(folder) for folder in run_folders(root)]
    if as_json:
        give(json.dumps(listed, ensure_ascii=False))
        return
    if not listed:
        say(f"no runs below `{root}`.")
    for one in listed:
        expected = f" of {count(one['expected'])}" if one["expected"] else ""
        failed = f", {count(one['failed'])} failed" if one["failed"] else ""
        give(
            f"{one['folder']}  {one['status']}  {count(one['records'])}{expected}{failed}  "
            f"{one['bytes'] / _KILOBYTE:,.0f} KiB  {one['dataset']}  {', '.join(one['systems'])}"
        )


def described(folder: Path) -> dict[str, Any]:
    """Return what can be said of a run; one that cannot be read is `damaged`."""
    path = folder / RECORDS
    try:
        manifest = manifest_at(folder)
        statuses = Counter(one["status"] for one in read_records(path)) if path.is_file() else {}
    except DatasetError as error:
        return {
            "folder": str(folder),
            "status": "damaged",
            "records": 0,
            "expected": None,
            "failed": 0,
            "bytes": 0,
            "dataset": str(error),
            "systems": [],
        }
    expected, records = manifest.get("expected"), sum(statuses.values())
    return {
        "folder": str(folder),
        "status": _status(path, records, expected),
        "records": records,
        "expected": expected,
        "failed": statuses.get("failed", 0),
        "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        "dataset": manifest["dataset"].get("source"),
        "systems": [system["name"] for system in manifest["systems"]],
    }


def _status(path: Path, records: int, expected: int | None) -> str:
    if is_being_written(path):
        return "running"
    return "unfinished" if expected is None or records < expected else "finished"
