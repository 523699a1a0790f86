"""Any Python function as a reward model."""

import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, TypeAlias, cast

from langchain_core.runnables import RunnableConfig, RunnableSerializable, run_in_executor
from langchain_core.runnables.config import get_executor_for_config, merge_configs
from langchain_core.runnables.utils import gather_with_concurrency
from langgraph.errors import GraphBubbleUp
from pydantic import ConfigDict, field_validator

from langchain_tpo.constructors import OneTypedLine
from langchain_tpo.errors import RewardError
from langchain_tpo.reward_models.base import async_only
from langchain_tpo.reward_models.function_arguments import (
    FunctionArguments,
    arguments_of,
    name_of,
)
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.scores import as_score, checked_scores
from langchain_tpo.sampling.foreign_code import contained, is_async
from langchain_tpo.text.conversation import conversation_text

logger = logging.getLogger(__name__)

FunctionScore: TypeAlias = Score | Mapping[str, object] | tuple[float | None, str]
"""A number, an evaluator's `{"score": ..., "comment": ...}`, or a number with the reason."""

FunctionScores: TypeAlias = FunctionScore | Sequence[FunctionScore]
"""What a function gives for one response, or for all of a round."""

RewardFunction: TypeAlias = (
    Callable[[str, str], FunctionScores | Awaitable[FunctionScores]]
    | Callable[..., FunctionScores | Awaitable[FunctionScores]]
)
"""Scores one response, or all of a round; its arguments are told apart by their names.

The first form is what a lambda without annotations is taken for: `(prompt, response)`, both texts.
"""


