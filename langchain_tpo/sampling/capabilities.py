"""What a model can take: asked before every request, taught by what is refused.

A service that refuses `n`, an option, a system message or so many tokens refuses it once. What was
learned stays for the life of the runnable, by model, and travels with it when it is pickled. Knows
requests and refusals; sends nothing.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage, convert_to_messages
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.prompt_values import PromptValue

from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.model_errors import cannot_be_awaited, is_refusal
from langchain_tpo.sampling.placing import PART_OF_THE_ANSWER, in_process, placed
from langchain_tpo.sampling.refusals import (
    is_too_long,
    most_answers,
    most_tokens,
    refused_options,
    room_left,
    wants_no_images,
    wants_no_system,
    wants_stream,
)
from langchain_tpo.sampling.service_names import itself, service_name
from langchain_tpo.sampling.unreachable import note_what_to_check
from langchain_tpo.sampling.wrappers import mapped
from langchain_tpo.text.conversation import message_text

logger = logging.getLogger(__name__)

TEMPLATE_TOKENS = 48
"""What a chat template adds: turn markers, and the system message that some of them bring along."""

LEAST_REPLY = 64
"""A window that leaves fewer tokens than this to a reply is too small for the prompt."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One request: what is said to a model, and how it is to answer."""

    model: Any
    """A chat model, or another Runnable that stands for one."""
    messages: Any
    """A conversation, or whatever else LangChain makes one of."""
    options: Mapping[str, Any]
    n: int = 1
    """Answers that one request asks for."""
    words_will_do: bool = False
    """Whether a model that sees no images may have their places named instead: a critic."""

    def placed(self) -> tuple[Any, dict[str, Any]]:
        """Return the model with every option that it has a field for, and the rest as keywords.

        LangChain's classes agree on the names of their fields, nearly, and not at all on keywords.
        """
        options = {**self.options, "n": self.n} if self.n > 1 else self.options
        return placed(self.model, options)


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What one model is known to take."""

    refused: frozenset[str] = frozenset()
    """Options that it does not take."""
    answers: int | None = None
    """Most answers that one request brings."""
    tokens: int | None = None
    """Longest completion that may be asked for."""
    window: int | None = None
    """Tokens of prompt and completion together."""
    takes_system: bool = True
    """Whether it knows system messages."""
    only_streams: bool = False
    """Whether its service answers in streams only."""
    takes_async: bool = True
    """Whether its class can be awaited; if not, it is called in a thread."""
    sees_images: bool = True
    """Whether a critic can be shown images."""
    fills_forms: bool = True
    """Whether a judge can have it fill in a form, by a forced call of a tool or a format."""

    @property
    def words(self) -> list[str]:
        """What it does not take, one line each.

        Example:
            >>> Capabilities(refused=frozenset({"seed"}), answers=1).words
            ['without `seed`', 'one answer in a request']
        """
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return [_said(name, value) for name, value in found.items() if value != _UNKNOWN[name]]

    def fit(self, asking: Asking) -> Asking:
        """Return the request as the model can take it."""
        if self == ANYTHING:
            return asking
        options = {
            name: value for name, value in asking.options.items() if name not in self.refused
        }
        if isinstance(options.get("max_tokens"), int):
            options["max_tokens"] = self._room(options["max_tokens"], asking.messages)
        return replace(
            asking,
            model=_streaming(asking.model) if self.only_streams else asking.model,
            messages=self._readable(asking),
            options=options,
        )

    def _readable(self, asking: Asking) -> Any:  # noqa: ANN401 see `Asking`
        messages = asking.messages if self.takes_system else without_system(asking.messages)
        return in_words(messages) if asking.words_will_do and not self.sees_images else messages

    def _room(self, asked: int, messages: Any) -> int:  # noqa: ANN401 see `Asking`
        """Return how long a completion may be, as far as that is known before a prompt is sent."""
        most = asked if self.tokens is None else min(asked, self.tokens)
        if self.window is None:
            return most
        return max(min(most, self.window - prompt_tokens(messages)), min(most, LEAST_REPLY))


ANYTHING = Capabilities()
"""Of most models nothing else is known, and nothing has to be changed."""

_UNKNOWN = {one.name: one.default for one in fields(Capabilities)}


@dataclass
class Lessons:
    """What one model has taught so far."""

    name: str
    known: Capabilities

    def learn(self, asking: Asking, error: Exception) -> Asking:
        """Return the request that may succeed where this one was refused.

        Raises:
            Exception: The error, when it says nothing of what the model cannot take.
        """
        taught = _lesson(asking, error) if is_refusal(error) else None
        if taught is None:
            if isinstance(itself(asking.model), BaseChatModel):
                note_what_to_check(error, self.name, awaited=cannot_be_awaited(error))
            raise error
        again, found = taught
        with _LEARNING:
            before, self.known = self.known, replace(self.known, **_merged(self.known, found))
        otherwise = "answers" in found or ("takes_async" in found and before.takes_async)
        if not otherwise and self.known.fit(again) == asking:
            raise error
        if self.known != before:
            _tell(self.name, found, error)
        return again

    def fills_no_forms(self, error: Exception) -> None:
        """Remember that a form was refused which the model could do without."""
        with _LEARNING:
            before, self.known = self.known, replace(self.known, fills_forms=False)
        if self.known != before:
            _tell(self.name, {"fills_forms": False}, error)

    def answers_one(self) -> None:
        """Remember that the service pays no heed to `n`."""
        with _LEARNING:
            self.known = replace(self.known, answers=1)


@dataclass(eq=False)
class Learned:
    """What the models of one runnable have taught, by model; plain values that can be pickled."""

    by_model: dict[str, Lessons] = field(default_factory=dict)

    def of(self, model: object) -> Lessons:
        """Return the lessons of a model, the first of them from what its class declares."""
        key = service_name(model)
        if key not in self.by_model:
            self.by_model.setdefault(key, Lessons(key, declared(model)))
        return self.by_model[key]

    def __eq__(self, other: object) -> bool:
        """Compare equal: what a run has learned is no part of what a runnable is."""
        return isinstance(other, Learned)

    __hash__ = None  # type: ignore[assignment]  # changes


_LEARNING = threading.Lock()
"""Several draws of one step are refused for the same reason at the same time."""


def declared(model: object) -> Capabilities:
    """Return what a chat model's class and profile say before anything is asked."""
    if isinstance(model, AskedThrough):
        return replace(declared(itself(model)), answers=1, takes_async=True)
    if not isinstance(model, BaseChatModel):
        return Capabilities(answers=1)
    if in_process(model):
        return Capabilities(answers=1, refused=frozenset({"seed"}), takes_async=False)
    profile = model.profile or {}
    many = "n" in type(model).model_fields and not getattr(model, "use_responses_api", None)
    return Capabilities(
        refused=frozenset({"temperature", "top_p"})
        if profile.get("temperature") is False
        else frozenset(),
        answers=None if many else 1,
        tokens=profile.get("max_output_tokens"),
        sees_images=profile.get("image_inputs") is not False,
    )


