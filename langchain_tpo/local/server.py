"""llama.cpp inside this process, as an OpenAI-compatible server that only this process can use.

It listens on a free port of 127.0.0.1 and asks for a key that is made at every start. Knows how to
start and stop; where weights come from is `weights.py`.
"""

import json
import os
import secrets
import weakref
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import SecretStr

from langchain_tpo.constructors import types_checked
from langchain_tpo.errors import ConfigurationError, MissingExtraError, SettingsError, WeightsError
from langchain_tpo.local.chat_model import LocalChatModel
from langchain_tpo.local.weights import weights_file

SLOTS = 5
"""Responses made at once: the paper's width N. More run one after another."""

CONTEXT_TOKENS = 4096
"""Prompt and response of one request; 5 slots of it take 0.6 GB with a 1.5B model."""

CACHE_MIB = 256
"""Memory for the states of earlier prompts. llama.cpp's own limit of 8 GiB is reached within the
hour by a loop whose prompts are all different."""

_CLOSE = {"Connection": "close"}


class LocalServer:
    """A small language model, served to this process alone.

    Use it in a `with` block, or call `start()` and `stop()`; one that is forgotten ends with the
    last reference to it and its models, at the latest with the process. Starting blocks for
    as long as the weights take to load: in async code, `await asyncio.to_thread(server.start)`.

    Example:
        ```python
        with LocalServer("smollm2-135m") as server:
            model = server.chat_model(temperature=0.7)
            print(model.invoke("Why is the sky blue?").text)
        ```
    """

    @types_checked()
    def __init__(
        self,
        name_or_path: str | Path | None = None,
        *,
        slots: int = SLOTS,
        context_tokens: int = CONTEXT_TOKENS,
        threads: int | None = None,
        cache_mib: int = CACHE_MIB,
    ) -> None:
        """Say what to serve; nothing is fetched or loaded before `start`.

        Args:
            name_or_path: Which weights, as `weights_file` understands it.
            slots: How many responses are made at once.
            context_tokens: Longest prompt and response together, for each slot.
            threads: Compute threads; by default one less than there are cores, because as many
                threads as cores stall each other as soon as anything else runs.
            cache_mib: Memory for the states of earlier prompts, in MiB.

        Raises:
            SettingsError: In one line, when a number is out of range.
        """
        self._name_or_path = name_or_path
        self._slots = _at_least(1, slots=slots)
        self._context_tokens = _at_least(1, context_tokens=context_tokens)
        self._threads = default_threads() if threads is None else _at_least(1, threads=threads)
        self._cache_mib = _at_least(0, cache_mib=cache_mib)
        self._key = SecretStr("")
        self._name = ""
        self._running: list[Any] = []
        weakref.finalize(self, self._running.clear)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def __repr__(self) -> str:
        """Show what is served and where, without the key."""
        where = self._running[0].listening_address if self._running else "stopped"
        return f"LocalServer({self._name or self._name_or_path!r}, {where})"

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return bool(self._running)

    @property
    def base_url(self) -> str:
        """Where OpenAI's API begins, for any client that also gets `api_key`."""
        return f"{self._address}/v1"

    @property
    def api_key(self) -> SecretStr:
        """The key of this start."""
        return self._key

    def start(self) -> Self:
        """Fetch the weights if need be, load them and serve; does nothing when it serves already.

        Raises:
            WeightsError: In one line, when the weights cannot be found, fetched or loaded.
            MissingExtraError: When `xllamacpp` is not installed.
        """
        if self._running:
            return self
        engine = _engine()
        path = weights_file(self._name_or_path)
        self._name = path.stem
        self._key = SecretStr(secrets.token_urlsafe())
        try:
            with ThreadPoolExecutor(max_workers=1) as starting:  # Ctrl-C waits until it has begun
                starting.submit(self._begin, engine, path).result()
        except RuntimeError as error:
            raise WeightsError(
                f"llama.cpp could not load `{path}`: the file is incomplete, or a kind of model "
                f"that `xllamacpp` {engine.__version__} does not know."
            ) from error
        return self

    def stop(self) -> None:
        """End the server and free its memory; does nothing when it is stopped."""
        self._running.clear()  # the engine stops when nothing refers to it

    def chat_model(self, **options: Any) -> LocalChatModel:
        """Return a chat model that talks to this server.

        Args:
            options: Fields of `ChatOpenAI`, such as `temperature` or `max_tokens`.
        """
        defaults: dict[str, Any] = {
            "model": self._name,
            "base_url": self.base_url,
            "api_key": self._key,
            "slots": self._slots,
            "stream_usage": True,
            "timeout": None,  # a long answer may take minutes
            "max_retries": 0,
            "custom_get_token_ids": self.token_ids,  # also keeps the server alive
            # No proxy to a neighbour, and no connection that outlives its event loop.
            "http_client": DefaultHttpxClient(trust_env=False, headers=_CLOSE),
            "http_async_client": DefaultAsyncHttpxClient(trust_env=False, headers=_CLOSE),
        }
        return LocalChatModel(**{**defaults, **options})

    def token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text, as the model reads it."""
        return cast("list[int]", self._post("/tokenize", {"content": text})["tokens"])

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text; a finished response took one more, which ended it."""
        return len(self.token_ids(text))

    @property
    def _address(self) -> str:
        if not self._running:
            raise ConfigurationError(f"`{self!r}` is not running: call `start()` or use `with`.")
        return str(self._running[0].listening_address)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = HTTPConnection(urlsplit(self._address).netloc)
        headers = {
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Content-Type": "application/json",
        }
        try:
            connection.request("POST", path, json.dumps(body), headers)
            return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def _begin(self, engine: ModuleType, path: Path) -> None:
        self._running.append(engine.Server(self._parameters(engine, path)))
        # The engine hangs when it is ended before its loop has begun: answer something first.
        self._post("/completion", {"prompt": "a", "n_predict": 0})

    def _parameters(self, engine: ModuleType, path: Path) -> object:
        parameters = engine.CommonParams()
        parameters.model.path = str(path)
        parameters.model_alias = {self._name}
        parameters.n_parallel = self._slots
        parameters.n_ctx = self._slots * self._context_tokens
        parameters.cpuparams.n_threads = self._threads
        parameters.cpuparams_batch.n_threads = self._threads
        parameters.cache_ram_mib = self._cache_mib
        parameters.api_keys = [self._key.get_secret_value()]
        parameters.cors_origins = ""  # no web page may talk to it
        parameters.ui = False
        parameters.offline = True
        parameters.verbosity = 0
        return parameters


