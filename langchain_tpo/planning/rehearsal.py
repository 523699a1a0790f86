"""A run of the real loop over a model that writes filler of a given length and counts tokens.

What a plan says of requests, completions, stages and tokens is what this run's own records say:
its prompts are the real ones, by whatever strategy. Knows the loop; knows nothing of servers.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, takewhile
from math import ceil, inf
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.messages.ai import InputTokenDetails
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, Field

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.reward_models.coercion import RewardLike
from langchain_tpo.reward_models.judges.chat_judge import ChatJudge
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.settings import TPOSettings
from langchain_tpo.state import StepName, StepRecord

CHARACTERS_PER_TOKEN = 4
"""What a token of English comes to, roughly; the same for what is read and what is written."""

TOKENS_OF_A_MESSAGE = 4
"""What a chat template adds around each message, roughly."""

BLOCK = 16
"""Prefix caches keep whole blocks of tokens; this is vLLM's."""

REMARK = 40
"""Tokens of what a reward says of a response: what 1,151 remarks on broken rules of IFEval took on
average, at four characters a token, in the run of 1.5B that docs/results.md reports."""

_NEVER: dict[str, Any] = {
    "target_reward": None,
    "gate_reward": None,
    "gate_contrast": None,
    "min_contrast": None,
    "patience": None,
    "time_budget": None,
}
"""Stop rules that look at rewards or a clock; a rehearsal has neither."""


class Lengths(OneTypedLine):
    """How long texts are on average, in tokens.

    Raises:
        SettingsError: In one line, when a length is below 1.

    Example:
        >>> Lengths(prompt=50, answer=300).critique
        500
    """

    prompt: int = Field(default=60, ge=1)
    """Of a question."""
    answer: int = Field(default=400, ge=1)
    """Of a response, and of a revision."""
    critique: int = Field(default=500, ge=1)
    """Of a loss, and of a gradient; one reply that holds both has both their lengths."""
    verdict: int = Field(default=100, ge=1)
    """Of what a judge writes of one response."""
    remark: int | None = Field(default=None, ge=0)
    """Of what a reward says of one response without writing it with a model; 0: nothing, as
    classifiers do. None stands for `REMARK` where no critic writes and the reward's words go into
    what revises (`explain`, `synthesize`, `directions`), and for 0 elsewhere. A judge's words are
    part of its verdict."""


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What one run takes that nothing stops early."""

    settings: TPOSettings
    """What it obeyed."""
    steps: Sequence[StepRecord]
    """What each step took, in order, as in `TPOResult.steps`."""
    scored: Sequence[Sequence[int]]
    """For each round from 0 on, what a classifier reads to score its responses, in tokens: each
    with the question."""
    remark: int = 0
    """Tokens that the reward says of each response."""
    seconds: float = field(default=0.0, compare=False)
    """How long the rehearsal took: the loop's own time, with a model that answers at once."""


def rehearse(
    settings: TPOSettings,
    lengths: Lengths | None = None,
    *,
    judge: bool = False,
    prefix_cache: bool = True,
) -> Rehearsal:
    """Play one run through, without any model.

    Args:
        settings: What the run obeys; stop rules that look at rewards or a clock are left out.
        lengths: Of what is asked and written.
        judge: Whether a `ChatJudge` rates responses, in place of a classifier.
        prefix_cache: Whether servers keep the beginnings of prompts; counted in the second of two
            runs, when what all runs have in common is there already.

    Example:
        >>> run = rehearse(TPOSettings(width=5, depth=2))
        >>> sum(step["usage"]["completions"] for step in run.steps), len(run.steps)
        (19, 10)
    """
    known = Lengths() if lengths is None else lengths
    fused = settings.strategy.critiques == ("textual_loss",)
    model = FillerModel(
        lengths=known,
        tag=settings.wording.revision_tag,
        parts=2 if fused else 1,
        prefix_cache=prefix_cache,
    )
    other = model.model_copy(update={"model_name": "judge", "served": _Served()})
    told = settings.with_changes(**_NEVER)
    remark = 0 if judge else _remark_tokens(known, told)
    reward: RewardLike = ChatJudge(other, structured=False) if judge else _preferring_later(remark)
    tpo = TPORunnable(model=model, reward=reward, settings=told)
    questions = [_filler(f"{number:05}", known.prompt) for number in range(2)]
    result = [tpo.optimize(question) for question in questions][-1]
    scored: list[list[int]] = [[] for _ in range(len(result.rounds) + 1)]
    for one in result.pool:
        scored[one["round"]].append(prompt_tokens((questions[-1], one["text"])))
    return Rehearsal(
        settings=told,
        steps=result.steps,
        scored=scored,
        remark=remark,
        seconds=result.seconds,
    )


