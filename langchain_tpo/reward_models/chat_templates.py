"""A conversation and one answer to it, in the form a sequence classifier was trained on.

Knows roles, turns and the control tokens that mark them. Knows no model and no server: what must
be exact comes from the checkpoint's own template, in process or behind a server that has it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypedDict

from langchain_core.messages import BaseMessage, ChatMessage

from langchain_tpo.text import conversation
from langchain_tpo.text.control_tokens import inert
from langchain_tpo.text.conversation import message_text


class Turn(TypedDict):
    """One message, as chat templates and chat servers take it."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str
    """Its text."""


Template: TypeAlias = Callable[[list[Turn]], str]
"""Makes one text of a conversation whose last turn is the answer to score.

The exact one is the checkpoint's own:
`lambda turns: tokenizer.apply_chat_template(turns, tokenize=False)`.
"""

ROLES = {"human": "user", "ai": "assistant"}
"""Chat templates' names for who speaks, where they differ from LangChain's message types."""

BOS_TEXTS = ("<|begin_of_text|>", "<|startoftext|>", "<bos>", "<s>", "[BOS]")
"""How tokenizers write "beginning of sequence"."""


def turns(
    messages: Sequence[BaseMessage], response: str, control_tokens: Iterable[str] = ()
) -> list[Turn]:
    """Return the conversation with `response` as its last turn, every text made inert.

    Args:
        messages: The conversation, oldest first.
        response: The answer to score.
        control_tokens: Tokens of the classifier's tokenizer, beside those that are known.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> turns([HumanMessage("Why?")], "Because.")
        [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'Because.'}]
    """
    tokens = tuple(control_tokens)
    asked = [Turn(role=_role(m), content=inert(message_text(m), tokens)) for m in messages]
    return [*asked, Turn(role="assistant", content=inert(response, tokens))]


def transcript(turns: list[Turn]) -> str:
    """Return a plain transcript: for a classifier of ordinary text, not for a chat reward model.

    Example:
        >>> print(transcript([{"role": "user", "content": "Why?"}]))
        User: Why?
    """
    return conversation.transcript((turn["role"].capitalize(), turn["content"]) for turn in turns)


def llama3(turns: list[Turn]) -> str:
    r"""Return the turns as Llama 3 writes them, for FsfairX-LLaMA3-RM-v0.1 and its kin.

    Llama 3.1 and later add a system turn with dates: there, use the checkpoint's own template.

    Example:
        >>> llama3([{"role": "user", "content": "Why?"}])
        '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>'
    """
    return "<|begin_of_text|>" + "".join(
        f"<|start_header_id|>{turn['role']}<|end_header_id|>\n\n{turn['content'].strip()}<|eot_id|>"
        for turn in turns
    )


def chatml(turns: list[Turn]) -> str:
    r"""Return the turns in ChatML, without a system turn or a thinking block of their own.

    Some Qwen checkpoints add one or the other: there, use the checkpoint's own template.

    Example:
        >>> chatml([{"role": "user", "content": "Why?"}])
        '<|im_start|>user\nWhy?<|im_end|>\n'
    """
    return "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in turns)


def templated(template: Template, messages: Sequence[BaseMessage], response: str) -> str:
    """Return the conversation and its answer as one text, for a server that adds the BOS itself.

    Args:
        template: From turns to text.
        messages: The conversation, oldest first.
        response: The answer to score.
    """
    return without_bos(template(turns(messages, response)))


def without_bos(text: str) -> str:
    """Drop the BOS that a text opens with: the tokenizer adds one, and two change the score.

    Example:
        >>> without_bos("<s>Hello")
        'Hello'
    """
    for bos in BOS_TEXTS:
        if text.startswith(bos):
            return text[len(bos) :]
    return text


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    return ROLES.get(message.type, message.type)
