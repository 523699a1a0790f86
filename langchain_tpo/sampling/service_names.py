"""How a model is called where it is asked: its class, its name and the address of its service.

Two objects of one name at one address are one model, and what it refuses it refuses of both. Knows
the fields of LangChain's classes; knows nothing of what is asked.
"""

import re
from functools import lru_cache

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.wrappers import innermost
from langchain_tpo.text.secrecy import without_credentials

_NAMES = ("model_name", "model", "model_id")
_ADDRESS = re.compile(r"(?:base_url|api_base|endpoint(?:_url)?|api_url)$")
"""How fields are called that hold an address."""


def service_name(model: object) -> str:
    """Return a model's name as its service knows it.

    Read from the model for every request, since a model can be changed; so it has to be quick.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> service_name(FakeListChatModel(responses=["Oil it."]))
        'FakeListChatModel'
    """
    model = itself(model)
    if not isinstance(model, BaseChatModel):
        return f"{type(model).__name__} {model.get_name()}" if isinstance(model, Runnable) else ""
    kind = type(model)
    address = _first_text(model, _address_fields(kind))
    if not address and _possible(kind, ("llm",)):  # as `ChatHuggingFace` has it
        address = _first_text(getattr(model, "llm", None), ("endpoint_url",))
    return _spelled(kind.__name__, _first_text(model, _possible(kind, _NAMES)), address)


def itself(model: object) -> object:
    """Return the model that answers where somebody else asks it."""
    return innermost(model.model) if isinstance(model, AskedThrough) else model


def _first_text(holder: object, names: tuple[str, ...]) -> str:
    for name in names:
        value = getattr(holder, name, None)
        if isinstance(value, str) and value:
            return value
    return ""


@lru_cache(maxsize=256)
def _address_fields(kind: type[BaseChatModel]) -> tuple[str, ...]:
    return tuple(name for name in kind.model_fields if _ADDRESS.search(name))


@lru_cache(maxsize=256)
def _possible(kind: type[BaseChatModel], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that objects of a class can have: pydantic is slow to miss one."""
    if kind.model_config.get("extra") == "allow":
        return names
    return tuple(name for name in names if name in kind.model_fields or hasattr(kind, name))


@lru_cache(maxsize=256)
def _spelled(kind: str, name: str, address: str) -> str:
    """Put it together without the keys and passwords that an address can hold: a slow search."""
    words = [kind, name, address and f"at {without_credentials(address)}"]
    return " ".join(filter(None, words))
