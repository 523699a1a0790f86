"""A set of prompts: textual loss, textual gradient and update, as data.

Knows which variables each step fills, and keeps what models and users wrote inside its frame.
It does not know any wording: `paper.py` and `small_model.py` do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate

from langchain_tpo.errors import PromptError
from langchain_tpo.text.fencing import quoted, tags_in

PromptName: TypeAlias = Literal["textual_loss", "textual_gradient", "update"]
"""The steps that have a prompt; the same words name the fields of a set."""

_COMPARED = frozenset({"query", "chosen", "rejected", "remarks"})
_CRITICIZED = _COMPARED | {"chosen_span", "loss_instruction", "textual_loss"}

VARIABLES: Mapping[PromptName, frozenset[str]] = {
    "textual_loss": _COMPARED,
    "textual_gradient": _CRITICIZED,
    "update": _CRITICIZED | {"textual_gradient"},
}
"""What each prompt may ask for.

`query`: the whole conversation as text. `chosen`, `rejected`: the two responses. `remarks`: what
the reward model said of them, or nothing. `chosen_span`: the chosen response, shortened.
`loss_instruction`: the system message that the textual loss answered. `textual_loss`,
`textual_gradient`: what the steps before wrote.
"""


REMARKS_TAG = "REMARKS"
"""Frames what a reward model said, where it said anything: that is a model's text too."""


@dataclass(frozen=True, kw_only=True)
class TPOPrompts:
    """The three prompts of a round, and how a revision is read.

    Every variable is checked when the set is built. Text that a model or a user wrote is fenced
    when it is filled in: it closes no tag that the templates open, and opens no turn.

    Raises:
        PromptError: When a prompt asks for a variable that its step does not fill.

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
    textual_loss: ChatPromptTemplate
    """Asks why the chosen response beats the rejected one."""
    textual_gradient: ChatPromptTemplate | None
    """Asks for criticism and strategies, given the loss; None where the loss prompt asks for them
    in the same reply, which saves a call and a stage in every round."""
    update: ChatPromptTemplate
    """Asks for a revision of the chosen response, given loss and gradient."""
    revision_tag: str | None = "IMPROVED_VARIABLE"
    """A revision is what stands between these tags; None takes the whole reply."""

    def __post_init__(self) -> None:
        """Refuse unknown variables before any call is made."""
        for step, template in self._templates().items():
            allowed = VARIABLES[step]
            unknown = sorted(set(template.input_variables) - allowed)
            if unknown:
                raise PromptError(
                    f"`{step}` prompt of `{self.name}` asks for `{unknown[0]}`, which is never "
                    f"filled: use {', '.join(f'`{name}`' for name in sorted(allowed))}."
                )

    @property
    def fused(self) -> bool:
        """Whether loss and gradient are one reply."""
        return self.textual_gradient is None

    @property
    def critiques(self) -> int:
        """Critic's replies in a round: loss and gradient, or both in one."""
        return 1 if self.fused else 2

    def render(
        self, step: PromptName, *, loss_instruction: str = "", **values: str
    ) -> list[BaseMessage]:
        """Fill the prompt of a step.

        Args:
            step: Whose prompt.
            loss_instruction: The loss's own system message, rendered and fenced before.
            values: Untrusted text by variable name; each is fenced.
        """
        inside = {name: quoted(value, self.frame_tags) for name, value in values.items()}
        if remarks := inside.get("remarks", "").strip():
            inside["remarks"] = f"\n<{REMARKS_TAG}>\n{remarks}\n</{REMARKS_TAG}>\n"
        template = self._templates()[step]
        return template.format_messages(loss_instruction=loss_instruction, **inside)

    def asked(self, step: PromptName) -> frozenset[str]:
        """Name the variables of a step's prompt, and of the loss's where it quotes that one's."""
        templates = self._templates()
        names = set(templates[step].input_variables)
        if "loss_instruction" in names:
            names |= set(templates["textual_loss"].input_variables)
        return frozenset(names)

    @cached_property
    def frame_tags(self) -> tuple[str, ...]:
        """Every tag that the prompts of this set use."""
        empty = [
            message.text
            for step, template in self._templates().items()
            for message in template.format_messages(**dict.fromkeys(VARIABLES[step], ""))
        ]
        found = {tag for text in empty for tag in tags_in(text)}
        own = {REMARKS_TAG, self.revision_tag} if self.revision_tag else {REMARKS_TAG}
        return tuple(sorted(found | own))

    def _templates(self) -> dict[PromptName, ChatPromptTemplate]:
        """Return the prompts that this set has, in the order of their steps."""
        templates: dict[PromptName, ChatPromptTemplate] = {}
        for step in VARIABLES:
            template = getattr(self, step)
            if isinstance(template, ChatPromptTemplate):
                templates[step] = template
            elif template is not None or step != "textual_gradient":
                raise PromptError(
                    f"`{step}` prompt of `{self.name}` must be a ChatPromptTemplate, got "
                    f"{type(template).__name__}."
                )
        return templates
