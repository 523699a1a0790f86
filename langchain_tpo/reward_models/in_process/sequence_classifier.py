"""R(x, y) as the paper computes it: a sequence classifier, run in this process.

Chat template, one BOS, the raw logit of the one label; the weights are loaded with the first score.
Knows how to batch; tokens are the business of `classifier_input`, weights of `classifier_weights`.
"""

import logging
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, FiniteFloat, PrivateAttr

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.reward_models.chat_templates import Template
from langchain_tpo.reward_models.in_process.classifier_input import (
    CandidateTokens,
    ConversationEncoder,
)
from langchain_tpo.reward_models.in_process.classifier_presets import Dtype
from langchain_tpo.reward_models.in_process.classifier_weights import (
    Checkpoint,
    Classifier,
    LazyClassifier,
)
from langchain_tpo.reward_models.interface import Score, ScoreRequest

logger = logging.getLogger(__name__)


class SequenceClassifier(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """A reward model of `transformers`, such as the two of the paper.

    One label is the reward; of several, `weights` makes a weighted sum. A language model with a
    value head is read at its last token: as TRL, LlamaFactory (merged) and OpenRLHF save one.

    Scores a round in as few forward passes as `batch_size` allows, identical answers once; on a
    CPU, where padding costs as much as text, only answers of like length share one. What is longer
    than `max_length` loses the start of its prompt, which is logged; an answer that is too long by
    itself is not scored. Control tokens typed into a text are broken up. The reward is read at the
    last token of the text, whichever token the checkpoint pads with. `ainvoke` works in a thread,
    and threads take turns: build one object and share it.

    !!! warning
        `trust_remote_code` runs Python that comes with the weights.

    Example:
        >>> reward = SequenceClassifier("Skywork/Skywork-Reward-V2-Qwen3-0.6B", batch_size=4)
        >>> reward.batch_size  # nothing is loaded yet
        4
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """A name on the hub, or a directory."""
    dtype: Dtype | None
    """Number format of the weights; None: bfloat16 on an accelerator, float32 on a CPU."""
    device: str | None
    """As torch names it; `auto` spreads over all (needs `accelerate`); None: the first GPU or the
    CPU."""
    batch_size: int = Field(ge=1)
    """Most candidates in one forward pass."""
    max_length: int | None = Field(ge=1)
    """Most tokens of prompt and answer together; None: the preset's, else the model's own limit."""
    template: Template | None
    """From turns to text, for a tokenizer without a chat template or with a wrong one."""
    revision: str | None
    """Branch, tag or commit on the hub."""
    trust_remote_code: bool
    """Whether to run Python that comes with the weights."""
    weights: dict[str, FiniteFloat] | tuple[FiniteFloat, ...] | None
    """How much each of several labels counts: all by place, or some by name."""

    _classifier: LazyClassifier = PrivateAttr()

    def __init__(  # noqa: PLR0913 - options by keyword
        self,
        model: str | PathLike[str],
        *,
        dtype: Dtype | None = None,
        device: str | None = None,
        batch_size: int = 8,
        max_length: int | None = None,
        template: Template | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        weights: Mapping[str, float] | Sequence[float] | None = None,
        name: str | None = None,
    ) -> None:
        """Check the options; nothing is loaded before the first score.

        Raises:
            SettingsError: An option is out of range.
        """
        options: dict[str, Any] = {
            "model": fspath(model) if isinstance(model, PathLike) else model,
            "dtype": dtype,
            "device": device,
            "batch_size": batch_size,
            "max_length": max_length,
            "template": template,
            "revision": revision,
            "trust_remote_code": trust_remote_code,
            "weights": weights,
            "name": name,
        }
        super().__init__(**options)
        self._classifier = LazyClassifier(
            Checkpoint(
                model=self.model,
                revision=revision,
                dtype=dtype,
                device=device,
                trust_remote_code=trust_remote_code,
                weights=self.weights,
            )
        )

    def invoke(
        self,
        input: ScoreRequest,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> list[Score]:
        """Return one reward per response, None for what cannot be scored."""
        return self._call_with_config(self._score, input, config, **kwargs)

    def _score(self, request: ScoreRequest) -> list[Score]:
        texts = list(dict.fromkeys(request["responses"]))
        if not texts:
            return []
        with self._classifier.lock:
            classifier = self._classifier.loaded()
            encoder = ConversationEncoder(
                classifier.tokenizer, self.max_length or classifier.max_length, self.template
            )
            rows = [encoder.row(request["messages"], text) for text in texts]
            self._log_cuts(rows, encoder.max_length)
            scores = dict(zip(texts, self._logits(classifier, rows), strict=True))
        return [scores[text] for text in request["responses"]]

    def _logits(
        self, classifier: Classifier, rows: Sequence[CandidateTokens | None]
    ) -> list[float | None]:
        tokens = {number: row.tokens for number, row in enumerate(rows) if row is not None}
        lengths = {number: len(row) for number, row in tokens.items()}
        logits: list[float | None] = [None] * len(rows)
        for batch in batches(lengths, self.batch_size, classifier.most_padding):
            scores = classifier.logits([tokens[number] for number in batch])
            for number, score in zip(batch, scores, strict=True):
                logits[number] = score
        return logits

    def _log_cuts(self, rows: Sequence[CandidateTokens | None], max_length: int | None) -> None:
        cut = [row.dropped for row in rows if row is not None and row.dropped]
        if cut:
            logger.warning(
                "`%s`: %d of %d prompts lost their start, up to %d characters, to fit into "
                "`max_length` = %s tokens.",
                *(self.model, len(cut), len(rows), max(cut), max_length),
            )
        if unscored := rows.count(None):
            logger.warning(
                "`%s`: %d of %d responses are not scored: alone they are longer than "
                "`max_length` = %s tokens.",
                *(self.model, unscored, len(rows), max_length),
            )


def batches(lengths: Mapping[int, int], size: int, most_padding: float) -> list[list[int]]:
    """Put rows of like length together, so that little is spent on padding.

    Args:
        lengths: Tokens of each row, by its number.
        size: Most rows of a batch.
        most_padding: Most padding of a batch, as a share of its tokens.

    Example:
        >>> batches({0: 10, 1: 90, 2: 11, 3: 12}, size=2, most_padding=0.1)
        [[0, 2], [3], [1]]
    """
    found: list[list[int]] = []
    for number in sorted(lengths, key=lengths.__getitem__):
        batch = [*found[-1], number] if found else []
        filled = sum(lengths[row] for row in batch)
        padded = len(batch) * lengths[number]
        if batch and len(batch) <= size and padded <= (1 + most_padding) * filled:
            found[-1] = batch
        else:
            found.append([number])
    return found
