"""`tpo report`: a run as a page, as Markdown, as JSON and as plots."""

import json
from pathlib import Path
from typing import Annotated

import typer

from langchain_tpo.cli.console import give


def report(
    folder: Annotated[Path, typer.Argument(help="The folder that `tpo evaluate` wrote.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Where to write. Default: the folder itself.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Whom the best and worst cases are compared with.")
    ] = None,
    parameters: Annotated[
        float | None,
        typer.Option(help="Of the model, such as 8e9: estimates floating-point operations."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Make a report of a run, finished or not, and print the path of its page."""
    from langchain_tpo.evaluation.report import make_report  # noqa: PLC0415 an extra of its own

    made = make_report(folder, parameters=parameters, baseline=baseline, seed=seed)
    page = made.write(out or folder)
    give(json.dumps(made.as_dict(), ensure_ascii=False) if as_json else str(page))
