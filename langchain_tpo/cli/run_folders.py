"""Where runs go that nobody named a folder for: below `tpo-runs`, which git leaves alone."""

import re
from datetime import UTC, datetime
from pathlib import Path

from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.datasets import Dataset
from langchain_tpo.evaluation.manifest import MANIFEST, read_manifest

RUNS = Path("tpo-runs")
"""The folder, beside where the user works."""


def new_folder(dataset: str) -> Path:
    """Return a folder for a new run, named by its data set and the time.

    Args:
        dataset: What was typed.
    """
    ignored = RUNS / ".gitignore"
    try:
        RUNS.mkdir(exist_ok=True)
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"`{RUNS}` could not be made: {error.strerror}.") from error
    return RUNS / folder_name(dataset)


def folder_name(dataset: str) -> str:
    """Return a plain name from that of a data set and the time.

    Args:
        dataset: What was typed.
    """
    name = Path(dataset.partition("?")[0].rpartition(":")[2]).stem
    plain = re.sub(r"[^\w.-]+", "-", name)[:40].strip(".-") or "run"
    return f"{plain}-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}"


def newest_folder(dataset: Dataset) -> Path:
    """Return the folder of the newest run of a data set.

    Raises:
        SettingsError: In one line, when there is none.
    """
    for folder in sorted(run_folders(), key=_age):
        manifest = read_manifest(folder) or {}
        if manifest.get("dataset") == {"source": dataset.source, "sha256": dataset.sha256}:
            return folder
    raise SettingsError(
        f"`--resume`: no run of `{dataset.source}` as it is now is below `{RUNS}`: say which with "
        "`--out`."
    )


def run_folders(root: Path = RUNS) -> list[Path]:
    """Return the folders of runs below a folder, by name."""
    return sorted(path.parent for path in root.glob(f"*/{MANIFEST}"))


def _age(folder: Path) -> float:
    return -(folder / MANIFEST).stat().st_mtime
