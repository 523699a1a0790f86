"""Chat models by the strings that users type.

`local` is the embedded model, `python:module:attribute` the user's own, anything else is a string
of LangChain's `init_chat_model`. Knows no settings.
"""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import isclass
from typing import Any, cast
from urllib.parse import urlsplit

from langchain_core.runnables import Runnable
from pydantic import ValidationError

from langchain_tpo.cli.python_objects import python_object
from langchain_tpo.errors import ConfigurationError, MissingExtraError
from langchain_tpo.sampling.wrappers import ChatModel, check_chat_model
from langchain_tpo.text.secrecy import without_credentials

SELF_HOSTED_KEY = "-"
"""What an OpenAI-compatible server of your own is sent where no key is set: clients want one."""


def chat_model(
    text: str, *, base_url: str | None = None, options: Mapping[str, Any] | None = None
) -> ChatModel:
    """Return the chat model that a string names.

    Args:
        text: `local`, `local:NAME_OR_PATH`, `python:module:attribute`, or a string that
            LangChain's `init_chat_model` knows, such as `openai:gpt-4o-mini`.
        base_url: Where the provider's API is served, such as `http://127.0.0.1:8000/v1`.
        options: Fields of the chat model, such as `temperature`.

    Raises:
        ConfigurationError: In one line, when there is no such model or it cannot be built.
        MissingExtraError: When a package is missing.

    Example:
        >>> chat_model("python:math:pi")
        Traceback (most recent call last):
        langchain_tpo.errors.ModelTypeError: `python:math:pi` must be a LangChain chat model, got \
float `3.141592653589793`, which is no Runnable.
    """
    if not text.strip():  # LangChain would wait for the model's name until it is asked
        raise ConfigurationError(
            f"A model must have a name, such as `openai:gpt-4o-mini`, got `{text}`."
        )
    scheme, _, rest = text.partition(":")
    if scheme in {"local", "python"} and base_url is not None:
        raise ConfigurationError(
            f"`--base-url` goes with a provider such as `openai:...`, got `{text}`: drop it."
        )
    if scheme == "local":
        return _local(rest or None, dict(options or {}))
    if scheme == "python":
        if options:
            raise ConfigurationError(
                f"`[model_options]` go with `local` or a provider, got `{text}`: drop them, and "
                "set them where that model is made."
            )
        return _own(text, python_object(rest))
    return _provided(text, base_url, dict(options or {}))


def model_label(text: str, base_url: str | None) -> str:
    """Name a model in a manifest: its string and where it is served, without credentials.

    Example:
        >>> model_label("openai:gpt-4o", "http://me:secret@host:8000/v1?key=secret")
        'openai:gpt-4o at http://host:8000/v1'
    """
    if base_url is None:
        return text
    address = base_url.partition("?")[0]
    scheme, _, rest = address.partition("://")
    return f"{text} at {scheme}://{rest.rpartition('@')[2]}"


def _local(name_or_path: str | None, options: dict[str, Any]) -> ChatModel:
    local = import_module("langchain_tpo.local")
    return cast("ChatModel", local.local_chat_model(name_or_path, **options))


def _own(text: str, found: object) -> ChatModel:
    """Take the model itself, or call what makes it."""
    if not isinstance(found, Runnable) and (isclass(found) or callable(found)):
        found = cast("Callable[[], object]", found)()
    return check_chat_model(found, field=text)


def _provided(text: str, base_url: str | None, options: dict[str, Any]) -> ChatModel:
    try:
        init_chat_model = import_module("langchain.chat_models").init_chat_model
    except ImportError:
        raise MissingExtraError("langchain", "cli") from None
    if base_url is not None:
        _check_address(base_url)
        text = text if ":" in text else f"openai:{text}"
        options["base_url"] = base_url
        if text.startswith("openai:") and not os.environ.get("OPENAI_API_KEY"):
            options.setdefault("api_key", SELF_HOSTED_KEY)
    try:
        return cast("ChatModel", init_chat_model(text, **options))
    except Exception as error:  # noqa: BLE001 see below
        # Each provider's package has errors of its own for a missing key or an unknown option.
        raise ConfigurationError(f"`{text}` could not be set up: {_one_line(error)}") from None


def _check_address(base_url: str) -> None:
    """Refuse what no client could reach, and what every client's log would show.

    What was typed is not repeated: without `http://` a password is told from a port by nobody.
    """
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("`base_url` must look like `http://127.0.0.1:8000/v1`.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "`base_url` must hold no user, password, query or fragment: put the key into the "
            "provider's environment variable, or into `api_key` of `[model_options]`."
        )


def _one_line(error: Exception) -> str:
    """Say what is wrong, without the options that pydantic's own line quotes."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"`{place}`: {first['msg']}" if place else first["msg"]
    return without_credentials(" ".join(str(error).split())) or type(error).__name__
