"""What a model's name stands for: `NAME`, `NAME:best-of-5`, `NAME:synthesize-d2-n5`, and so on.

Knows the settings that the server was started with, and what its operator allows beyond them. Kinds
are those of an evaluation's systems.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.systems import KINDS, parse_systems
from langchain_tpo.loop.run_options import SAMPLED
from langchain_tpo.serve.failures import FailedRequest, Failure, bad_request
from langchain_tpo.serve.limits import ServeLimits
from langchain_tpo.settings import SamplingOptions, TPOSettings, check_client_options
from langchain_tpo.text.shown import shown

PRESET_KINDS = tuple(kind for kind in KINDS if kind != "best-of-n-matched")
"""What may stand behind a name."""

OPERATORS = (
    "progress_text",
    "one_request",
    "context_tokens",
    "critic_context",
    "session_header",
    "seed",
)
"""Settings that no client changes in `tpo`; `seed` is a field of the request itself."""

BUDGETS = ("call_budget", "token_budget", "time_budget")
"""Settings that a client lowers, and never raises."""

_SUFFIX = re.compile(
    r"(?P<kind>[a-z-]+?)(?:-d(?P<depth>\d{1,4}))?(?:-n(?P<width>\d{1,5}))?", re.ASCII
)
_BEST_OF = re.compile(r"best-of-(?P<width>\d{1,5})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Presets:
    """The names under which one policy is served.

    Example:
        >>> presets = Presets(name="m", settings=TPOSettings(), limits=ServeLimits())
        >>> presets.settings_of("m:best-of-8").completions
        8
        >>> chosen = presets.settings_of("m:synthesize-d3-n4")
        >>> chosen.strategy.name, chosen.depth, chosen.width
        ('synthesize', 3, 4)
    """

    name: str
    """What clients call the policy."""
    settings: TPOSettings
    """What the server was started with."""
    limits: ServeLimits
    """What its operator allows."""
    anthropics: bool = False
    """Whether the policy is one of Anthropic's, which takes blocks of that API as they are."""

    def names(self) -> list[str]:
        """Return the names to choose from; each takes other widths and depths, too."""
        listed = [kind for kind in PRESET_KINDS if kind != "best-of-n"]
        best = f"best-of-{max(2, self.settings.width)}"
        return [self.name, *(f"{self.name}:{kind}" for kind in [best, *listed])]

    def allowed_names(self) -> list[str]:
        """Return those of them that the operator allows."""
        return [name for name in self.names() if self._fits(name)]

    def settings_of(self, model: str, options: Mapping[str, Any] | None = None) -> TPOSettings:
        """Return what a model's name stands for, as a request's `tpo` changes it.

        Args:
            model: The name.
            options: Settings by name, of a request.

        Raises:
            Exception: A refused request, when there is no such model, or an option cannot work, or
                they ask for too much.
        """
        named = self._named(model)
        return named if options is None else self.with_options(named, options)

    def _named(self, model: str) -> TPOSettings:
        if model == self.name:
            return self.settings
        name, _, suffix = model.rpartition(":")
        if name != self.name:
            raise self._unknown(model)
        system = self._system(suffix)
        if system is None:
            raise self._unknown(model)
        try:
            (found,) = parse_systems([system], self.settings)
        except SettingsError as error:
            said = str(error).partition("`: ")[2] or str(error)
            raise bad_request(f"`model` is `{shown(model)}`: {said}", param="model") from None
        return self._allowed(found.settings, param="model")

    def with_options(self, settings: TPOSettings, options: Mapping[str, Any]) -> TPOSettings:
        """Return settings as a request's `tpo` changes them.

        Args:
            settings: Those of the model's name.
            options: Settings by name.

        Raises:
            Exception: A refused request, when one cannot work or asks for too much.
        """
        for name in options:
            if name in OPERATORS or name not in TPOSettings.model_fields:
                known = sorted(set(TPOSettings.model_fields) - set(OPERATORS))
                raise bad_request(
                    f"`tpo.{shown(name)}` cannot be set by a request: use {', '.join(known)}.",
                    param=f"tpo.{shown(name)}",
                    code="unsupported_parameter",
                )
        try:
            check_client_options(options)
            merged = {name: _merged(settings, name, value) for name, value in options.items()}
            changed = settings.with_changes(**merged) if merged else settings
        except SettingsError as error:
            raise bad_request(f"`tpo`: {error}", param="tpo") from None
        for name in BUDGETS:
            self._check_budget(name, getattr(changed, name))
        return self._allowed(changed, param="tpo")

    def _fits(self, model: str) -> bool:
        try:
            self.settings_of(model)
        except FailedRequest:
            return False
        return True

    def _system(self, suffix: str) -> str | None:
        """Return a preset as the systems of an evaluation are written; None if there is none."""
        best = _BEST_OF.fullmatch(suffix)
        match = best or _SUFFIX.fullmatch(suffix)
        if match is None:
            return None
        kind = "best-of-n" if best else match["kind"]
        if kind not in PRESET_KINDS:
            return None
        options = [
            f"{name}={int(value)}"
            for name, value in match.groupdict().items()
            if name != "kind" and value
        ]
        return f"{kind}:{','.join(options)}"

    def _allowed(self, settings: TPOSettings, *, param: str) -> TPOSettings:
        most = max(self.limits.completions, self.settings.completions)
        if settings.completions > most:
            raise bad_request(
                f"A run may take {most} completions here, this one would take "
                f"{settings.completions}: lower width or depth.",
                param=param,
                code="limit_exceeded",
            )
        longest = self.limits.answer_tokens
        if longest is None:
            return settings
        for name in SAMPLED:
            asked = getattr(settings, name).max_tokens
            ours = getattr(self.settings, name).max_tokens or 0
            if asked is not None and asked > max(longest, ours):
                raise too_long(asked, longest, param=f"tpo.{name}.max_tokens")
        return settings

    def _check_budget(self, name: str, wanted: float | None) -> None:
        most = getattr(self.settings, name)
        if most is not None and (wanted is None or wanted > most):
            raise bad_request(
                f"`tpo.{name}` may be at most {most:g}, got {wanted}.",
                param=f"tpo.{name}",
                code="limit_exceeded",
            )

    def _unknown(self, model: str) -> Exception:
        told = (
            f"There is no model `{shown(model)}`: use `{self.name}`, or with a preset such as "
            f"`{self.name}:best-of-5` or `{self.name}:tpo-d2-n5`; `/v1/models` lists them."
        )
        return FailedRequest(
            Failure(status=404, message=told, code="model_not_found", param="model")
        )


def check_length(asked: int, limits: ServeLimits, *, param: str) -> None:
    """Refuse a request for longer answers than the operator allows.

    Args:
        asked: Tokens that an answer may take.
        limits: What the operator allows.
        param: The field that says so.

    Raises:
        Exception: A refused request.
    """
    if limits.answer_tokens is not None and asked > limits.answer_tokens:
        raise too_long(asked, limits.answer_tokens, param=param)


def too_long(asked: int, longest: int, *, param: str) -> Exception:
    """Return the error of a request for longer answers than the operator allows."""
    return bad_request(
        f"A completion may take {longest} tokens here, asked for were {asked}.",
        param=param,
        code="limit_exceeded",
    )


def _merged(settings: TPOSettings, name: str, value: object) -> object:
    """Let unsaid sampling options stay as they are."""
    before = getattr(settings, name)
    if isinstance(before, SamplingOptions) and isinstance(value, Mapping):
        return before.model_copy(update=_said(value))
    return value


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    checked = SamplingOptions(**value)
    return {name: getattr(checked, name) for name in checked.model_fields_set}
