"""What a loop is made of, as every door takes it: a policy, a reward, a critic, and settings.

Knows what makes a chat model and a reward; knows nothing of how a run goes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from langchain_tpo.constructors import OneTypedLine, check_options
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.base import most_requests
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.reward_models.interface import RewardModel
from langchain_tpo.reward_models.judges.self_preference import warn_of_self_preference
from langchain_tpo.sampling.wrappers import (
    ChatModel,
    check_chat_model,
    check_policy,
)
from langchain_tpo.settings import TPOSettings
from langchain_tpo.text.shown import shown


class FromSettings(int):
    """A width or a depth that was read from the settings, and yields to other settings.

    A copy with other settings, as `configurable_fields` makes it, is built from all fields of the
    original: without the difference the width of the old settings would win over the new ones.
    """


class LoopParts(OneTypedLine):
    """The parts of a loop. `width` and `depth` are those of `settings`, whichever was set last.

    Raises:
        ConfigurationError: At construction, in one line, when something cannot work.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> model = RunnableLambda(lambda messages: "An answer.")
        >>> parts = LoopParts(model=model, reward=lambda prompt, response: 1.0, width=4)
        >>> parts.width, parts.settings.width
        (4, 4)
        >>> parts.model_copy(update={"settings": TPOSettings(width=9)}).width
        9
    """

    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    model: ChatModel = Field(frozen=True, repr=False)
    """The policy: draws responses and revisions. Retries and fallbacks around it are kept. The
    models of a list draw in turn, a request a draw, and the first one criticizes; a candidate's
    message says who wrote it. Of more models than `width` the last ones draw nothing."""
    reward: RewardModel = Field(frozen=True, repr=False)
    """What scores responses; a plain function `(prompt, response) -> float` will do."""
    critic: ChatModel | None = Field(default=None, frozen=True, repr=False)
    """Writes loss and gradient; the policy itself when None, as in the paper."""
    settings: TPOSettings = Field(default=TPOSettings(), frozen=True)
    """Everything else."""
    width: int = Field(default=FromSettings(TPOSettings().width), frozen=True)
    """N, for short: wins over the width of `settings` that are given with it."""
    depth: int = Field(default=FromSettings(TPOSettings().depth), frozen=True)
    """D, for short: wins over the depth of `settings` that are given with it."""

    if TYPE_CHECKING:  # what the validators take is more than what the fields hold

        def __init__(
            self,
            *,
            model: ChatModel | Sequence[ChatModel],
            reward: RewardLike,
            critic: ChatModel | None = None,
            settings: TPOSettings | None = None,
            width: int | None = None,
            depth: int | None = None,
        ) -> None: ...

    @field_validator("model", "critic", mode="before")
    @classmethod
    def _chat_model(cls, value: object, info: Any) -> object:  # noqa: ANN401 pydantic's own type
        return _checked_model(value, info.field_name)

    @field_validator("reward", mode="before")
    @classmethod
    def _scores(cls, value: RewardLike) -> RewardModel:
        return as_reward_model(value)

    @model_validator(mode="before")
    @classmethod
    def _without_what_settings_say(cls, values: Any) -> Any:  # noqa: ANN401 whatever is validated
        if not isinstance(values, Mapping):
            return values
        said = _said(values)
        left_out = {name for name in _SHORT if name not in said}
        if values.get("settings") is None:
            left_out.add("settings")
        return {name: value for name, value in values.items() if name not in left_out}

    @model_validator(mode="after")
    def _settle(self) -> Self:
        given = {name: getattr(self, name) for name in _SHORT if name in self.model_fields_set}
        for name, value in _settled(self.settings, given).items():
            self.__dict__[name] = value  # frozen for everyone else
        warn_of_self_preference(self.model, self.reward)
        return self

    @property
    def judgements(self) -> int:
        """Most requests to judges of a run that nothing stops early."""
        first, later = (most_requests(self.reward, self.width, first=one) for one in (True, False))
        return first + self.depth * later

    @property
    def completions(self) -> int:
        """Most completions of a run that nothing stops early, judges' included.

        Example:
            >>> from langchain_core.language_models import FakeListChatModel
            >>> from langchain_tpo.reward_models import ChatJudge
            >>> policy, judge = (FakeListChatModel(responses=[text]) for text in ("Hi.", "4"))
            >>> parts = LoopParts(model=policy, reward=ChatJudge(judge), width=5, depth=2)
            >>> parts.settings.completions, parts.completions
            (19, 34)
        """
        return self.settings.completions + self.judgements

    def with_settings(self, **changes: Any) -> Self:
        """Return a copy with some settings changed, checked like any other.

        For one call alone, hand them over in its config:
        `tpo.invoke(question, {"configurable": {"tpo_settings": {"token_budget": 4000}}})`.

        Args:
            changes: Fields of `TPOSettings`, such as `token_budget=4000`.

        Example:
            >>> from langchain_core.runnables import RunnableLambda
            >>> model = RunnableLambda(lambda messages: "Oil it twice a year.")
            >>> parts = LoopParts(model=model, reward=lambda prompt, response: 1.0, width=5)
            >>> parts.with_settings(width=3, token_budget=4000).width
            3
        """
        return self.model_copy(update={"settings": self.settings.with_changes(**changes)})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields set otherwise; width, depth and settings agree in it.

        Args:
            update: New values of fields.
            deep: Whether to copy what the fields hold, too.

        Raises:
            ConfigurationError: In one line, when something in the copy cannot work.
        """
        changes = dict(update or {})
        check_options(type(self), changes)
        changes |= _settled(changes.get("settings", self.settings), _said(changes))
        for name in {"model", "critic"} & changes.keys():
            changes[name] = _checked_model(changes[name], name)
        if "reward" in changes:
            changes["reward"] = as_reward_model(changes["reward"])
        return super().model_copy(update=changes, deep=deep)


_SHORT = ("width", "depth")
"""The settings that have a field of their own."""


def _checked_model(value: object, field: str) -> object:
    if field == "model":
        return check_policy(value, field=field)
    return None if value is None else check_chat_model(value, field=field)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the width and the depth that are set for themselves, not read from settings."""
    said = {name: values.get(name) for name in _SHORT}
    return {
        name: value
        for name, value in said.items()
        if value is not None and not isinstance(value, FromSettings)
    }


def _settled(given: object, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings, width and depth that agree."""
    if not isinstance(given, TPOSettings):
        raise SettingsError(
            f"`settings` must be a TPOSettings, got {type(given).__name__} `{shown(given)}`."
        )
    settings = given.with_changes(**said) if said else given
    return {
        "settings": settings,
        **{name: FromSettings(getattr(settings, name)) for name in _SHORT},
    }
