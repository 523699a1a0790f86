"""Which question a row asks, in the shapes that public data sets have.

Knows the names and layouts of rows: AlpacaEval, Arena-Hard, MT-Bench, WildBench, SQuAD, MMLU, MBPP,
HH-RLHF, TRL, ShareGPT, OpenAI's batch, fine-tuning and eval files, LangSmith's exports. Pure.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any, TypeAlias

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    convert_to_messages,
    messages_from_dict,
)

from langchain_tpo.errors import DatasetError

Conversation: TypeAlias = tuple[tuple[BaseMessage, ...], tuple[str, ...]]
"""Messages to answer, and what the user says after the answers."""

CONTEXTS = ("context", "passage", "retrieved_contexts", "contexts", "ctxs", "passages")
"""Where rows keep what a question is asked about."""

SYSTEMS = ("system", "system_prompt", "system_message")
"""Where rows keep a system message that is not among their messages."""

_PASSAGES = ("sentences", "text", "content", "passage_text")
"""Where passages keep their words."""

CHOICES = ("choices", "options")
"""Where rows keep the answers to choose from."""

_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLES = {
    **dict.fromkeys(("human", "user", "Human"), "human"),
    **dict.fromkeys(("gpt", "chatgpt", "bard", "bing", "model", "assistant", "Assistant"), "ai"),
    "system": "system",
}
_CLASSES = {
    **dict.fromkeys(("HumanMessage", "HumanMessageChunk"), "human"),
    **dict.fromkeys(("AIMessage", "AIMessageChunk"), "ai"),
    "SystemMessage": "system",
    "ToolMessage": "tool",
}
_MESSAGE_KEYS = ("role", "type", "content", "name", "id", "tool_calls", "tool_call_id")


def unwrapped(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's own fields, out of the envelopes of OpenAI's and LangSmith's files.

    Example:
        >>> unwrapped({"inputs": {"question": "1 + 1?"}, "outputs": {"answer": "2"}})
        {'answer': '2', 'question': '1 + 1?'}
    """
    fields = {str(name): value for name, value in row.items()}
    if "inputs" in fields and isinstance(_parsed(fields["inputs"]), Mapping):
        inputs, outputs = _parsed(fields.pop("inputs")), _parsed(fields.pop("outputs", None))
        known = outputs if isinstance(outputs, Mapping) else {}
        fields |= {name: value for name, value in known.items() if name not in _SHAPES}
        fields |= inputs
    for envelope in ("body", "input"):  # OpenAI's batch and preference files
        if isinstance(fields.get(envelope), Mapping):
            fields |= fields.pop(envelope)
    if not _SHAPES.keys() & fields.keys():
        fields = {_plain_name(name): value for name, value in fields.items()}
    return fields


def conversation_of(row: Mapping[str, Any]) -> Conversation:
    """Return what a row asks.

    Args:
        row: Its own fields, as `unwrapped` returns them.

    Raises:
        DatasetError: In one line, when the shape is unknown or asks for what is not supported.

    Example:
        >>> row = {"question": "Capital of France?", "choices": ["Rome", "Paris"]}
        >>> (message,), _ = conversation_of(row)
        >>> print(message.text)
        Capital of France?
        <BLANKLINE>
        A. Rome
        B. Paris
    """
    _check_complete(row)
    for name, read in _SHAPES.items():
        if row.get(name) is not None:
            messages, follow_ups = read(row, row[name])
            return (*_before(row, messages), *messages), follow_ups
    known = ", ".join(f"`{name}`" for name in _SHAPES)
    seen = ", ".join(f"`{_short(name)}`" for name in list(row)[:6]) or "none"
    raise DatasetError(f"A row must have one of the fields {known}, got {seen}.")


def _check_complete(row: Mapping[str, Any]) -> None:
    """Refuse what a question is asked with and cannot be sent: without it, it is another one."""
    for name in ("tools", "functions"):
        if _parsed(row.get(name)):
            raise DatasetError(
                f"The row brings `{name}`, and an evaluation offers the model none: leave the "
                "field out to ask without."
            )
    for name in ("image", "images", "audio", "video"):
        if row.get(name):
            raise DatasetError(
                f"The row brings `{name}` in a column of its own: put it into the messages, as in "
                '`{"type": "image_url", ...}`, or leave the field out to ask without.'
            )


