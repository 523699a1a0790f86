"""Where a chat model takes its options: in fields, as keywords, or in a place of its own.

LangChain's classes agree on the names of their fields, nearly, and not at all on keywords. Knows
classes; knows nothing of what a service refuses.
"""

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel

from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.bound_arguments import STRUCTURED_ARGUMENTS, TOOL_ARGUMENTS
from langchain_tpo.sampling.refusals import OTHER_NAMES
from langchain_tpo.sampling.wrappers import innermost, mapped

PART_OF_THE_ANSWER = TOOL_ARGUMENTS | STRUCTURED_ARGUMENTS | {"stop"}
"""Arguments that say what an answer is, not how it is drawn: never left out."""

_KEYWORDS = frozenset({"ChatHuggingFace"})
"""Classes whose fields are not all sent; their keywords are."""

_OF_TRANSFORMERS = {
    "max_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
}
"""How a pipeline of transformers calls them."""


def placed(model: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 whatever stands for one
    """Return the model with every option that it has a field for, and the rest as keywords.

    Args:
        model: A chat model, or another Runnable that stands for one.
        options: What is asked of it, by LangChain's names.
    """
    if isinstance(model, AskedThrough):
        changed = mapped(model.model, lambda one: placed(one, options)[0])
        return model.with_model(changed), placed(innermost(model.model), options)[1]
    if in_process(model):
        return model, _in_pipeline(options)
    fields: Mapping[str, Any] = {}
    if isinstance(model, BaseChatModel) and type(model).__name__ not in _KEYWORDS:
        fields = type(model).model_fields
    places = {name: _place(name, fields) for name in options}
    kept = {field: options[name] for name, field in places.items() if field is not None}
    changed = model.model_copy(update=kept) if kept else model
    return changed, {name: options[name] for name, field in places.items() if field is None}


def in_process(model: object) -> bool:
    """Return whether a chat model is a pipeline of transformers in this process."""
    return hasattr(getattr(model, "llm", None), "pipeline")


def _in_pipeline(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as such a pipeline takes them; by itself it repeats the prompt."""
    known = {
        name: options[option]
        for option, name in _OF_TRANSFORMERS.items()
        if options.get(option) is not None
    }
    if known.get("temperature") == 0:  # transformers divides by it
        known = {"max_new_tokens": known["max_new_tokens"]} if "max_new_tokens" in known else {}
        known["do_sample"] = False
    elif "temperature" in known or "top_p" in known:
        known["do_sample"] = True
    rest = {name: value for name, value in options.items() if name not in _OF_TRANSFORMERS}
    given = rest.pop("pipeline_kwargs", {})
    return {**rest, "pipeline_kwargs": {"return_full_text": False, **known, **given}}


def _place(option: str, fields: Mapping[str, Any]) -> str | None:
    if option in PART_OF_THE_ANSWER:
        return None
    return next((name for name in OTHER_NAMES.get(option, (option,)) if name in fields), None)
