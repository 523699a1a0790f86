"""Whether a judge scores what it wrote itself. Knows models; changes no score."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from pydantic import BaseModel

logger = logging.getLogger(__name__)

DEEPEST = 6
"""Levels that are looked through; no reward model is built of more."""

_VERSION = re.compile(r"(?:[-@:]latest|[-@:]\d{4}-?\d{2}-?\d{2})\Z")
"""How a name says which version of a model it means."""

_NAME_FIELDS = ("model_name", "model", "model_id", "repo_id", "deployment_name")
"""Fields in which chat models keep the name of their model."""


def prefers_itself(policy: object, reward: object) -> str | None:
    """Return the name of the model that would judge its own responses; None when there is none.

    Two objects that name the same model count as the same one, whoever serves it and whatever the
    date of its version. Judges favour what they wrote themselves, so that a gain by such a reward
    may be none.

    Args:
        policy: The model that answers, wrapped or not.
        reward: A reward model; judges inside of ensembles and wrappers are found.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_tpo.reward_models import ChatJudge
        >>> model = FakeListChatModel(responses=["a"])
        >>> prefers_itself(model, ChatJudge(model)), prefers_itself(model, None)
        ('FakeListChatModel', None)
    """
    answering = list(_models(policy, 0))
    for judge in _models(reward, 0):
        if any(_same(one, judge) for one in answering):
            return str(_name(judge) or type(judge).__name__)
    return None


def warn_of_self_preference(policy: object, reward: object) -> None:
    """Log a warning when a judge is the policy itself, once for each model.

    Args:
        policy: The model that answers.
        reward: The reward model.
    """
    if name := prefers_itself(policy, reward):
        _warn(name)


@cache
def _warn(name: str) -> None:
    logger.warning(
        "`%s` judges its own responses: judges favour what they wrote, so give the reward another "
        "model before you trust a gain.",
        name,
    )


def _models(value: object, depth: int) -> Iterator[BaseChatModel]:
    """Return the chat models that something holds, a few levels deep."""
    if isinstance(value, BaseChatModel):
        yield value
    elif depth < DEEPEST:
        for part in _parts(value):
            yield from _models(part, depth + 1)


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, RunnableBindingBase):
        return [value.bound]
    if isinstance(value, RunnableWithFallbacks):
        return [value.runnable, *value.fallbacks]
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in type(value).model_fields]
    return []


def _same(one: BaseChatModel, other: BaseChatModel) -> bool:
    if one is other:
        return True
    names = [_name(model) for model in (one, other)]
    bare = {_VERSION.sub("", name.rpartition("/")[2].casefold()) for name in names if name}
    return all(names) and len(bare) == 1


def _name(model: BaseChatModel) -> str | None:
    found = (getattr(model, field, None) for field in _NAME_FIELDS)
    return next((name for name in found if isinstance(name, str)), None)
