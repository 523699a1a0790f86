"""`tpo report`: a run as a page, as Markdown, as JSON and as plots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from langchain_tpo.cli.console import give
from langchain_tpo.cli.reward_strings import reward_model
from langchain_tpo.costs import ModelRole, Price
from langchain_tpo.errors import DatasetError, SettingsError

FolderArgument = Annotated[Path, typer.Argument(help="The folder that `tpo evaluate` wrote.")]

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

PriceOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[WHO=]IN/OUT[/CACHED]",
        help="Money per million tokens, as in `0.4/1.6/0.1`; of the model, or of `critic=` or "
        "`reward=` where that is another.",
    ),
]

SecondOption = Annotated[
    str | None,
    typer.Option(
        metavar="REWARD",
        help="A second reward that scores all recorded candidates, as `--reward` of `tpo "
        "evaluate` names it: shows up to how many candidates it agrees.",
    ),
]

SeedOption = Annotated[int, typer.Option(help="Of the bootstrap intervals.")]

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

    prices = _prices(price or [])
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
        return {str(name): float(value) for name, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"`{path}` holds no difficulties ({error}): write one JSON object, as in "
            '`{"example 1": 0.4}`.'
        ) from error


def _prices(texts: Sequence[str]) -> dict[ModelRole, Price]:
    """Read `0.4/1.6`, `critic=2/8/0.5`."""
    prices: dict[ModelRole, Price] = {}
    for text in texts:
        role, _, figures = text.rpartition("=")
        try:
            (who,) = (known for known in get_args(ModelRole) if known == (role or "model"))
            read, written, *more = map(float, figures.split("/"))
            (cached,) = more or (None,)
            prices[who] = Price(input=read, output=written, cached_input=cached)
        except ValueError:
            raise SettingsError(
                f"`--price {text}`: write money per million tokens read and written, and of cached "
                "ones if they are cheaper, as in `0.4/1.6/0.1` or `critic=2/8`."
            ) from None
    if prices and "model" not in prices:
        raise SettingsError("`--price` must name the price of the model itself, as in `0.4/1.6`.")
    return prices