@types_checked()
def local_chat_model(
    name_or_path: str | Path | None = None,
    *,
    slots: int = SLOTS,
    context_tokens: int = CONTEXT_TOKENS,
    threads: int | None = None,
    **options: Any,
) -> LocalChatModel:
    """Start a small model in this process and return it as a chat model.

    Every call starts a server of its own, which ends with the model. Without arguments it is
    SmolLM2-135M-Instruct, fetched once (93 MB) unless it is installed.

    Args:
        name_or_path: Which weights, as `weights_file` understands it.
        slots: How many responses are made at once.
        context_tokens: Longest prompt and response together.
        threads: Compute threads; one less than there are cores by default.
        options: Fields of `ChatOpenAI`, such as `temperature` or `max_tokens`.

    Raises:
        WeightsError: In one line, when the weights cannot be found, fetched or loaded.
        MissingExtraError: When `xllamacpp` is not installed.

    Example:
        ```python
        model = local_chat_model(temperature=0.7, max_tokens=100)
        print(model.invoke("Why is the sky blue?").text)
        ```
    """
    server = LocalServer(name_or_path, slots=slots, context_tokens=context_tokens, threads=threads)
    return server.start().chat_model(**options)


def default_threads() -> int:
    """Return one less than the cores that this process may use, and at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 2) - 1)


def _engine() -> ModuleType:
    try:
        return import_module("xllamacpp")
    except ImportError:
        raise MissingExtraError("xllamacpp", "local") from None


def _at_least(minimum: int, **setting: int) -> int:
    ((name, value),) = setting.items()
    if value < minimum:
        raise SettingsError(f"`{name}` must be at least {minimum}, got {value}.")
    return value
