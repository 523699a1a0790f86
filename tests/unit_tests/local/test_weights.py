"""What a user may call a model, and what is said when there is no such thing."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from langchain_tpo.errors import MissingExtraError, WeightsError
from langchain_tpo.local import PACKAGED_MODELS, packaged_weights, weights, weights_file


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF and the rest")
    return path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, gguf: Path) -> list[str]:
    asked: list[str] = []

    def download(repo: str, file: str) -> str:
        asked.append(f"{repo}:{file}")
        return str(gguf)

    files = ["README.md", "m-q8_0.gguf", "m-Q4_K_M.gguf", "m-f16.gguf"]
    fake = SimpleNamespace(
        list_repo_files=lambda repo: [] if "empty" in repo else files, hf_hub_download=download
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    return asked


def test_a_path_is_taken_as_it_is(gguf: Path) -> None:
    assert weights_file(gguf) == gguf
    assert weights_file(str(gguf)) == gguf


def test_the_environment_decides_only_where_the_program_does_not(
    monkeypatch: pytest.MonkeyPatch, gguf: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF")
    monkeypatch.setenv("LANGCHAIN_TPO_GGUF", str(gguf))

    assert weights_file() == gguf
    assert weights_file(other) == other


def test_without_a_word_it_is_the_smallest_model(
    monkeypatch: pytest.MonkeyPatch, gguf: Path
) -> None:
    monkeypatch.delenv("LANGCHAIN_TPO_GGUF", raising=False)
    taken: list[str] = []
    monkeypatch.setattr(weights, "packaged_file", lambda model: taken.append(model.name) or gguf)

    assert weights_file() == gguf
    assert taken == ["smollm2-135m"] == [next(iter(PACKAGED_MODELS))]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("nowhere/at-all.gguf", "There is no file `nowhere/at-all.gguf`"),
        (Path("nowhere"), "There is no file `nowhere`"),
        ("smollm3", "No model is called `smollm3`: use `smollm2-135m`, `qwen2.5-coder-0.5b`"),
        ("owner/name", "a hub id such as `hf:owner/name`"),
    ],
)
def test_what_cannot_be_found_is_one_line(wanted: str | Path, said: str) -> None:
    with pytest.raises(WeightsError) as raised:
        weights_file(wanted)

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"PK\x03\x04 a zip")

    with pytest.raises(WeightsError, match=r"is no GGUF file: it begins with `b'PK"):
        weights_file(path)


@pytest.mark.parametrize(
    ("wanted", "fetched"),
    [
        ("hf:owner/name", "owner/name:m-Q4_K_M.gguf"),
        ("owner/name:m-f16.gguf", "owner/name:m-f16.gguf"),
        ("hf:owner/name:deep/er.gguf", "owner/name:deep/er.gguf"),
    ],
)
def test_a_hub_id_is_fetched(hub: list[str], gguf: Path, wanted: str, fetched: str) -> None:
    assert weights_file(wanted) == gguf
    assert hub == [fetched]


def test_a_repository_without_gguf_is_refused(hub: list[str]) -> None:
    with pytest.raises(WeightsError, match="`owner/empty` holds no GGUF file"):
        weights_file("hf:owner/empty")


def test_what_the_hub_says_is_one_line(monkeypatch: pytest.MonkeyPatch, hub: list[str]) -> None:
    def refuse(repo: str, file: str) -> str:
        raise ConnectionError("no route\nand a long story")

    monkeypatch.setattr(sys.modules["huggingface_hub"], "hf_hub_download", refuse)

    with pytest.raises(WeightsError, match=r"`owner/name` could not be fetched .* \(no route\)"):
        weights_file("hf:owner/name")


def test_a_hub_id_without_the_hub_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(MissingExtraError, match=r"langchain-tpo\[huggingface\]"):
        weights_file("hf:owner/name")


def test_known_names_are_looked_up_in_packages(monkeypatch: pytest.MonkeyPatch, gguf: Path) -> None:
    monkeypatch.setattr(weights, "packaged_file", lambda model: gguf)

    assert all(weights_file(name) == gguf for name in packaged_weights.PACKAGED_MODELS)
