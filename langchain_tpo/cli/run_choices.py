"""What a run is made of: a TOML file, flags that win over it, and defaults that need no key.

Knows names and precedence. The objects themselves come from `model_strings` and `reward_strings`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_tpo.cli.flags import Flags
from langchain_tpo.cli.model_strings import chat_model, model_label
from langchain_tpo.cli.reward_strings import reward_label, reward_model
from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import RewardModel
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.wrappers import ChatModel
from langchain_tpo.settings import SamplingOptions, TPOSettings

DEFAULT_MODEL = "local"
"""Needs no key, no GPU and no other program."""

DEFAULT_REWARD = "head"
"""Needs nothing at all."""

PRESETS: Mapping[str, Callable[[], TPOSettings]] = {
    "paper": TPOSettings.paper,
    "small": TPOSettings.small_model,
}
"""Where settings begin, by name; `local` models begin at `small`."""

FILE_KEYS = ("model", "base_url", "critic", "reward", "preset", "model_options", "settings")
"""What a settings file may hold at its top."""

FILE_TABLES = ("model_options", "settings")
"""Which of that are tables."""


@dataclass(frozen=True, kw_only=True)
class RunChoices:
    """What a run is made of, by name.

    Example:
        >>> choices = run_choices(Flags(model="openai:gpt-4o-mini", depth=3, changes=["seed=7"]))
        >>> choices.settings.depth, choices.settings.seed, choices.reward
        (3, 7, 'head')
    """

    model: str
    """The policy's string."""
    base_url: str | None
    """Where the policy is served, where that is not its provider's own address."""
    critic: str | None
    """The critic's string; None is the policy."""
    reward: str
    """The reward model's short URL."""
    settings: TPOSettings
    """Everything else."""
    model_options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the chat model."""

    def build_model(self) -> ChatModel:
        """Return the policy."""
        return chat_model(self.model, base_url=self.base_url, options=self.model_options)

    def build_critic(self) -> ChatModel | None:
        """Return the critic, where one was named."""
        return None if self.critic is None else chat_model(self.critic, base_url=None)

    def build_reward(self) -> RewardModel:
        """Return the reward model."""
        return reward_model(self.reward)

    def build(self) -> TPORunnable:
        """Return all of it as a Runnable."""
        return TPORunnable(
            reward=self.build_reward(),
            critic=self.build_critic(),
            model=self.build_model(),
            settings=self.settings,
        )

    def labels(self, model: ChatModel | None = None) -> dict[str, str | None]:
        """Name the parts for a manifest, without credentials.

        Args:
            model: The policy, which may know its name better.
        """
        name = str(getattr(model, "model_name", ""))
        known = "" if name in ("", self.model.partition(":")[2]) else f" ({name})"
        return {
            "model": model_label(self.model, self.base_url) + known,
            "critic": self.critic,
            "reward": reward_label(self.reward),
        }


def run_choices(flags: Flags) -> RunChoices:
    """Settle what a run is made of: flags win over the file, the file over the preset.

    Raises:
        ConfigurationError: In one line, when a value cannot work.
    """
    file = _read(flags.config) if flags.config else {}

    def told(name: str, default: str | None = None) -> Any:  # noqa: ANN401 `_read` has looked
        """Return what was typed, or else what the file says; an empty text is not nothing."""
        typed = getattr(flags, name)
        return file.get(name, default) if typed is None else typed

    model = told("model", DEFAULT_MODEL)
    settings = _preset(told("preset"), model)
    settings = settings_with(settings, file.get("settings", {}))
    settings = settings_with(settings, _from_flags(flags))
    return RunChoices(
        model=model,
        base_url=told("base_url"),
        critic=told("critic"),
        reward=told("reward", DEFAULT_REWARD),
        settings=settings,
        model_options=file.get("model_options", {}),
    )


def settings_with(settings: TPOSettings, changes: Mapping[str, Any]) -> TPOSettings:
    """Return settings with some fields set otherwise; sampling options are changed one by one.

    Example:
        >>> settings = settings_with(TPOSettings.paper(), {"sample": {"temperature": 1.0}})
        >>> settings.sample.temperature, settings.sample.max_tokens
        (1.0, 2048)
    """
    merged = {}
    for name, value in changes.items():
        before = getattr(settings, name, None)
        if isinstance(before, SamplingOptions) and isinstance(value, Mapping):
            merged[name] = SamplingOptions(**{**before.model_dump(), **value})
        else:
            merged[name] = value
    return settings.with_changes(**merged) if merged else settings


def settings_for(model: str) -> TPOSettings:
    """Return the settings that a model's string stands for where no preset is named.

    Example:
        >>> settings_for("local").prompts, settings_for("openai:gpt-4o-mini").prompts
        ('small', 'paper')
    """
    local = model.partition(":")[0] == "local"
    return TPOSettings.small_model() if local else TPOSettings()


def _preset(name: str | None, model: str) -> TPOSettings:
    if name is None:
        return settings_for(model)
    if name not in PRESETS:
        raise SettingsError(f"`--preset` must be `paper` or `small`, got `{name}`.")
    return PRESETS[name]()


def _from_flags(flags: Flags) -> dict[str, Any]:
    named = ("width", "depth", "strategy", "prompts", "seed")
    changes = {name: value for name in named if (value := getattr(flags, name)) is not None}
    draws = {
        name: value
        for name in ("temperature", "max_tokens")
        if (value := getattr(flags, name)) is not None
    }
    if draws:
        changes |= {"sample": dict(draws), "update": dict(draws)}
    for change in flags.changes or ():
        _put(changes, change)
    return changes


def _put(changes: dict[str, Any], change: str) -> None:
    path, equals, value = change.partition("=")
    if not equals or not path.strip():
        raise SettingsError(f"`--set` must look like `depth=3`, got `{change}`.")
    name, dot, option = path.strip().partition(".")
    new, before = _plain(value), changes.get(name)
    if dot:
        new = {option: new}
        if name in changes and not isinstance(before, dict):
            raise SettingsError(
                f"`--set {change}`: `{name}` is set as a whole already, to `{before}`: say either."
            )
    if isinstance(new, dict) and isinstance(before, dict):
        new = {**before, **new}
    changes[name] = new


def _plain(text: str) -> object:
    """Read a number, a switch or a list as TOML has it; anything else is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"`{path}` could not be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, nested too deep
        raise SettingsError(f"`{path}` is no TOML file: {error}.") from error
    for key in read:
        if key not in FILE_KEYS:
            known = ", ".join(f"`{name}`" for name in FILE_KEYS)
            raise SettingsError(f"`{path}` holds `{key}`, which means nothing here: use {known}.")
        kind = dict if key in FILE_TABLES else str
        if not isinstance(read[key], kind):
            should = "be a table" if kind is dict else "be a text"
            raise SettingsError(f"`{path}`: `{key}` must {should}, got `{read[key]!r}`.")
    return read
