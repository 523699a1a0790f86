"""The flags that every command with a run has in common, declared once.

Knows how they are called and explained; `run_choices` knows what they mean.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
"""For commands that show progress."""

FolderArgument = Annotated[Path, typer.Argument(help="The folder that `tpo evaluate` wrote.")]
"""For commands that read a run."""


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What was said on the command line; None means that it was not."""

    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The chat model: `local`, `local:NAME_OR_PATH`, `python:module:attribute`, or a "
            "string of LangChain's such as `openai:gpt-4o-mini`. Default: `local`, a small model "
            "inside this process.",
        ),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(help="Where the model is served, such as `http://127.0.0.1:8000/v1`."),
    ] = None
    critic: Annotated[
        str | None,
        typer.Option(help="Another model, to write loss and gradient. Default: the model itself."),
    ] = None
    reward: Annotated[
        str | None,
        typer.Option(
            "--reward",
            "-r",
            help="The reward model, such as `tgi:http://host:8080` or `python:module:function`; "
            "`tpo rewards` lists them. Default: `head`, which is a demonstration.",
        ),
    ] = None
    width: Annotated[
        int | None,
        typer.Option("--width", "-N", help="Responses drawn at first and in every round."),
    ] = None
    depth: Annotated[
        int | None,
        typer.Option("--depth", "-D", help="Rounds of loss, gradient and update; 0: best-of-N."),
    ] = None
    strategy: Annotated[
        str | None,
        typer.Option(help="How rounds are played, such as `fused` or `tpo:fresh=1`."),
    ] = None
    prompts: Annotated[
        str | None, typer.Option(help="How the strategy's prompts are worded: `paper` or `small`.")
    ] = None
    seed: Annotated[
        int | None, typer.Option(help="Repeatable draws, where the model takes a seed.")
    ] = None
    temperature: Annotated[
        float | None, typer.Option(help="Randomness of responses and revisions.")
    ] = None
    max_tokens: Annotated[
        int | None, typer.Option(help="Longest response or revision, in tokens.")
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(
            help="`paper`: the settings of the paper's experiments. `small`: prompts and caps that "
            "small models can follow (measured with 0.5 and 1.5 billion), the default of `local`."
        ),
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting, such as `textual_loss.max_tokens=300`; as often as needed.",
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="A TOML file with all of this; flags win over it."),
    ] = None


def takes_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose parameter `flags` has become one option for each flag.

    Args:
        command: A function with a keyword parameter `flags: Flags`.
    """
    return takes_some_flags(*(field.name for field in fields(Flags)))(command)


def takes_some_flags(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what makes one option of each of these flags, for a command that has no use for all.

    Args:
        names: Fields of `Flags`.
    """

    def expanding(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def expanded(**arguments: Any) -> None:
            given = {name: arguments.pop(name) for name in names}
            command(**arguments, flags=Flags(**given))

        own = [
            parameter
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "flags"
        ]
        shared = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=field.type
            )
            for field in fields(Flags)
            if field.name in names
        ]
        in_order = sorted([*own, *shared], key=lambda one: one.kind)
        expanded.__signature__ = inspect.Signature(in_order)  # type: ignore[attr-defined]  # Typer reads it
        expanded.__annotations__ = {one.name: one.annotation for one in in_order}
        return expanded

    return expanding
