"""When LangChain's cache may answer for a chat model that is made of others.

A cache files answers under what a model says of itself; what the parts say of themselves has to be
in it, and what only a call's config sets no cache is told.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.load import dumpd
from langchain_core.load.serializable import Serializable
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_tpo.loop.run_state import fingerprint
from langchain_tpo.sampling.in_turn import ModelsInTurn
from langchain_tpo.sampling.inner_calls import PER_CALL

_PLACE = re.compile(r" at 0x[0-9a-f]+")
"""Where in memory something lies, which is another place in the next process."""


def key_of(parts: Iterable[object]) -> str:
    """Return sixteen characters that differ where what can be written down of parts differs.

    A key to a service has no part in it, and nothing else can be read out of it.

    Args:
        parts: Models, rewards and settings. Of a function that is its name.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> one, other = (FakeListChatModel(responses=[text]) for text in ("a", "b"))
        >>> key_of([one]) == key_of([other]), len(key_of([one]))
        (False, 16)
    """
    said = json.dumps([_said(part) for part in parts], sort_keys=True)
    return fingerprint(_PLACE.sub("", said))


def set_by_call(configurable: Mapping[str, Any], parts: Iterable[object]) -> bool:
    """Return whether a call's config changes settings, or what one of the parts is.

    Args:
        configurable: Of the call's config.
        parts: Those that may have something to set at run time.

    Example:
        >>> set_by_call({"thread_id": "1"}, []), set_by_call({"tpo_settings": ...}, [])
        (False, True)
    """
    specs = [spec.id for part in parts if isinstance(part, Runnable) for spec in part.config_specs]
    return not configurable.keys().isdisjoint({PER_CALL, *specs})


def _said(part: object) -> object:
    """Return what can be written down of a part, and of what it is made of."""
    match part:
        case Serializable() if part.is_lc_serializable():
            return dumpd(part)
        case BaseModel():
            shown = (name for name, field in type(part).model_fields.items() if not field.exclude)
            return [type(part).__name__, {name: _said(getattr(part, name)) for name in shown}]
        case ModelsInTurn():
            return _said(part.models)
        case Mapping():
            return {str(name): _said(value) for name, value in part.items()}
        case list() | tuple():
            return [_said(value) for value in part]
        case _:
            return repr(part)
