"""`tpo` on the command line (extra `cli`)."""

import sys

from langchain_tpo.errors import MissingExtraError

FAILED = 1
"""Exit code for what went wrong although it could have worked."""

USERS_MISTAKE = 2
"""Exit code for what the user can put right: an option, a file, a missing package."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run `tpo` with the arguments of this process, then exit.

    Exit codes: 0 when all is done, 1 when something failed, 2 when what was asked for cannot work,
    130 after Ctrl-C.
    """
    try:
        from langchain_tpo.cli.main import run_app  # noqa: PLC0415 typer and rich are an extra
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(f"tpo: {MissingExtraError(error.name, 'cli')}\n")
        sys.exit(USERS_MISTAKE)
    except KeyboardInterrupt:  # what is imported takes a second
        sys.exit(INTERRUPTED)
    sys.exit(run_app(sys.argv[1:]))
