"""`tpo export` and `tpo export-dpo`: what a run found out, for judges and for training."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Annotated, TextIO

import typer

from langchain_tpo.cli import FAILED
from langchain_tpo.cli.console import count, say, tell
from langchain_tpo.cli.flags import FolderArgument
from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.answer_formats import ANSWER_FORMATS, exported, format_named
from langchain_tpo.evaluation.manifest import check_systems, manifest_at
from langchain_tpo.evaluation.preference_pairs import preference_pairs
from langchain_tpo.evaluation.records import RECORDS, Record, read_records


def export(
    folder: FolderArgument,
    *,
    layout: Annotated[
        str,
        typer.Option("--format", help="Whose judge is to read it: " + ", ".join(ANSWER_FORMATS)),
    ],
    system: Annotated[
        str | None, typer.Option("--system", "-s", help="Whose answers. Default: the only one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the judge is to call it. Default: as the run does.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write. Default: stdout.")] = None,
) -> None:
    """Write a system's answers in the format that a benchmark's own judge reads.

    `tpo evaluate --system given=FILE` reads them again.
    """
    format_named(layout)
    chosen = _only_system(folder, system)
    tally: Counter[bool] = Counter()
    lines = exported(_of_system(folder, chosen, tally), layout=layout, name=name or chosen)
    _write(lines, out)
    if out is not None:
        tell(f"{count(tally[True])} answers in {out}")
    if tally[False]:
        say(f"{count(tally[False])} examples have no answer of `{chosen}` and are left out.")
    if not tally[True]:
        say(f"no answers of `{chosen}` are there.")
        raise typer.Exit(FAILED)


def _only_system(folder: Path, system: str | None) -> str:
    manifest = manifest_at(folder)
    if system is not None:
        check_systems(manifest, [system])
        return system
    names = [str(one["name"]) for one in manifest["systems"]]
    if len(names) != 1:
        listed = ", ".join(f"`{name}`" for name in names)
        raise SettingsError(f"`--system` must say whose answers are written, one of {listed}.")
    return names[0]


def _of_system(folder: Path, system: str, tally: Counter[bool]) -> Iterator[Record]:
    for record in read_records(folder / RECORDS):
        if record["system"] == system:
            tally[bool(record["runs"])] += 1
            yield record


def export_dpo(
    folder: FolderArgument,
    *,
    out: Annotated[
        Path | None, typer.Option(help="The JSONL file to write. Default: stdout.")
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option("--system", "-s", help="Only this system's runs; as often as needed."),
    ] = None,
    least_gap: Annotated[
        float, typer.Option(help="How much better the chosen response has to be.")
    ] = 0.0,
) -> None:
    """Write the best and the worst response of every run as a preference data set.

    TRL's DPOTrainer takes it as it is: `load_dataset("json", data_files=FILE)`.
    """
    if not 0 <= least_gap < inf:
        raise SettingsError(f"`--least-gap` must be a number from 0 on, got {least_gap:g}.")
    check_systems(manifest_at(folder), systems or ())
    pairs = preference_pairs(
        read_records(folder / RECORDS), systems=systems or (), least_gap=least_gap
    )
    written = _write((json.dumps(pair) + "\n" for pair in pairs), out)
    if out is not None:
        tell(f"{count(written)} pairs in {out}")
    if not written:
        say("no pairs: no run has two responses whose rewards differ that much.")
        raise typer.Exit(FAILED)


def _write(lines: Iterable[str], out: Path | None) -> int:
    """Write lines and return their number; a file is whole, or as it was before."""
    if out is None:
        return _written(lines, sys.stdout)
    fresh = _beside(out)
    try:
        with fresh.open("w", encoding="utf-8") as file:
            written = _written(lines, file)
        if fresh != out:
            fresh.replace(out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DatasetError(f"`{out}` could not be written: {error.strerror}.") from error
    finally:
        if fresh != out:  # half a file is of no use to anybody
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
    return written


def _written(lines: Iterable[str], file: TextIO) -> int:
    written = 0
    for line in lines:
        file.write(line)
        written += 1
    return written


def _beside(out: Path) -> Path:
    """Return where a file is written before it takes its name; a pipe or a device is what it is."""
    special = out.exists() and not out.is_file()
    return out if special else out.with_name(f"{out.name}.fresh")
