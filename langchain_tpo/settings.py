"""Everything that a run can be told: width N, depth D, sampling, prompts.

Frozen and checked once; the steps trust it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic import model_validator as validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import SettingsError
from langchain_tpo.prompts import TPOPrompts
from langchain_tpo.strategies import CRITIQUE_STEPS, Strategy, StrategyField


class _Frozen(OneTypedLine):
    """Immutable, strict about names, and plain about mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )


OnRefusal: TypeAlias = Literal["keep", "drop", "end"]
"""What a run does where some first responses are refusals."""


Wording: TypeAlias = Annotated[
    str | TPOPrompts,
    PlainSerializer(
        lambda given: given.name if isinstance(given, TPOPrompts) else given, return_type=str
    ),
    WithJsonSchema({"type": "string", "enum": ["paper", "small"], "default": "paper"}),
]
"""Prompts as a field of a pydantic model: a style that strategies word theirs in, or a set."""


SMALL_STRATEGY = "explain:forms=remind"
"""What did best with 0.5B and 1.5B where a reward says what is wrong: draws are told without being
shown the old answer, which such models copy (docs/results_strategies.md)."""


class SamplingOptions(_Frozen):
    """How one kind of call samples; None leaves a value to the model as it was configured.

    Example:
        >>> SamplingOptions(temperature=0.7, extra={"min_p": 0.05}).as_kwargs()
        {'temperature': 0.7, 'min_p': 0.05}
    """

    temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Randomness of the draws."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus sampling: the share of probability that may be drawn from."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longest completion, in tokens."""
    extra: dict[str, Any] = Field(default_factory=dict, repr=False)
    """More keyword arguments for the model's own `invoke`."""

    def as_kwargs(self) -> dict[str, Any]:
        """Return what is set as keyword arguments of a chat model's call."""
        named = self.model_dump(exclude={"extra"}, exclude_none=True)
        return {**named, **self.extra}


