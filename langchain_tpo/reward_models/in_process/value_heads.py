"""Heads that trainers save beside a language model: one number per token, read at the last one.

Knows how TRL, LlamaFactory and OpenRLHF name a value head's tensors, and how OpenRLHF normalizes.
Needs torch and transformers, which the caller has imported. Knows nothing of conversations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from langchain_tpo.errors import RewardTypeError

HEAD_NAMES = ("v_head.summary", "value_head.summary", "v_head", "value_head", "score")
"""What the tensors are called: TRL and LlamaFactory, then OpenRLHF old and new."""

HEAD_FILES = ("value_head.safetensors", "value_head.bin")
"""Where LlamaFactory puts them."""


@dataclass(frozen=True, kw_only=True)
class ValueHead:
    """A linear head with one output."""

    weight: Any
    """One row, as wide as the model."""
    bias: Any
    """Added to it; None adds nothing."""
    mean: float = 0.0
    """Taken off each reward."""
    deviation: float = 1.0
    """What each reward is divided by, after that."""

    def put_on(self, model: Any, name: str) -> None:  # noqa: ANN401 - torch
        """Make this the head of a sequence classifier, in the head's own number format.

        Args:
            model: The classifier, whose own head is untrained.
            name: The checkpoint's, for the error's line.

        Raises:
            RewardTypeError: The model has no such head, or one of another width.
        """
        torch = import_module("torch")
        own = getattr(model, "score", None)
        if own is None or own.weight.shape[-1] != self.weight.shape[-1]:
            raise RewardTypeError(
                f"`{name}` has a value head that does not fit its `{type(model).__name__}`: give a "
                "checkpoint whose head and model belong together."
            )
        head = torch.nn.Linear(self.weight.shape[-1], 1)
        with torch.no_grad():
            head.weight.copy_(self.weight.float() / self.deviation)
            shift = 0.0 if self.bias is None else self.bias.float()
            head.bias.copy_((shift - self.mean) / self.deviation)
        head.register_forward_pre_hook(lambda module, given: (given[0].to(module.weight.dtype),))
        head.requires_grad_(requires_grad=False)
        model.score = head.to(own.weight.device)


def value_head(model: str, revision: str | None, config: Any) -> ValueHead | None:  # noqa: ANN401
    """Return the value head that lies beside a language model; None without one.

    Args:
        model: A name on the hub or a directory.
        revision: Branch, tag or commit on the hub.
        config: The checkpoint's configuration.
    """
    named = getattr(config, "value_head_prefix", None)
    names = [str(named), *HEAD_NAMES] if named else HEAD_NAMES
    for path in _files(model, revision):
        if tensors := _tensors(path, names):
            return _head(tensors, config)
    return None


def _head(tensors: dict[str, Any], config: Any) -> ValueHead | None:  # noqa: ANN401 - transformers
    weight = tensors["weight"].reshape(-1, tensors["weight"].shape[-1])
    if len(weight) != 1:
        return None
    normal = bool(getattr(config, "normalize_reward", False))
    return ValueHead(
        weight=weight,
        bias=tensors.get("bias"),
        mean=float(config.mean) if normal else 0.0,
        deviation=float(config.std) if normal else 1.0,
    )


def _files(model: str, revision: str | None) -> Iterator[Path]:
    """Return the files that may hold a head: those that hold nothing else first."""
    for patterns in (HEAD_FILES, ("*.safetensors",), ("pytorch_model*.bin",)):
        folder = Path(model) if Path(model).is_dir() else _downloaded(model, revision, patterns)
        for pattern in patterns:
            yield from sorted(folder.glob(pattern))


def _downloaded(model: str, revision: str | None, patterns: Iterable[str]) -> Path:
    hub = import_module("huggingface_hub")
    return Path(hub.snapshot_download(model, revision=revision, allow_patterns=[*patterns]))


def _tensors(path: Path, names: Iterable[str]) -> dict[str, Any]:
    """Return weight and bias of the head in a file, by these names; nothing without a head."""
    if path.suffix != ".safetensors":
        saved = import_module("torch").load(path, map_location="cpu", weights_only=True, mmap=True)
        return {part: saved[key] for part, key in _keys(saved, names).items()}
    with import_module("safetensors").safe_open(str(path), "pt") as opened:
        keys = _keys(opened.keys(), names)
        return {part: opened.get_tensor(key) for part, key in keys.items()}


def _keys(saved: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return what a file calls the parts of the head."""
    known = set(saved)
    name = next((name for name in names if f"{name}.weight" in known), None)
    parts = {part: f"{name}.{part}" for part in ("weight", "bias")}
    return {part: key for part, key in parts.items() if key in known}
