"""Scorers of other libraries are rewards as they are."""

from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.decisions import BaseDecisionModel, ClassifierResponse, Noul, Score
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langsmith.evaluation import run_evaluator

from langchain_tpo import TPORunnable
from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models import Ensemble, as_reward_model, decides
from langchain_tpo.reward_models.interface import ScoreRequest

REQUEST: ScoreRequest = {
    "messages": [HumanMessage("6 x 7?")],
    "responses": ["It is 42.", "48"],
    "context": {"reference": "42"},
}


class Decider(BaseDecisionModel):
    """Answers by the length of what it sees."""

    model: str = "decider"

    @property
    def _provider(self) -> str:
        return "tests"

    def _classify(self, state: Any, questions: Any) -> ClassifierResponse:
        (question,) = questions.values()
        right = "42" in state["response"]
        answer: dict[str, Any] = {"type": "noul", "noul": 0.9 if right else 0.2}
        if isinstance(question, Score):
            answer = {
                "type": "score",
                "score": 1.5,
                "legend": {0: "bad", 1: "good"},
                "probabilities": {0: 0.5, 1: 0.5},
                "confidence": 0.5,
            }
        return ClassifierResponse(
            model="decider",
            answers={"reward": answer},
            usage={"input_tokens": 10, "output_tokens": 1, "total_tokens": 11},
        )


async def test_a_decision_model_is_asked_and_its_tokens_are_counted() -> None:
    assert as_reward_model(Decider()).invoke(REQUEST) == [0.9, 0.2]
    level = Score(instructions="How good?", criteria=["bad", "good"])
    assert as_reward_model(decides(Decider(), level)).invoke(REQUEST) == [1.5, 1.5]

    replies = iter(["42", "48"])
    policy = RunnableLambda(
        lambda _: AIMessage(
            next(replies),
            usage_metadata={"input_tokens": 5, "output_tokens": 1, "total_tokens": 6},
        )
    )
    result = TPORunnable(model=policy, reward=Decider(), width=2, depth=0).optimize("6 x 7?")
    reward = next(step for step in result.steps if step["step"] == "reward")
    assert reward["usage"]["input_tokens"] == 20
    assert reward["usage"]["requests"] == 2


def test_what_a_decision_model_cannot_be_asked_is_refused() -> None:
    assert as_reward_model(decides(Decider(), Noul(instructions="Good?"))).invoke(REQUEST)


def test_a_langsmith_evaluator() -> None:
    @run_evaluator
    def contains(run: Any, example: Any) -> dict[str, Any]:
        right = example.outputs["output"] in run.outputs["output"]
        return {"key": "contains", "score": right, "comment": "Looked for it."}

    assert as_reward_model(contains).invoke(REQUEST) == [
        {"reward": 1.0, "rationale": "Looked for it."},
        {"reward": 0.0, "rationale": "Looked for it."},
    ]


class CrossEncoder:
    """Looks like that of sentence-transformers."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, pairs: list[tuple[str, str]]) -> list[float]:
        self.calls += 1
        return [float(len(prompt) + len(response)) for prompt, response in pairs]

    def rank(self) -> None:
        """Be there."""


def test_a_cross_encoder_scores_a_round_in_one_call() -> None:
    encoder = CrossEncoder()

    assert as_reward_model(encoder).invoke(REQUEST) == [15.0, 8.0]
    assert encoder.calls == 1


class Pipeline:
    """Looks like a text-classification pipeline."""

    task = "text-classification"

    def __init__(self, labels: int) -> None:
        self.labels = labels

    def __call__(self, pairs: list[dict[str, str]], **options: Any) -> list[list[dict[str, Any]]]:
        assert options == {"function_to_apply": "none", "top_k": None}
        return [
            [{"label": "L", "score": float(len(pair["text_pair"]))}] * self.labels for pair in pairs
        ]


def test_a_pipeline_gives_raw_logits() -> None:
    assert as_reward_model(Pipeline(1)).invoke(REQUEST) == [9.0, 2.0]
    with pytest.raises(RewardTypeError, match="2 labels"):
        as_reward_model(Pipeline(2)).invoke(REQUEST)


class Metric:
    """Looks like deepeval's: it keeps its result on itself."""

    score: float | None = None
    reason: str | None = None

    def measure(self, case: Any) -> None:
        self.score = float(case.expected_output in case.actual_output)
        self.reason = f"{case.input} {case.actual_output}"

    async def a_measure(self, case: Any) -> None:
        """Be there."""


