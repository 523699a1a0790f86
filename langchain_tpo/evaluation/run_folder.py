"""The folder of a run, taken by one process: first the lock, then the manifest, then the records.

A process that is refused has changed nothing. Knows the order; the files are `records` and
`manifest`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.manifest import read_manifest, resumed, write_manifest
from langchain_tpo.evaluation.record_writer import is_lost
from langchain_tpo.evaluation.records import RECORDS, RecordFile, is_failed


def open_run(
    folder: Path, manifest: Mapping[str, Any], *, resume: bool = False, retry_failed: bool = False
) -> RecordFile:
    """Take a folder for this process, and return its file of records, to be closed by the caller.

    Results that the disk did not take are no longer in it: they are asked for anew.

    Args:
        folder: A new one, or that of a run to go on with.
        manifest: What is going to run.
        resume: Whether to go on with what is there.
        retry_failed: Whether failed examples are to be tried again.

    Raises:
        SettingsError: In one line, when there is a run already, or another one.
        DatasetError: In one line, when another process has the folder or it cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> manifest = {"format": 1, "dataset": {}, "model": "local", "systems": [], "sittings": []}
        >>> with TemporaryDirectory() as folder:
        ...     open_run(Path(folder), manifest).close()
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['manifest.json', 'records.jsonl']
    """
    _settled(folder, manifest, resume=resume)  # so that a refusal leaves no empty file behind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"`{folder}` could not be made: {error.strerror}.") from error
    file = RecordFile(folder / RECORDS)
    try:
        write_manifest(folder, _settled(folder, manifest, resume=resume))
        if resume:
            file.drop(is_failed if retry_failed else is_lost)
    except BaseException:
        file.close()
        raise
    return file


def _settled(folder: Path, manifest: Mapping[str, Any], *, resume: bool) -> Mapping[str, Any]:
    before = read_manifest(folder)
    if before is None:
        return manifest
    if not resume:
        raise SettingsError(
            f"`{folder}` holds a run already: go on with it (`--resume`) or give another `--out`."
        )
    return resumed(before, manifest)
