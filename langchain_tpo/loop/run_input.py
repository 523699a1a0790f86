"""Turns what users hand to a chain's link into the input of a run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypeAlias, cast

from langchain_core.messages import (
    AnyMessage,
    BaseMessage,
    HumanMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from pydantic import TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from langchain_tpo.errors import ConversationError
from langchain_tpo.loop.input_types import Conversation, Draft, Message
from langchain_tpo.state import FirstSamples, TPOInput
from langchain_tpo.text.conversation import is_readable, message_text
from langchain_tpo.text.shown import shown


@with_config(extra="forbid")  # servers and tools drop no key, as a link drops none
class TPORequest(TypedDict):
    """A conversation, and what is known of it."""

    messages: Conversation
    """The conversation: a string, a prompt value or messages."""
    drafts: NotRequired[str | Draft | Sequence[str | Draft]]
    """Answers to it; they enter the pool as candidates of round 0, beside the N that are drawn."""
    context: NotRequired[Mapping[str, Any] | None]
    """What else is known, by name: retrieved passages, a reference, a row's fields. The reward
    model gets it as `ScoreRequest["context"]`; a critic is shown what `critic_context` names."""
    first_samples: NotRequired[FirstSamples | None]
    """Draws of an earlier run to the same conversation; they take the place of as many draws."""


_FIRST_SAMPLES = TypeAdapter(FirstSamples)

TPORunnableInput: TypeAlias = Conversation | Message | TPORequest
"""Whatever a chat model takes, or a `TPORequest`."""


def as_tpo_input(value: TPORunnableInput) -> TPOInput:
    """Return the input of a run.

    Raises:
        ConversationError: When there is nothing to answer, or a draft that holds no text.

    Example:
        >>> as_tpo_input({"messages": "Why is the sky blue?", "drafts": "It scatters light."})
        ... # doctest: +ELLIPSIS
        {'messages': [HumanMessage(...)], 'tpo_drafts': ['It scatters light.']}
    """
    if not isinstance(value, Mapping):
        return TPOInput(messages=checked_messages(value))
    _check_keys(value)
    asked = TPOInput(messages=checked_messages(value["messages"]))
    if is_given(value.get("drafts")):
        asked["tpo_drafts"] = checked_drafts(value["drafts"])
    if is_given(value.get("context")):
        asked["tpo_context"] = checked_context(value["context"])
    if is_given(value.get("first_samples")):
        asked["tpo_first_samples"] = checked_first_samples(value["first_samples"])
    return asked


def is_given(value: object) -> bool:
    """Return whether there is anything in an optional part: arrays have no truth value.

    Example:
        >>> is_given(["a draft"]), is_given([]), is_given(None)
        (True, False, False)
    """
    return not (value is None or (isinstance(value, str | Sequence | Mapping) and not len(value)))


def _check_keys(value: Mapping[str, object]) -> None:
    if "messages" not in value:
        raise ConversationError(
            f"The input lacks the key `messages`, got the keys {sorted(map(str, value))}."
        )
    known = list(TPORequest.__annotations__)
    for key in value:
        if key not in known:
            raise ConversationError(
                f"The input has the key `{shown(key)}`, which means nothing here: use "
                f"{', '.join(f'`{name}`' for name in known)}, and put what the reward should see "
                "into `context`."
            )


def messages_in_state(state: object) -> list[AnyMessage]:
    """Return the conversation of a graph's state, be that a dict, a pydantic model or a dataclass.

    Args:
        state: Of a graph that the loop is a node of.

    Raises:
        ConversationError: When it has none.

    Example:
        >>> messages_in_state({"messages": ["Wood?"]})
        ['Wood?']
    """
    held = state.get("messages") if isinstance(state, Mapping) else getattr(state, "messages", None)
    if held is None:
        raise ConversationError(
            f"The state of the graph ({type(state).__name__}) has no `messages`: give it that key, "
            "as `MessagesState` does, or call `tpo.invoke(...)` in a node of your own."
        )
    return cast("list[AnyMessage]", held)


def checked_messages(value: object) -> list[AnyMessage]:
    """Return a conversation as messages.

    Raises:
        ConversationError: When there is nothing to answer.
    """
    messages = _converted(value)
    for message in messages:
        if not is_readable(message):
            raise ConversationError(
                "The content of a message must be a text or a list of blocks, got "
                f"{type(message.content).__name__} `{shown(message.content)}`."
            )
    if not any(message_text(message).strip() for message in messages):
        raise ConversationError(
            f"The conversation is empty, got `{shown(value, quoted=True)}`: pass at least one "
            "message with content."
        )
    # LangGraph writes an id into messages that lack one: not into the caller's.
    ours = [message if message.id else message.model_copy() for message in messages]
    return cast("list[AnyMessage]", ours)


def _converted(value: Any) -> list[BaseMessage]:  # noqa: ANN401 checked here
    if isinstance(value, str):
        return [HumanMessage(value)]
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, BaseMessage):
        return [value]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | range):
        return _read(value)
    raise ConversationError(
        f"The input must be a string, a prompt value, messages or a dict with `messages`, got "
        f"{type(value).__name__} `{shown(value)}`."
    )


def _read(messages: Sequence[Any]) -> list[BaseMessage]:
    try:
        return convert_to_messages(messages)
    except (NotImplementedError, ValueError, TypeError, KeyError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}".partition("\nFor ")[0]
        raise ConversationError(
            f"A message cannot be read ({said[:200]}): pass messages, or dicts and pairs of a role "
            "and a text."
        ) from error


def checked_drafts(value: object) -> list[str]:
    """Return drafts as texts; a single one may come alone.

    Raises:
        ConversationError: When one holds no text.
    """
    listed = [value] if isinstance(value, str | BaseMessage) else value
    if not isinstance(listed, Sequence):
        raise ConversationError(f"`drafts` must be texts or messages, got {type(value).__name__}.")
    texts = [str(draft.text) if isinstance(draft, BaseMessage) else draft for draft in listed]
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ConversationError(f"A draft must hold text, got `{shown(text, quoted=True)}`.")
    return texts


def checked_context(value: object) -> dict[str, Any]:
    """Return a context as a dict.

    Raises:
        ConversationError: When it is none.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConversationError(
            f"`context` must be a dict with names for keys, got {type(value).__name__}."
        )
    return dict(value)


def checked_first_samples(value: object) -> FirstSamples:
    """Return the first samples of an earlier run.

    Raises:
        ConversationError: When they are not of that shape.
    """
    try:
        _FIRST_SAMPLES.validate_python(value, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(["first_samples", *map(str, found["loc"])])
        raise ConversationError(
            "`first_samples` must hold `candidates` of round 0, as the pool of a result does: "
            f"`{where}` is wrong ({found['msg']}), got `{shown(found['input'])}`."
        ) from None
    samples = cast("FirstSamples", value)
    for candidate in samples["candidates"]:
        if candidate["round"] != 0 or not math.isfinite(candidate["reward"] or 0.0):
            raise ConversationError(
                "`first_samples` must hold candidates of round 0 with finite rewards, or None, got "
                f"round {candidate['round']} and reward {candidate['reward']}."
            )
    return samples
