"""What a request asks for, whichever API it came through, and what it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from langchain_tpo.events import RoundEvent, RunSummary, StepEvent
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.serve.fields import TpoFields
from langchain_tpo.settings import TPOSettings


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A conversation to answer, and how."""

    model: str
    """The name that the client used."""
    messages: Sequence[BaseMessage]
    """The conversation."""
    settings: TPOSettings
    """How it is optimized."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the policy's call, as LangChain's chat models name them."""
    tools: Sequence[dict[str, Any]] = ()
    """Tools in OpenAI's form, which `bind_tools` of any provider takes, or in the policy's own."""
    tool_options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of `bind_tools`."""
    schema: dict[str, Any] | None = None
    """A JSON schema that the answer has to fit."""
    schema_options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of `with_structured_output`."""
    answers: int = 1
    """How many answers are wanted, best first."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """For traces."""
    unused: Sequence[str] = ()
    """What else it says, that changes no answer and that the policy does not take."""
    tpo: TpoFields = field(default_factory=TpoFields)
    """What the request's own field `tpo` says of the answer."""

    @property
    def headers(self) -> dict[str, str]:
        """For the head of an answer: nothing is left out in silence."""
        return {"X-TPO-Unused": ", ".join(self.unused)} if self.unused else {}

    def with_settings(self, settings: TPOSettings) -> "Asked":
        """Return the same question, optimized otherwise."""
        return replace(self, settings=settings)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The answers of a run, and its figures."""

    messages: Sequence[AIMessage]
    """Best first; at least one."""
    usage: Usage
    """Of all inner calls."""
    steps: Sequence[StepEvent]
    """What each step took."""
    tpo: Mapping[str, Any]
    """Reward, rounds, why the run ended, as JSON; empty where nothing was optimized."""

    @property
    def message(self) -> AIMessage:
        """The answer."""
        return self.messages[0]

    @property
    def headers(self) -> dict[str, str]:
        """The figures for the head of an answer."""
        told = ("reward", "rounds", "stop_reason", "candidates", "seconds")
        return {
            f"X-TPO-{name.replace('_', '-').title()}": str(self.tpo[name])
            for name in told
            if self.tpo.get(name) is not None
        }


def figures(summary: RunSummary) -> dict[str, Any]:
    """Return what a client is told of a run: no text, and of an error its kind alone."""
    told = {name: value for name, value in summary.items() if name not in ("usage", "failure")}
    failure = summary["failure"]
    if failure is not None:
        told["failure"] = {name: failure[name] for name in ("step", "round", "type")}
    return told


def figures_so_far(event: RoundEvent, reason: str) -> dict[str, Any]:
    """Return what a client is told of a run that was ended early.

    Args:
        event: Its last round.
        reason: Why.
    """
    return {"reward": event["best_reward"], "stop_reason": reason, "rounds": event["round"]}
