"""First samples that systems share: what one has drawn for an example, the others begin with.

Seeds alone do not make draws equal, and a comparison of unequal draws measures luck. Knows runs as
they are recorded; draws nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast, overload

from langchain_core.messages import BaseMessage, convert_to_openai_messages

from langchain_tpo.candidate_pool import Candidate
from langchain_tpo.evaluation.held_draws import drawn_first
from langchain_tpo.sampling.usage import Usage
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import FirstSamples, StepRecord


class Asked(TypedDict):
    """What a record says of its first samples."""

    key: str
    """A fingerprint of conversation, sampling options and seed: equal ones may share draws."""
    taken: int
    """How many of the draws another system of the run had made."""
    of: NotRequired[str]
    """The system whose record holds those of them that stand there only, on disk."""
    held: NotRequired[int]
    """How many of the pool these are, from its first on."""


def asked_key(messages: Sequence[BaseMessage], settings: TPOSettings) -> str:
    """Return a fingerprint of what first samples are drawn from.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> wide, deep = TPOSettings(width=20), TPOSettings(depth=5)
        >>> asked_key([HumanMessage("Hi")], wide) == asked_key([HumanMessage("Hi")], deep)
        True
    """
    asked = {
        "messages": convert_to_openai_messages(messages),
        "options": settings.sample.as_kwargs(),
        "seed": settings.seed,
    }
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


class SharedSamples:
    """The first samples of one example, for as long as its systems answer it.

    Example:
        >>> step = {
        ...     "step": "sample",
        ...     "round": 0,
        ...     "seconds": 1.0,
        ...     "waiting": 1.0,
        ...     "usage": Usage(
        ...         requests=1, completions=2, input_tokens=9, output_tokens=30, cached_tokens=0
        ...     ),
        ... }
        >>> pool = [{"text": text, "reward": 1.0, "round": 0} for text in ("ab", "a")]
        >>> shared = SharedSamples()
        >>> drawn = first_samples_of({"pool": pool, "drops": [], "steps": [step]})
        >>> shared.add("key", drawn, "tpo")
        >>> one = shared.take("key", width=1)
        >>> one["candidates"][0]["text"], one["steps"][0]["usage"]["output_tokens"]
        ('ab', 20)
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._widest: dict[str, FirstSamples] = {}
        self._holders: dict[str, str] = {}

    def add_runs(self, system: str, runs: Iterable[Mapping[str, Any]]) -> None:
        """Keep what recorded runs drew first; those that do not say what they asked share nothing.

        Args:
            system: Whose runs they are.
            runs: Of one example.
        """
        for run in runs:
            if "first_samples" in run:
                self.add(run["first_samples"]["key"], first_samples_of(run), system)

    def add(self, key: str, samples: FirstSamples, system: str) -> None:
        """Keep what a system's run drew first, unless more is known already."""
        if key not in self._widest or draws_in(samples) > draws_in(self._widest[key]):
            self._widest[key] = samples
            self._holders[key] = system

    def copy(self) -> "SharedSamples":
        """Return another one that begins with the same draws, and adds none to these."""
        other = SharedSamples()
        other._widest, other._holders = dict(self._widest), dict(self._holders)
        return other

    def take(self, key: str, *, width: int) -> FirstSamples | None:
        """Return the first draws of a question, at most `width`; None when there are none."""
        samples = self._widest.get(key)
        if samples is None or width >= draws_in(samples):
            return samples
        return _narrowed(samples, width)

    def asked(self, key: str, taken: FirstSamples | None, pool: Sequence[Candidate]) -> Asked:
        """Say where the first samples of a run come from.

        Those that are in its pool as they were taken need not be written again with it.

        Args:
            key: Of its question.
            taken: What it began with; None: nothing.
            pool: What it ended with.
        """
        if taken is None:
            return Asked(key=key, taken=0)
        asked, held = Asked(key=key, taken=draws_in(taken)), len(taken["candidates"])
        if key in self._holders and held and [*pool[:held]] == taken["candidates"]:
            asked["of"], asked["held"] = self._holders[key], held
        return asked


def first_samples_of(run: Mapping[str, Any]) -> FirstSamples:
    """Read what a run drew before its first round.

    Args:
        run: As it is recorded, or its result's own fields.
    """
    return FirstSamples(
        candidates=drawn_first(run),
        drops=[drop for drop in run["drops"] if drop["step"] == "sample"],
        steps=[step for step in run["steps"] if step["round"] == 0],
    )


def paid_here(samples: FirstSamples) -> FirstSamples:
    """Return what a run drew, for a run that goes on with it and counts the cost as its own.

    Args:
        samples: What the run itself took over from another one stays marked as that one's.
    """
    steps = [{**step, "shared": step.get("shared", False)} for step in samples.get("steps", [])]
    return {**samples, "steps": cast("list[StepRecord]", steps)}


def draws_in(samples: FirstSamples) -> int:
    """Count draws, unusable ones included."""
    return len(samples["candidates"]) + len(samples.get("drops", []))


def _narrowed(samples: FirstSamples, width: int) -> FirstSamples:
    """Take the first draws, and what of the cost is theirs."""
    candidates, drops = samples["candidates"][:width], samples.get("drops", [])
    return FirstSamples(
        candidates=candidates,
        drops=drops[: width - len(candidates)],
        steps=list(_first_steps(samples, width)),
    )


def _first_steps(samples: FirstSamples, width: int) -> Iterator[StepRecord]:
    """Return what the first draws took: of one request that made more, a part by characters."""
    draws, done = width / draws_in(samples), 0
    for step in samples.get("steps", []):
        if step["step"] != "sample":
            yield _part(step, draws=draws, written=draws)
            continue
        made, wanted = step["usage"]["completions"], width - done
        if made <= wanted:
            yield step
        elif wanted > 0:
            texts = samples["candidates"][done : done + made]
            written = _characters(texts[:wanted]) / max(1, _characters(texts))
            yield _part(step, draws=wanted / made, written=written)
        done += made


def _part(step: StepRecord, *, draws: float, written: float) -> StepRecord:
    """Return a step that drew less: a prompt that one request reads is read in full.

    Tokens of a single completion are known to nobody, so they are divided by characters.
    """
    used, is_sample = step["usage"], step["step"] == "sample"
    read = 1.0 if is_sample and used["requests"] == 1 else draws
    usage = Usage(
        requests=_times(used["requests"], read),
        completions=_times(used["completions"], draws),
        input_tokens=_times(used["input_tokens"], read),
        output_tokens=_times(used["output_tokens"], written if is_sample else draws),
        cached_tokens=_times(used["cached_tokens"], read),
    )
    return {**step, "usage": usage}


def _characters(candidates: Sequence[Candidate]) -> int:
    return sum(len(candidate["text"]) for candidate in candidates)


@overload
def _times(count: int, share: float) -> int: ...
@overload
def _times(count: int | None, share: float) -> int | None: ...
def _times(count: int | None, share: float) -> int | None:
    return None if count is None else round(count * share)
