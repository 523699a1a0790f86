"""Scorers of other libraries as reward functions, told by what they can do.

Nothing of them is imported unless one is handed over. Each adapter is a function for
`FunctionReward`, which binds its arguments by name. Those of pydantic_evals and ragas are async and
need an async run.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from inspect import signature
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from langchain_core.decisions import BaseDecisionModel, Noul

from langchain_tpo.constructors import names_checked
from langchain_tpo.errors import MissingExtraError, RewardTypeError
from langchain_tpo.reward_models.function_arguments import reference_name
from langchain_tpo.reward_models.python_function import RewardFunction


class _EvaluatesRuns(Protocol):
    """An evaluator of LangSmith."""

    def evaluate_run(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


class _EvaluatesAsync(Protocol):
    """An evaluator of pydantic_evals."""

    def evaluate_async(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


class _ScoresTurns(Protocol):
    """A metric of ragas."""

    def single_turn_ascore(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


class _ScoresFields(Protocol):
    """A metric of ragas since 0.4."""

    def ascore(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


class _Measures(Protocol):
    """A metric of deepeval."""

    def measure(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own

    def a_measure(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


class _Ranks(Protocol):
    """A cross-encoder."""

    def predict(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own

    def rank(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: ANN401 its own


Evaluator: TypeAlias = (
    BaseDecisionModel
    | _EvaluatesRuns
    | _EvaluatesAsync
    | _ScoresTurns
    | _ScoresFields
    | _Measures
    | _Ranks
)
"""What other libraries score with, as far as it is known here. A pipeline of transformers is a
function to type checkers."""

QUESTION = "Is the response a good one: does it do what was asked, truly and clearly?"
"""What a decision model is asked when it is handed over as it is."""

Adapter = Callable[[Any], RewardFunction]
"""From a scorer of some library to a function."""


def adapted(scorer: object) -> RewardFunction | None:
    """Return the function for a scorer of a library that is known here; None for any other.

    Args:
        scorer: A decision model of `langchain_core`, an evaluator of LangSmith or pydantic_evals, a
            metric of ragas or deepeval, a `CrossEncoder` or a text-classification pipeline.

    Example:
        >>> adapted(3) is None
        True
    """
    for knows, adapter in _ADAPTERS:
        if tells(knows, scorer):
            function = adapter(scorer)
            with suppress(AttributeError, TypeError):
                function.__name__ = type(scorer).__name__
            return function
    return None


@names_checked
def decides(model: BaseDecisionModel, question: Any = None) -> RewardFunction:  # noqa: ANN401 a `Question`
    """Return a function that asks a decision model about each response.

    Args:
        model: What decides; its tokens are counted as a judge's.
        question: A `Noul`, whose probability is the reward, or a `Score`, whose expected level is;
            None asks whether the response is good.
    """
    asked = question or Noul(instructions=QUESTION)

    def decision(prompt: str, response: str) -> float:
        state: Any = {"prompt": prompt, "response": response}
        answered = model.invoke({"state": state, "questions": {"reward": asked}})
        answer: Any = answered.answers["reward"]
        if answer.type == "noul":
            return float(answer.noul)
        if answer.type == "score":
            return float(answer.score)
        raise RewardTypeError(
            f"A question to a decision model must be a `Noul` or a `Score`, got `{answer.type}`."
        )

    return decision


def _langsmith(evaluator: Any) -> RewardFunction:  # noqa: ANN401 of a library that may be missing
    schemas = import_module("langsmith.schemas")

    def evaluate(prompt: str, response: str, reference: object = None) -> Any:  # noqa: ANN401 its result
        now, number = datetime.now(UTC), uuid4()
        run = schemas.Run(
            id=number,
            name="tpo",
            start_time=now,
            end_time=now,
            run_type="chain",
            inputs={"input": prompt},
            outputs={"output": response},
            trace_id=number,
            dotted_order=f"{now:%Y%m%dT%H%M%S%f}Z{number}",
        )
        expected = None if reference is None else {"output": reference}
        example = schemas.Example(
            id=uuid4(),
            inputs={"input": prompt},
            outputs=expected,
            dataset_id=uuid4(),
            created_at=now,
        )
        result = evaluator.evaluate_run(run, example)
        several = result.get("results") if isinstance(result, Mapping) else None
        return result if several is None else _only_result(several, [one.key for one in several])

    return evaluate


def _langsmith_function(function: Any) -> RewardFunction:  # noqa: ANN401 as above
    """Adapt what `langsmith.evaluate` takes as it is: `(run, example) -> result`."""
    return _langsmith(import_module("langsmith.evaluation").run_evaluator(function))


def _of_a_run(scorer: object) -> bool:
    return callable(scorer) and {"run", "example"} == set(signature(scorer).parameters)


def _pydantic_evals(evaluator: Any) -> RewardFunction:  # noqa: ANN401 as above
    evaluators = import_module("pydantic_evals.evaluators")
    otel = import_module("pydantic_evals.otel")

    async def evaluate(prompt: str, response: str, reference: object = None) -> Any:  # noqa: ANN401 its result
        context = evaluators.EvaluatorContext(
            name="tpo",
            inputs=prompt,
            output=response,
            expected_output=reference,
            metadata=None,
            duration=0.0,
            _span_tree=otel.SpanTree(),
            attributes={},
            metrics={},
        )
        return _one_result(await evaluator.evaluate_async(context))

    return evaluate


def _one_result(result: object) -> object:
    if isinstance(result, Mapping):
        return _only_result([*result.values()], [*result])
    return result


def _only_result(results: Sequence[object], names: Iterable[object]) -> object:
    if len(results) != 1:
        raise RewardTypeError(
            f"The evaluator returned {len(results)} results {sorted(map(str, names))}: a "
            "reward is one; write a function that combines them."
        )
    return results[0]


def _deepeval(metric: Any) -> RewardFunction:  # noqa: ANN401 as above
    case_type = import_module("deepeval.test_case").LLMTestCase

    def measure(
        prompt: str,
        response: str,
        reference: str | None = None,
        context: list[str] | None = None,
        retrieval_context: list[str] | None = None,
    ) -> tuple[float | None, str]:
        own = copy.copy(metric)  # it keeps its result on itself
        case = case_type(
            input=prompt,
            actual_output=response,
            expected_output=reference,
            context=context,
            retrieval_context=retrieval_context or context,
        )
        own.measure(case)
        return own.score, str(getattr(own, "reason", None) or "")

    return measure


def _ragas(metric: Any) -> RewardFunction:  # noqa: ANN401 as above
    sample_type = import_module("ragas").SingleTurnSample

    async def measure(
        prompt: str,
        response: str,
        reference: str | None = None,
        retrieved_contexts: list[str] | None = None,
    ) -> float:
        sample = sample_type(
            user_input=prompt,
            response=response,
            reference=reference,
            retrieved_contexts=retrieved_contexts,
        )
        return float(await metric.single_turn_ascore(sample))

    return measure


def _ragas_collection(metric: Any) -> RewardFunction:  # noqa: ANN401 as above
    wanted = signature(metric.ascore).parameters
    takes_all = any(one.kind is one.VAR_KEYWORD for one in wanted.values())

    async def measure(prompt: str, response: str, **fields: object) -> tuple[float | None, str]:
        given = {"user_input": prompt, "response": response, **fields}
        if "reference" in wanted and "reference" not in given:
            name = reference_name(fields)
            given["reference"] = None if name is None else fields[name]
        result = await metric.ascore(
            **{name: value for name, value in given.items() if takes_all or name in wanted}
        )
        reward = None if result.value is None else float(result.value)
        return reward, str(result.reason or "")

    return measure


def _cross_encoder(model: Any) -> RewardFunction:  # noqa: ANN401 as above
    def predict(prompts: list[str], completions: list[str]) -> list[float]:
        pairs = list(zip(prompts, completions, strict=True))
        raw = {}
        if "activation_fn" in signature(model.predict).parameters:
            raw["activation_fn"] = _torch().nn.Identity()
        return [float(score) for score in model.predict(pairs, **raw)]

    return predict


def _torch() -> Any:  # noqa: ANN401 an optional module
    try:
        return import_module("torch")
    except ImportError:
        raise MissingExtraError("torch", "transformers") from None


def _pipeline(pipeline: Any) -> RewardFunction:  # noqa: ANN401 as above
    def classify(prompts: list[str], completions: list[str]) -> list[float]:
        pairs = [
            {"text": prompt, "text_pair": text}
            for prompt, text in zip(prompts, completions, strict=True)
        ]
        return [_only(labels) for labels in pipeline(pairs, function_to_apply="none", top_k=None)]

    return classify


def tells(knows: Callable[[object], bool], scorer: object) -> bool:
    """Return whether a scorer is of a kind; one that raises, or has every name, is of none.

    Args:
        knows: What tells the kind.
        scorer: What is looked at.

    Example:
        >>> tells(lambda scorer: scorer.task == "ranking", object())
        False
    """
    try:
        return not hasattr(scorer, "no_scorer_has_this_name") and knows(scorer)
    except Exception:  # noqa: BLE001 an object may raise anything where it is asked for a name
        return False


def _only(labels: Iterable[Mapping[str, Any]]) -> float:
    scores = list(labels)
    if len(scores) != 1:
        raise RewardTypeError(
            f"The pipeline's model has {len(scores)} labels where a reward model has 1: write a "
            "function that combines them."
        )
    return float(scores[0]["score"])


_ADAPTERS: tuple[tuple[Callable[[object], bool], Adapter], ...] = (
    (lambda scorer: isinstance(scorer, BaseDecisionModel), decides),
    (lambda scorer: getattr(scorer, "task", None) == "text-classification", _pipeline),
    (lambda scorer: hasattr(scorer, "predict") and hasattr(scorer, "rank"), _cross_encoder),
    (lambda scorer: hasattr(scorer, "evaluate_run"), _langsmith),
    (_of_a_run, _langsmith_function),
    (lambda scorer: hasattr(scorer, "evaluate_async"), _pydantic_evals),
    (lambda scorer: hasattr(scorer, "single_turn_ascore"), _ragas),
    (lambda scorer: hasattr(scorer, "ascore"), _ragas_collection),
    (lambda scorer: hasattr(scorer, "measure") and hasattr(scorer, "a_measure"), _deepeval),
)
"""What tells a library's scorer, and what makes a function of it."""
