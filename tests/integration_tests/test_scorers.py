"""Scorers of other libraries, the real ones: `make test_scorers` installs them.

Nothing leaves the machine: models are small and random, or scripted.
"""

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import as_reward_model
from langchain_tpo.reward_models.interface import ScoreRequest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

REQUEST: ScoreRequest = {
    "messages": [HumanMessage("6 x 7?")],
    "responses": ["42", "It is 48."],
    "context": {"reference": "42"},
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPEVAL_TELEMETRY_OPT_OUT", "RAGAS_DO_NOT_TRACK", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"`make test_scorers` installs it: no {name}")


def rewards(scorer: Any, request: ScoreRequest = REQUEST) -> list[float]:
    scores = asyncio.run(as_reward_model(scorer).ainvoke(request))
    return [score["reward"] if isinstance(score, dict) else score for score in scores]


def words(scorer: Any) -> list[str]:
    scores = asyncio.run(as_reward_model(scorer).ainvoke(REQUEST))
    return [score["rationale"] if isinstance(score, dict) else "" for score in scores]


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    library("transformers")
    library("torch")
    tiny = importlib.import_module("tests.integration_tests.tiny_classifier")
    return Path(tiny.write_classifier(tmp_path / "classifier"))


def _pairs(classifier: Path) -> list[float]:
    tiny = importlib.import_module("tests.integration_tests.tiny_classifier")
    return list(tiny.logits(classifier, [["6 x 7?", text] for text in REQUEST["responses"]]))


def test_a_cross_encoder(classifier: Path) -> None:
    model = library("sentence_transformers").CrossEncoder(str(classifier), device="cpu")
    identity = library("torch").nn.Identity()
    logits = [
        float(model.predict([("6 x 7?", text)], activation_fn=identity)[0])
        for text in REQUEST["responses"]
    ]
    assert min(logits) < 0  # no sigmoid
    assert rewards(model) == pytest.approx(logits, abs=1e-4)


def test_a_pipeline(classifier: Path) -> None:
    pipeline = library("transformers").pipeline("text-classification", model=str(classifier))
    assert rewards(pipeline) == pytest.approx(_pairs(classifier), abs=1e-4)


def test_openevals() -> None:
    library("openevals")
    exact = importlib.import_module("openevals.exact").exact_match
    assert rewards(exact) == [1.0, 0.0]


def test_a_judge_of_openevals() -> None:
    class Judge(GenericFakeChatModel):
        def with_structured_output(self, *_: Any, **__: Any) -> Any:
            return RunnableLambda(
                lambda asked: {
                    "score": "42" in str(asked).split("Out:")[1],
                    "reasoning": "Counted.",
                }
            )

    library("openevals")
    judge = importlib.import_module("openevals.llm").create_llm_as_judge(
        prompt="In: {inputs} Ref: {reference_outputs} Out: {outputs}",
        judge=Judge(messages=iter([])),
    )
    assert rewards(judge) == [1.0, 0.0]
    assert words(judge) == ["Counted."] * 2


def test_langsmith() -> None:
    evaluation = library("langsmith.evaluation")

    def contains(run: Any, example: Any) -> dict[str, Any]:
        right = example.outputs["output"] in run.outputs["output"]
        return {"key": "contains", "score": float(right), "comment": "Looked."}

    class Two(evaluation.RunEvaluator):  # type: ignore[misc]
        def evaluate_run(self, *_: Any, **__: Any) -> Any:
            result = evaluation.EvaluationResult
            return {"results": [result(key="a", score=1), result(key="b", score=0)]}

    for evaluator in (contains, evaluation.run_evaluator(contains)):
        assert rewards(evaluator) == [1.0, 0.0]
        assert words(evaluator) == ["Looked."] * 2
    with pytest.raises(RewardTypeError, match=r"returned 2 results \['a', 'b'\]"):
        rewards(Two())


def test_pydantic_evals() -> None:
    evaluators = library("pydantic_evals.evaluators")
    assert rewards(evaluators.EqualsExpected()) == [1.0, 0.0]
    assert "does not contain" in words(evaluators.Contains("42"))[1]


def test_deepeval() -> None:
    metrics = library("deepeval.metrics")
    assert rewards(metrics.ExactMatchMetric()) == [1.0, 0.0]
    assert "different" in words(metrics.ExactMatchMetric())[1]


def test_ragas() -> None:
    metrics = library("ragas.metrics")
    assert rewards(metrics.ExactMatch()) == [1.0, 0.0]
    collections = importlib.import_module("ragas.metrics.collections")
    assert rewards(collections.ExactMatch()) == [1.0, 0.0]

    @metrics.numeric_metric(name="near", allowed_values=(0, 1))  # type: ignore[untyped-decorator]
    def near(response: str, reference: str) -> Any:
        return metrics.MetricResult(value=float(reference in response), reason="Looked.")

    assert rewards(near) == [1.0, 0.0]
    assert words(near) == ["Looked."] * 2


def test_functions_of_trl() -> None:
    functions = library("trl.rewards")
    solved: ScoreRequest = {
        "messages": [HumanMessage("6 x 7?")],
        "responses": [r"<think>x</think>\boxed{42}", r"\boxed{48}"],
        "context": {"solution": "$42$"},
    }
    assert rewards(functions.accuracy_reward, solved) == [1.0, 0.0]
    assert rewards(functions.think_format_reward, solved) == [1.0, 0.0]
    with pytest.raises(RewardTypeError, match="completion_ids"):
        as_reward_model(functions.get_soft_overlong_punishment(10, 5))
