"""`tpo evaluate`: systems over a data set, into a folder that a report is made of."""

import asyncio
import gc
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from langchain_tpo.cli.console import count, duration, give, say, stderr_console
from langchain_tpo.cli.evaluation_display import Tally, evaluation_display, most_frequent
from langchain_tpo.cli.flags import Flags, QuietOption, takes_flags
from langchain_tpo.cli.model_strings import chat_model
from langchain_tpo.cli.run_choices import RunChoices, run_choices
from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.datasets import count_rows, fingerprint, read_examples
from langchain_tpo.evaluation.manifest import (
    manifest_of,
    read_manifest,
    resumed,
    write_manifest,
)
from langchain_tpo.evaluation.record_writer import DiskFullError, RecordWriter
from langchain_tpo.evaluation.records import RECORDS, Record, RecordFile, drop_failed
from langchain_tpo.evaluation.run_evaluation import read_done, run_evaluation
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import System, parse_systems

INTERRUPTED = 130


@takes_flags
def evaluate(  # noqa: PLR0913 a command has the options that it has
    dataset: Annotated[
        str,
        typer.Argument(help="A .jsonl, .json, .csv or .txt file, or `hf:NAME?split=test`."),
    ],
    *,
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            "-s",
            metavar="SYSTEM",
            help="`single`, `best-of-n`, `best-of-n-matched`, `revision` or `tpo`, with options as "
            "in `wide=tpo:width=20,depth=1/2`; as often as needed. Default: one of each.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write. Default: one below `tpo-runs`.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out; repeats nothing.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: try failed examples again.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Only the first so many examples.")] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-j", min=1, help="Requests to the model at once.")
    ] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: QuietOption = False,
    flags: Flags,
) -> None:
    """Compare systems on a data set, and print the folder that holds the records.

    Each result is written as it comes: after Ctrl-C, a crash or a full disk, --resume goes on where
    the run was. `tpo report FOLDER` makes a report of it.
    """
    choices = run_choices(flags)
    chosen = parse_systems(systems or (), choices.settings)
    folder = out or _default_folder(dataset)
    parts = _parts(choices)
    _open_run(folder, _manifest(dataset, limit, choices, chosen, parts), resume=resume)
    if retry_failed and resume and (folder / RECORDS).is_file():
        drop_failed(folder / RECORDS)
    run = partial(_run, dataset, chosen, parts, folder, limit=limit, concurrency=concurrency)
    tally, before, unwritten, interrupted = run(quiet=quiet)
    summary = {
        "folder": str(folder),
        "before": before,
        "ok": tally.ok,
        "failed": tally.failed,
        "unwritten": unwritten,
        "interrupted": interrupted,
    }
    _print_end(summary, tally)
    give(json.dumps(summary) if as_json else str(folder))
    raise typer.Exit(_exit_code(summary))


def _run(
    dataset: str,
    systems: Sequence[System],
    parts: Parts,
    folder: Path,
    *,
    limit: int | None,
    concurrency: int,
    quiet: bool,
) -> tuple[Tally, int, int, bool]:
    path, interrupted = folder / RECORDS, False
    writer = RecordWriter(RecordFile(path))
    done, tally = read_done(path, systems), Tally()
    display = evaluation_display(
        stderr_console(), _total(dataset, limit, systems, len(done.keys)), quiet=quiet
    )

    def observe(record: Record) -> None:
        tally.add(record)
        display.show(tally)

    # What is loaded by now stays; without this the collector looks through all of it at every turn.
    gc.freeze()
    with writer, display:
        try:
            asyncio.run(
                run_evaluation(
                    islice(read_examples(dataset), limit),
                    systems,
                    parts,
                    writer,
                    concurrency=concurrency,
                    done=done,
                    observe=observe,
                )
            )
        except KeyboardInterrupt:
            interrupted = True
        except DiskFullError as error:
            say(f"`{path}` could not be written: {error.strerror}.")
    return tally, len(done.keys), writer.unwritten, interrupted


def _parts(choices: RunChoices) -> Parts:
    return Parts(
        reward=choices.build_reward(),
        model=choices.build_model(),
        critic=choices.build_critic(),
        model_named=chat_model,
    )


def _manifest(
    dataset: str, limit: int | None, choices: RunChoices, systems: Sequence[System], parts: Parts
) -> dict[str, Any]:
    described = {"source": dataset, "sha256": fingerprint(dataset)}
    return manifest_of(
        dataset=described,
        labels=choices.labels(parts.model),
        systems=systems,
        model_options=choices.model_options,
        limit=limit,
        seed=choices.settings.seed,
    )


def _open_run(folder: Path, manifest: dict[str, Any], *, resume: bool) -> None:
    before = read_manifest(folder)
    if before is not None and not resume:
        raise SettingsError(
            f"`{folder}` holds a run already: go on with it (`--resume`) or give another `--out`."
        )
    write_manifest(folder, manifest if before is None else resumed(before, manifest))


def _default_folder(dataset: str) -> Path:
    name = Path(dataset.partition("?")[0].replace("hf:", "")).stem
    plain = re.sub(r"[^\w.-]+", "-", name)[:40].strip(".-") or "run"
    return Path("tpo-runs") / f"{plain}-{datetime.now(tz=UTC):%Y%m%d-%H%M%S}"


def _total(dataset: str, limit: int | None, systems: Sequence[System], done: int) -> int | None:
    rows = count_rows(dataset)
    if rows is None:
        return None
    return max(0, min(rows, limit or rows) * len(systems) - done)


def _print_end(summary: dict[str, Any], tally: Tally) -> None:
    sys.stderr.write(
        f"{count(tally.ok)} answered, {count(tally.failed)} failed in {duration(tally.seconds)}.\n"
    )
    if tally.reasons:
        say(f"why examples failed, {most_frequent(tally.reasons)}")
    if summary["unwritten"]:
        say(
            f"{summary['unwritten']} results are not in the records: make room and run again with "
            "`--resume`."
        )
    elif summary["interrupted"]:
        say("interrupted; run again with `--resume` to go on.")


def _exit_code(summary: dict[str, Any]) -> int:
    if summary["interrupted"]:
        return INTERRUPTED
    nothing_worked = summary["failed"] > 0 and summary["ok"] + summary["before"] == 0
    return 1 if summary["unwritten"] or nothing_worked else 0
