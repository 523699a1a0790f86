"""`tpo judge`: a second judge for a run, so that a hacked reward shows."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tpo.cli import FAILED, INTERRUPTED
from langchain_tpo.cli.console import count, give, say, tell
from langchain_tpo.cli.evaluation_display import most_frequent
from langchain_tpo.cli.flags import FolderArgument, QuietOption
from langchain_tpo.cli.model_strings import chat_model, model_label
from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.manifest import check_systems, manifest_at
from langchain_tpo.evaluation.records import RECORDS, RecordFile, read_records
from langchain_tpo.reward_models.judges.comparison_styles import COMPARISON_STYLES
from langchain_tpo.reward_models.judges.styles import OWN, style_named

if TYPE_CHECKING:
    from langchain_tpo.evaluation.judging import Judgement

LINE_EVERY = 25

ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="The judge, as for `tpo optimize --model`.")
]

BaseUrlOption = Annotated[str | None, typer.Option(help="Where the judge is served.")]

SystemsOption = Annotated[
    list[str] | None,
    typer.Option("--system", "-s", help="Judge this system. Default: every `tpo` one."),
]

BaselinesOption = Annotated[
    list[str] | None,
    typer.Option("--baseline", "-b", help="Against this one. Default: all others."),
]

StyleOption = Annotated[
    str,
    typer.Option(
        help="Ask and read it as a published judge: `alpaca-eval`, `arena-hard`, `mt-bench`, ..."
    ),
]

ConcurrencyOption = Annotated[
    int, typer.Option("--concurrency", "-j", min=1, help="Pairs judged at once.")
]


def judge(  # noqa: PLR0913 options by keyword
    folder: FolderArgument,
    *,
    model: ModelOption,
    base_url: BaseUrlOption = None,
    systems: SystemsOption = None,
    baselines: BaselinesOption = None,
    style: StyleOption = OWN,
    concurrency: ConcurrencyOption = 4,
    quiet: QuietOption = False,
) -> None:
    """Let another model say which of two answers is better, in both orders.

    Each verdict is written as it comes, and none is asked for twice; pairs that the judge could not
    decide are asked again. The win rates of all verdicts are printed. Take a judge that is not the
    run's own reward.
    """
    from langchain_tpo.evaluation import judging  # noqa: PLC0415 needs numpy: an extra of its own

    manifest = manifest_at(folder)
    wanted = _wanted(folder, manifest, systems or [], baselines or [])
    style_named(COMPARISON_STYLES, style, judge="`tpo judge`")
    called = model_label(model, base_url)
    label = called if style == OWN else f"{called} as {style}"
    path = folder / judging.JUDGEMENTS
    done = judging.decided(path, label)
    tally = _Tally()
    pairs = judging.pairs_of(read_records(folder / RECORDS), wanted, done)
    judging_model = chat_model(model, base_url=base_url)
    observe = tally.add if quiet else partial(_shown, tally)
    ask = partial(
        judging.judge_run, pairs, judging_model, label=label, style=style, concurrency=concurrency
    )
    with RecordFile(path) as file:
        try:
            asyncio.run(ask(file=file, observe=observe))
        except KeyboardInterrupt:
            say("interrupted; run again to go on.")
            raise typer.Exit(INTERRUPTED) from None
    if tally.reasons:
        say(f"why pairs have no verdict, {most_frequent(tally.reasons)}")
    if manifest["model"] == called:
        say("the judge is the model that answered: judges favour what they wrote.")
    rates = _win_rates(path, label, wanted)
    for rate in () if quiet else rates:
        tell(_sentence(rate))
    give(json.dumps({"judged": tally.decided, "failed": tally.failed, "win_rates": rates}))
    if tally.failed and not tally.decided + len(done):
        raise typer.Exit(FAILED)


@dataclass
class _Tally:
    """What has come of the pairs so far."""

    decided: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.reasons.total()

    def add(self, judgement: "Judgement") -> None:
        self.decided += judgement["win"] is not None
        if judgement["failure"]:
            self.reasons[judgement["failure"]] += 1


def _shown(tally: _Tally, judgement: "Judgement") -> None:
    tally.add(judgement)
    pairs = tally.decided + tally.failed
    if pairs % LINE_EVERY == 0:
        tell(f"{count(pairs)} pairs judged")


def _sentence(rate: dict[str, Any]) -> str:
    interval = "" if rate["low"] is None else f" [{rate['low']:.0%}, {rate['high']:.0%}]"
    return (
        f"{rate['system']} wins {rate['value']:.0%}{interval} of {count(rate['count'])} pairs "
        f"against {rate['baseline']}"
    )


def _win_rates(path: Path, label: str, wanted: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return how often each system wins, over all verdicts of this judge that there are."""
    from langchain_tpo.evaluation import judging  # noqa: PLC0415 as above
    from langchain_tpo.evaluation.report.statistics import share  # noqa: PLC0415 as above

    known = judging.verdicts(judging.read_judgements(path, label))
    rates: list[dict[str, Any]] = []
    for system, baseline in wanted:
        wins = [win for win in known.get((system, baseline), {}).values() if win is not None]
        estimate = share(wins)
        if estimate is not None:
            rates.append({"system": system, "baseline": baseline, **estimate.as_dict()})
    return rates


def _wanted(
    folder: Path, manifest: dict[str, Any], systems: list[str], baselines: list[str]
) -> list[tuple[str, str]]:
    """Return system and baseline of each comparison that is asked for."""
    from langchain_tpo.evaluation.report.pairing import pairs_to_compare  # noqa: PLC0415 as above

    check_systems(manifest, [*systems, *baselines])
    kinds = {system["name"]: system["kind"] for system in manifest["systems"]}
    named = [(one, other) for one in dict.fromkeys(systems) for other in kinds if one != other]
    pairs = named if systems else pairs_to_compare(kinds)
    wanted = [pair for pair in pairs if not baselines or pair[1] in baselines]
    if not wanted:
        known = ", ".join(f"`{name}`" for name in kinds)
        raise DatasetError(
            f"There is nothing to compare in `{folder}`: of its systems {known} no two are asked "
            "for. Add one with `tpo evaluate ... -s single -s tpo --resume`."
        )
    return wanted
