"""Reads how sure a judge is that response A is better where it wrote no JSON. Pure."""

import re
from typing import TypeVar

from pydantic import BaseModel

from langchain_tpo.reward_models.judges.replies import (
    AT_THE_END,
    AmbiguousVerdict,
    NoVerdict,
    answer_of,
    read_json,
)

FormT = TypeVar("FormT", bound=BaseModel)

_SURE = re.compile(
    r"\ba[ _]is[ _]better\b\W{1,8}?((?<!-)\d{1,3}(?:\.\d+)?)"
    r"(?![\w/]|[.,]\d|\s*(?:[-\u2013]|to\b)\s*\d)",
    re.IGNORECASE,
)
"""How a comparison is written where no JSON was: "A is better: 80%"."""
_SURE_ALONE = re.compile(r"[\s*]*(\d{1,3}(?:\.\d+)?(?=\s*%)|\d{2,3})\s*%?[\s*.]*")
"""A reply that is nothing else; "1" and "2" alone may name a response."""


def read_comparison(text: str, form: type[FormT]) -> FormT:
    """Read a comparison: a JSON object that fits the form, or else a percentage at the end.

    Args:
        text: A model's reply.
        form: What the object has to hold; it has a field `a_is_better`.

    Raises:
        UnreadableVerdict: When there is neither, or more than one that differ.

    Example:
        >>> from langchain_tpo.reward_models.judges.forms import ComparisonForm
        >>> read_comparison("Both are short. A is better: 80%", ComparisonForm)
        ComparisonForm(a_is_better=80.0)
    """
    try:
        return read_json(text, form)
    except NoVerdict as unread:
        answer = answer_of(text).strip()
        alone = _SURE_ALONE.fullmatch(answer)
        said = [alone] if alone else list(_SURE.finditer(answer))
        if not said or said[-1].end() <= len(answer) - AT_THE_END:
            raise unread from None
    if len({float(one[1]) for one in said}) > 1:
        raise AmbiguousVerdict("The judge's reply holds percentages that differ.")
    why = {"rationale": answer} if "rationale" in form.model_fields else {}
    return form.model_validate({**why, "a_is_better": float(said[-1][1])})
