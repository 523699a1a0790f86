"""The in-process classifier without weights: options, batches, cuts, threads."""

import asyncio
import copy
import logging
import pickle
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tpo.errors import MissingExtraError, SettingsError
from langchain_tpo.reward_models.chat_templates import Turn
from langchain_tpo.reward_models.in_process import classifier_weights
from langchain_tpo.reward_models.in_process.classifier_presets import preset_for
from langchain_tpo.reward_models.in_process.classifier_weights import Checkpoint, Classifier
from langchain_tpo.reward_models.in_process.sequence_classifier import SequenceClassifier
from langchain_tpo.reward_models.interface import ScoreRequest

BOS = 1


class LetterTokenizer:
    """One token a letter; puts a BOS in front, as its template does too."""

    name_or_path = "letters"
    chat_template = "yes"
    bos_token = "<s>"
    bos_token_id = BOS
    pad_token_id = 0
    all_special_tokens = ("<s>", "[END]")
    added_tokens_decoder = {7: SimpleNamespace(special=False)}  # noqa: RUF012 - never changed
    adds_bos = True

    def apply_chat_template(self, conversation: list[Turn], **_: Any) -> str:
        return "<s>" + "".join(f"({turn['content']})" for turn in conversation)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        front = [BOS] if add_special_tokens and self.adds_bos else []
        if text.startswith("<s>"):
            text, front = text.removeprefix("<s>"), [*front, BOS]
        return [*front, *map(ord, text)]


@dataclass
class LetterClassifier:
    """The logit is the number of tokens; remembers its batches."""

    tokenizer: LetterTokenizer = field(default_factory=LetterTokenizer)
    max_length: int | None = None
    most_padding: float = inf
    batches: list[list[str]] = field(default_factory=list)

    def logits(self, rows: Sequence[Sequence[int]]) -> list[float]:
        assert all(row[:2] == [BOS, ord("(")] for row in rows)
        self.batches.append(["".join(map(chr, row[1:])) for row in rows])
        return [float(len(row)) for row in rows]


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> LetterClassifier:
    fake = LetterClassifier()
    monkeypatch.setattr(classifier_weights, "load", lambda _: fake)
    return fake


def _request(*responses: str, prompt: str = "Why?") -> ScoreRequest:
    return {"messages": [HumanMessage(prompt)], "responses": [*responses]}


def test_a_round_is_one_forward_pass(classifier: LetterClassifier) -> None:
    scores = SequenceClassifier("m").invoke(_request("ccc", "a", "bb", "a"))
    assert scores == [12.0, 10.0, 11.0, 10.0]
    assert classifier.batches == [["(Why?)(a)", "(Why?)(bb)", "(Why?)(ccc)"]]


def test_batches_hold_rows_of_like_length(classifier: LetterClassifier) -> None:
    reward = SequenceClassifier("m", batch_size=2)
    assert reward.invoke(_request("dddd", "a", "ccc", "bb")) == [13.0, 10.0, 12.0, 11.0]
    assert [[len(text) for text in batch] for batch in classifier.batches] == [[9, 10], [11, 12]]


def test_padding_is_kept_within_bounds(classifier: LetterClassifier) -> None:
    classifier.most_padding = 0.1
    scores = SequenceClassifier("m").invoke(_request("x" * 90, "a", "bb"))
    assert scores == [99.0, 10.0, 11.0]
    assert [len(batch) for batch in classifier.batches] == [2, 1]


def test_no_responses_load_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_weights, "load", None)
    assert SequenceClassifier("m").invoke(_request()) == []


@pytest.mark.parametrize("adds_bos", [True, False])
def test_there_is_one_bos(classifier: LetterClassifier, *, adds_bos: bool) -> None:
    classifier.tokenizer.adds_bos = adds_bos
    assert SequenceClassifier("m").invoke(_request("a")) == [10.0]


