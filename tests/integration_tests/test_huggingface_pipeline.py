"""ChatHuggingFace over a pipeline of transformers: a model in this process, with random weights."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Write a small model and load it, as it comes: no sampling, and the prompt in the reply."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tests.integration_tests.tiny_classifier import write_classifier  # noqa: PLC0415 as above

    folder: Path = write_classifier(tmp_path_factory.mktemp("hf") / "model", head=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model.config.max_position_embeddings = 4096
    yield transformers.pipeline(
        "text-generation", model=model, tokenizer=tokenizer, max_new_tokens=9, device=-1
    )
    gc.collect()


@pytest.fixture
def asked(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Hear what every call of the pipeline asks for."""
    heard: list[dict[str, Any]] = []
    original = type(pipeline).__call__

    def listening(self: Any, prompts: Any, **options: Any) -> Any:
        heard.append({"prompts": prompts, **options})
        return original(self, prompts, **options)

    monkeypatch.setattr(type(pipeline), "__call__", listening)
    return heard


@pytest.fixture
def model(pipeline: Any, asked: list[dict[str, Any]]) -> Any:
    huggingface = pytest.importorskip("langchain_huggingface")
    llm = huggingface.HuggingFacePipeline(pipeline=pipeline)
    return huggingface.ChatHuggingFace(llm=llm, tokenizer=pipeline.tokenizer, model_id="tiny")


def test_a_run_samples_as_its_settings_say(model: Any, asked: list[dict[str, Any]]) -> None:
    settings = TPOSettings.small_model(
        width=2, depth=1, seed=3, sample={"temperature": 0.9, "top_p": 0.8, "max_tokens": 12}
    )
    tpo = TPORunnable(
        model=model, reward=lambda _, text: float(sum(map(ord, text))), settings=settings
    )

    result = tpo.optimize("Wood?", {"max_concurrency": 1})

    assert result.stop_reason == "depth"
    assert result.usage["completions"] == len(asked)
    first = asked[0]
    options = {name: value for name, value in first.items() if name != "prompts"}
    assert options == {
        "return_full_text": False,
        "max_new_tokens": 12,
        "temperature": 0.9,
        "top_p": 0.8,
        "do_sample": True,
    }
    assert not any("Wood?" in candidate["text"] for candidate in result.pool)  # no prompts
    assert len({candidate["text"] for candidate in result.pool}) > 1
    assert next(iter(tpo.learned.by_model.values())).known.words == [
        "without `seed`",
        "one answer in a request",
        "in a thread",
    ]


async def test_a_greedy_chat_tpo(model: Any, asked: list[dict[str, Any]]) -> None:
    chat = ChatTPO(
        model=model, reward=lambda _, text: float(len(text)), width=2, depth=0, temperature=0.0
    )

    answer = await chat.ainvoke("Wood?")

    assert answer.response_metadata["tpo"]["stop_reason"] == "depth"
    assert [one["do_sample"] for one in asked] == [False, False]
    assert all("temperature" not in one for one in asked)
