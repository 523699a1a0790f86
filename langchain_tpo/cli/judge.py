"""`tpo judge`: a second judge for a run, so that a hacked reward shows."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from langchain_tpo.cli.console import count, give, say, stderr_console, visible
from langchain_tpo.cli.evaluation_display import most_frequent
from langchain_tpo.cli.flags import QuietOption
from langchain_tpo.cli.model_strings import chat_model, model_label
from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.manifest import read_manifest
from langchain_tpo.evaluation.records import RECORDS, RecordFile, read_records

INTERRUPTED = 130
LINE_EVERY = 25


def judge(
    folder: Annotated[Path, typer.Argument(help="The folder that `tpo evaluate` wrote.")],
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", help="The judge, as for `tpo optimize --model`.")
    ],
    base_url: Annotated[str | None, typer.Option(help="Where the judge is served.")] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option("--system", "-s", help="Judge this system. Default: every `tpo` one."),
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option("--baseline", "-b", help="Against this one. Default: all others."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-j", min=1, help="Pairs judged at once.")
    ] = 4,
    quiet: QuietOption = False,
) -> None:
    """Let another model say which of two answers is better, in both orders.

    Each verdict is written as it comes, and none is asked for twice; pairs that the judge could not
    decide are asked again. The win rates of all verdicts are printed. Take a judge that is not the
    run's own reward.
    """
    from langchain_tpo.evaluation import judging  # noqa: PLC0415 needs numpy: an extra of its own

    wanted = _wanted(folder, systems, baselines)
    label = model_label(model, base_url)
    path = folder / judging.JUDGEMENTS
    done = judging.decided(path, label)
    decided, reasons = 0, Counter[str]()
    console = stderr_console()

    def observe(judgement: judging.Judgement) -> None:
        nonlocal decided
        decided += judgement["win"] is not None
        if judgement["failure"]:
            reasons[judgement["failure"]] += 1
        if not quiet and (decided + reasons.total()) % LINE_EVERY == 0:
            console.print(f"{count(decided + reasons.total())} pairs judged", markup=False)

    pairs = judging.pairs_of(read_records(folder / RECORDS), wanted, done)
    chosen = chat_model(model, base_url=base_url)
    with RecordFile(path) as file:
        try:
            asyncio.run(
                judging.judge_run(
                    pairs, chosen, file, label=label, concurrency=concurrency, observe=observe
                )
            )
        except KeyboardInterrupt:
            say("interrupted; run again to go on.")
            raise typer.Exit(INTERRUPTED) from None
    if reasons:
        say(f"why pairs have no verdict, {most_frequent(reasons)}")
    rates = _win_rates(path, label, wanted)
    for rate in () if quiet else rates:
        console.print(visible(_sentence(rate)), markup=False)
    give(json.dumps({"judged": decided, "failed": reasons.total(), "win_rates": rates}))
    if reasons and not decided + len(done):
        raise typer.Exit(1)


def _sentence(rate: dict[str, Any]) -> str:
    interval = "" if rate["low"] is None else f" [{rate['low']:.0%}, {rate['high']:.0%}]"
    return (
        f"{rate['system']} wins {rate['value']:.0%}{interval} of {count(rate['count'])} pairs "
        f"against {rate['baseline']}"
    )


def _win_rates(path: Path, label: str, wanted: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return how often each system wins, over all verdicts of this judge that there are."""
    from langchain_tpo.evaluation import judging  # noqa: PLC0415 as above
    from langchain_tpo.evaluation.report.statistics import mean, share  # noqa: PLC0415 as above

    known = judging.verdicts(judging.read_judgements(path, label))
    rates: list[dict[str, Any]] = []
    for system, baseline in wanted:
        wins = [win for win in known.get((system, baseline), {}).values() if win is not None]
        plain = all(win in (0.0, 0.5, 1.0) for win in wins)
        estimate = share(wins) if plain else mean(wins)
        if estimate is not None:
            rates.append({"system": system, "baseline": baseline, **estimate.as_dict()})
    return rates


def _wanted(
    folder: Path, systems: list[str] | None, baselines: list[str] | None
) -> list[tuple[str, str]]:
    from langchain_tpo.evaluation.report.pairing import pairs_to_compare  # noqa: PLC0415 as above

    manifest = read_manifest(folder)
    if manifest is None:
        raise DatasetError(f"`{folder}` holds no run: give the folder that `tpo evaluate` wrote.")
    kinds = {system["name"]: system["kind"] for system in manifest["systems"]}
    for name in (*(systems or ()), *(baselines or ())):
        if name not in kinds:
            known = ", ".join(f"`{known}`" for known in kinds)
            raise DatasetError(f"`{name}` is no system of this run: use {known}.")
    pairs = (
        [(one, other) for one in systems for other in kinds if one != other]
        if systems
        else pairs_to_compare(kinds)
    )
    return [pair for pair in pairs if not baselines or pair[1] in baselines]
