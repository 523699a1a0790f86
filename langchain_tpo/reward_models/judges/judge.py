"""What all judges have in common: a chat model, how it is asked, and how its reply is read.

Knows models and prompts; what is asked, and what becomes of the verdicts, its kinds say.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field, PrivateAttr, ValidationInfo, field_validator

from langchain_tpo.candidate_pool import Candidate, chosen
from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.base import ComposedReward
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.judges.judge_prompts import (
    RATIONALE,
    checked_prompt,
    form_text,
    render,
)
from langchain_tpo.reward_models.judges.judgement import AllAtOnce, judgement
from langchain_tpo.reward_models.judges.prompt_fields import from_context, sources_of
from langchain_tpo.reward_models.judges.replies import UnreadableVerdict, answer_of
from langchain_tpo.reward_models.scores import as_score
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.wrappers import ChatModel, check_chat_model
from langchain_tpo.text.shown import shown

FormT = TypeVar("FormT", bound=BaseModel)


class Judge(ComposedReward):
    """A chat model that is asked for verdicts in a form."""

    prompt_variables: ClassVar[frozenset[str]]
    """What `prompt` may ask for."""

    model: ChatModel = Field(repr=False)
    """Who judges."""
    explain: bool
    """Whether the model gives its reasons first; the textual loss is shown them."""
    criteria: str
    """What makes a good response."""
    fields: dict[str, str]
    """Where the prompt's fields come from, by its names for them."""
    prompt: ChatPromptTemplate
    """How the model is asked."""
    structured: bool
    """Whether to use structured output where the model has it; False asks for JSON text."""
    read: Callable[[str], object] | None
    """Reads the reply of a model that answers in a form of its own; None: as JSON."""

    _learned: Learned = PrivateAttr(default_factory=Learned)

    def __init__(self, **options: Any) -> None:
        """Check the options; a judge of its own form is not made to fill in another.

        Args:
            options: The fields of the class.
        """
        structured = options["structured"] and options["read"] is None
        super().__init__(**{**options, "structured": structured})

    @field_validator("model", mode="before")
    @classmethod
    def _is_chat_model(cls, model: object) -> ChatModel:
        return check_chat_model(model, field="model")

    @field_validator("prompt", mode="before")
    @classmethod
    def _can_be_filled(cls, prompt: object, checked: ValidationInfo) -> ChatPromptTemplate:
        fields = checked.data.get("fields", {})
        return checked_prompt(prompt, fills=cls.prompt_variables, fields=fields)

    @property
    def explains(self) -> bool:
        """Whether scores come with words."""
        return self.explain

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a context that lacks what the prompt shows of it.

        Args:
            context: What is known of a question, by name.

        Raises:
            RewardTypeError: With the name of the field that is missing.
        """
        known = self.prompt_variables | {"messages", "history"}
        sources = sources_of(self.prompt, self.fields, fills=known | {"reference"})
        for source in set(sources.values()) - known:
            from_context(source, context)

    def _asker(
        self, form: type[FormT], read: Callable[[str], FormT]
    ) -> AllAtOnce[list[BaseMessage], FormT]:
        """Build what asks the model many questions at once."""
        asker = judgement(
            self.model, form, structured=self.structured, read=read, learned=self._learned
        )
        return AllAtOnce(asker)

    def _question(
        self,
        request: ScoreRequest,
        verdict: Mapping[str, str],
        responses: Mapping[str, str],
        *,
        reasons: bool = True,
        **instructions: str,
    ) -> list[BaseMessage]:
        """Fill the prompt.

        Args:
            request: Whose conversation is judged.
            verdict: The form's field for the verdict itself, with what it means.
            responses: What is judged, by variable.
            reasons: Whether the form has a field of its own for them.
            instructions: Further variables.
        """
        why = {"rationale": RATIONALE} if self.explain and reasons else {}
        form = form_text({**why, **verdict})
        told = {"criteria": self.criteria, **instructions, "form": form}
        return render(
            self.prompt,
            request["messages"],
            instructions=told,
            responses=responses,
            context=request.get("context", {}),
            fields=self.fields,
        )


def read_with(read: Callable[[str], object], text: str) -> tuple[float | None, str]:
    """Return the number that a caller's function reads in a reply, or None, and the reason for it.

    Args:
        read: From a reply without its thoughts to a number, alone or with the reason, or None.
        text: A model's reply; all of it is the reason where the function gives none.

    Raises:
        UnreadableVerdict: When the function raises.
        RewardOutputError: When it returns something else.

    Example:
        >>> read_with(lambda reply: float(reply.split()[-1]), "<think>Hm.</think>Sound: 4")
        (4.0, 'Sound: 4')
    """
    answer = answer_of(text).strip()
    try:
        value = read(answer)
    except OutputParserException:
        raise
    except Exception as error:
        raise UnreadableVerdict(f"`read` raised {type(error).__name__}") from error
    try:
        score = as_score(value)
    except RewardOutputError as error:
        raise RewardOutputError(
            "`read` must return a number, alone or with the reason, or None, got "
            f"{type(value).__name__} `{shown(value)}`."
        ) from error
    number = score["reward"] if isinstance(score, dict) else score
    return number, score.get("rationale", "") if isinstance(score, dict) else answer


def best_so_far(request: ScoreRequest) -> Candidate | None:
    """Return what the round is compared with: the best so far, or the first where none is known."""
    pool = request.get("pool") or []
    best = chosen(pool)
    return pool[best or 0] if pool else None
