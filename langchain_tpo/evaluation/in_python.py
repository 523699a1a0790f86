"""An evaluation from Python in one call: `tpo evaluate` and `tpo report` without a shell."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import Field

from langchain_tpo.constructors import names_checked, types_checked
from langchain_tpo.errors import RunError
from langchain_tpo.evaluation.datasets import DatasetLike, open_dataset
from langchain_tpo.evaluation.examples import example_of
from langchain_tpo.evaluation.metrics.measured import measures_named
from langchain_tpo.evaluation.report.report import Report, make_report
from langchain_tpo.evaluation.sitting import Evaluation, Sitting
from langchain_tpo.evaluation.spread import RayActors
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.wrappers import ChatModel, check_chat_model
from langchain_tpo.settings import TPOSettings


class Target(Runnable[dict[str, Any], dict[str, Any]]):
    """What LangSmith's `evaluate` and `aevaluate` call for every example; immutable."""

    def __init__(self, tpo: TPORunnable) -> None:
        """Take what answers.

        Args:
            tpo: The loop.
        """
        self._tpo = tpo
        self.name = tpo.name

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Answer as `invoke` does."""
        return self.invoke(inputs)

    def invoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Return the answer to an example's inputs, and the figures of its run."""
        del kwargs
        result = self._tpo.optimize(_asked(input), config)
        return {"answer": result.answer, **result.summary()}

    async def ainvoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Answer as `invoke` does, without blocking the event loop."""
        del kwargs
        result = await self._tpo.aoptimize(_asked(input), config)
        return {"answer": result.answer, **result.summary()}


def _asked(inputs: dict[str, Any]) -> Any:  # noqa: ANN401 as `TPORunnable` takes it
    example = example_of(inputs, number=1)
    return {"messages": list(example.messages), "context": dict(example.fields)}


@types_checked(unless=("dataset", "model", "reward", "critic"))
def evaluate(  # noqa: PLR0913 what an evaluation consists of
    dataset: DatasetLike,
    *,
    systems: Sequence[str] = (),
    model: ChatModel,
    reward: RewardLike,
    critic: ChatModel | None = None,
    settings: TPOSettings | None = None,
    metrics: Sequence[str] = (),
    limit: Annotated[int, Field(ge=1)] | None = None,
    concurrency: Annotated[int, Field(ge=1)] = 4,
    folder: str | Path | None = None,
    resume: bool = False,
    spread: RayActors | None = None,
) -> Report:
    """Compare systems on a data set and return the report.

    Args:
        dataset: Rows, a data frame of them, or what else `open_dataset` takes.
        systems: As on the command line, such as `tpo:depth=2`; none: one of each kind.
        model: The policy.
        reward: What scores.
        critic: Writes loss and gradient; None is the policy.
        settings: What holds where a system does not say otherwise.
        metrics: What is measured of every answer, as `--metric` takes it.
        limit: How many examples at most.
        concurrency: Requests to the model at once; with `spread`, of each actor.
        folder: Where records go; None keeps them no longer than the call.
        resume: Whether to go on with what is in the folder.
        spread: The Ray actors that answer, if it is not this process.

    Raises:
        ConfigurationError: In one line, when something cannot work.
        RunError: When the evaluation had to stop early.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> report = evaluate(
        ...     ["Why is the sky blue?", "And the sea?"],
        ...     systems=["single", "best-of-n:width=2"],
        ...     model=RunnableLambda(lambda messages: "It scatters light."),
        ...     reward=lambda prompt, response: float(len(response)),
        ... )
        >>> [(system.name, system.answered) for system in report.analysis.systems]
        [('single', 2), ('best-of-n-N2', 2)]
    """
    chosen = settings or TPOSettings()
    with TemporaryDirectory(prefix="tpo-") as scratch, open_dataset(dataset) as data:
        evaluation = Evaluation(
            dataset=data,
            systems=parse_systems(systems, chosen),
            parts=_parts(model, reward, critic),
            labels=_labels(model, reward, critic),
            seed=chosen.seed,
            limit=limit,
            concurrency=concurrency,
            measures=measures_named(metrics),
            spread=spread,
            make_parts=partial(_made, spread.make) if spread and spread.make else None,
        )
        evaluation.total()
        place = Path(folder) if folder is not None else Path(scratch) / "run"
        _finish(Sitting(evaluation, place, resume=resume))
        return make_report(place)


@names_checked
def target_of(
    *, model: ChatModel, reward: RewardLike, settings: TPOSettings | None = None
) -> Target:
    """Return TPO as a target for `langsmith.evaluate(target, data=..., evaluators=[...])`.

    `langsmith.aevaluate` takes it as well.

    Args:
        model: The policy.
        reward: What scores.
        settings: Width, depth and everything else; depth 0 is best-of-N.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> target = target_of(
        ...     model=RunnableLambda(lambda messages: "Paris"),
        ...     reward=lambda prompt, response: 1.0,
        ...     settings=TPOSettings(width=2, depth=0),
        ... )
        >>> target({"question": "Capital of France?"})["answer"]
        'Paris'
    """
    tpo = TPORunnable(
        model=model, reward=as_reward_model(reward), settings=settings or TPOSettings()
    )
    return Target(tpo)


def name_of(part: object) -> str:
    """Return what a model or reward is called in a manifest.

    Example:
        >>> name_of(len)
        'len'
    """
    if isinstance(part, Mapping):
        return ", ".join(map(str, part))
    for known in ("model_name", "model", "__name__"):
        name = getattr(part, known, None)
        if isinstance(name, str) and name:
            return name
    return part.get_name() if isinstance(part, Runnable) else type(part).__name__


def _parts(model: object, reward: RewardLike, critic: object = None) -> Parts:
    return Parts(
        model=check_chat_model(model, field="model"),
        reward=as_reward_model(reward),
        critic=None if critic is None else check_chat_model(critic, field="critic"),
    )


def _made(make: Callable[[], Mapping[str, Any]]) -> Parts:
    return _parts(**make())


def _labels(model: object, reward: object, critic: object) -> dict[str, str | None]:
    named = None if critic is None else name_of(critic)
    return {"model": name_of(model), "critic": named, "reward": name_of(reward)}


def _finish(sitting: Sitting) -> None:
    _run_to_the_end(sitting)
    if sitting.stopped:
        raise RunError(f"The evaluation stopped: {sitting.stopped}")


def _run_to_the_end(sitting: Sitting) -> None:
    """Work to the end, also where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(sitting.run())
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, sitting.run()).result()
