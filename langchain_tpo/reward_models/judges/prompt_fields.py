"""What a judge's prompt asks for, in the words of whoever wrote it, and where that comes from.

A published prompt can be handed over as it is: `{instruction}` is the conversation, `{answer_a}`
the first response, and braces that are no field stay braces. Pure; knows no wording.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from string import Formatter
from types import MappingProxyType
from typing import TypeAlias

from langchain_core.prompts import (
    ChatMessagePromptTemplate,
    ChatPromptTemplate,
    MessagesPlaceholder,
)
from langchain_core.prompts.chat import MessageLikeRepresentation

from langchain_tpo.errors import PromptError, RewardTypeError
from langchain_tpo.reward_models.function_arguments import reference_name
from langchain_tpo.reward_models.interface import in_context

JudgePrompt: TypeAlias = ChatPromptTemplate | str | Sequence[tuple[str, str]]
"""A prompt: a template, a text for one user message, or texts by role."""

_TWO = (
    *("response", "answer", "output", "candidate", "completion", "assistant", "model"),
    "assistantresponse",
)
_SPELLINGS = MappingProxyType(
    {
        **dict.fromkeys(
            ("query", "instruction", "question", "prompt", "input", "userquery", "userinput"),
            "query",
        ),
        **dict.fromkeys(("userprompt", "userquestion", "question1", "conversation"), "query"),
        **dict.fromkeys(
            ("response", "answer", "output", "completion", "modeloutput", "modelresponse"),
            "response",
        ),
        "assistantresponse": "response",
        **{f"{word}{end}": "response_a" for word in _TWO for end in ("a", "1")},
        **{f"{word}{end}": "response_b" for word in _TWO for end in ("b", "2")},
        **dict.fromkeys(("criteria", "rubric", "rubrics", "scorerubric"), "criteria"),
        **dict.fromkeys(
            ("passcriteria", "evaluationcriteria", "principle", "rubricobjective"), "criteria"
        ),
        **dict.fromkeys(("reference", "referenceanswer", "refanswer", "refanswer1"), "reference"),
        "history": "history",
        "messages": "messages",
        "scale": "scale",
        "form": "form",
    }
)
"""What the fields of published prompts hold, by their names without case, `_`, `$` and `orig`."""

EVERYWHERE = frozenset({"messages", "history", "reference"})
"""What any judge's prompt may ask for: the conversation as messages, what came before its last
message, and the reference answer of the request's context."""

_FIELD = re.compile(r"\{\{\s*\$?(\w+)\s*\}\}|\{\s*\$?(\w+)\s*\}")
_CHATML = re.compile(r"\s*<\|im_start\|>(system|user|assistant)\n(.*?)<\|im_end\|>\s*", re.DOTALL)
_MARKER = re.compile(r"\s*(?:\[|#|<\||\*{3}|-{3}|={3})")


def own_name(name: str) -> str | None:
    """Return what a field of a published prompt is called here; None where nobody can tell.

    Example:
        >>> own_name("orig_instruction"), own_name("answer_a"), own_name("checklist")
        ('query', 'response_a', None)
    """
    plain = name.lower().replace("_", "").strip("$")
    return _SPELLINGS.get(plain) or _SPELLINGS.get(plain.removeprefix("orig"))


def as_template(prompt: object, fields: Mapping[str, str]) -> object:
    """Return texts as a chat prompt in which only fields are fields; anything else as it is.

    Args:
        prompt: A text for one user message, or pairs of role and text.
        fields: Where fields come from, by the prompt's names; those of `own_name` besides.

    Example:
        >>> prompt = as_template('Rate {answer} to {question} as {"score": 4}.', {})
        >>> sorted(prompt.input_variables)
        ['answer', 'question']
    """
    if isinstance(prompt, str):
        return as_template(_by_role(prompt), fields)
    if isinstance(prompt, ChatPromptTemplate) or not isinstance(prompt, Sequence):
        return prompt
    if not all(isinstance(one, tuple) and len(one) == 2 for one in prompt):  # noqa: PLR2004 a pair
        return prompt
    return ChatPromptTemplate([_message(role, text, fields) for role, text in prompt])


def _by_role(prompt: str) -> list[tuple[str, str]]:
    """Return a text as one user message, or as those that it marks as ChatML does."""
    marked = list(_CHATML.finditer(prompt))
    if not marked or "".join(one[0] for one in marked) != prompt:
        return [("human", prompt)]
    return [(one[1], one[2].removesuffix("\n")) for one in marked]


