"""A set of prompts: textual loss, textual gradient and update, as data.

Knows which variables each step fills, and keeps what models and users wrote inside its frame.
It does not know any wording: `paper.py` and `small_model.py` do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.constructors import named_fields
from langchain_tpo.errors import PromptError
from langchain_tpo.prompts.blocks import NO_BLOCKS, Blocks, block_frames
from langchain_tpo.text.fencing import fenced, tags_in

PromptName: TypeAlias = Literal["textual_loss", "textual_gradient", "update"]
"""The steps that have a prompt; the same words name the fields of a set."""

_KNOWN = frozenset(
    {"query", "chosen", "rejected", "remarks", "remark", "reward", "candidates", "direction"}
)
_COMPARED = _KNOWN | {"history"}
_CRITICIZED = _COMPARED | {"chosen_span", "loss_instruction", "textual_loss"}

VARIABLES: Mapping[PromptName, frozenset[str]] = {
    "textual_loss": _COMPARED,
    "textual_gradient": _CRITICIZED,
    "update": _CRITICIZED | {"textual_gradient"},
}
"""What each prompt may ask for.

`query`: the whole conversation as text. `chosen`, `rejected`: the two responses. `remarks`: what
the reward model said of them, or nothing. `remark`, `reward`: what it said of the chosen one, and
the figure. `candidates`: the responses that the strategy shows, each in tags of its own with its
reward and what was said of it. `direction`: what this draw is told. `history`: what earlier rounds
advised and what came of it, or nothing. `chosen_span`: the chosen response, shortened.
`loss_instruction`: the system message that the textual loss answered. `textual_loss`,
`textual_gradient`: what the steps before wrote.
"""


REMARKS_TAG = "REMARKS"
"""Frames what a reward model said, where it said anything: that is a model's text too."""


