"""`tpo serve`: the same run for any client of OpenAI or Anthropic, over HTTP."""

import ipaddress
import logging
import os
import socket
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tpo.cli.console import count, give, say
from langchain_tpo.cli.flags import Flags, takes_flags
from langchain_tpo.cli.run_choices import DEFAULT_MODEL, run_choices
from langchain_tpo.errors import MissingExtraError, SettingsError
from langchain_tpo.serve.keys import Keys
from langchain_tpo.serve.limits import ServeLimits
from langchain_tpo.serve.logs import JsonLines

if TYPE_CHECKING:
    from fastapi import FastAPI

PORT = 9000
"""Beside the ports of model servers, which like 8000 and 8080."""

KEY_VARIABLE = "TPO_SERVE_KEY"
"""A single key, where a file of them would be too much."""

_DEFAULT = ServeLimits()


@takes_flags
def serve(  # noqa: PLR0913 a command has the options that it has
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = PORT,
    name: Annotated[
        str | None, typer.Option(help="What clients call the model. Default: its own name.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="A file with `NAME sha256:DIGEST [TOKENS]` on each line. Without it the key in "
            f"the variable `{KEY_VARIABLE}`, if there is one."
        ),
    ] = None,
    new_key: Annotated[
        str | None, typer.Option(help="Make a key of this name, print it and its line, and exit.")
    ] = None,
    max_runs: Annotated[int, typer.Option(help="Runs at once.")] = _DEFAULT.runs,
    max_queue: Annotated[
        int, typer.Option(help="Runs that may wait; one more gets status 429.")
    ] = _DEFAULT.queue,
    max_completions: Annotated[
        int, typer.Option(help="Completions that a client may ask of one run.")
    ] = _DEFAULT.completions,
    max_answer_tokens: Annotated[
        int | None, typer.Option(help="Longest completion that a client may ask for, in tokens.")
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(help="Time of a run; the best by then is the answer.")
    ] = _DEFAULT.run_seconds,
    max_body: Annotated[
        int, typer.Option(help="Size of a request, in bytes.")
    ] = _DEFAULT.body_bytes,
    key_tokens: Annotated[
        int | None, typer.Option(help="Tokens that each key may use in a day, in and out.")
    ] = None,
    grace: Annotated[
        float, typer.Option(help="Seconds that runs have to end when the server is stopped.")
    ] = _DEFAULT.grace,
    flags: Flags,
) -> None:
    """Serve the model to clients of OpenAI and Anthropic, its answers optimized.

    Without options, a small model inside this process answers on http://127.0.0.1:9000.
    """
    if new_key is not None:
        give("\n".join(Keys.made(new_key)))
        return
    limits = ServeLimits(
        runs=max_runs,
        queue=max_queue,
        completions=max_completions,
        answer_tokens=max_answer_tokens,
        run_seconds=max_seconds,
        body_bytes=max_body,
        key_tokens=key_tokens,
        grace=grace,
    )
    known = _keys(keys)
    _check_host(host, known)
    server_of, create_app = _serving()
    with _listening(host, port) as listening:
        choices = run_choices(flags)
        tpo = choices.build()
        called = name or (choices.model if choices.model == DEFAULT_MODEL else None)
        app: FastAPI = create_app(tpo, name=called, keys=known, limits=limits)
        settings = tpo.settings
        say(
            f"`{app.state.name}` on {_address(listening)}/v1: reward {choices.labels()['reward']}, "
            f"N={settings.width} D={settings.depth}, up to {count(settings.completions)} "
            f"completions; {len(known.digests) or 'no'} keys."
        )
        _log_as_json()
        server_of(app, grace=grace).run(sockets=[listening])


def _keys(path: Path | None) -> Keys:
    if path is not None:
        return Keys.read(path)
    key = os.environ.get(KEY_VARIABLE)
    return Keys({KEY_VARIABLE: Keys.digest(key)}) if key else Keys()


def _check_host(host: str, keys: Keys) -> None:
    """Refuse to let a network use the operator's models without asking who it is."""
    local = host == "localhost"
    with suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if not local and not keys:
        raise SettingsError(
            f"`--host {host}` can be reached from other machines: set `--keys FILE` or "
            f"`{KEY_VARIABLE}`; `tpo serve --new-key NAME` makes a key."
        )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"`{host}` port {port} cannot be listened on: {said.rstrip('.')}."
        ) from None


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _serving() -> tuple[Any, Any]:
    try:
        server = import_module("langchain_tpo.serve.server")
        app = import_module("langchain_tpo.serve.app")
    except ModuleNotFoundError as error:
        missing = str(error.name).replace("_", "-")
        if missing not in {"fastapi", "starlette", "uvicorn", "prometheus-client"}:
            raise
        raise MissingExtraError(missing, "serve") from None
    return server.Server, app.create_app


def _log_as_json() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("langchain_tpo.serve").setLevel(logging.INFO)
