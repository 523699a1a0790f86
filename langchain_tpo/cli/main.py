"""`tpo`: the commands, and how each of them ends.

Answers go to stdout, everything else to stderr. Knows exit codes; the work is in the commands.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from langchain_tpo import __version__
from langchain_tpo.cli import FAILED, INTERRUPTED, USERS_MISTAKE
from langchain_tpo.cli.console import give, say, visible
from langchain_tpo.cli.evaluate import evaluate
from langchain_tpo.cli.export import export, export_dpo
from langchain_tpo.cli.judge import judge
from langchain_tpo.cli.optimize import optimize
from langchain_tpo.cli.plan import plan
from langchain_tpo.cli.report import report
from langchain_tpo.cli.rewards import rewards
from langchain_tpo.cli.runs import runs
from langchain_tpo.cli.serve import serve
from langchain_tpo.errors import ConfigurationError
from langchain_tpo.text.secrecy import without_credentials
from langchain_tpo.text.shown import message_of

app = typer.Typer(
    name="tpo",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Better answers from a frozen model: test-time preference optimization, arXiv 2501.12895.",
)
COMMANDS = (optimize, evaluate, judge, report, runs, export, export_dpo, plan, serve, rewards)
for command in COMMANDS:
    app.command()(command)


@app.callback(invoke_without_command=True)
def before(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is, and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Show where an error came from.")] = False,  # noqa: ARG001 `_failed` looks for it
) -> None:
    """Keep what holds for every command."""
    if version:
        give(f"tpo {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        give(context.get_help())
        raise typer.Exit


def run_app(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr.

    Args:
        arguments: What stands behind `tpo`.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments), prog_name="tpo", standalone_mode=False)
    except typer.TyperException as error:
        return _say(_click_message(error), USERS_MISTAKE)
    except ConfigurationError as error:
        return _failed(error, arguments, USERS_MISTAKE)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone, and says so himself
        return FAILED
    except (Exception, SystemExit) as error:  # noqa: BLE001 a provider's, the disk's, or `sys.exit`
        return _failed(error, arguments, FAILED)
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, arguments: Sequence[str], code: int) -> int:
    if "--debug" in arguments:
        sys.stderr.write(visible(without_credentials("".join(traceback.format_exception(error)))))
    name = "" if isinstance(error, ConfigurationError) else f"{type(error).__name__}: "
    return _say(f"{name}{message_of(error)}", code)


def _click_message(error: typer.TyperException) -> str:
    message = getattr(error, "format_message", error.__str__)()
    return f"{message} (`tpo --help` shows what there is.)"


def _say(message: str, code: int) -> int:
    say(message)
    return code