@named_fields
@dataclass(frozen=True, kw_only=True)
class TPOPrompts:
    """The three prompts of a round, and how a revision is read.

    Every variable is checked when the set is built. Text that a model or a user wrote is fenced
    when it is filled in: it closes no tag that the templates open, and opens no turn.

    Raises:
        PromptError: When a prompt asks for a variable that its step does not fill, or cannot be
            filled.

    Example:
        >>> from dataclasses import replace
        >>> from langchain_core.prompts import ChatPromptTemplate
        >>> from langchain_tpo.prompts import TPO_PROMPTS
        >>> curt = ChatPromptTemplate([("human", "{query} Better: {chosen} Worse: {rejected}")])
        >>> replace(TPO_PROMPTS, name="curt", textual_loss=curt).name
        'curt'
    """

    name: str
    """How manifests and reports call this set."""
    textual_loss: ChatPromptTemplate | None = None
    """Asks why the chosen response beats the rejected one; None for strategies without a loss."""
    textual_gradient: ChatPromptTemplate | None = None
    """Asks for criticism and strategies, given the loss; None for strategies without a gradient,
    such as those whose loss prompt asks for both in the same reply."""
    update: ChatPromptTemplate
    """Asks for a revision of the chosen response, given what the steps before it wrote."""
    forms: Mapping[str, ChatPromptTemplate] = field(default_factory=dict)
    """Other ways to ask for an answer, by the names that a strategy's draws call them."""
    without_rejected: "TPOPrompts | None" = None
    """What a round uses that has no response to hold against the chosen one."""
    revision_tag: str | None = "IMPROVED_VARIABLE"
    """A revision is what stands between these tags; None takes the whole reply."""
    shown_tag: str | None = None
    """Where whole replies count: the tags in which the update shows the response. Small models copy
    them; what stands between them is the revision then."""

    def __post_init__(self) -> None:
        """Refuse unknown variables before any call is made."""
        for name, template in self._templates().items():
            allowed = VARIABLES[_step(name)]
            unknown = sorted(set(template.input_variables) - allowed)
            if unknown:
                raise PromptError(
                    f"`{name}` prompt of `{self.name}` asks for `{unknown[0]}`, which is never "
                    f"filled: use {', '.join(f'`{name}`' for name in sorted(allowed))}."
                )
            for text in ("", "text"):  # what a step may have to say, and what it has not
                self._check_renders(name, dict.fromkeys(allowed, text))

    def _check_renders(self, name: str, values: Mapping[str, str]) -> None:
        try:
            messages = self._templates()[name].format_messages(**values)
        except Exception as error:
            raise PromptError(
                f"`{name}` prompt of `{self.name}` cannot be filled with texts: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not messages:
            raise PromptError(f"`{name}` prompt of `{self.name}` holds no message: add one.")

    def render(
        self,
        name: str,
        loss_instruction: str = "",
        blocks: Blocks | None = None,
        /,
        **values: str,
    ) -> list[BaseMessage]:
        """Fill a prompt.

        Args:
            name: Whose prompt: a step's, or one of `forms`.
            loss_instruction: The loss's own system message, rendered and fenced before.
            blocks: What is made of several untrusted texts; each of them is fenced.
            values: Untrusted text by variable name; each is fenced.
        """
        inside = {name: fenced(value, self.frame_tags) for name, value in values.items()}
        if remarks := inside.get("remarks", "").strip():
            inside["remarks"] = f"\n<{REMARKS_TAG}>\n{remarks}\n</{REMARKS_TAG}>\n"
        made = {
            name: block.text(self.frame_tags)
            for name, block in {**NO_BLOCKS, **(blocks or {})}.items()
        }
        template = self.template(name)
        return template.format_messages(**{"loss_instruction": loss_instruction, **inside, **made})

    def template(self, name: str) -> ChatPromptTemplate:
        """Return a prompt: a step's, or one of `forms`.

        Raises:
            PromptError: When there is none of that name.
        """
        templates = self._templates()
        if name not in templates:
            raise PromptError(f"The prompts `{self.name}` have no `{name}`.")
        return templates[name]

    def suits(self, *, rejected: bool) -> bool:
        """Return whether there are words for a round.

        Args:
            rejected: Whether it has a response to hold against the chosen one.
        """
        if rejected or self.without_rejected is not None:
            return True
        return not any("rejected" in one.input_variables for one in self._templates().values())

    def of_round(self, *, rejected: bool) -> "TPOPrompts":
        """Return the prompts for a round.

        Args:
            rejected: Whether it has a response to hold against the chosen one.
        """
        return self if rejected or self.without_rejected is None else self.without_rejected

    def asked(self, name: str) -> frozenset[str]:
        """Name the variables of a prompt, and of the loss's where it quotes that one's."""
        templates = self._templates()
        names = set(self.template(name).input_variables)
        if "loss_instruction" in names and "textual_loss" in templates:
            names |= set(templates["textual_loss"].input_variables)
        return frozenset(names)

    @cached_property
    def frame_tags(self) -> tuple[str, ...]:
        """Every tag that the prompts of this set use."""
        empty = [
            message.text
            for name, template in self._templates().items()
            for message in template.format_messages(**dict.fromkeys(VARIABLES[_step(name)], ""))
        ]
        blocks = [text for name in self._templates() for text in block_frames(self.asked(name))]
        found = {tag for text in (*map(str, empty), *blocks) for tag in tags_in(text)}
        own = {REMARKS_TAG, self.revision_tag} if self.revision_tag else {REMARKS_TAG}
        return tuple(sorted(found | own))

    def _templates(self) -> dict[str, ChatPromptTemplate]:
        """Return the prompts that this set has, in the order of their steps."""
        every = {**{str(step): getattr(self, step) for step in VARIABLES}, **self.forms}
        templates = {name: given for name, given in every.items() if given is not None}
        for name, template in templates.items():
            if not isinstance(template, ChatPromptTemplate):
                raise PromptError(
                    f"`{name}` prompt of `{self.name}` must be a ChatPromptTemplate, got "
                    f"{type(template).__name__}."
                )
        return templates


def _step(name: str) -> PromptName:
    """Return the step that a prompt belongs to: other forms are the update's."""
    return name if name in VARIABLES else "update"  # type: ignore[return-value]  # just checked
