"""Writes a small real sequence classifier to disk: random weights, a tokenizer of bytes.

The files are those of any published checkpoint of either major version of transformers. As a
script, `python tiny_classifier.py DIR` writes one, reads a JSON list of texts or pairs of texts
and prints the logit that transformers gives each.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

BOS, EOT, PAD = "<|begin_of_text|>", "<|eot_id|>", "<|pad|>"
HEADERS = ["<|start_header_id|>", "<|end_header_id|>"]
SPECIAL = [BOS, EOT, PAD, *HEADERS]

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
)
"""Turns as Llama 3 writes them."""


def write_classifier(  # noqa: PLR0913 - one option per trap
    directory: Path,
    *,
    pad: str | None = PAD,
    config_pad: str | None = PAD,
    labels: int = 1,
    head: bool = True,
    template: str | None = TEMPLATE,
    hidden_size: int = 64,
    layers: int = 2,
) -> Path:
    """Write a Llama with a classification head; the same options give the same weights.

    Args:
        directory: Where to, created if need be.
        pad: Padding token of the tokenizer.
        config_pad: Padding token of the model's configuration.
        labels: How many labels the head has.
        head: False writes a language model instead.
        template: The chat template.
        hidden_size: Width of the model.
        layers: Depth of the model.
    """
    import torch  # noqa: PLC0415 - optional
    import transformers  # noqa: PLC0415 - optional

    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"))
    named = {"bos_token": BOS, "eos_token": EOT, "pad_token": pad, "chat_template": template}
    _write_json(directory / "tokenizer_config.json", _without_none(named) | _TOKENIZER)
    config = transformers.LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden_size,
        intermediate_size=2 * hidden_size,
        num_hidden_layers=layers,
        # Heads of 32: vLLM on a CPU takes no smaller ones.
        num_attention_heads=hidden_size // 32,
        num_key_value_heads=hidden_size // 64,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.token_to_id(BOS),
        eos_token_id=tokenizer.token_to_id(EOT),
        num_labels=labels,
        initializer_range=0.3,
    )
    torch.manual_seed(0)
    kind = "LlamaForSequenceClassification" if head else "LlamaForCausalLM"
    model = getattr(transformers, kind)(config)
    # Afterwards: a padding token known from the start would have no weights of its own.
    model.config.pad_token_id = config_pad and tokenizer.token_to_id(config_pad)
    model.save_pretrained(directory)
    return directory


_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "additional_special_tokens": HEADERS,
    "clean_up_tokenization_spaces": False,
    "model_max_length": 1024,
}


def _tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: n for n, byte in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A",
        pair=f"{BOS} $A {BOS} $B",
        special_tokens=[(BOS, tokenizer.token_to_id(BOS))],
    )
    return tokenizer


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


def logits(directory: Path, texts: list[list[str]]) -> list[float]:
    """Return the logit of each text as it stands, or of each pair as the tokenizer joins it.

    Args:
        directory: Where the classifier is.
        texts: Lists of one text or two.
    """
    import torch  # noqa: PLC0415 - optional
    import transformers  # noqa: PLC0415 - optional

    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
    rows = [tokenizer(*text, add_special_tokens=len(text) > 1).input_ids for text in texts]
    with torch.inference_mode():
        return [float(model(input_ids=torch.tensor([row])).logits[0, 0]) for row in rows]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(logits(write_classifier(Path(sys.argv[1])), json.load(sys.stdin))))
