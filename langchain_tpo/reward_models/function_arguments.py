"""Which argument of a reward function is what: by name, and refused where two could be swapped.

Knows the names that reward functions, evaluators and trainers use. Calls nothing.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, TypeAlias

from langchain_core.messages import AIMessage, convert_to_openai_messages

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.interface import ScoreRequest, in_context
from langchain_tpo.text.conversation import conversation_text

Role: TypeAlias = Literal[
    "prompt", "messages", "response", "tool_calls", "prompts", "responses", "field"
]
"""What an argument is given; `field` is one of the request's `context`."""

PROMPT_NAMES = ("prompt", "question", "query", "input", "inputs", "instruction")
"""Arguments that get the conversation as text."""

RESPONSE_NAMES = (
    *("response", "completion", "output", "outputs", "prediction", "generation"),
    "solution_str",  # of verl's `compute_score`
)
"""Arguments that get the response; `answer` does where none of these is there."""

REFERENCE_NAMES = (
    *("reference", "reference_outputs", "reference_output", "expected", "expected_output"),
    *("ground_truth", "solution", "target", "answer"),
)
"""Arguments that get the context's field of that name, or else the first of the others."""

_ROLES: dict[str, Role] = {
    **dict.fromkeys(PROMPT_NAMES, "prompt"),
    **dict.fromkeys(RESPONSE_NAMES, "response"),
    **dict.fromkeys(REFERENCE_NAMES, "field"),
    "messages": "messages",
    "tool_calls": "tool_calls",
    "prompts": "prompts",
    "completions": "responses",
    "responses": "responses",
}
_LIKE_A_PROMPT = re.compile(r"prompt|question|query|input|instruct|message|task|problem")
_LIKE_A_TASK = re.compile(
    rf"{_LIKE_A_PROMPT.pattern}|document|article|passage|source|src"
    r"|user|human|topic|theme|title|subject|request|goal|premise|dialog|conversation|history|chat(?!bot)"
)
_LIKE_A_RESPONSE = re.compile(
    r"respon|complet|output|answer|pred|generat|repl|candidate|cand\b|hyp|summar|translat|draft"
    r"|assistant|bot\b|agent"
)
_LIKE_A_FIELD = re.compile(
    r"keyword|rubric|criteri|pattern|regex|schema|rule|constraint|(?:^|_)(?:max|min|n|num)_"
    r"|limit|threshold|length|words$|lang(?:uage)?$|weight|config|option"
)
"""Settings that a response is held against; no prompt and no response is called so."""
_RIVALS = re.compile(r"chosen|reject|winner|loser|better|worse|preferred")
_LIKE_A_REFERENCE = re.compile(
    r"refer|(?:^|_)refs?(?:_|$)|gold|target|truth|true|expect|label|correct|^gt"
)
_OF_RECORDS = {"run", "example", "root_run", "ctx", "context"}
"""Arguments that get records of some evaluator's own."""