class _Served:
    """What a model has been asked and has answered; one for all its copies."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = count()
        self.texts: list[str] = []


class FillerModel(BaseChatModel):
    """A chat model that writes filler, as long as each step's replies are, and counts tokens."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model_name: str = "policy"
    lengths: Lengths
    tag: str | None = None
    """What revisions stand in."""
    parts: int = 1
    """How many critiques one reply of the critic holds."""
    prefix_cache: bool = True
    n: int = 1
    """That it takes `n`, as most servers do."""
    served: _Served = Field(default_factory=_Served)

    @property
    def _llm_type(self) -> str:
        return "filler"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 it writes none
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        step = (run_manager.metadata if run_manager else {}).get("tpo_step", "sample")
        most = kwargs.get("max_tokens") or inf
        prompt = "".join(f"<{message.type}>{message.text}" for message in messages)
        with self.served.lock:
            numbers = islice(self.served.numbers, kwargs.get("n", self.n))
            texts = [self._reply(step, number, most) for number in numbers]
            usage = self._usage(messages, prompt, texts)
            self.served.texts.append(f"{prompt}<ai>{texts[0]}")
        replies = (AIMessage(content=text, usage_metadata=usage) for text in texts)
        return ChatResult(generations=[ChatGeneration(message=reply) for reply in replies])

    def _reply(self, step: StepName, number: int, most: float) -> str:
        if step == "reward":
            return _verdict(number, min(self.lengths.verdict, most))
        if step in ("sample", "update"):
            tag = self.tag if step == "update" else None
            return _response(number, min(self.lengths.answer, most), tag, most)
        return _filler(f"{number:05}", min(self.lengths.critique * self.parts, most))

    def _usage(
        self, messages: Sequence[BaseMessage], prompt: str, texts: Sequence[str]
    ) -> UsageMetadata:
        """Count the whole request, on every choice, as OpenAI does."""
        read = prompt_tokens(message.text for message in messages)
        written = sum(map(text_tokens, texts))
        seen = (_shared(prompt, earlier) for earlier in self.served.texts)
        known = max(seen, default=0) // CHARACTERS_PER_TOKEN // BLOCK * BLOCK
        return UsageMetadata(
            input_tokens=read,
            output_tokens=written,
            total_tokens=read + written,
            input_token_details=InputTokenDetails(
                cache_read=min(known, read - 1) if self.prefix_cache else 0
            ),
        )


def text_tokens(text: str) -> int:
    """Count a text as plans do.

    Example:
        >>> text_tokens("How do I care for a wooden table?")
        9
    """
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def prompt_tokens(texts: Iterable[str]) -> int:
    """Count a prompt as plans do, by the texts of its messages."""
    return sum(text_tokens(text) + TOKENS_OF_A_MESSAGE for text in texts)


def _shared(one: str, other: str) -> int:
    """Return with how many equal characters two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _remark_tokens(lengths: Lengths, settings: TPOSettings) -> int:
    if settings.depth == 0:
        return 0  # nothing reads it
    if lengths.remark is None:
        return 0 if settings.strategy.critiques else REMARK
    return lengths.remark


def _preferring_later(remark: int) -> Callable[[str, str], tuple[float, str]]:
    """Return a reward for which every round has a contrast, and which says so many tokens."""
    numbers = count()

    def score(_prompt: str, _response: str) -> tuple[float, str]:
        number = next(numbers)
        return float(number), _filler(f"{number:05}", remark) if remark else ""

    return score


def _response(number: int, tokens: float, tag: str | None, most: float) -> str:
    """Return a response of so many tokens, and of no more than `most` with its tags."""
    if tag is None:
        return _filler(f"{number:05}", tokens)
    frame = text_tokens(f"<{tag}></{tag}>")
    return f"<{tag}>{_filler(f'{number:05}', min(tokens, max(3, most - frame)))}</{tag}>"


def _verdict(number: int, tokens: float) -> str:
    """Return a verdict of so many tokens, like no other, which likes what comes later better."""
    before, after = f'{{"score": {5 - 4 / (1 + number)}, "rationale": "', '"}'
    room = max(1, int(tokens) * CHARACTERS_PER_TOKEN - len(before + after))
    return before + str(number).ljust(room, "x")[:room] + after


def _filler(beginning: str, tokens: float) -> str:
    """Return a text of so many tokens, in words, like no other from its first ones on."""
    length = max(len(beginning) + 1, int(tokens) * CHARACTERS_PER_TOKEN)
    return (f"{beginning} " + "words " * (length // 6))[: length - 1].ljust(length, ".")
