"""`tpo export-dpo`: what a run found out as training data."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from langchain_tpo.cli.console import count, say, stderr_console, visible
from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.manifest import check_systems
from langchain_tpo.evaluation.preference_pairs import preference_pairs
from langchain_tpo.evaluation.records import RECORDS, read_records


def export_dpo(
    folder: Annotated[Path, typer.Argument(help="The folder that `tpo evaluate` wrote.")],
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
    check_systems(folder, systems or ())
    pairs = preference_pairs(
        read_records(folder / RECORDS), systems=systems or (), least_gap=least_gap
    )
    lines = (json.dumps(pair) + "\n" for pair in pairs)
    written = 0
    try:
        with nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                written += 1
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DatasetError(f"`{out}` could not be written: {error.strerror}.") from error
    if out is not None:
        stderr_console().print(visible(f"{count(written)} pairs in {out}"), markup=False)
    if not written:
        say("no pairs: no run has two responses whose rewards differ that much.")
        raise typer.Exit(1)