class TPOSettings(_Frozen):
    """What a run does; immutable, and checked when it is built.

    Raises:
        SettingsError: In one line, when a value is out of range or two contradict each other.

    Example:
        >>> settings = TPOSettings(width=5, depth=2)
        >>> settings.completions, settings.stages, settings.recursion_limit
        (19, 7, 11)
    """

    width: int = Field(default=5, ge=1, le=10_000, title="Width (N)")
    """How many responses are drawn at first and in every round."""
    depth: int = Field(default=2, ge=0, le=1_000, title="Depth (D)")
    """How many rounds of loss, gradient and update follow; 0 is best-of-N."""
    strategy: StrategyField = Field(default="tpo", validate_default=True, title="Strategy")
    """How rounds are played: a strategy, or a line such as `fused:fresh=1`."""
    prompts: Wording = Field(default="paper", title="Prompts")
    """How its prompts are worded: as in the paper, for small models, or in your own words."""
    sample: SamplingOptions = Field(default=SamplingOptions(), title="Sampling of first responses")
    """How the first responses are drawn."""
    textual_loss: SamplingOptions = Field(default=SamplingOptions(), title="Sampling of the loss")
    """How the textual loss is drawn."""
    textual_gradient: SamplingOptions = Field(
        default=SamplingOptions(), title="Sampling of the gradient"
    )
    """How the textual gradient is drawn."""
    update: SamplingOptions = Field(default=SamplingOptions(), title="Sampling of revisions")
    """How the revisions are drawn."""
    seed: int | None = Field(default=None, ge=0, le=2**53, title="Seed")
    """Makes draws repeatable where the model takes a `seed`; every request gets its own."""
    one_request: bool = Field(default=True, title="One request for N draws")
    """Ask for N responses in one request (`n=N`) where the model can; it reads the prompt once."""
    context_tokens: int | None = Field(default=None, ge=1, title="Context window")
    """Tokens of prompt and completion together that the model can take, where its server cuts
    longer prompts in silence, as Ollama's does. Loss, gradient and update then leave out the middle
    of the longest texts that they quote. Servers that refuse such a prompt need no setting."""
    session_header: str | None = Field(
        default=None, pattern="^[Xx]-[A-Za-z0-9-]{1,60}$", title="Header of a session"
    )
    """An HTTP header, such as `X-Session-ID`, in which every request of a run to policy and critic
    says the same, and runs of other questions something else: a router in front of several servers
    then keeps a run where its prompts are in the prefix cache. For models that take
    `extra_headers`, as those of OpenAI's and Anthropic's packages do."""
    prefer_complete: bool = Field(default=True, title="Prefer complete answers")
    """Whether a response that `max_tokens` or a provider's filter cut loses to any complete one,
    whatever their rewards. Without it the reward alone decides."""
    on_refusal: OnRefusal = Field(default="keep", title="On refusal")
    """What happens where a provider marks some first responses as refusals and others answer: the
    refusals compete by reward like any response (`keep`), are dropped and counted (`drop`), or end
    the run as its answer (`end`). Where all refuse, the refusal is the answer in any case."""
    critic_context: tuple[str, ...] = Field(default=(), title="Context for the critic")
    """Fields of a question's `context` that loss and gradient are shown behind the conversation,
    such as `("passages",)`. The policy that answers and revises is shown none."""
    on_error: Literal["return_best", "raise"] = Field(default="return_best", title="On error")
    """What a failed call does after the first round: end the run with the best response so far,
    or raise. In the first round it raises in any case, unless a draft, an agent's first reply or
    first samples were given: the run ends with the best of those then."""

    progress_text: bool = Field(default=False, title="Texts in progress events")
    """Whether the events `tpo_round` and `tpo_end` hold the best response so far, so that an
    application can show the answer of best-of-N early and replace it."""

    target_reward: float | None = Field(default=None, allow_inf_nan=False, title="Target reward")
    """Stop as soon as the best reward is at least this. A reward that knows its `maximum` stops a
    run there by itself."""
    patience: int | None = Field(default=None, ge=1, title="Patience")
    """Stop after this many rounds without a gain of more than `min_gain`."""
    min_gain: float = Field(default=0.0, ge=0, allow_inf_nan=False, title="Least gain")
    """What counts as a gain of the best reward, for `patience`."""
    min_contrast: (
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["unexplained"] | None
    ) = Field(default="unexplained", title="Least contrast")
    """Stop when best and worst reward are no further apart than this; at 0, when they are equal.
    `unexplained`: when they are equal and the reward model says nothing in words that a revision
    could go by. None never stops a run for want of contrast, as the paper's code does."""
    gate_reward: float | None = Field(default=None, allow_inf_nan=False, title="Gate: reward")
    """Refine nothing when the best first response already earns this."""
    gate_contrast: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, title="Gate: contrast"
    )
    """Refine nothing when the first responses are no further apart than this."""
    call_budget: int | None = Field(default=None, ge=1, title="Budget: completions")
    """Most completions of a run, judges' included; a round that would not fit is not begun, where a
    judge is expected to be asked about every revision."""
    token_budget: int | None = Field(default=None, ge=1, title="Budget: tokens")
    """Call no model once this many tokens are spent, in and out, nor begin a round whose revisions,
    and the verdicts on them, would cost what is left or more. Its prompts are counted beforehand,
    with the model's tokenizer where it has one at hand, and corrected by the last round's; replies
    are expected to be as long as the last ones, the first critiques 300 tokens or as long as an
    answer. Unknown usage counts as spent."""
    time_budget: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, title="Budget: seconds"
    )
    """Ask no model after this many seconds and, in async runs, cancel the requests on their way
    then. What has been drawn is scored all the same, however long the reward model takes."""

    if TYPE_CHECKING:  # a strategy may be given by its name

        def __init__(  # noqa: PLR0913 one for each field
            self,
            *,
            width: int = ...,
            depth: int = ...,
            strategy: str | Strategy = ...,
            prompts: str | TPOPrompts = ...,
            sample: SamplingOptions = ...,
            textual_loss: SamplingOptions = ...,
            textual_gradient: SamplingOptions = ...,
            update: SamplingOptions = ...,
            seed: int | None = ...,
            one_request: bool = ...,
            context_tokens: int | None = ...,
            session_header: str | None = ...,
            prefer_complete: bool = ...,
            on_refusal: OnRefusal = ...,
            critic_context: Sequence[str] = ...,
            on_error: Literal["return_best", "raise"] = ...,
            progress_text: bool = ...,
            target_reward: float | None = ...,
            patience: int | None = ...,
            min_gain: float = ...,
            min_contrast: float | Literal["unexplained"] | None = ...,
            gate_reward: float | None = ...,
            gate_contrast: float | None = ...,
            call_budget: int | None = ...,
            token_budget: int | None = ...,
            time_budget: float | None = ...,
        ) -> None: ...

    @validator(mode="after")
    def _strategy_can_work(self) -> Self:
        wording = self.wording  # refuses a style that there is not, whatever the depth
        if self.depth > 0:
            self.strategy.check(self.width, wording)
        return self

    @validator(mode="after")
    def _budget_covers_the_first_draws(self) -> Self:
        if self.call_budget is not None and self.call_budget < self.width:
            raise SettingsError(
                f"`call_budget` must be at least `width` ({self.width}), got {self.call_budget}."
            )
        return self

    @classmethod
    def paper(cls, **changes: Any) -> Self:
        """Return the settings of the paper's experiments: N=5, D=2, temperature 0.7.

        Source: arXiv 2501.12895, section 5.1 and its public scripts.

        Args:
            changes: Fields to set otherwise, such as `width=20`.
        """
        draws = SamplingOptions(temperature=0.7, top_p=0.95, max_tokens=2048)
        critique = SamplingOptions(temperature=0.7, top_p=0.99, max_tokens=8192)
        preset: dict[str, Any] = {
            "sample": draws,
            "textual_loss": critique,
            "textual_gradient": critique,
            "update": draws,
            "min_contrast": None,
        }
        return cls(**{**preset, **changes})

    @classmethod
    def small_model(cls, **changes: Any) -> Self:
        """Return settings for small models, measured with 0.5 and 1.5 billion parameters.

        Their own critiques are not shown to gain more than further draws (docs/results.md), so none
        is asked for: the strategy is `Explain`, whose revisions are told what the reward says of
        the best answer and are not shown that answer; models of 0.1 billion make little of it. A
        reward that says nothing in words has all draws made afresh: best of N(1 + D). Short
        replies, read without tags.

        Args:
            changes: Fields to set otherwise, such as `width=4`, or `strategy="tpo"` for the paper's
                loop in words that such models can follow (`benchmarks/revision_forms.py`).

        Example:
            >>> settings = TPOSettings.small_model()
            >>> settings.completions, settings.stages
            (15, 3)
        """
        draws = SamplingOptions(temperature=0.7, top_p=0.95, max_tokens=256)
        critique = SamplingOptions(temperature=0.7, top_p=0.95, max_tokens=96)
        preset: dict[str, Any] = {
            "strategy": SMALL_STRATEGY,
            "prompts": "small",
            "sample": draws,
            "textual_loss": critique,
            "textual_gradient": critique,
            "update": draws,
        }
        return cls(**{**preset, **changes})

    def with_changes(self, **changes: Any) -> Self:
        """Return a copy with some fields set otherwise, checked like any other."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**kept, **changes})

    @property
    def wording(self) -> TPOPrompts:
        """The prompts of the strategy, as `prompts` words them.

        Example:
            >>> TPOSettings(strategy="fused", prompts="small").wording.name
            'small-fused'
        """
        if isinstance(self.prompts, TPOPrompts):
            return self.prompts
        return self.strategy.worded(self.prompts)

    def skips(self, step: str) -> bool:
        """Return whether a run has no use for a step: some strategies criticize less, or nothing.

        Example:
            >>> TPOSettings(strategy="fused").skips("textual_gradient")
            True
        """
        return step in CRITIQUE_STEPS and step not in self.strategy.critiques

    @property
    def completions(self) -> int:
        """Completions of a run that nothing stops early: N + D(2 + N) in the paper's strategy.

        Judges' come on top: `completions` of a `TPORunnable` includes them.
        """
        return self.strategy.completions(self.width, self.depth)

    @property
    def stages(self) -> int:
        """Model calls that have to wait for each other: 1 + 3D in the paper's strategy."""
        return self.strategy.stages(self.depth)

    @property
    def recursion_limit(self) -> int:
        """LangGraph's limit for such a run: its supersteps and one to find that it is done.

        2 + 4D supersteps in the paper's strategy.
        """
        return self.strategy.supersteps(self.depth) + 1