SAYS_NOTHING = 2
"""Characters of a name up to which it says nothing: `p`, `q`, `x1`."""
_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, kw_only=True)
class FunctionArguments:
    """What a function is given, by the names of its arguments."""

    label: str
    """The function, as errors name it."""
    signature: inspect.Signature
    """Its own."""
    roles: Mapping[str, Role]
    """What each argument with a name is given."""

    @property
    def batch(self) -> bool:
        """Whether the function scores a round in one call."""
        return "responses" in self.roles.values()

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a context that lacks what the function needs, or names what stands by place.

        Raises:
            RewardTypeError: With the name of the field.
        """
        by_place = [name for name in self.roles if name.lstrip("_") not in _ROLES]
        if named := [n for n in by_place if n in context and self.roles[n] != "field"]:
            raise RewardTypeError(
                f"`reward` function `{self.label}` gets the {self.roles[named[0]]} as "
                f"`{named[0]}`, which is a field of the context too: call the arguments `prompt` "
                "and `response`, and the field as the context does."
            )
        missing = [
            name
            for name, role in self.roles.items()
            if role == "field"
            and self.signature.parameters[name].default is inspect.Parameter.empty
            and _source(name, context) is None
        ]
        if missing:
            raise RewardTypeError(
                f"`reward` function `{self.label}` needs `{missing[0]}`, which is neither the "
                f"prompt nor the response: bind it with `functools.partial`, or pass "
                f"{in_context(missing[0])}; the context has {sorted(context) or 'no fields'}."
            )

    def of(self, request: ScoreRequest, texts: Sequence[str]) -> inspect.BoundArguments:
        """Return the arguments of one call.

        Args:
            request: Conversation and context.
            texts: One response; for a function that scores a round in one call, all of them.

        Raises:
            RewardTypeError: When the function needs a field that the context lacks.
        """
        self.check_context(request.get("context", {}))
        given = self.signature.bind_partial()
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                given.arguments[name] = self._by_place(request, texts)
            elif parameter.kind is parameter.VAR_KEYWORD:
                given.arguments[name] = self._by_any_name(request, texts)
            elif name in self.roles and (found := self._value(parameter, request, texts)):
                given.arguments[name] = found[0]
        return given

    def _value(
        self, parameter: inspect.Parameter, request: ScoreRequest, texts: Sequence[str]
    ) -> tuple[object] | None:
        """Return what an argument is given, in a tuple; None leaves it to its default."""
        role = self.roles[parameter.name]
        if role == "field":
            return self._field(parameter.name, request, texts)
        if role == "tool_calls":
            return self._tool_calls(request, texts)
        if role in ("response", "responses"):
            shown = _shown(parameter, request, texts)
            return (shown if role == "responses" else shown[0],)
        return (_asked(role, parameter, request, len(texts)),)

    def _tool_calls(self, request: ScoreRequest, texts: Sequence[str]) -> tuple[object] | None:
        """Return the calls of the reply, or the field of that name where no reply is at hand."""
        if "replies" not in request and "tool_calls" in request.get("context", {}):
            return self._field("tool_calls", request, texts)
        calls = [reply.tool_calls for reply in _replies(request, texts)]
        return (calls if self.batch else calls[0],)

    def _field(
        self, name: str, request: ScoreRequest, texts: Sequence[str]
    ) -> tuple[object] | None:
        context = request.get("context", {})
        source = _source(name, context)
        if source is None:
            return None
        if self.batch:
            return ([deepcopy(context[source]) for _ in texts],)
        return (deepcopy(context[source]),)

    def _by_place(self, request: ScoreRequest, texts: Sequence[str]) -> tuple[object, ...]:
        """Return what `*args` gets: prompt and response, where nothing with a name does."""
        return () if self.roles else (conversation_text(request["messages"]), texts[0])

    def _by_any_name(self, request: ScoreRequest, texts: Sequence[str]) -> dict[str, object]:
        """Return what `**kwargs` gets: the context, and whatever of the question has no name."""
        names = [name for name in request.get("context", {}) if name not in self.roles]
        rest = {name: self._field(name, request, texts) for name in names}
        fields = {name: found[0] for name, found in rest.items() if found}
        places = {parameter.kind for parameter in self.signature.parameters.values()}
        prompt = conversation_text(request["messages"])
        if self.batch and "prompts" not in self.roles:
            return {**fields, "prompts": [prompt] * len(texts)}
        if self.roles or inspect.Parameter.VAR_POSITIONAL in places:
            return fields
        return {**fields, "prompt": prompt, "response": texts[0]}


def arguments_of(function: Callable[..., object]) -> FunctionArguments | None:
    """Return what a function is to be given; None when it has no signature that could tell.

    Raises:
        RewardTypeError: When it takes no response, or two arguments could be swapped.

    Example:
        >>> arguments_of(lambda completion, answer: 1.0).roles
        {'completion': 'response', 'answer': 'field'}
    """
    signature = _signature(function)
    if signature is None:
        return None
    label = f"{name_of(function)}{signature}"
    named = [
        parameter for parameter in signature.parameters.values() if parameter.kind not in _VARIADIC
    ]
    roles = _roles(label, named)
    shown = {"response", "responses", "tool_calls"} & set(roles.values())
    if not shown and (roles or len(named) == len(signature.parameters)):
        raise RewardTypeError(
            f"`reward` function must take `(prompt, response)`, got `{label}`: "
            + (_OF_TENSORS if _is_module(function) else _OF_TEXTS)
        )
    return FunctionArguments(label=label, signature=signature, roles=roles)


_OF_TEXTS = "call the argument for the response `response`."
_OF_TENSORS = (
    "a model of tensors is loaded by its name, `SequenceClassifier(...)`, or called by a function "
    "`(prompt, response) -> float` that tokenizes."
)


def name_of(function: object) -> str:
    """Return the name that a function goes by; its type's where it has none.

    Example:
        >>> name_of(len), name_of(3)
        ('len', 'int')
    """
    name = None
    with suppress(Exception):  # an object may raise anything where it is asked for a name
        name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _signature(function: Callable[..., object]) -> inspect.Signature | None:
    """Return what a function takes; of a module of torch, what stands behind its `*args`."""
    try:
        return inspect.signature(
            function.forward if _is_module(function) else function  # type: ignore[attr-defined]
        )
    except ValueError:  # some builtins
        return None
    except Exception as error:
        raise RewardTypeError(
            f"`reward` ({type(function).__name__}) does not say which arguments it takes "
            f"({type(error).__name__}): hand over a function `(prompt, response) -> float` that "
            "calls it."
        ) from error


def _is_module(function: object) -> bool:
    return callable(getattr(type(function), "forward", None))


def _roles(label: str, named: Sequence[inspect.Parameter]) -> dict[str, Role]:
    """Tell what each named argument is; those that say nothing are prompt and response by place."""
    roles: dict[str, Role] = {one.name: _ROLES.get(one.name.lstrip("_"), "field") for one in named}
    responses = [name for name, role in roles.items() if role in ("response", "responses")]
    if "answer" in roles and not responses:
        return {**roles, **_unnamed_prompt(named, roles), "answer": "response"}
    if len(responses) > 1:
        raise RewardTypeError(
            f"`reward` function `{label}` takes both `{responses[0]}` and `{responses[1]}`: name "
            "the one that is the response `response`, and the other as the context names it."
        )
    if responses:
        return {**roles, **_unnamed_prompt(named, roles)}
    return {**roles, **_by_place(label, named, roles)}


def _unnamed_prompt(
    named: Sequence[inspect.Parameter], roles: Mapping[str, Role]
) -> dict[str, Role]:
    """Return whether what stands before the response can be nothing but the prompt."""
    first = named[0]
    if first.name in _ROLES or first.default is not first.empty or first.kind not in _PLACES:
        return {}
    silent = len(first.name) <= SAYS_NOTHING or first.name.startswith("_")
    is_prompt = silent or _LIKE_A_PROMPT.search(first.name)
    return {first.name: "prompt"} if is_prompt and not _has_prompt(roles) else {}


def _has_prompt(roles: Mapping[str, Role]) -> bool:
    return not {"prompt", "prompts", "messages"}.isdisjoint(roles.values())


def _by_place(
    label: str, named: Sequence[inspect.Parameter], roles: Mapping[str, Role]
) -> dict[str, Role]:
    """Tell prompt and response apart where no name says which is the response."""
    silent = [
        one.name
        for one in named
        if one.name.lstrip("_") not in _ROLES and one.default is one.empty and one.kind in _PLACES
    ]
    if len(silent) == 1 and _has_prompt(roles):
        return {silent[0]: "response"}
    if len(silent) != 2 or _has_prompt(roles):  # noqa: PLR2004 a pair
        return {}
    first, second = silent
    if _LIKE_A_REFERENCE.search(first) or _LIKE_A_REFERENCE.search(second):
        raise RewardTypeError(
            f"`reward` function `{label}` seems to hold a response against a reference: call them "
            "`response` and `reference`, and pass the reference as `context={'reference': ...}`."
        )
    swapped = _LIKE_A_RESPONSE.search(first) or _LIKE_A_TASK.search(second)
    if swapped or (first, second) in _BACKWARDS or _OF_RECORDS & set(silent):
        raise RewardTypeError(
            f"`reward` function `{label}` could be given its arguments the wrong way round: call "
            "them `prompt` and `response`."
        )
    if no_pair := _no_pair(label, first, second):
        raise RewardTypeError(no_pair)
    return {first: "prompt", second: "response"}


_BACKWARDS = frozenset(
    (response, prompt) for response in ("y", "r", "a", "o", "c") for prompt in ("x", "p", "q", "i")
)
"""Letters that stand for response and prompt, in this order."""


def _no_pair(label: str, first: str, second: str) -> str | None:
    """Return why two arguments are no prompt and its response; None where they may well be."""
    if field := next((name for name in (first, second) if _LIKE_A_FIELD.search(name)), None):
        return (
            f"`reward` function `{label}` seems to hold a response against `{field}`: call the "
            f"response `response`, and pass the other as `context={{{field!r}: ...}}`."
        )
    siblings = len(first) > SAYS_NOTHING and first[:-1] == second[:-1]
    if siblings or (_RIVALS.search(first) and _RIVALS.search(second)):
        return (
            f"`reward` function `{label}` seems to take two responses: a reward scores one, so "
            "call it `response`, and the other as the context names it."
        )
    return None


def reference_name(context: Mapping[str, object]) -> str | None:
    """Return the name under which a context has the reference answer; None where it has none.

    Example:
        >>> reference_name({"id": 1, "answer": "42"})
        'answer'
    """
    return next((name for name in REFERENCE_NAMES if name in context), None)


def _source(name: str, context: Mapping[str, object]) -> str | None:
    """Return the name under which the context has a field."""
    if name in context:
        return name
    return reference_name(context) if name in REFERENCE_NAMES else None


def _replies(request: ScoreRequest, texts: Sequence[str]) -> list[AIMessage]:
    """Return the messages whose texts these are: those of the request, or the texts alone."""
    by_text = dict(zip(request["responses"], request.get("replies", []), strict=False))
    return [
        by_text[text].model_copy(deep=True) if text in by_text else AIMessage(text)
        for text in texts
    ]


def _asked(role: Role, parameter: inspect.Parameter, request: ScoreRequest, count: int) -> object:
    """Return the conversation as an argument wants it."""
    as_dict = _wants_dicts(parameter)
    if role == "messages" or (role == "prompt" and _wants_messages(parameter)):
        copied = [message.model_copy(deep=True) for message in request["messages"]]
        return convert_to_openai_messages(copied) if as_dict else copied
    prompt = conversation_text(request["messages"])
    if role == "prompts":
        turns = convert_to_openai_messages(request["messages"])
        return [deepcopy(turns) if as_dict else prompt for _ in range(count)]
    return {"input": prompt} if as_dict else prompt


def _shown(
    parameter: inspect.Parameter, request: ScoreRequest, texts: Sequence[str]
) -> Sequence[object]:
    """Return responses as an argument wants them: texts, messages, or records of either kind."""
    if _wants_messages(parameter):
        return _replies(request, texts)
    if not _wants_dicts(parameter):
        return list(texts)
    several = parameter.name.lstrip("_") in ("completions", "responses")
    return [
        [{"role": "assistant", "content": text}] if several else {"output": text} for text in texts
    ]


def _wants_messages(parameter: inspect.Parameter) -> bool:
    return bool(re.search(r"\b(?:AI|Base|Any)Message\b", str(parameter.annotation)))


def _wants_dicts(parameter: inspect.Parameter) -> bool:
    return bool(re.search(r"dict|mapping", str(parameter.annotation), re.IGNORECASE))
