"""What a run gives back, read once from the graph's final state."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from langchain_core.messages import AIMessage, MessageLikeRepresentation, convert_to_messages
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Candidate, best_reward, chosen
from langchain_tpo.costs import Price, price_of, usage_by_model
from langchain_tpo.errors import RunError
from langchain_tpo.events import RoundEvent, RunSummary
from langchain_tpo.page.run_page import Said, framed, run_page, show_page
from langchain_tpo.sampling.replies import message_of
from langchain_tpo.sampling.usage import Usage, as_usage_metadata, total_usage
from langchain_tpo.state import Drop, Failure, Round, StepName, StepRecord, StopReason, TPORun

CUT = ("length", "content_filter")
"""Ends of replies that are not complete."""


class StepTotal(TypedDict):
    """What one of the five steps cost over all rounds."""

    usage: Usage
    seconds: float
    """Wall time."""
    waiting: float
    """Seconds of it spent in queues, at models and at the reward."""


@dataclass(frozen=True, kw_only=True)
class TPORound:
    """A round that has been scored, while its run goes on."""

    event: RoundEvent
    """Its figures, as the event `tpo_round` tells them."""
    pool: tuple[Candidate, ...]
    """C so far: every response of the run in order of arrival."""

    @property
    def number(self) -> int:
        """Which round it is; 0 for the first responses."""
        return self.event["round"]

    @property
    def answer(self) -> str:
        """The best response so far; after round 0 the answer of best-of-N."""
        return self._best["text"]

    @property
    def reward(self) -> float | None:
        """Its reward."""
        return self._best["reward"]

    def message(self) -> AIMessage:
        """Return the best response so far as the message that the model sent."""
        return message_of(self._best)

    @property
    def _best(self) -> Candidate:
        best = chosen(self.pool)
        assert best is not None  # noqa: S101 no round is scored without a response that is
        return self.pool[best]


@dataclass(frozen=True, kw_only=True)
class TPOResult:
    """Everything a run found out.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> from langchain_tpo import TPORunnable
        >>> model = RunnableLambda(lambda messages: "Oil it twice a year.")
        >>> tpo = TPORunnable(model=model, reward=lambda prompt, response: 1.0, depth=0)
        >>> result = tpo.optimize("How do I care for a wooden table?")
        >>> result.answer, result.reward, result.stop_reason
        ('Oil it twice a year.', 1.0, 'depth')
    """

    answer: str
    """The response with the highest reward of the run, unchanged; or what the strategy chose."""
    reward: float | None
    """Its reward; None for a refusal that was not scored."""
    chosen: int
    """Its index in the pool."""
    pool: tuple[Candidate, ...]
    """C: every response of the run in order of arrival, those without a score included."""
    rounds: tuple[Round, ...]
    """Round 1 to D: chosen, rejected, textual loss and textual gradient."""
    stop_reason: StopReason
    """Why the run ended."""
    drops: tuple[Drop, ...]
    """Draws that could not be used, and why."""
    steps: tuple[StepRecord, ...]
    """What every step cost, in order."""
    failure: Failure | None
    """The error that ended the run early, when `stop_reason` is `error`."""

    answer_id: str | None = field(default=None, compare=False)
    """The id of the answer's message, the same in the graph's state, in streams and here."""

    @property
    def usage(self) -> Usage:
        """Tokens and requests of all model calls, critic and judges included."""
        return total_usage(step["usage"] for step in self.steps)

    @property
    def seconds(self) -> float:
        """Wall time of all steps."""
        return sum(step["seconds"] for step in self.steps)

    @property
    def waiting(self) -> float:
        """Seconds of all steps spent in queues, at models and at the reward."""
        return sum(step["waiting"] for step in self.steps)

    @property
    def left_out(self) -> int:
        """Characters of candidates and critiques that prompts left out to fit a model's window."""
        return sum(step.get("left_out", 0) for step in self.steps)

    @property
    def unseeded(self) -> bool:
        """Whether a seed was set that a model does not take: the run is not repeatable then."""
        return any(step.get("unseeded", False) for step in self.steps)

    @property
    def by_step(self) -> dict[StepName, StepTotal]:
        """What each of the five steps cost over all rounds, in the order of their first turn."""
        names = dict.fromkeys(step["step"] for step in self.steps)
        return {name: self._total(name) for name in names}

    def price(
        self, model: Price, *, critic: Price | None = None, reward: Price | None = None
    ) -> float | None:
        """Return what the run cost in money; None where a provider did not count tokens.

        Args:
            model: Price of the policy.
            critic: Price of the critic; that of the policy when None.
            reward: Price of a judge's tokens; nothing when None.
        """
        return price_of(usage_by_model(self.steps), model=model, critic=critic, reward=reward)

    @property
    def best_rewards(self) -> tuple[float | None, ...]:
        """The reward of the chosen one after round 0, 1, ...

        It never falls, unless a complete response takes the place of one that was cut.
        """
        last = max((candidate["round"] for candidate in self.pool), default=0)
        return tuple(self._best_until(number) for number in range(last + 1))

    def message(self) -> AIMessage:
        """Return the answer as the model sent it, with the usage of the whole run.

        `response_metadata["tpo"]` holds the figures of the run.
        """
        message = self.message_of(self.chosen)
        return message.model_copy(
            update={
                "id": self.answer_id or message.id,
                "usage_metadata": as_usage_metadata(self.usage),
                "response_metadata": {**message.response_metadata, "tpo": self.summary()},
            }
        )

    def message_of(self, index: int) -> AIMessage:
        """Return a candidate as the message that the model sent: content blocks, metadata, id.

        A revision's message has the revision as its text, without the tags it was sent in.

        Args:
            index: Its index in the pool.
        """
        return message_of(self.pool[index])

    @property
    def cut(self) -> int:
        """How many replies a token limit or a filter ended, those dropped included."""
        ended = sum(candidate.get("finish") in CUT for candidate in self.pool)
        return ended + sum(drop["reason"] in ("cut", "filtered") for drop in self.drops)

    @property
    def refused(self) -> int:
        """How many replies the provider marked as refusals, those dropped included."""
        kept = sum(candidate.get("finish") == "refusal" for candidate in self.pool)
        return kept + sum(drop["reason"] == "refused" for drop in self.drops)

    def summary(self) -> RunSummary:
        """Return the figures of the run, without its texts, as JSON values."""
        return RunSummary(
            reward=self.reward,
            best_rewards=list(self.best_rewards),
            stop_reason=self.stop_reason,
            rounds=max(candidate["round"] for candidate in self.pool),
            candidates=len(self.pool),
            dropped=len(self.drops),
            left_out=self.left_out,
            unseeded=self.unseeded,
            cut=self.cut,
            refused=self.refused,
            usage=self.usage,
            seconds=round(self.seconds, 3),
            waiting=round(self.waiting, 3),
            failure=self.failure,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the whole result as JSON values; the id of a message is none of its findings."""
        names = (own.name for own in fields(self) if own.name != "answer_id")
        found = {name: _copied(getattr(self, name)) for name in names}
        return found | {"usage": dict(self.usage), "seconds": self.seconds}

    def html(self, question: str | Sequence[MessageLikeRepresentation] = ()) -> str:
        """Return the run as one HTML page that needs no network, round by round.

        Args:
            question: What it answers, to stand at the top: a text, or messages in any of
                LangChain's forms.
        """
        messages = convert_to_messages([question] if isinstance(question, str) else question)
        said = [Said(role=message.type, text=str(message.text)) for message in messages]
        return run_page(self.as_dict(), said)

    def _repr_html_(self) -> str:
        """Show the run in a notebook, in a frame that cannot reach it."""
        return framed(self.html())

    def show(self, question: str | Sequence[MessageLikeRepresentation] = ()) -> None:
        """Show the run: below the cell in a notebook, elsewhere in the browser.

        Args:
            question: As for `html`.
        """
        show_page(self.html(question))

    @classmethod
    def from_state(cls, state: TPORun) -> "TPOResult":
        """Read the result of a run that has ended.

        Raises:
            RunError: When the state is that of a run that goes on, or names an answer that the pool
                does not have.
        """
        best, reason = state.get("answer"), state.get("stop_reason")
        best = chosen(state["pool"]) if best is None else best
        if best is None and reason == "refusal":
            best = 0
        if best is None or reason is None:
            raise RunError("This run has not ended: resume it with `invoke(None, config)`.")
        if best not in range(len(state["pool"])):
            raise RunError(
                f"`tpo.answer` must be an index of the pool of {len(state['pool'])}, got {best!r}."
            )
        return cls(
            answer=state["pool"][best]["text"],
            reward=state["pool"][best]["reward"],
            chosen=best,
            pool=tuple(state["pool"]),
            rounds=tuple(state["rounds"]),
            stop_reason=reason,
            drops=tuple(state["drops"]),
            steps=tuple(state["steps"]),
            failure=state.get("failure"),
            answer_id=state.get("answer_id"),
        )

    def _total(self, name: StepName) -> StepTotal:
        records = [step for step in self.steps if step["step"] == name]
        return StepTotal(
            usage=total_usage(record["usage"] for record in records),
            seconds=sum(record["seconds"] for record in records),
            waiting=sum(record["waiting"] for record in records),
        )

    def _best_until(self, number: int) -> float | None:
        best = best_reward(self.pool, until=number)
        return best if isfinite(best) else None


def _copied(value: Any) -> Any:  # noqa: ANN401 JSON of any shape
    """Return a value of JSON as one that can be changed without changing this one."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value
