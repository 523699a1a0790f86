"""The model card tells the truth: its figures and the shipped weights follow from the data."""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from langchain_tpo.reward_models.preference_head.features import FEATURE_NAMES
from langchain_tpo.reward_models.preference_head.weights import PACKAGED, HeadWeights

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data" / "human_preferences.jsonl"
CARD = ROOT / "docs" / "preference_head_card.md"
ROW = re.compile(r"^\| ([^|]+) \| (\d+) \| ([01]\.\d{3}) \| (0\.\d{3}) \|$", re.MULTILINE)

needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="the comparisons are not here: `../shared/data` is missing"
)


def stated() -> dict[str, tuple[int, float, float]]:
    rows = ROW.findall(CARD.read_text(encoding="utf-8"))
    return {name: (int(pairs), float(mean), float(error)) for name, pairs, mean, error in rows}


@pytest.fixture(scope="module")
def trainer() -> Iterator[ModuleType]:
    pytest.importorskip("numpy", reason="training needs numpy")
    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location(
        "train_preference_head", ROOT / "tools" / "train_preference_head.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "tools"))
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def training(trainer: ModuleType) -> Any:
    return trainer.train(DATA)


@pytest.mark.slow
@needs_data
def test_the_shipped_weights_are_those_that_the_data_give(training: Any) -> None:
    trained = HeadWeights.model_validate_json(training.as_json())
    shipped = HeadWeights.packaged()
    assert shipped.by_feature == pytest.approx(trained.by_feature, abs=2e-4)
    assert shipped.bias == pytest.approx(trained.bias, abs=2e-3)


@pytest.mark.slow
@needs_data
def test_the_card_states_every_figure_as_measured(training: Any) -> None:
    measured = {one.name: one for one in training.figures}
    card = stated()
    assert card.keys() == measured.keys()
    for name, (pairs, agreement, error) in card.items():
        assert pairs == measured[name].pairs, name
        assert agreement == pytest.approx(measured[name].agreement, abs=0.002), name
        assert error == pytest.approx(measured[name].error, abs=0.001), name


@pytest.mark.slow
@needs_data
def test_it_beats_length_where_length_cannot_help(training: Any) -> None:
    """Two standard errors above `longer wins` on pairs balanced by length."""
    figures = {one.name: one for one in training.figures}
    balanced = figures["human, length-balanced"]
    assert balanced.agreement - 2 * balanced.error > 0.5
    assert figures["human, all"].agreement > figures["longer wins: human, all"].agreement


@pytest.mark.slow
@needs_data
def test_answers_to_another_question_lose(training: Any) -> None:
    """The bar under which the head would need an encoder."""
    figures = {one.name: one for one in training.figures}
    assert figures["off_topic"].agreement >= 0.85


def test_the_weights_are_small_readable_data() -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    assert len(text) < 2_000
    assert tuple(json.loads(text)["by_feature"]) == FEATURE_NAMES


@pytest.mark.parametrize(
    "word", ["LLMBar", "harm", "mathematics", "English", "mt-bench", "length-balanced", "licence"]
)
def test_the_card_names_its_blind_spots_and_sources(word: str) -> None:
    assert word in CARD.read_text(encoding="utf-8")


def test_the_card_lists_every_feature_group() -> None:
    text = CARD.read_text(encoding="utf-8")
    assert f"{len(FEATURE_NAMES)} features" in text