def prompt_tokens(messages: Any) -> int:  # noqa: ANN401 see `Asking`
    """Estimate the tokens of a prompt, at four characters each."""
    return count_tokens_approximately(_as_messages(messages)) + TEMPLATE_TOKENS


def in_words(messages: Any) -> list[BaseMessage]:  # noqa: ANN401 see `Asking`
    """Return the same conversation with placeholders for what is no text.

    Example:
        >>> image = {"type": "image_url", "image_url": {"url": "data:,"}}
        >>> in_words([HumanMessage([{"type": "text", "text": "What is it? "}, image])])[0].content
        'What is it? [image]'
    """
    return [
        one.model_copy(update={"content": message_text(one)})
        if isinstance(one, HumanMessage) and not isinstance(one.content, str)
        else one
        for one in _as_messages(messages)
    ]


def without_system(messages: Any) -> list[BaseMessage]:  # noqa: ANN401 see `Asking`
    r"""Return the same conversation with what its system messages say in the first user message.

    Example:
        >>> folded = without_system([SystemMessage("Be brief."), HumanMessage("Why is it blue?")])
        >>> [(message.type, message.text) for message in folded]
        [('human', 'Be brief.\n\nWhy is it blue?')]
    """
    listed = _as_messages(messages)
    said = "\n\n".join(one.text for one in listed if isinstance(one, SystemMessage))
    rest = [one for one in listed if not isinstance(one, SystemMessage)]
    if not said:
        return rest
    users = [place for place, one in enumerate(rest) if isinstance(one, HumanMessage)]
    if not users:
        return [HumanMessage(said), *rest]
    user = rest[users[0]]
    content = (
        f"{said}\n\n{user.content}"
        if isinstance(user.content, str)
        else [{"type": "text", "text": said}, *user.content]
    )
    folded = user.model_copy(update={"content": content})
    return [*rest[: users[0]], folded, *rest[users[0] + 1 :]]