def _message(role: str, text: str, fields: Mapping[str, str]) -> MessageLikeRepresentation:
    if role == "placeholder":
        return MessagesPlaceholder(text.strip("{} "))
    escaped = text if _is_format(text, fields) else _escaped(text, fields)
    if role in ("system", "human", "user", "ai", "assistant"):
        return role, escaped
    return ChatMessagePromptTemplate.from_template(escaped, role=role)


def _known(name: str, fields: Mapping[str, str]) -> bool:
    return name in fields or own_name(name) is not None


def _is_format(text: str, fields: Mapping[str, str]) -> bool:
    """Whether a text is a Python format string: every brace of it is a known field or doubled."""
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return False
    return bool(parts) and all(
        bool(re.fullmatch(r"\w+", str(name))) and _known(str(name), fields) and not (spec or turn)
        for _, name, spec, turn in parts
    )


def _escaped(text: str, fields: Mapping[str, str]) -> str:
    """Double every brace but those of known fields, also written `{{name}}` or `{$name}`."""
    written, last = "", 0
    for found in _FIELD.finditer(text):
        name = found[1] or found[2]
        if _known(name, fields):
            written += _doubled(text[last : found.start()]) + f"{{{name}}}"
            last = found.end()
    return written + _doubled(text[last:])


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def asked_by(prompt: ChatPromptTemplate) -> list[str]:
    """Return what a prompt asks for, placeholders for messages included."""
    return sorted({*prompt.input_variables, *prompt.optional_variables})


def sources_of(
    prompt: ChatPromptTemplate, fields: Mapping[str, str], *, fills: Collection[str]
) -> dict[str, str]:
    """Return where each field of a prompt comes from: one of `fills`, or a field of the context.

    Args:
        prompt: A chat prompt.
        fields: Where fields come from, by the prompt's names; those of `own_name` besides.
        fills: What the judge knows by itself.

    Raises:
        PromptError: When a field is one that nobody fills, or two would be the same.
    """
    sources: dict[str, str] = {}
    for name in asked_by(prompt):
        own = name if name in fills else own_name(name)
        source = fields.get(name) or (own if own in fills else None)
        if source is None:
            raise PromptError(
                f"`prompt` of a judge asks for `{name}`, which is never filled: use "
                f"{', '.join(f'`{one}`' for one in sorted(fills))}, or say in `fields` which of "
                "them, or which field of the context, it is."
            )
        if source in sources.values() and name not in fields:
            raise PromptError(
                f"`prompt` of a judge asks twice for the `{source}`, as `{name}` too: say in "
                "`fields` what that is."
            )
        sources[name] = source
    return sources


def from_context(source: str, context: Mapping[str, object]) -> str:
    """Return a field of the context as text.

    Args:
        source: Its name, or `reference` for what the context calls so in one way or another.
        context: What is known of the question.

    Raises:
        RewardTypeError: When the context has no such field.

    Example:
        >>> from_context("reference", {"answer": 42}), from_context("steps", {"steps": ["a"]})
        ('42', '["a"]')
    """
    name = reference_name(context) if source == "reference" else source
    if name is None or name not in context:
        raise RewardTypeError(
            f"`prompt` of a judge asks for `{source}`, which the context lacks: pass "
            f"{in_context(source)}."
        )
    value = context[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def empty_texts(prompt: ChatPromptTemplate) -> list[str]:
    """Return the texts of a prompt's messages with nothing filled in."""
    nothing: dict[str, object] = {
        name: [] if name == "messages" else "" for name in asked_by(prompt)
    }
    return [str(message.text) for message in prompt.format_messages(**nothing)]


def markers_of(prompt: ChatPromptTemplate) -> frozenset[str]:
    """Return the lines of a prompt that mark a part of it, such as `[The End of Answer A]`."""
    lines = [line for text in empty_texts(prompt) for line in text.splitlines()]
    return frozenset(_as_read(line) for line in lines if _MARKER.match(line))


def unmarked(text: str, markers: Collection[str]) -> str:
    r"""Return a text in which no line is one of a prompt's marks: `>` stands before those.

    Example:
        >>> unmarked("Fine.\n[end of  answer a]", {"[end of answer a]"})
        'Fine.\n> [end of  answer a]'
    """
    if not markers:
        return text
    lines = text.splitlines(keepends=True)
    return "".join(f"> {line}" if _as_read(line) in markers else line for line in lines)


def _as_read(line: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", line).casefold().split())
