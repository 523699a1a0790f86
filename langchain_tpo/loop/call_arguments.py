"""Arguments of a call, as chat models take them: they reach draws and revisions, not the critic."""

from collections.abc import Mapping
from typing import Any, NoReturn

from langchain_tpo.errors import SettingsError
from langchain_tpo.sampling.bound_arguments import is_structured, offers_tools, without_tools
from langchain_tpo.settings import SamplingOptions, TPOSettings


def with_arguments(
    settings: TPOSettings, arguments: Mapping[str, Any], *, revised_with_tools: bool = False
) -> TPOSettings:
    """Return settings whose draws and revisions are made with these arguments.

    First responses are drawn as the first reply was, tools included: providers refuse a
    conversation with tool calls where no tools are offered. Revisions are texts, unless whole
    replies compete.

    Example:
        >>> tuned = with_arguments(TPOSettings(), {"temperature": 0.5, "tools": ["a tool"]})
        >>> tuned.sample.as_kwargs(), tuned.update.as_kwargs()
        ({'temperature': 0.5, 'tools': ['a tool']}, {'temperature': 0.5})
    """
    revising = arguments if revised_with_tools else without_tools(arguments)
    return settings.with_changes(
        sample=_with_extra(settings.sample, arguments),
        update=_with_extra(settings.update, revising),
    )


def _with_extra(options: SamplingOptions, arguments: Mapping[str, Any]) -> SamplingOptions:
    return options.model_copy(update={"extra": {**options.extra, **arguments}})


def check_link_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that change what a link is, not how its model answers.

    Args:
        arguments: Keyword arguments of a call, or bound to it.

    Raises:
        SettingsError: In one line, with what to use instead.

    Example:
        >>> check_link_arguments({"width": 3})
        Traceback (most recent call last):
        ...
        langchain_tpo.errors.SettingsError: `width` is no argument of a call: use \
`with_settings(width=...)`, or `config["configurable"]["tpo_settings"]` for one call.
    """
    for name in arguments:
        if name in TPOSettings.model_fields:
            raise SettingsError(
                f"`{name}` is no argument of a call: use `with_settings({name}=...)`, or "
                '`config["configurable"]["tpo_settings"]` for one call.'
            )
        if name in {"model", "reward", "critic", "settings"}:
            raise SettingsError(
                f"`{name}` is no argument of a call: set it when you build the TPORunnable, or at "
                "run time through `configurable_fields`."
            )
    if offers_tools(arguments):
        refuse_tools()
    if is_structured(arguments):
        refuse_format()


def refuse_tools() -> NoReturn:
    """Say how tools reach the loop."""
    raise SettingsError(
        "A TPORunnable is not bound to tools: hand it the model that is, "
        "`TPORunnable(model=model.bind_tools(...), ...)`, or use `ChatTPO`."
    )


def refuse_format() -> NoReturn:
    """Say how a format of the answer reaches the loop."""
    raise SettingsError(
        "A TPORunnable is not bound to a format: use `ChatTPO(...).with_structured_output(...)`."
    )