def _before(row: Mapping[str, Any], messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """Return what a row keeps apart of its messages: a system message, and earlier turns."""
    if not messages or any(message.type in ("system", "ai") for message in messages):
        return ()
    said = next((text for name in SYSTEMS if _is_prompt(text := row.get(name))), None)
    turns = [("system", said)] if said else []
    history = _parsed(row.get("history"))
    if isinstance(history, list) and history:
        if not all(map(_is_exchange, history)):
            raise DatasetError(
                f"`history` must be a list of questions with their answers, got "
                f"`{_short(history)}`."
            )
        turns += [turn for asked, said in history for turn in (("human", asked), ("ai", said))]
    return convert_to_messages(turns)


def _is_prompt(value: object) -> bool:
    """Whether a text is a system message and no name, such as a model's."""
    return isinstance(value, str) and len(value.split()) > 1


def _is_exchange(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2  # noqa: PLR2004 a question and its answer
        and all(isinstance(text, str) for text in value)
    )


def transcript_messages(text: str) -> list[BaseMessage]:
    r"""Read a transcript as Anthropic's HH-RLHF writes it.

    Example:
        >>> [m.text for m in transcript_messages("\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: So?")]
        ['Hi', 'Hello', 'So?']
    """
    _, *parts = _SPEAKER.split(text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return convert_to_messages([(_ROLES[speaker], said.strip()) for speaker, said in pairs])


def choices_of(row: Mapping[str, Any]) -> list[str]:
    """Return the answers that a row lets choose from; mostly none.

    Example:
        >>> choices_of({"choices": {"text": ["Rome", "Paris"], "label": ["A", "B"]}})
        ['Rome', 'Paris']
    """
    for name in CHOICES:
        listed = _parsed(row.get(name))
        if isinstance(listed, Mapping):  # ARC
            listed = listed.get("text")
        if listed is not None:
            texts = list(listed) if isinstance(listed, Sequence) else []
            if not texts or isinstance(listed, str) or len(texts) > len(ascii_uppercase):
                raise DatasetError(f"`{name}` must be a list of texts, got `{_short(listed)}`.")
            return [_choice(text) for text in texts]
    return next(filter(None, (_columns(row, names) for names in _CHOICE_COLUMNS)), [])


def _choice(value: object) -> str:
    return str(value["text"] if isinstance(value, Mapping) and "text" in value else value)


def _columns(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return choices that have a column each, two of them at least."""
    texts: list[str] = []
    for name in names:
        if not isinstance(row.get(name), str | int | float):
            break
        texts.append(str(row[name]))
    return texts if len(texts) > 1 else []


_CHOICE_COLUMNS = (
    ascii_uppercase[:10],
    ascii_uppercase[:10].lower(),
    [f"option_{letter}" for letter in "abcdefghij"],
    [f"op{letter}" for letter in "abcdefghij"],
    [f"option{number}" for number in range(1, 11)],
)
"""How columns are called that hold a choice each: those of CMMLU, MMMLU, MedMCQA."""


def _one_prompt(row: Mapping[str, Any], value: object) -> Conversation:
    if not isinstance(value, str):
        return _chat(row, value)
    listed = _parsed(value)
    if isinstance(listed, list) and listed and all(map(_is_like_a_message, listed)):
        return _chat(row, listed)
    return _asked([HumanMessage(value)]), ()


def _is_like_a_message(value: object) -> bool:
    """Return whether it says who speaks; a prompt may be any other list in JSON."""
    return isinstance(value, Mapping) and not {"role", "from", "type"}.isdisjoint(value)


def _question(row: Mapping[str, Any], value: object) -> Conversation:
    if not isinstance(value, str):
        return _chat(row, value)
    parts = [*_context(row), value, *_lettered(choices_of(row))]
    return _asked([HumanMessage("\n\n".join(parts))]), ()


def _instruction(row: Mapping[str, Any], value: object) -> Conversation:
    if not isinstance(value, str):
        return _chat(row, value)
    more = row.get("input")
    extra = [more] if isinstance(more, str) and more.strip() else []
    parts = [value, *extra, *_context(row), *_lettered(choices_of(row))]
    return _asked([HumanMessage("\n\n".join(parts))]), ()


def _task(row: Mapping[str, Any], value: object) -> Conversation:
    """MBPP: only a test tells how the function is called; the others stay hidden."""
    tests = _parsed(row.get("test_list"))
    if not isinstance(value, str) or not isinstance(tests, list) or not tests:
        return _one_prompt(row, value)
    return _asked([HumanMessage(f"{value}\n\nYour code should pass this test:\n\n{tests[0]}")]), ()


def _context(row: Mapping[str, Any]) -> list[str]:
    for name in CONTEXTS:
        value = _parsed(row.get(name))
        texts = [] if value is None else _passages(value)
        if texts is None:
            raise DatasetError(
                f"`{name}` must be a text or a list of texts, got `{_short(value)}`."
            )
        if any(text.strip() for text in texts):
            return ["\n\n".join(texts)]
    return []


def _passages(value: object) -> list[str] | None:
    """Return the texts of passages as SQuAD, HotpotQA, MS MARCO and DPR write them.

    Nothing stands for what cannot be read.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        held = next((value[name] for name in _PASSAGES if name in value), None)
        return None if held is None else _passages(held)
    if not isinstance(value, Sequence):
        return None
    texts: list[str] = []
    for one in value:
        sentences = isinstance(one, list | tuple) and all(isinstance(part, str) for part in one)
        found = ["".join(one)] if sentences else _passages(one)
        if found is None:
            return None
        texts += found
    return texts


def _lettered(choices: Sequence[str]) -> list[str]:
    lines = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, choices, strict=False)]
    return ["\n".join(lines)] if lines else []


def _chat(_row: Mapping[str, Any], value: object) -> Conversation:
    value = _parsed(value)
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise DatasetError(f"Messages must be a list, got {type(value).__name__}.")
    try:
        return _asked([_message(one) for one in value]), ()
    except (NotImplementedError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DatasetError(f"The messages of the row could not be read: {reason}.") from error


def _message(value: Any) -> BaseMessage:  # noqa: ANN401 what somebody wrote
    if isinstance(value, str):
        raise TypeError(f"`{_short(value)}` is a text and not a message with a role")
    if not isinstance(value, Mapping):
        return convert_to_messages([value])[0]
    if "from" in value and "value" in value:  # ShareGPT
        if value["from"] not in _ROLES:
            raise ValueError(f"nobody is called `{_short(value['from'])}`")
        return convert_to_messages([(_ROLES[value["from"]], value["value"])])[0]
    if value.get("type") == "constructor":  # LangChain's dumps
        kind = _CLASSES[value["id"][-1]]
        return messages_from_dict([{"type": kind, "data": value["kwargs"]}])[0]
    if isinstance(value.get("data"), Mapping):  # LangChain's message_to_dict
        return messages_from_dict([dict(value)])[0]
    kept = {key: value[key] for key in _MESSAGE_KEYS if value.get(key) is not None}
    if "role" in kept and "type" in kept:  # OpenAI's Responses API says `type: message`
        del kept["type"]
    kept["content"] = _content(kept.get("content", ""))
    return convert_to_messages([kept])[0]


def _content(content: object) -> object:
    """Return content as chat models take it: Responses API blocks under their Chat names."""
    if not isinstance(content, list):
        return content
    return [_block(block) if isinstance(block, Mapping) else block for block in content]


def _block(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if block.get("type") in ("input_text", "output_text"):
        return {"type": "text", "text": block["text"]}
    if "type" not in block and isinstance(block.get("text"), str):  # Bedrock
        return {"type": "text", "text": block["text"]}
    if block.get("type") == "input_image":
        return {"type": "image_url", "image_url": {"url": block["image_url"]}}
    return block


def _turns(_row: Mapping[str, Any], value: object) -> Conversation:
    value = _parsed(value)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise DatasetError(f"`turns` must be a list of texts, got `{_short(value)}`.")
    texts = [turn.get("content") if isinstance(turn, Mapping) else turn for turn in value]
    said = [text for text in texts if isinstance(text, str)]
    if len(said) < len(texts):
        raise DatasetError("`turns` must be a list of texts.")
    return _asked([HumanMessage(said[0])]), tuple(said[1:])


def _transcript(row: Mapping[str, Any], value: object) -> Conversation:
    if isinstance(value, Sequence) and not isinstance(value, str):  # TRL, Skywork
        return _chat(row, value)
    messages = transcript_messages(str(value))
    if not messages:
        raise DatasetError("The transcript must begin with `Human:`, as HH-RLHF writes it.")
    return _asked(messages), ()


def _asked(messages: Sequence[BaseMessage]) -> tuple[BaseMessage, ...]:
    """Leave out what the assistant said last: that is what will be written."""
    listed = list(messages)
    while listed and listed[-1].type == "ai":
        listed.pop()
    return tuple(listed) if any(map(_asks, listed)) else ()


def _asks(message: BaseMessage) -> bool:
    """Whether a message of the user holds text, or an image or other part that is no text."""
    blocks = message.content if isinstance(message.content, list) else []
    shown = [block for block in blocks if isinstance(block, dict) and block.get("type") != "text"]
    return message.type == "human" and bool(shown or message.text.strip())


def _parsed(value: Any) -> Any:  # noqa: ANN401 JSON in a cell of a table
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _plain_name(name: str) -> str:
    """Return the name in lower case, without what LangSmith's tables put before it."""
    return name.strip().lower().removeprefix("input_").removeprefix("output_")


def _short(value: object) -> str:
    return " ".join(str(value).split())[:40]


_SHAPES: Mapping[str, Callable[[Mapping[str, Any], Any], Conversation]] = {
    "messages": _chat,
    "conversation_input": _chat,  # WildBench
    "conversations": _chat,  # ShareGPT
    "conversation": _chat,
    "turns": _turns,  # MT-Bench, Arena-Hard 2
    "prompt": _task,  # Arena-Hard 0.1, XSTest, BeaverTails, IFEval, TRL, HumanEval
    "instruction": _instruction,  # AlpacaEval, Alpaca, Dolly
    "problem": _question,  # MATH-500
    "question": _question,  # SQuAD, MMLU, GSM8K
    "query": _question,
    "user_input": _question,  # Ragas
    "input": _question,  # OpenAI's evals
    "text": _task,  # MBPP
    "context": _transcript,  # HH-RLHF without its answers
    "chosen": _transcript,  # HH-RLHF as published, TRL, Skywork
}
"""Where a row keeps what to answer, first match first."""
