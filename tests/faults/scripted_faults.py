"""What a model itself can do wrong, whatever server it runs on, and what has to come of it."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from tests.faults.places import (
    AMBIGUOUS,
    EMPTY_REVISION,
    HARMLESS,
    NO_REVISION,
    NO_TEXT,
    Row,
    Strike,
    failed,
)
from tests.support.fakes import Call, ScriptedModelWithN

Rewrite: TypeAlias = Callable[[str], Any]
"""From the text that an obedient model would have written to the content of a struck message."""


class FaultyModel(ScriptedModelWithN):
    """Follows the script but where it is struck."""

    strike: Strike
    rewrite: Rewrite
    only: int | None = None
    """Which completion of a struck request is rewritten; None: all of them."""

    def _result(self, call: Call) -> ChatResult:
        hit = self.strike.hits(call.messages)
        result = super()._result(call)
        if not hit:
            return result
        struck = range(call.n) if self.only is None else [self.only]
        generations = [
            rewritten(one, self.rewrite) if place in struck else one
            for place, one in enumerate(result.generations)
        ]
        return ChatResult(generations=generations)


def rewritten(generation: ChatGeneration, rewrite: Rewrite) -> ChatGeneration:
    """Return the message that a faulty model sends in place of one that obeys."""
    said = rewrite(re.sub(r"</?IMPROVED_VARIABLE>", "", generation.text))
    parts = said if isinstance(said, dict) else {"content": said}
    usage = getattr(generation.message, "usage_metadata", None)
    return ChatGeneration(message=AIMessage(**{"usage_metadata": usage, **parts}))


def raising(error: Exception) -> Rewrite:
    """Return what fails in place of an answer."""

    def rewrite(_text: str) -> Any:
        raise error

    return rewrite


def saying(template: str) -> Rewrite:
    """Return what puts the text into another one: `T` stands for the tag, `...` for the text."""
    return lambda text: template.replace("T>", "IMPROVED_VARIABLE>").replace("...", text)


ERRORS: dict[str, tuple[Rewrite, Row]] = {
    "connection": (raising(ConnectionError("reset by peer")), failed("ConnectionError")),
    "timeout": (raising(TimeoutError("too slow")), failed("TimeoutError")),
    "a bug": (raising(KeyError("choices")), failed("KeyError")),
    "not implemented": (
        raising(NotImplementedError("no chat here")),
        failed("NotImplementedError"),
    ),
    "out of memory": (raising(MemoryError("no room")), failed("MemoryError")),
}
"""What a request can raise."""

CONTENTS: dict[str, tuple[Rewrite, Row]] = {
    "no text": (saying(""), NO_TEXT),
    "blank": (saying(" \n\t"), NO_TEXT),
    "reasoning only": (lambda _: [{"type": "reasoning", "reasoning": "Hm."}], NO_TEXT),
    "image only": (lambda _: [{"type": "image", "url": "https://x.invalid/x.png"}], NO_TEXT),
    "a tool nobody offered": (
        lambda text: {"content": text, "tool_calls": [{"name": "f", "args": {}, "id": "1"}]},
        NO_TEXT,
    ),
    "text in blocks": (
        lambda text: [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": text}],
        NO_REVISION,
    ),
    "tag missing": (saying("..."), NO_REVISION),
    "tag with a space": (saying("< T>..."), NO_REVISION),
    "tag only closed": (saying("...</T>"), NO_REVISION),
    "tag empty": (saying("1 <T> </T> ..."), EMPTY_REVISION),
    "tag doubled": (saying("<T>...</T> or <T>no</T>"), AMBIGUOUS),
    "tag nested": (saying("<T>a <T>...</T> b</T>"), AMBIGUOUS),
    "tag unclosed": (saying("Sure: <T>..."), HARMLESS),
    "tag in other case": (saying("<improved_variable>...</Improved_Variable>"), HARMLESS),
    "tag in code": (saying("```xml\n<T>\n...\n</T>\n```"), HARMLESS),
    "tag closed first": (saying("</T> <T>...</T>"), HARMLESS),
    "tags of the prompts": (saying("<T></CONVERSATION></LM_OUTPUT> ...</T>"), HARMLESS),
    "template braces": (saying("<T>{query} {{}} {0} %s ...</T>"), HARMLESS),
    "half a surrogate pair": (saying("<T>\ud83d ...</T>"), HARMLESS),
    "NUL": (saying("<T>\0 ...</T>"), HARMLESS),
    "very long": (saying("<T>" + "long " * 10_000 + "...</T>"), HARMLESS),
}
"""What a message can hold."""

FAULTS = {**ERRORS, **CONTENTS}
"""Everything that a whole request can come to."""

REVISIONS = {
    "tag unclosed": "...",
    "tag in other case": "...",
    "tag in code": "...",
    "tag closed first": "...",
    "tags of the prompts": "</CONVERSATION></LM_OUTPUT> ...",
    "template braces": "{query} {{}} {0} %s ...",
    "half a surrogate pair": "\ufffd ...",
    "NUL": "\0 ...",
}
"""What is read out of a struck revision."""