class FunctionReward(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """Scores each response with a function of yours, sync or async.

    Its arguments are bound by name:

    - `prompt`, `question`, `query`, `input`, `inputs`, `instruction`: the conversation as text;
      `messages`: its messages.
    - `response`, `completion`, `output`, `outputs`, `prediction`, `generation`, and `answer` where
      none of these is there: the response.
    - anything else, such as `reference`, `expected` or `keywords`: the field of that name in the
      request's `context`; `**kwargs` gets all fields.
    - two names that say nothing, as in `lambda p, r: ...`: prompt and response.
    - `completions` or `responses`: a list; the function is called once for a round, as trainers
      do, and returns one score for each. Fields come as lists too.
    - `tool_calls`: the tools that the reply calls, where whole replies compete.

    A response that is annotated as an `AIMessage` is the whole message. What annotates `inputs`,
    `outputs`, `messages`, `prompts` or `completions` as dicts gets dicts.

    The functions of a round run side by side, as many as `max_concurrency` allows. A response for
    which the function raises is not scored, and a warning counts it; when all fail, the first
    error is raised.

    Raises:
        RewardTypeError: When no argument gets the response, or two could be swapped.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = FunctionReward(lambda completion, answer: float(answer in completion))
        >>> asked = {"messages": [HumanMessage("6 x 7?")], "context": {"answer": "42"}}
        >>> reward.invoke({**asked, "responses": ["It is 42.", "It is 48."]})
        [1.0, 0.0]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    function: RewardFunction
    """What scores."""

    def __init__(self, function: RewardFunction, *, name: str | None = None) -> None:
        """Check the function; it is not called.

        Args:
            function: What scores one response, or all of a round.
            name: How traces call it; the function's own name when None.
        """
        options: dict[str, Any] = {"function": function, "name": name}
        super().__init__(**options)

    @field_validator("function")
    @classmethod
    def _can_be_called(cls, function: RewardFunction) -> RewardFunction:
        arguments_of(function)
        return function

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the function's own name, by which traces show it."""
        return super().get_name(suffix, name=name or self.name or self._label)

    def check_context(self, context: Mapping[str, object]) -> None:
        """Refuse a context that lacks a field that the function needs.

        Raises:
            RewardTypeError: With the name of the field.
        """
        if self._arguments:
            self._arguments.check_context(context)

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score the responses side by side, in threads."""
        del kwargs  # none are taken
        if self.is_async_only:
            raise async_only(self._label)
        texts, calls = self._calls(input)
        outcomes = _outcomes(calls, config)
        if any(map(_is_awaitable, outcomes)):
            for outcome in filter(inspect.iscoroutine, outcomes):
                outcome.close()
            raise async_only(self._label)
        return self._scores(input, texts, outcomes)

    async def ainvoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Score without blocking the event loop: a plain function runs in threads."""
        del kwargs  # none are taken
        texts, calls = self._calls(input)
        limit = (config or {}).get("max_concurrency")
        if not self.is_async_only:
            outcomes = await run_in_executor(config, _outcomes, calls, config)
            if not any(map(_is_awaitable, outcomes)):
                return self._scores(input, texts, outcomes)
            calls = [partial(_settled, outcome) for outcome in outcomes]
        outcomes = await gather_with_concurrency(limit, *map(_aoutcome, calls))
        return self._scores(input, texts, outcomes)

    def _calls(self, request: ScoreRequest) -> tuple[list[str], list[Callable[[], Any]]]:
        """Return each different text, and the calls that score them."""
        texts = list(dict.fromkeys(request["responses"]))
        arguments = self._arguments
        if arguments is None:
            prompt = conversation_text(request["messages"])
            return texts, [partial(self.function, prompt, text) for text in texts]
        if arguments.batch:
            bound = [arguments.of(request, texts)] if texts else []
        else:
            bound = [arguments.of(request, [text]) for text in texts]
        return texts, [partial(self.function, *one.args, **one.kwargs) for one in bound]

    def _scores(
        self, request: ScoreRequest, texts: Sequence[str], outcomes: Sequence[object]
    ) -> list[Score]:
        failures = [outcome for outcome in outcomes if _is_error(outcome)]
        if failures and len(failures) == len(outcomes):
            raise cast("Exception", failures[0])
        if failures:
            logger.warning(
                "reward function `%s` raised for %d of %d responses, which are not scored (%s)",
                *(self._label, len(failures), len(outcomes)),
                ", ".join(sorted({type(failure).__name__ for failure in failures})),
            )
        given = outcomes
        if self._arguments and self._arguments.batch and outcomes:
            given = list(checked_scores(outcomes[0], list(texts)).values())
        scores = [None if _is_error(one) else as_score(one) for one in given]
        by_text = dict(zip(texts, scores, strict=True))
        return [by_text[text] for text in request["responses"]]

    @cached_property
    def _arguments(self) -> FunctionArguments | None:
        return arguments_of(self.function)

    @property
    def is_async_only(self) -> bool:
        """Whether the function is a coroutine function, for async runs alone."""
        return is_async(self.function)

    @property
    def _label(self) -> str:
        name = name_of(self.function)
        return type(self).__name__ if name == "<lambda>" else name


def _outcomes(
    calls: Sequence[Callable[[], Any]], config: RunnableConfig | None
) -> Sequence[object]:
    """Return what calls return or raise, those of a round side by side."""
    if len(calls) < 2:  # noqa: PLR2004 nothing to run beside it
        return [_outcome(call) for call in calls]
    wide = merge_configs({"max_concurrency": len(calls)}, config)
    with get_executor_for_config(wide) as executor:
        return _side_by_side(calls, executor)


def _side_by_side(calls: Sequence[Callable[[], Any]], executor: Executor) -> list[object]:
    """Return the outcomes of all calls; where no more threads can be started, fewer make them."""
    waiting, outcomes = deque(enumerate(calls)), dict[int, object]()

    def work() -> None:
        with suppress(IndexError):  # nothing waits any more
            while True:
                place, call = waiting.popleft()
                outcomes[place] = _outcome(call)

    workers: list[Future[None]] = []
    try:
        workers.extend(executor.submit(work) for _ in calls)
    except RuntimeError:  # "can't start new thread"
        work()
    for worker in workers:
        worker.result()
    return [outcomes[place] for place in range(len(calls))]


def _is_awaitable(outcome: object) -> bool:
    """Whether a plain function returned this to be awaited, as one around an async one does."""
    return issubclass(type(outcome), Awaitable)


async def _settled(outcome: object) -> object:
    if _is_error(outcome):
        raise cast("Exception", outcome)
    return await cast("Awaitable[object]", outcome) if _is_awaitable(outcome) else outcome


def _is_error(outcome: object) -> bool:
    """Whether a call raised this; a score's own `__class__` may raise when it is asked for."""
    return issubclass(type(outcome), Exception)


def _outcome(call: Callable[[], Any]) -> object:
    """Return what a call returns, or the exception that it raises."""
    try:
        with contained("The `reward` function", RewardError):
            return call()
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 one response's failure is not its neighbours'
        return error


async def _aoutcome(call: Callable[[], Any]) -> object:
    try:
        with contained("The `reward` function", RewardError):
            return await call()
    except GraphBubbleUp:
        raise
    except Exception as error:  # noqa: BLE001 as above
        return error
