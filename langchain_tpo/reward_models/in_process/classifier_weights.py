"""The weights of a sequence classifier: loaded once, and run over rows of tokens.

Knows torch and transformers (extra `transformers`), which are imported when the first score is
asked for. Knows nothing of conversations: `classifier_input` writes the rows.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from math import inf
from threading import Lock
from types import ModuleType
from typing import Any

from langchain_tpo.errors import MissingExtraError, RewardTypeError
from langchain_tpo.reward_models.in_process.classifier_input import Tokenizer
from langchain_tpo.reward_models.in_process.classifier_presets import Dtype, preset_for
from langchain_tpo.reward_models.in_process.value_heads import value_head

logger = logging.getLogger(__name__)

NO_LIMIT = 10**9
"""Tokenizers without a limit of their own name one far above this."""


CPU_PADDING = 0.1
"""A CPU has no lanes to spare: padding costs it what text costs, and batches gain it little."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Which weights, and how to hold them."""

    model: str
    """A name on the hub or a directory."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: Dtype | None = None
    """None: the preset's on an accelerator, float32 on a CPU."""
    device: str | None = None
    """As torch names it; `auto` spreads over all; None: the first accelerator or the CPU."""
    trust_remote_code: bool = False
    """Whether to run Python that comes with the weights."""
    weights: Mapping[str, float] | Sequence[float] | None = None
    """How much each label counts, by its name or place; None where there is one."""


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A loaded sequence classifier, and what makes one number of its labels."""

    checkpoint: Checkpoint
    """Where it came from."""
    tokenizer: Tokenizer
    """The checkpoint's own."""
    max_length: int | None
    """Most tokens that it reads."""
    torch: Any = field(repr=False)
    """The module."""
    model: Any = field(repr=False)
    """The weights."""
    label_weights: Sequence[float] = (1.0,)
    """How much each label counts; none where the model itself makes one number of them."""

    @property
    def most_padding(self) -> float:
        """How much padding a batch may hold, as a share of its tokens."""
        return CPU_PADDING if self.model.device.type == "cpu" else inf

    def logits(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Return the reward of each row, from one forward pass with padding on the right.

        It is the raw logit of the one label, or the weighted sum of several.

        Args:
            rows: Tokens, at least one row.
        """
        torch, model = self.torch, self.model
        pad = self._pad_token(rows)
        width = max(map(len, rows))
        tokens = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        # Transformers finds the last token by this number, not by the mask.
        model.config.pad_token_id = model.config.get_text_config().pad_token_id = pad
        with torch.inference_mode():
            answer = model(input_ids=tokens.to(model.device), attention_mask=mask.to(model.device))
        return self._weighted(answer)

    def _weighted(self, answer: Any) -> list[float]:  # noqa: ANN401 - transformers
        """Return one number per row; a model with a gate (ArmoRM) calls its labels `rewards`."""
        scores = answer.logits.float()
        if self.label_weights:
            attributes = getattr(answer, "rewards", None)
            scores = scores if attributes is None else attributes.float()
        elif scores.dim() == 1:
            return list(scores.tolist())
        count = scores.shape[-1] if scores.dim() > 1 else 1
        if count != len(self.label_weights):
            raise RewardTypeError(_several(self.checkpoint.model, count, {}))
        counts = self.torch.tensor(self.label_weights, device=scores.device)
        return list((scores.reshape(-1, count) @ counts).tolist())

    def _pad_token(self, rows: Sequence[Sequence[int]]) -> int:
        """Return a token to pad with that ends no row, the model's own if possible.

        A row that ends in the padding token (a checkpoint that pads with its end-of-turn token)
        would have its reward read before that token.
        """
        size: int = self.model.get_input_embeddings().num_embeddings
        ends = {row[-1] for row in rows}
        own: tuple[int | None, int | None] = (
            self.model.config.get_text_config().pad_token_id,
            self.tokenizer.pad_token_id,
        )
        return next(
            token
            for token in chain(own, range(size))
            if token is not None and 0 <= token < size and token not in ends
        )


@dataclass
class LazyClassifier:
    """Loads a checkpoint when it is first needed, once, for all threads; pickles unloaded."""

    checkpoint: Checkpoint
    """What to load."""
    lock: Lock = field(default_factory=Lock, compare=False, repr=False)
    """Held by whoever uses the classifier: neither it nor its tokenizer takes two at a time."""
    _loaded: Classifier | None = field(default=None, compare=False, repr=False)

    def loaded(self) -> Classifier:
        """Return the classifier; the lock must be held."""
        if self._loaded is None:
            self._loaded = load(self.checkpoint)
        return self._loaded

    def __reduce__(self) -> tuple[type["LazyClassifier"], tuple[Checkpoint]]:
        """Leave weights and lock behind."""
        return LazyClassifier, (self.checkpoint,)

    def __deepcopy__(self, memo: object) -> "LazyClassifier":
        """Share the weights: a copy of gigabytes helps nobody."""
        return self


def load(checkpoint: Checkpoint) -> Classifier:
    """Return the classifier of a checkpoint, refusing one that is no reward model.

    Args:
        checkpoint: Which weights, and how to hold them.

    Raises:
        MissingExtraError: `torch` or `transformers` is not installed.
        RewardTypeError: The checkpoint has no trained head, or several labels without `weights`.
    """
    torch, transformers = _optional("torch"), _optional("transformers")
    device = checkpoint.device or _device(torch)
    preset = preset_for(checkpoint.model)
    on_cpu = device.startswith("cpu") or not torch.accelerator.is_available()
    dtype = checkpoint.dtype or ("float32" if on_cpu else preset.dtype)
    options = {
        "revision": checkpoint.revision,
        "trust_remote_code": checkpoint.trust_remote_code,
    }
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.model, **options)
    model = _headed(
        checkpoint,
        options,
        dtype=getattr(torch, dtype),
        **({"device_map": "auto"} if device == "auto" else {}),
    )
    model = model.eval() if device == "auto" else model.eval().to(device)
    logger.info("`%s` is loaded: %s on %s.", checkpoint.model, dtype, device)
    return Classifier(
        checkpoint=checkpoint,
        tokenizer=tokenizer,
        max_length=preset.max_length or _max_length(model.config.get_text_config(), tokenizer),
        torch=torch,
        model=model,
        label_weights=_label_weights(checkpoint, model.config),
    )


def _headed(checkpoint: Checkpoint, options: dict[str, Any], **held: Any) -> Any:  # noqa: ANN401 - torch
    """Return the weights with the head that was trained: its own, or a value head beside it."""
    transformers = import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(checkpoint.model, **options)
    head = None
    if not _is_classifier(config):
        head = value_head(checkpoint.model, checkpoint.revision, config)
    if head is not None:
        config.num_labels = 1
    model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
        checkpoint.model, config=config, output_loading_info=True, **held, **options
    )
    if head is not None:
        head.put_on(model, checkpoint.model)
        info["missing_keys"] -= {"score.weight"}
    _check_head(checkpoint.model, info)
    return model


def _is_classifier(config: Any) -> bool:  # noqa: ANN401 - transformers
    """Return whether a checkpoint says that its own head is a classifier's."""
    named = " ".join(getattr(config, "architectures", None) or ())
    own_code: Mapping[str, object] = getattr(config, "auto_map", None) or {}
    return "ForSequenceClassification" in f"{named} {' '.join(own_code)}"


def _check_head(name: str, info: dict[str, Any]) -> None:
    if missing := sorted(info["missing_keys"]):
        raise RewardTypeError(
            f"`{name}` has no trained classification head (`{missing[0]}` is missing): its scores "
            "would be random. Give a checkpoint trained as a reward model."
        )


def _label_weights(checkpoint: Checkpoint, config: Any) -> tuple[float, ...]:  # noqa: ANN401
    """Return how much each label counts, in the order of the labels.

    A model of its own code may make one number of several labels itself: what it answers tells.
    """
    name, given = checkpoint.model, checkpoint.weights
    labels: dict[str, int] = {text: place for place, text in config.id2label.items()}
    count = int(config.num_labels)
    if given is None:
        if count != 1 and not checkpoint.trust_remote_code:
            raise RewardTypeError(_several(name, count, labels))
        return (1.0,) * (count == 1)
    by_place = given if isinstance(given, Mapping) else {str(n): w for n, w in enumerate(given)}
    places = labels if isinstance(given, Mapping) else {str(n): n for n in range(count)}
    if not by_place.keys() <= places.keys() or (by_place is not given and len(given) != count):
        raise RewardTypeError(_several(name, count, labels))
    return tuple(by_place.get(label, 0.0) for label in sorted(places, key=places.__getitem__))


def _several(name: str, count: int, labels: Mapping[str, int]) -> str:
    known = ", ".join(f"`{label}`" for label in list(labels)[:20])
    return (
        f"`{name}` has {count} labels where a reward model has 1: say with `weights` how much each "
        f"counts, as a list or by name{f' ({known})' if known else ''}, or give a checkpoint "
        "trained as a reward model."
    )


def _device(torch: Any) -> str:  # noqa: ANN401 - torch
    if not torch.accelerator.is_available():
        return "cpu"
    device: str = torch.accelerator.current_accelerator().type
    return device


def _max_length(config: Any, tokenizer: Any) -> int | None:  # noqa: ANN401 - transformers
    limits = (getattr(config, "max_position_embeddings", None), tokenizer.model_max_length)
    return min((limit for limit in limits if limit and 0 < limit < NO_LIMIT), default=None)


def _optional(package: str) -> ModuleType:
    try:
        return import_module(package)
    except ImportError:
        raise MissingExtraError(package, "transformers") from None
