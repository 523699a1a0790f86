"""What `tpo evaluate` can be told on the command line, with its explanation."""

from pathlib import Path
from typing import Annotated

import typer

from langchain_tpo.evaluation.metrics.measured import MEASURES

DatasetArgument = Annotated[
    str,
    typer.Argument(
        help="A file (.jsonl, .json, .csv, .tsv, .parquet, .xlsx, .txt; packed or not), a "
        "saved data set, `hf:NAME?split=test`, `langsmith:NAME`, or `-` for JSON lines."
    ),
]

SystemsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        "-s",
        metavar="SYSTEM",
        help="`single`, `best-of-n`, `best-of-n-matched`, `revision` or `tpo`, with options as "
        "in `wide=tpo:width=20,depth=1/2`, or `given=FILE` of answers that exist already; as often "
        "as needed. Default: one of each.",
    ),
]

OutOption = Annotated[
    Path | None, typer.Option(help="The folder to write. Default: one below `tpo-runs`.")
]

ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the run in --out, or with the newest one of this data set; repeats "
        "nothing.",
    ),
]

RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="With --resume: try failed examples again.")
]

MetricsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help=f"Measure every answer: {', '.join(f'`{name}`' for name in MEASURES)}; as often "
        "as needed. Default: the report measures what the rows plainly call for.",
    ),
]

LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first so many examples.")]

CompareWithOption = Annotated[
    Path | None,
    typer.Option(help="The folder of an earlier run: say what each system has gained on it."),
]

GiveUpOption = Annotated[
    int,
    typer.Option(min=0, help="Stop after so many equal failures in a row; 0: never."),
]

ConcurrencyOption = Annotated[
    int,
    typer.Option(
        "--concurrency",
        "-j",
        min=1,
        help="Requests to the model at once; with `--engine ray`, of each actor.",
    ),
]

EngineOption = Annotated[
    str,
    typer.Option(
        metavar="ENGINE",
        help="Who answers: `process` is this one, `ray` the processes of a Ray cluster, with "
        "options as in `ray:actors=8,cpus=0.5,gpus=0,requests=64,address=10.0.0.1:6379`.",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
