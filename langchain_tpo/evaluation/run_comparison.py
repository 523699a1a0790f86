"""Two runs side by side: what each of their common systems gained, example by example."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.manifest import manifest_at
from langchain_tpo.evaluation.outcomes import Outcome, outcome_of
from langchain_tpo.evaluation.records import RECORDS, read_records
from langchain_tpo.evaluation.report.statistics import paired_difference


def compare_runs(ours: Path, theirs: Path) -> list[dict[str, Any]]:
    """Return by how much the reward of each common system rose, with a paired interval.

    Args:
        ours: Folder of the newer run.
        theirs: Folder of the older one.

    Raises:
        DatasetError: In one line, when a folder holds no run or the runs cannot be compared.
    """
    _check_manifests(manifest_at(ours), theirs)
    before, now = _rewards(theirs), _rewards(ours)
    compared = []
    for system in now:
        gain = paired_difference(now[system], before.get(system, {}))
        if gain is not None:
            compared.append({"system": system, **gain.as_dict()})
    return compared


def check_comparable(manifest: Mapping[str, Any], other: Path) -> None:
    """Make sure that a run can be compared with another one: same reward, same data set, all read.

    Raises:
        DatasetError: In one line, when it cannot.
    """
    _check_manifests(manifest, other)
    _rewards(other)


def _check_manifests(manifest: Mapping[str, Any], other: Path) -> None:
    theirs = manifest_at(other)
    for name in ("reward", "dataset"):
        mine, its = manifest.get(name), theirs.get(name)
        if name == "dataset":
            mine, its = (one["sha256"] or one["source"] for one in (manifest[name], theirs[name]))
        if mine != its:
            raise DatasetError(
                f"`{other}` had another {name} (`{its}`, here `{mine}`): their rewards cannot be "
                "compared."
            )


def _rewards(folder: Path) -> dict[str, dict[str, float]]:
    rewards: dict[str, dict[str, float]] = {}
    for record in read_records(folder / RECORDS):
        outcome = outcome_of(record, lambda *_row: {})
        if isinstance(outcome, Outcome):
            rewards.setdefault(outcome.system, {})[outcome.example] = outcome.reward
    return rewards
