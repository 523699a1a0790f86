"""`tpo evaluate`: systems over a data set, into a folder that a report is made of."""

import asyncio
import gc
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import typer

from langchain_tpo.cli import FAILED, INTERRUPTED
from langchain_tpo.cli.console import count, duration, give, say, stderr_console, tell
from langchain_tpo.cli.evaluate_options import (
    CompareWithOption,
    ConcurrencyOption,
    DatasetArgument,
    EngineOption,
    GiveUpOption,
    JsonOption,
    LimitOption,
    MetricsOption,
    OutOption,
    ResumeOption,
    RetryFailedOption,
    SystemsOption,
)
from langchain_tpo.cli.evaluation_display import Tally, evaluation_display, most_frequent
from langchain_tpo.cli.flags import Flags, QuietOption, takes_flags
from langchain_tpo.cli.model_strings import chat_model
from langchain_tpo.cli.run_choices import RunChoices, run_choices
from langchain_tpo.cli.run_folders import new_folder, newest_folder
from langchain_tpo.errors import DatasetError, SettingsError
from langchain_tpo.evaluation.datasets import Dataset, open_dataset
from langchain_tpo.evaluation.given_answers import NEVER_ASKED
from langchain_tpo.evaluation.metrics.measured import measures_named
from langchain_tpo.evaluation.records import Record
from langchain_tpo.evaluation.sitting import Evaluation, Sitting
from langchain_tpo.evaluation.spread import spread_named
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import asks_a_model, parse_systems


@takes_flags
def evaluate(  # noqa: PLR0913 a command has the options that it has
    dataset: DatasetArgument,
    *,
    systems: SystemsOption = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    retry_failed: RetryFailedOption = False,
    metrics: MetricsOption = None,
    limit: LimitOption = None,
    compare_with: CompareWithOption = None,
    give_up: GiveUpOption = 10,
    concurrency: ConcurrencyOption = 4,
    engine: EngineOption = "process",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    flags: Flags,
) -> None:
    """Compare systems on a data set, and print the folder that holds the records.

    Each result is written as it comes: after Ctrl-C, a crash or a full disk, --resume goes on where
    the run was. `tpo report FOLDER` makes a report of it.
    """
    if retry_failed and not resume:
        raise SettingsError("`--retry-failed` goes with `--resume`: say both.")
    choices, spread = run_choices(flags), spread_named(engine)
    with open_dataset(dataset) as data:
        if data.note:
            say(data.note)
        plan = _plan(data, choices, systems or (), metrics or ())
        evaluation = replace(
            plan, limit=limit, concurrency=concurrency, patience=give_up, spread=spread
        )
        total = evaluation.total()
        if compare_with is not None:
            _check_comparable(evaluation, compare_with)
        folder = out or (newest_folder(data) if resume else new_folder(dataset))
        sitting = Sitting(evaluation, folder, resume=resume, retry_failed=retry_failed)
        tally, interrupted = _run(sitting, total, quiet=quiet)
    summary = _summary(sitting, tally, interrupted=interrupted)
    _print_end(summary, tally)
    if compare_with is not None:
        summary["compared"] = _compared(sitting.folder, compare_with)
    give(json.dumps(summary) if as_json else str(folder))
    raise typer.Exit(_exit_code(summary))


def _plan(
    data: Dataset, choices: RunChoices, systems: Sequence[str], metrics: Sequence[str]
) -> Evaluation:
    compared = parse_systems(systems, choices.settings)
    make_parts = partial(_parts, choices, draws=asks_a_model(compared))
    parts = make_parts()
    return Evaluation(
        dataset=data,
        systems=compared,
        parts=parts,
        make_parts=make_parts,
        labels=choices.labels(parts.model),
        model_options=choices.model_options,
        seed=choices.settings.seed,
        measures=measures_named(metrics),
    )


