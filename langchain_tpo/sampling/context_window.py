"""When a prompt is longer than a model's window: how servers say so, and how tokens are counted.

Knows the words of providers; knows nothing of what the prompt quotes.
"""

import re
from collections.abc import Sequence

from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

from langchain_tpo.sampling.wrapped_models import innermost
from langchain_tpo.sampling.wrappers import ChatModel

TEMPLATE_TOKENS = 48
"""What a chat template adds: turn markers, and the system message that some of them bring along."""

_SAID = re.compile(
    r"""
      context_length_exceeded                                 # OpenAI and its imitators
    | exceeds\ the\ context\ window                           # OpenAI's Responses API
    | maximum\ (?:context|prompt)\ length                     # vLLM, SGLang, Mistral; xAI
    | exceed_context_size_error                               # llama.cpp
    | exceeds\ the\ available\ context\ size                  # llama.cpp
    | input\ length\ exceeds\ the\ context\ length            # Ollama
    | inputs`?\ tokens\ \+\ `?max_new_tokens`?\ must\ be\ <=  # TGI
    | inputs`?\ must\ have\ less\ than\ \d+\ tokens            # TGI, the prompt alone
    | prompt\ is\ too\ long                                   # Anthropic
    | exceed\ context\ limit                                  # Anthropic, with `max_tokens`
    | exceeds\ the\ maximum\ number\ of\ tokens\ allowed       # Gemini
    | input\ is\ too\ long\ for\ requested\ model             # Bedrock
    | reduce\ the\ length\ of\ the\ (?:messages|input)        # Groq
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_too_long(error: Exception) -> bool:
    """Return whether an error of a model's means that the prompt does not fit its window.

    LangChain's own `ContextOverflowError` says so by its type; other errors by their words.

    Example:
        >>> is_too_long(ValueError("This model's maximum context length is 4096 tokens."))
        True
        >>> is_too_long(ValueError("Rate limit reached: 30000 tokens per minute."))
        False
    """
    return isinstance(error, ContextOverflowError) or _SAID.search(str(error)) is not None


def count_tokens(model: ChatModel, messages: Sequence[BaseMessage]) -> int:
    """Count the tokens of a prompt: with the model's tokenizer where it has one at hand.

    Any other model's are estimated at four characters each: most of LangChain's counters fetch
    a tokenizer from the network.

    Args:
        model: A chat model, wrapped or not.
        messages: The prompt.
    """
    inside = innermost(model)
    if isinstance(inside, BaseChatModel) and inside.custom_get_token_ids is not None:
        own = sum(inside.get_num_tokens(message.text) for message in messages)
        return own + TEMPLATE_TOKENS
    return count_tokens_approximately(messages) + TEMPLATE_TOKENS