def test_a_deepeval_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(name: str) -> Any:
        assert name == "deepeval.test_case"
        return SimpleNamespace(LLMTestCase=SimpleNamespace)

    monkeypatch.setattr("langchain_tpo.reward_models.adapters.import_module", module)

    assert as_reward_model(Metric()).invoke(REQUEST) == [
        {"reward": 1.0, "rationale": "6 x 7? It is 42."},
        {"reward": 0.0, "rationale": "6 x 7? 48"},
    ]


class RagasMetric:
    """Looks like a single-turn metric of ragas."""

    async def single_turn_ascore(self, sample: Any) -> float:
        return float(sample.reference in sample.response)


async def test_a_ragas_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    def module(name: str) -> Any:
        assert name == "ragas"
        return SimpleNamespace(SingleTurnSample=SimpleNamespace)

    monkeypatch.setattr("langchain_tpo.reward_models.adapters.import_module", module)

    assert await as_reward_model(RagasMetric()).ainvoke(REQUEST) == [1.0, 0.0]


class CollectedMetric:
    """Looks like a metric of `ragas.metrics.collections`: it names what it wants."""

    async def ascore(self, reference: str, response: str) -> Any:
        right = reference in response
        return SimpleNamespace(value=float(right), reason=None if right else "Wrong.")


async def test_a_ragas_metric_that_names_its_arguments() -> None:
    wrong = {"reward": 0.0, "rationale": "Wrong."}
    assert await as_reward_model(CollectedMetric()).ainvoke(REQUEST) == [1.0, wrong]
    renamed: ScoreRequest = {**REQUEST, "context": {"expected": "42"}}
    assert await as_reward_model(CollectedMetric()).ainvoke(renamed) == [1.0, wrong]


def test_a_function_of_run_and_example() -> None:
    def contains(run: Any, example: Any) -> dict[str, Any]:
        return {"key": "right", "score": example.outputs["output"] in run.outputs["output"]}

    assert as_reward_model(contains).invoke(REQUEST) == [1.0, 0.0]


class SeveralResults:
    """An evaluator of LangSmith may answer with a list."""

    def __init__(self, *scores: float) -> None:
        self.results = [SimpleNamespace(key=f"k{score}", score=score) for score in scores]

    def evaluate_run(self, *_: Any) -> Any:
        return {"results": self.results}


def test_of_several_results_none_is_picked() -> None:
    assert as_reward_model(SeveralResults(3.0)).invoke(REQUEST) == [3.0, 3.0]
    with pytest.raises(RewardTypeError, match=r"returned 2 results \['k1.0', 'k2.0'\]"):
        as_reward_model(SeveralResults(1.0, 2.0)).invoke(REQUEST)


def test_a_rubric_of_verifiers_is_refused_with_the_line_that_works() -> None:
    def right(completion: str, answer: str) -> float:
        return float(answer in completion)

    def brief(completion: str) -> float:
        return float(len(completion) < 9)

    class Rubric:
        funcs, weights = [right, brief], [3.0, 1.0]

        async def score_rollout(self, state: object) -> None:
            raise NotImplementedError

    rubric: Any = Rubric()
    with pytest.raises(RewardTypeError) as caught:
        as_reward_model(rubric)
    line = str(caught.value).split("`")[-2]
    ensemble = eval(line, {"Ensemble": Ensemble, "rubric": rubric})  # noqa: S307 the project's own
    request: ScoreRequest = {
        "messages": [],
        "responses": ["It is 42.", "48"],
        "context": {"answer": "42"},
    }
    assert ensemble.invoke(request) == [0.75, 0.25]