def test_the_answer_is_never_cut(
    classifier: LetterClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[BaseMessage] = [HumanMessage("one"), HumanMessage("secret")]
    reward = SequenceClassifier("m", max_length=15)
    with caplog.at_level(logging.DEBUG):
        scores = reward.invoke({"messages": messages, "responses": ["a", "bbbb", "c" * 9]})
    assert scores == [15.0, 15.0, None]
    assert classifier.batches == [["(e)(secret)(a)", "()(cret)(bbbb)"]]
    assert "2 of 3 prompts lost their start, up to 5 characters" in caplog.text
    assert "1 of 3 responses are not scored" in caplog.text
    assert "cret" not in caplog.text


def test_the_models_own_limit_holds_by_default(classifier: LetterClassifier) -> None:
    classifier.max_length = 9
    assert SequenceClassifier("m").invoke(_request("aa")) == [9.0]


def test_control_tokens_of_the_tokenizer_are_broken_up(classifier: LetterClassifier) -> None:
    SequenceClassifier("m").invoke(_request("a[END]b<|x|>"))
    assert classifier.batches == [["(Why?)(a[ END]b< |x|>)"]]


def test_threads_load_once_and_take_turns(
    classifier: LetterClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, busy = [], threading.Lock()

    def load(checkpoint: Checkpoint) -> LetterClassifier:
        loads.append(checkpoint)
        time.sleep(0.005)
        return classifier

    def logits(rows: Sequence[Sequence[int]]) -> list[float]:
        assert busy.acquire(blocking=False)
        time.sleep(0.005)
        busy.release()
        return [1.0 for _ in rows]

    monkeypatch.setattr(classifier_weights, "load", load)
    monkeypatch.setattr(classifier, "logits", logits)
    reward = SequenceClassifier("m")
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(reward.invoke, [_request("a")] * 8)) == [[1.0]] * 8
    assert len(loads) == 1


async def test_ainvoke_leaves_the_loop_free(
    classifier: LetterClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def load(_: Checkpoint) -> LetterClassifier:
        assert released.wait(timeout=10)
        return classifier

    async def release() -> None:
        released.set()

    monkeypatch.setattr(classifier_weights, "load", load)
    scores, _ = await asyncio.gather(SequenceClassifier("m").ainvoke(_request("a")), release())
    assert scores == [10.0]


def test_copies_share_the_weights_and_pickles_leave_them(classifier: LetterClassifier) -> None:
    reward = SequenceClassifier("m")
    reward.invoke(_request("a"))
    assert copy.deepcopy(reward)._classifier is reward._classifier
    unloaded = pickle.loads(pickle.dumps(reward))  # noqa: S301 - our own bytes
    assert unloaded == reward
    assert unloaded._classifier._loaded is None


def test_a_configured_field_makes_a_new_one(classifier: LetterClassifier) -> None:
    from langchain_core.runnables import ConfigurableField  # noqa: PLC0415 - one test

    reward = SequenceClassifier("m").configurable_fields(batch_size=ConfigurableField(id="rows"))
    reward.invoke(_request("a", "b"), {"configurable": {"rows": 1}})
    assert len(classifier.batches) == 2


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_named_with_its_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "transformers"):
        module = None if name == package else SimpleNamespace()
        monkeypatch.setitem(sys.modules, name, cast("Any", module))
    with pytest.raises(MissingExtraError, match=rf"`{package}`.*langchain-tpo\[transformers\]"):
        SequenceClassifier("m").invoke(_request("a"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` of SequenceClassifier: input should be .* 1, got `0`"),
        ({"max_length": 0}, "`max_length` of SequenceClassifier: .* 1, got `0`"),
        ({"dtype": "int3"}, "`dtype` of SequenceClassifier: .*float32.*, got `'int3'`"),
    ],
)
def test_options_are_checked_before_anything_is_loaded(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        SequenceClassifier("m", **options)


def test_it_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        SequenceClassifier("m").batch_size = 2  # type: ignore[misc] # what is tested


@pytest.mark.parametrize(
    ("ends", "pad"), [((5,), 3), ((3,), 2), ((3, 2), 0), ((3, 2, 0), 1)], ids=str
)
def test_padding_is_a_token_that_ends_no_row(ends: tuple[int, ...], pad: int) -> None:
    config = SimpleNamespace(pad_token_id=3)
    model = SimpleNamespace(
        config=SimpleNamespace(get_text_config=lambda: config),
        get_input_embeddings=lambda: SimpleNamespace(num_embeddings=6),
    )
    tokenizer = cast("Any", SimpleNamespace(pad_token_id=2))
    classifier = Classifier(
        checkpoint=Checkpoint(model="m"),
        tokenizer=tokenizer,
        max_length=None,
        torch=None,
        model=model,
    )
    assert classifier._pad_token([[4, end] for end in ends]) == pad


@pytest.mark.parametrize(
    ("model", "max_length"),
    [
        ("sfairXC/FsfairX-LLaMA3-RM-v0.1", 8192),
        ("allenai/Llama-3.1-Tulu-3-8B-RM", 8192),
        ("Skywork/Skywork-Reward-V2-Llama-3.1-8B", 16384),
        ("/cache/models--Skywork--Skywork-Reward-V2-Qwen3-0.6B/snapshots/0a1b", 16384),
        ("my/own", None),
    ],
)
def test_presets_go_by_name(model: str, max_length: int | None) -> None:
    preset = preset_for(model)
    assert (preset.max_length, preset.dtype) == (max_length, "bfloat16")
