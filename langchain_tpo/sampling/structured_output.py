"""How LangChain's chat models make structured output: a model with a form bound, a parser behind.

What is made in another way is not taken apart. Knows models; knows nothing of what is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableSequence

from langchain_tpo.sampling.wrappers import ChatModel, is_chat_model

Schema = dict[str, Any] | type
"""Whatever `with_structured_output` takes."""


@dataclass(frozen=True)
class Structured:
    """The two halves of structured output."""

    model: ChatModel
    """The chat model with the form bound to it."""
    parser: Runnable[Any, Any]
    """Reads its messages."""


def taken_apart(model: Any, schema: Schema, options: Mapping[str, Any]) -> Structured | None:  # noqa: ANN401 not all have the method
    """Return the halves of a chat model's own structured output; None where it has no halves.

    Args:
        model: A chat model without wrappers.
        schema: What a reply has to fit.
        options: As for `with_structured_output`.
    """
    chain = model.with_structured_output(schema, **options)
    if not isinstance(chain, RunnableSequence) or not is_chat_model(chain.first):
        return None
    first, second, *rest = chain.steps
    return Structured(first, RunnableSequence(second, *rest) if rest else second)
