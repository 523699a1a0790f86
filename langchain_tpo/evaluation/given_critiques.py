"""Critiques that no model writes: a person's, from a file, or none at all.

For the question of how much the critique itself matters. Knows examples by name.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda

from langchain_tpo.errors import DatasetError
from langchain_tpo.evaluation.systems import WITHHELD

NO_CRITIQUE = "No critique is given."
"""What takes the place of a withheld critique."""

_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def read_critiques(source: str) -> Mapping[str, str] | None:
    """Return a file's critiques by the name of their example; None where they are withheld.

    Args:
        source: `withheld`, or a JSONL file of objects with `id` and `critique`.

    Raises:
        DatasetError: In one line, when the file cannot be read.
    """
    if source == WITHHELD:
        return None
    try:
        lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        return {str(row["id"]): str(row["critique"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"`{source}` holds no critiques ({error}): write one JSON object with `id` and "
            "`critique` per line."
        ) from error


def given_critic(critique: str) -> Runnable[object, AIMessage]:
    """Return a critic that always says the same, at no cost, as loss and as gradient.

    Example:
        >>> given_critic("Too long.").invoke("Criticize!").text
        'Too long.'
    """

    def say(_messages: object, **_sampling: object) -> AIMessage:
        return AIMessage(critique, usage_metadata=_NO_TOKENS)

    return RunnableLambda(say, name="given_critique")
