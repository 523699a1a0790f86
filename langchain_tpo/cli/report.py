"""`tpo report`: a run as a page, as Markdown, as JSON and as plots."""

import json
from math import inf, isfinite
from pathlib import Path
from typing import Annotated

import typer

from langchain_tpo.cli.console import give
from langchain_tpo.cli.flags import FolderArgument
from langchain_tpo.cli.outputs import check_folder
from langchain_tpo.cli.prices import PriceOption, prices_of
from langchain_tpo.cli.reward_strings import reward_model
from langchain_tpo.errors import DatasetError, SettingsError

OutOption = Annotated[Path | None, typer.Option(help="Where to write. Default: the folder itself.")]

BaselineOption = Annotated[
    str | None,
    typer.Option(help="Whom all are compared with. Default: `best-of-n-matched`, if any."),
]

DifficultyOption = Annotated[
    Path | None,
    typer.Option(
        help="A JSON object from example to the difficulty of its instruction, as AlpacaEval "
        "fits it, for the win rate at equal length."
    ),
]

ParametersOption = Annotated[
    float | None,
    typer.Option(help="Of the model, such as 8e9: estimates floating-point operations."),
]

SecondOption = Annotated[
    str | None,
    typer.Option(
        metavar="REWARD",
        help="A second reward that scores all recorded candidates, as `--reward` of `tpo "
        "evaluate` names it: shows up to how many candidates it agrees.",
    ),
]

SeedOption = Annotated[int, typer.Option(min=0, help="Of the bootstrap intervals.")]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


def report(  # noqa: PLR0913 a command has the options that it has
    folder: FolderArgument,
    *,
    out: OutOption = None,
    baseline: BaselineOption = None,
    difficulty: DifficultyOption = None,
    parameters: ParametersOption = None,
    price: PriceOption = None,
    second: SecondOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Make a report of a run, finished or not, and print the path of its page."""
    from langchain_tpo.evaluation.report.report import make_report  # noqa: PLC0415 an extra of its own

    prices = prices_of(price or [])
    if parameters is not None and not 0 < parameters < inf:
        raise SettingsError(f"`--parameters` must be a number above 0, got {parameters:g}.")
    check_folder(out or folder)
    made = make_report(
        folder,
        parameters=parameters,
        prices=prices,
        baseline=baseline,
        difficulties=None if difficulty is None else _difficulties(difficulty),
        second=None if second is None else reward_model(second),
        seed=seed,
    )
    page = made.write(out or folder)
    give(json.dumps(made.as_dict(), ensure_ascii=False) if as_json else str(page))


def _difficulties(path: Path) -> dict[str, float]:
    try:
        listed = json.loads(path.read_bytes()).items()
        return {str(name): _finite(float(value)) for name, value in listed}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"`{path}` holds no difficulties ({error}): write one JSON object, as in "
            '`{"example 1": 0.4}`.'
        ) from error


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError(f"{value} is no difficulty")
    return value
