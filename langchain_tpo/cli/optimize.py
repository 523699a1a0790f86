"""`tpo optimize`: one prompt, its run on stderr, the answer on stdout."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from rich.console import Console

from langchain_tpo.cli import INTERRUPTED
from langchain_tpo.cli.console import count, duration, give, say, stderr_console, tell, visible
from langchain_tpo.cli.flags import Flags, QuietOption, takes_flags
from langchain_tpo.cli.outputs import check_file
from langchain_tpo.cli.rounds_display import RoundsDisplay, rounds_display
from langchain_tpo.cli.run_choices import RunChoices, run_choices
from langchain_tpo.cli.word_diff import best_first_sample, word_diff
from langchain_tpo.errors import ConversationError, DatasetError, SettingsError
from langchain_tpo.evaluation.text_files import NOT_UTF8, decoded
from langchain_tpo.events import TPOEvent
from langchain_tpo.loop.run_input import TPORunnableInput
from langchain_tpo.result import TPOResult, TPORound
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.text.secrecy import without_secrets


@dataclass
class Latest:
    """What a run has come to."""

    scored: TPORound | None = None
    """The last round that has been scored."""


class StepsShown(BaseCallbackHandler):
    """Shows the steps of a run as they end; its rounds are shown when they arrive."""

    run_inline = True
    """Before the round that the step belongs to."""

    def __init__(self, display: RoundsDisplay) -> None:
        """Take where to show them."""
        self._display = display

    def on_custom_event(self, name: str, data: TPOEvent, **_kwargs: Any) -> None:
        """Show what is no round."""
        if name == "tpo_step":
            self._display.show(data)


@takes_flags
def optimize(  # noqa: PLR0913 a command has the options that it has
    prompt: Annotated[
        str | None, typer.Argument(help="What to answer; `-` or nothing reads stdin.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the prompt from a file.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="A system message before the prompt.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as JSON.")
    ] = False,
    show: Annotated[
        str | None, typer.Option(help="`rounds`: print what each round was told to stderr.")
    ] = None,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Show on stderr what became of the best first sample."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the whole run to this file, as a page to read.")
    ] = None,
    quiet: QuietOption = False,
    flags: Flags,
) -> None:
    """Answer one prompt, and print the best answer of the run.

    Without options, a small model inside this process answers and a small reward head chooses.
    """
    if show not in (None, "rounds"):
        raise SettingsError(f"`--show` must be `rounds`, got `{show}`.")
    if html is not None:
        check_file(html, option="--html")
    text = _prompt(prompt, file)
    _check_typed(system or "", "`--system`")
    messages = [*([SystemMessage(system)] if system else []), HumanMessage(text)]
    choices = run_choices(flags)
    tpo = choices.build()
    setup = {"prompt": text, "system": system, **_setup(choices, tpo)}
    console, latest = stderr_console(), Latest()
    if not quiet:
        tell(_plan(setup, tpo))
    display = rounds_display(console, settings=tpo.settings, quiet=quiet)
    try:
        result = asyncio.run(_run(tpo, messages, latest, display))
    except KeyboardInterrupt:
        _print_interrupted(latest, as_json=as_json)
        raise typer.Exit(INTERRUPTED) from None
    if show:
        _print_rounds(result, console)
    if diff:
        _print_diff(result, console)
    _print_end(result, quiet=quiet)
    whole = {"setup": setup, **result.as_dict()}
    give(json.dumps(whole, ensure_ascii=False) if as_json else result.answer)
    if html is not None:  # last: the answer has been paid for
        _write_page(html, result, messages)


def _setup(choices: RunChoices, tpo: TPORunnable) -> dict[str, Any]:
    """Describe the run as JSON values, without credentials."""
    settings = without_secrets(tpo.settings.model_dump(mode="json"))
    return {**choices.labels(tpo.model), "settings": settings, "seed": tpo.settings.seed}


def _plan(setup: Mapping[str, Any], tpo: TPORunnable) -> str:
    """Say what is going to happen, and what it will take at most."""
    settings = tpo.settings
    judged = f", {count(tpo.judgements)} of them the judge's" if tpo.judgements else ""
    critic = f", critic {setup['critic']}" if setup["critic"] else ""
    return (
        f"model {setup['model']}{critic}, reward {setup['reward']}; N={settings.width} "
        f"D={settings.depth}: up to {count(settings.stages)} stages, "
        f"{count(tpo.completions)} completions{judged}"
    )


async def _run(
    tpo: TPORunnable, messages: TPORunnableInput, latest: Latest, display: RoundsDisplay
) -> TPOResult:
    result: TPOResult | None = None
    with display:
        async for news in tpo.astream_rounds(messages, {"callbacks": [StepsShown(display)]}):
            if isinstance(news, TPOResult):
                result = news
            else:
                latest.scored = news  # what is shown is kept: Ctrl-C loses nothing that was seen
                display.show(news.event)
    assert result is not None  # noqa: S101 what a run ends with, unless it raises
    return result


def _prompt(prompt: str | None, file: Path | None) -> str:
    if file is not None:
        if prompt is not None:
            raise SettingsError("Give the prompt as an argument or with `--file`, not both.")
        text = _from_file(file)
    elif prompt in (None, "-"):
        text = _from_stdin()
    else:
        text = prompt or ""
        _check_typed(text, "The prompt")
    if not text.strip():
        raise ConversationError("The prompt is empty: there is nothing to answer.")
    return text.strip("\n")


def _from_file(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConversationError(f"`{file}` could not be read: {error.strerror}.") from error
    return _decoded(data, f"`{file}`")


def _from_stdin() -> str:
    if sys.stdin.isatty():
        raise ConversationError('There is no prompt: type `tpo optimize "..."`.')
    bytes_of = getattr(sys.stdin, "buffer", None)  # a text stream in its place has none
    return sys.stdin.read() if bytes_of is None else _decoded(bytes_of.read(), "The prompt")


def _decoded(data: bytes, called: str) -> str:
    try:
        return decoded(data, called)
    except DatasetError as error:
        raise ConversationError(str(error)) from None


def _check_typed(text: str, called: str) -> None:
    """Refuse bytes of the command line that are no UTF-8: Python hands them on as no characters."""
    if found := NOT_UTF8.search(text):
        raise ConversationError(
            f"{called} is no UTF-8 (byte 0x{ord(found[0]) - 0xDC00:02x}): type it in a terminal "
            "that is set to UTF-8, or give the prompt with `--file`."
        )


def _write_page(path: Path, result: TPOResult, messages: Sequence[BaseMessage]) -> None:
    try:
        path.write_text(result.html(messages), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"`--html {path}` could not be written: {error.strerror}.") from error


def _print_interrupted(latest: Latest, *, as_json: bool) -> None:
    scored = latest.scored
    if scored is None:
        say("interrupted before any response was scored.")
    elif as_json:
        parts = {"answer": scored.answer, "interrupted": True, "pool": scored.pool}
        give(json.dumps(parts, ensure_ascii=False))
    else:
        say("interrupted; this is the best response so far.")
        give(scored.answer)


def _print_diff(result: TPOResult, console: Console) -> None:
    first = best_first_sample(result.pool)
    if first is None or first["text"] == result.answer:
        say("no diff: the answer is a first sample, as it was drawn.")
        return
    console.print(word_diff(visible(first["text"]), visible(result.answer), console))


def _print_rounds(result: TPOResult, console: Console) -> None:
    for number, played in enumerate(result.rounds, start=1):
        sides = [side for side in (played["chosen"], played["rejected"]) if side is not None]
        rewards = " against ".join(f"{result.pool[side]['reward']:.3f}" for side in sides)
        console.rule(f"round {number}: {rewards}")
        said = {
            "the reward on the best": result.pool[played["chosen"]].get("rationale"),
            "textual loss": played.get("textual_loss"),
            "textual gradient": played.get("textual_gradient"),
        }
        for title, text in said.items():
            if text:
                console.print(f"[bold]{title}[/bold]")
                console.print(visible(text), markup=False)


def _print_end(result: TPOResult, *, quiet: bool) -> None:
    if result.failure is not None:
        failure = result.failure
        say(
            f"{failure['step']} of round {failure['round']} failed ({failure['type']}: "
            f"{failure['message']}); this is the best response before it."
        )
    if quiet:
        return
    if result.left_out:
        say(f"{count(result.left_out)} characters left out of prompts to fit the model's window.")
    usage = result.usage
    first = next((one["reward"] for one in result.pool if one["reward"] is not None), None)
    if first is not None:
        tell(f"first sample {first:+.2f} -> answer {result.reward:+.2f}")
    tell(
        f"reward {result.reward:.3f}, {len(result.pool)} responses, {usage['requests']} requests, "
        f"{count(usage['input_tokens'])} + {count(usage['output_tokens'])} tokens, "
        f"{duration(result.seconds)}, stopped by {result.stop_reason}"
    )