def _run(sitting: Sitting, total: int | None, *, quiet: bool) -> tuple[Tally, bool]:
    tally = Tally()
    left = None if total is None else max(0, total - sitting.before)
    if left != 0 and not quiet:
        noun = "answer" if left == 1 else "answers"
        tell(f"{count(left)} {noun} to come, into {sitting.folder}")
    display = evaluation_display(stderr_console(), left, quiet=quiet)

    def observe(record: Record) -> None:
        tally.add(record)
        display.show(tally)

    # What is loaded by now stays; without this the collector looks through all of it at every turn.
    gc.freeze()
    with display:
        try:
            asyncio.run(sitting.run(observe))
        except KeyboardInterrupt:
            return tally, True
    return tally, False


def _check_comparable(evaluation: Evaluation, other: Path) -> None:
    from langchain_tpo.evaluation import run_comparison  # noqa: PLC0415 needs numpy: an extra

    run_comparison.check_comparable(evaluation.manifest(), other)


def _compared(folder: Path, other: Path) -> list[dict[str, Any]]:
    from langchain_tpo.evaluation import run_comparison  # noqa: PLC0415 as above

    compared = run_comparison.compare_runs(folder, other)
    for one in compared:
        interval = "" if one["low"] is None else f" [{one['low']:+.2f}, {one['high']:+.2f}]"
        tell(
            f"{one['system']}: reward {one['value']:+.2f}{interval} on {count(one['count'])} "
            f"examples that `{other}` answered too"
        )
    return compared


def _parts(choices: RunChoices, *, draws: bool) -> Parts:
    return Parts(
        reward=choices.build_reward(),
        model=choices.build_model() if draws else NEVER_ASKED,
        critic=choices.build_critic(),
        model_named=chat_model,
    )


def _summary(sitting: Sitting, tally: Tally, *, interrupted: bool) -> dict[str, Any]:
    if not (tally.records or sitting.before or interrupted or sitting.stopped):
        raise DatasetError("The data set holds no rows: there is nothing to do.")
    return {
        "folder": str(sitting.folder),
        "before": sitting.before,
        "failed_before": sitting.failed_before,
        "ok": tally.ok - sitting.lost,
        "failed": tally.failed + sitting.lost,
        "lost": sitting.lost,
        "unwritten": sitting.unwritten,
        "interrupted": interrupted,
        "stopped": sitting.stopped,
        "metrics": tally.metrics(),
    }


def _print_end(summary: dict[str, Any], tally: Tally) -> None:
    if not tally.records and not summary["stopped"] and not summary["interrupted"]:
        say(f"nothing left to do: all {count(summary['before'])} results are there.")
        _print_failed_before(summary)
        return
    answered, failed = count(summary["ok"]), count(summary["failed"])
    tell(f"{answered} answered, {failed} failed in {duration(tally.seconds)}.")
    _print_failed_before(summary)
    for system, values in summary["metrics"].items():
        shown = (f"{name} {value:.3f}" for name, value in values.items())
        tell(f"{system}: {', '.join(shown)}")
    if tally.reasons:
        say(f"why examples failed, {most_frequent(tally.reasons)}")
    if summary["stopped"]:
        reason = summary["stopped"].rstrip(".")
        say(f"stopped: {reason}. Run again with `--resume --retry-failed` to go on.")
    if summary["lost"]:
        say(
            f"{count(summary['lost'])} results could not be written: make room, then `--resume` "
            "asks for them again."
        )
    if summary["unwritten"]:
        say(f"{summary['unwritten']} results are not in the records: make room before.")
    if summary["interrupted"]:
        say("interrupted; run again with `--resume` to go on.")


def _print_failed_before(summary: dict[str, Any]) -> None:
    if failed := summary["failed_before"]:
        say(
            f"{count(failed)} of the {count(summary['before'])} results from before are failures: "
            "`--retry-failed` tries them again."
        )


def _exit_code(summary: dict[str, Any]) -> int:
    if summary["interrupted"]:
        return INTERRUPTED
    nothing_worked = summary["failed"] > 0 and summary["ok"] + summary["before"] == 0
    return FAILED if summary["unwritten"] or summary["stopped"] or nothing_worked else 0