class TPOContext(TPOSettings):
    """What a run's context may set: settings, but no further arguments of the model's calls.

    A server builds it from the dict that a client sends. `extra` could choose the model, the
    headers or the tokens that the owner of the key pays for. A caller in the same process passes
    a `TPOSettings`, which may set anything.

    Raises:
        SettingsError: In one line, when `extra` of any sampling options or prompts are spelt out.

    Example:
        >>> TPOContext(width=3, sample={"temperature": 0.2}).sample.temperature
        0.2
    """

    @validator(mode="before")
    @classmethod
    def _clients_reach_no_model_arguments(cls, data: object) -> object:
        if isinstance(data, Mapping):
            check_client_options(data)
        return data


def check_client_options(options: Mapping[str, object]) -> None:
    """Refuse what would reach further than the settings of a run.

    Args:
        options: Settings by name, as a client sends them.

    Raises:
        SettingsError: In one line, when `extra` of any sampling options or prompts are spelt out.
    """
    for name, value in options.items():
        if isinstance(value, Mapping) and "extra" in value:
            raise SettingsError(
                f"`{name}.extra` cannot be set by a run's context: set it in the settings "
                "of the graph."
            )
        if name == "prompts" and isinstance(value, Mapping):
            raise SettingsError(
                "`prompts` in a run's context must be a name, got a dict: set prompts of "
                "your own in the settings of the graph."
            )