def _lesson(asking: Asking, error: Exception) -> tuple[Asking, dict[str, Any]] | None:
    """Read a refusal: the request to go on with, and what is known from now on."""
    if asking.n > 1 and (answers := most_answers(error, asking.n)) is not None:
        return asking, {"answers": answers}
    tokens = asking.options.get("max_tokens")
    if isinstance(tokens, int) and (shorter := _shorter(asking, error, tokens)) is not None:
        return shorter
    if is_too_long(error):  # a shorter prompt is what helps
        return None
    found = _other_form(asking, error)
    if found is not None:
        return asking, found
    options = [name for name in asking.options if name not in PART_OF_THE_ANSWER]
    refused = refused_options(error, options)
    return (asking, {"refused": frozenset(refused)}) if refused else None


def _other_form(asking: Asking, error: Exception) -> dict[str, Any] | None:
    if asking.words_will_do and wants_no_images(error):
        return {"sees_images": False}
    if cannot_be_awaited(error) and not isinstance(asking.model, AskedThrough):
        return {"takes_async": False}
    if wants_stream(error):
        return {"only_streams": True, "answers": 1}
    return {"takes_system": False} if _told(asking) and wants_no_system(error) else None


def _told(asking: Asking) -> bool:
    """Whether a system message is in what was refused."""
    return any(isinstance(one, SystemMessage) for one in _as_messages(asking.messages))


def _shorter(asking: Asking, error: Exception, tokens: int) -> tuple[Asking, dict[str, Any]] | None:
    if not is_too_long(error):
        most = most_tokens(error, tokens)
        return None if most is None else (asking, {"tokens": most})
    left = room_left(error, prompt=prompt_tokens(asking.messages))
    if left is None or not LEAST_REPLY <= left[1] < tokens:
        return None
    options = {**asking.options, "max_tokens": left[1]}
    return replace(asking, options=options), {"window": left[0]}


def _merged(known: Capabilities, found: Mapping[str, Any]) -> dict[str, Any]:
    if "refused" in found:
        return {"refused": known.refused | found["refused"]}
    return dict(found)


def _tell(name: str, found: Mapping[str, Any], error: Exception) -> None:
    """Say it once: at WARNING what changes the answers, at INFO what changes requests only."""
    changes_answers = found.keys() & {"refused", "tokens", "window"}
    values = ", ".join(_said(what, value) for what, value in found.items())
    if "seed" in found.get("refused", ()):
        values += ": runs with a seed are not repeatable"
    logger.log(
        logging.WARNING if changes_answers else logging.INFO,
        "`%s` refused a request (%s) and is asked otherwise from now on: %s",
        name,
        type(error).__name__,  # what it says may quote the request
        values,
    )


def _said(what: str, value: object) -> str:
    if isinstance(value, frozenset):
        return "without " + ", ".join(f"`{option}`" for option in sorted(value))
    return {
        "answers": "one answer in a request" if value == 1 else f"{value} answers in a request",
        "tokens": f"at most {value} tokens in a reply",
        "window": f"a window of {value} tokens",
        "takes_system": "system messages as part of the user's",
        "only_streams": "in streams",
        "sees_images": "critiques without images",
        "takes_async": "in a thread",
        "fills_forms": "verdicts as JSON in the text",
    }[what]


def _streaming(model: Any) -> Any:  # noqa: ANN401 see `Asking`
    """Return a chat model that collects its reply from a stream."""
    if isinstance(model, AskedThrough):
        return model.with_model(mapped(model.model, _streaming))
    if not isinstance(model, BaseChatModel):
        return model
    own = {"streaming": True} if "streaming" in type(model).model_fields else {}
    return model.model_copy(update={"disable_streaming": False, **own})


def _as_messages(messages: Any) -> Sequence[BaseMessage]:  # noqa: ANN401 see `Asking`
    if isinstance(messages, str):
        return [HumanMessage(messages)]
    if isinstance(messages, PromptValue):
        return messages.to_messages()
    return convert_to_messages(messages)
