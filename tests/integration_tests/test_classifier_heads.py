"""Heads of other kinds in process, on small random weights: several labels, a gate, value heads.

Each is written as its trainer writes it, and compared with transformers alone.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_tpo.errors import RewardTypeError, SettingsError
from langchain_tpo.reward_models.in_process.sequence_classifier import SequenceClassifier

torch = pytest.importorskip("torch", reason="the extra `transformers` is not installed: no torch")
transformers = pytest.importorskip(
    "transformers", reason="the extra `transformers` is not installed: no transformers"
)
safetensors = pytest.importorskip("safetensors.torch", reason="transformers brings it")

from .tiny_classifier import write_classifier  # noqa: E402 - needs both

pytestmark = pytest.mark.integration

MESSAGES = [HumanMessage("Why is the sky blue?")]
RESPONSES = [
    "Rayleigh scattering.",
    "Because air scatters short waves far more than long ones.",
    "",
]
BIAS, MEAN, DEVIATION = 0.25, 0.5, 2.0

Tensors = dict[str, Any]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return write_classifier(tmp_path / "checkpoint", head=False)


@pytest.fixture
def weight() -> Any:
    return torch.randn(1, 64, generator=torch.Generator().manual_seed(1))


def _scores(checkpoint: Path, **options: Any) -> list[float | None]:
    reward = SequenceClassifier(checkpoint, device="cpu", **options)
    return list(reward.invoke({"messages": MESSAGES, "responses": RESPONSES}))


def _rows(checkpoint: Path) -> list[Any]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    turns = [
        [
            {"role": "user", "content": str(MESSAGES[0].content)},
            {"role": "assistant", "content": response},
        ]
        for response in RESPONSES
    ]
    texts = [tokenizer.apply_chat_template(turn, tokenize=False) for turn in turns]
    return [
        tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        for text in texts
    ]


def _values(policy: Path, weight: Any) -> list[float]:
    """The last hidden state of each text, times the head."""
    model = transformers.AutoModelForCausalLM.from_pretrained(policy).eval()
    with torch.inference_mode():
        states = [
            model(input_ids=row, output_hidden_states=True).hidden_states[-1][0, -1]
            for row in _rows(policy)
        ]
    return [float(state @ weight[0]) for state in states]


def _trl(policy: Path, weight: Any) -> None:
    _add(policy, {"v_head.summary.weight": weight, "v_head.summary.bias": torch.tensor([BIAS])})


def _trl_pickled(policy: Path, weight: Any) -> None:
    _trl(policy, weight)
    torch.save(safetensors.load_file(_file(policy)), policy / "pytorch_model.bin")
    _file(policy).unlink()


def _llama_factory(policy: Path, weight: Any) -> None:
    head = {"v_head.summary.weight": weight, "v_head.summary.bias": torch.tensor([BIAS])}
    safetensors.save_file(head, policy / "value_head.safetensors")


def _llama_factory_pickled(policy: Path, weight: Any) -> None:
    head = {"v_head.summary.weight": weight, "v_head.summary.bias": torch.tensor([BIAS])}
    torch.save(head, policy / "value_head.bin")


def _openrlhf(policy: Path, weight: Any, prefix: str = "score") -> None:
    _add(policy, {f"{prefix}.weight": weight})
    _configure(policy, architectures=["RewardModel"], value_head_prefix=prefix)


def _openrlhf_old(policy: Path, weight: Any) -> None:
    _openrlhf(policy, weight, "value_head")


def _openrlhf_own_name(policy: Path, weight: Any) -> None:
    _openrlhf(policy, weight, "rm_head")


def _openrlhf_normalized(policy: Path, weight: Any) -> None:
    _openrlhf(policy, weight)
    _configure(policy, normalize_reward=True, mean=MEAN, std=DEVIATION)


def _file(folder: Path) -> Path:
    return folder / "model.safetensors"


def _add(folder: Path, more: Tensors) -> None:
    tensors = {**safetensors.load_file(_file(folder)), **more}
    safetensors.save_file(tensors, _file(folder), metadata={"format": "pt"})


def _configure(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def _biased(value: float) -> float:
    return value + BIAS


def _plain(value: float) -> float:
    return value


def _normal(value: float) -> float:
    return (value - MEAN) / DEVIATION


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (_trl, _biased),
        (_trl_pickled, _biased),
        (_llama_factory, _biased),
        (_llama_factory_pickled, _biased),
        (_openrlhf, _plain),
        (_openrlhf_old, _plain),
        (_openrlhf_own_name, _plain),
        (_openrlhf_normalized, _normal),
    ],
    ids=lambda function: function.__name__.strip("_"),
)
def test_a_value_head_is_read_at_the_last_token(
    policy: Path,
    weight: Any,
    write: Callable[[Path, Any], None],
    expected: Callable[[float], float],
) -> None:
    values = _values(policy, weight)
    write(policy, weight)
    assert _scores(policy) == pytest.approx([expected(value) for value in values], abs=1e-4)
    assert max(values) - min(values) > 0.1


def test_a_head_of_another_width_is_refused(policy: Path, weight: Any) -> None:
    _llama_factory(policy, weight[:, :32].clone())
    with pytest.raises(RewardTypeError, match="value head that does not fit its `LlamaFor"):
        _scores(policy)


def test_a_language_model_without_a_head_is_refused(policy: Path) -> None:
    with pytest.raises(RewardTypeError, match="no trained classification head"):
        _scores(policy)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    folder = write_classifier(tmp_path / "several", labels=3)
    names = {"0": "helpfulness", "1": "correctness", "2": "verbosity"}
    _configure(folder, id2label=names, label2id={name: int(n) for n, name in names.items()})
    return folder


def _attributes(folder: Path) -> list[list[float]]:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return [model(input_ids=row).logits[0].tolist() for row in _rows(folder)]


@pytest.mark.parametrize(
    "weights",
    [[0.5, 0, -0.25], {"helpfulness": 0.5, "verbosity": -0.25}],
    ids=["by place", "by name"],
)
def test_several_labels_are_weighted(several: Path, weights: Any) -> None:
    expected = [0.5 * good - 0.25 * long for good, _, long in _attributes(several)]
    assert _scores(several, weights=weights) == pytest.approx(expected, abs=1e-4)


def test_weights_that_do_not_fit_are_refused(several: Path) -> None:
    for weights in (None, [1.0], {"humour": 1.0}, [1.0] * 4):
        with pytest.raises(RewardTypeError, match=r"has 3 labels .* `weights` .*`correctness`"):
            _scores(several, weights=weights)
    with pytest.raises(SettingsError, match="`weights"):
        SequenceClassifier(several, weights={"helpfulness": float("nan")})


GATED = """
from transformers import LlamaForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutputWithPast

class Gated(LlamaForSequenceClassification):
    def forward(self, *args, **kwargs):
        answer = super().forward(*args, **kwargs)
        scored = SequenceClassifierOutputWithPast(logits=answer.logits.sum(-1))
        scored.rewards = answer.logits
        return scored
"""
"""As ArmoRM answers: attributes, and one score that its own gate makes of them."""


def test_a_model_may_weigh_its_labels_itself(several: Path) -> None:
    attributes = _attributes(several)
    (several / "gated.py").write_text(GATED)
    _configure(
        several,
        architectures=["Gated"],
        auto_map={"AutoModelForSequenceClassification": "gated.Gated"},
    )
    scores = _scores(several, trust_remote_code=True)
    assert scores == pytest.approx([sum(row) for row in attributes], abs=1e-4)
    first = _scores(several, trust_remote_code=True, weights={"correctness": 1})
    assert first == pytest.approx([row[1] for row in attributes], abs=1e-4)
