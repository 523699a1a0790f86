"""One judgement of a chat model, in a fixed form, and many of them at once.

Structured output where the model has it, else a JSON object in plain text; seen through `bind`,
`with_config`, `with_retry` and `with_fallbacks`. Knows models; does not know what is judged.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, ensure_config
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp
from pydantic import BaseModel, ValidationError

from langchain_tpo.errors import RewardOutputError
from langchain_tpo.reward_models.judges.replies import UnreadableVerdict, read_json
from langchain_tpo.sampling.asking import asked
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.quiet import quiet
from langchain_tpo.sampling.refusals import refuses_form
from langchain_tpo.sampling.replies import reply_text
from langchain_tpo.sampling.structured_output import taken_apart
from langchain_tpo.sampling.wrappers import ChatModel

logger = logging.getLogger(__name__)

FormT = TypeVar("FormT", bound=BaseModel)
InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


def judgement(
    model: ChatModel,
    form: type[FormT],
    *,
    structured: bool,
    read: Callable[[str], FormT] | None = None,
    learned: Learned | None = None,
) -> Runnable[Any, FormT]:
    """Build what asks a chat model once and reads its reply.

    A reply that does not fit the form is an `OutputParserException`. It is raised where the model
    stands, so that a `with_retry` around the model asks again and a `with_fallbacks` moves on.

    Args:
        model: A chat model, wrapped or not; what cannot be looked into is asked for plain text.
        form: What a reply has to hold.
        structured: Whether to use the model's structured output where it has one.
        read: Reads a reply in text; by default as JSON of the form.
        learned: What its models have taught so far, and teach from now on.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> class Rating(BaseModel):
        ...     score: float
        >>> talkative = FakeListChatModel(responses=['Fine work: {"score": 4}'])
        >>> judgement(talkative, Rating, structured=True).invoke("Rate it.")
        Rating(score=4.0)
    """
    from_text = read or partial(read_json, form=form)
    known = Learned() if learned is None else learned
    way = _Way(form, from_text, known, structured)
    return _reading(quiet(model, cache=True), way).with_config(tags=[TAG_NOSTREAM])


@dataclass(frozen=True)
class _Way(Generic[FormT]):
    """How models are asked for a verdict."""

    form: type[FormT]
    read: Callable[[str], FormT]
    learned: Learned
    structured: bool

    def plain(self, model: ChatModel) -> Runnable[Any, FormT]:
        """Ask for a verdict in the text."""
        return asked(model, self.learned, {}, cache=True) | RunnableLambda(
            lambda reply: self.read(reply_text(reply))
        )


def _reading(model: ChatModel, way: _Way[FormT]) -> Runnable[Any, FormT]:
    if isinstance(model, RunnableBindingBase):
        return model.model_copy(update={"bound": _reading(model.bound, way)})
    if isinstance(model, RunnableWithFallbacks):
        fallbacks: list[ChatModel] = [_reading(fallback, way) for fallback in model.fallbacks]
        first = _reading(model.runnable, way)
        return model.model_copy(update={"runnable": first, "fallbacks": fallbacks})
    if way.structured and isinstance(model, BaseChatModel):
        try:
            return _FormAsker(model, way)
        except NotImplementedError:
            logger.debug("%s has no structured output: asking for JSON text", model.get_name())
    return way.plain(model)


class _FormAsker(Runnable[Any, FormT]):
    """One chat model that is to fill in a form, or write the verdict where it cannot be made to.

    Models that think refuse to be told to call a tool; others answer in words all the same.
    """

    def __init__(self, model: BaseChatModel, way: _Way[FormT]) -> None:
        self._way = way
        self._lessons = way.learned.of(model)
        self._plain = way.plain(model)
        halves = taken_apart(model, way.form, {})
        if halves is None:
            self._formed = model.with_structured_output(way.form) | RunnableLambda(self._filled)
        else:
            formed = asked(halves.model, way.learned, {}, cache=True)
            self._formed = formed | RunnableLambda(partial(self._read, halves.parser))

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> FormT:  # noqa: ANN401 as of any Runnable
        if not self._lessons.known.fills_forms:
            return self._plain.invoke(input, config, **kwargs)
        try:
            return self._formed.invoke(input, config, **kwargs)
        except Exception as error:
            if not refuses_form(error):
                raise
            verdict = self._plain.invoke(input, config, **kwargs)
            self._lessons.fills_no_forms(error)
            return verdict

    async def ainvoke(
        self,
        input: Any,  # noqa: ANN401 as above
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> FormT:
        if not self._lessons.known.fills_forms:
            return await self._plain.ainvoke(input, config, **kwargs)
        try:
            return await self._formed.ainvoke(input, config, **kwargs)
        except Exception as error:
            if not refuses_form(error):
                raise
            verdict = await self._plain.ainvoke(input, config, **kwargs)
            self._lessons.fills_no_forms(error)
            return verdict

    def _read(self, parser: Runnable[Any, Any], message: object) -> FormT:
        """Read a message as its form, or as the verdict in words that it is instead."""
        try:
            return self._filled(parser.invoke(message, {"callbacks": []}))
        except (OutputParserException, ValidationError) as unread:
            try:
                return self._way.read(reply_text(message))
            except OutputParserException:
                raise unread from None

    def _filled(self, verdict: object) -> FormT:
        if isinstance(verdict, self._way.form):
            return verdict
        raise OutputParserException(f"The judge did not fill in `{self._way.form.__name__}`.")


class AllAtOnce(Runnable[list[InputT], list[OutputT | Exception]]):
    """Runs a Runnable for a list of inputs at once; what fails is an exception in its place.

    As many at once as `max_concurrency` says; without it, all of them. Every input has a run of
    its own: `RunnableRetry.batch` mixes up results when some of them fail.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> AllAtOnce(RunnableLambda(lambda number: 6 / number)).invoke([2, 0])
        [3.0, ZeroDivisionError('division by zero')]
    """

    def __init__(self, one: Runnable[InputT, OutputT]) -> None:
        """Take what runs for each input.

        Args:
            one: From one input to one output.
        """
        self._one: Runnable[InputT, OutputT] = RunnableLambda(
            one.invoke, one.ainvoke, name="judgement"
        )

    def invoke(
        self, input: list[InputT], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[OutputT | Exception]:
        """Run for all inputs, in threads."""
        wide = _wide(config, len(input))
        return _not_paused(self._one.batch(input, wide, return_exceptions=True, **kwargs))

    async def ainvoke(
        self, input: list[InputT], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[OutputT | Exception]:
        """Run for all inputs, without blocking the event loop."""
        wide = _wide(config, len(input))
        return _not_paused(await self._one.abatch(input, wide, return_exceptions=True, **kwargs))


def _wide(config: RunnableConfig | None, width: int) -> RunnableConfig:
    """Replace the few workers that a thread pool has by default."""
    limit = ensure_config(config).get("max_concurrency") or max(width, 1)
    return merge_configs(config, RunnableConfig(max_concurrency=limit))


def _not_paused(outcomes: Sequence[OutputT | Exception]) -> list[OutputT | Exception]:
    for outcome in outcomes:
        if isinstance(outcome, GraphBubbleUp):  # a graph that pauses has not failed
            raise outcome
    return list(outcomes)


def count_failures(outcomes: Sequence[object], *, judge: str) -> None:
    """Warn of judgements that failed; where none came back, raise what the model raised.

    Args:
        outcomes: Judgements, and exceptions in the place of those that failed.
        judge: Who judged, for log and error.

    Raises:
        RewardOutputError: When every reply was unreadable.
        Exception: When every judgement failed, the first error of the model's provider as it was.

    Example:
        >>> count_failures([0.5, 1.0], judge="ChatJudge")
    """
    failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if failures and len(failures) == len(outcomes):
        raise _cause(failures, judge)
    if failures:
        kinds = ", ".join(sorted({_kind(failure) for failure in failures}))
        logger.warning(
            "%s: %d of %d judgements failed (%s)", judge, len(failures), len(outcomes), kinds
        )


def _kind(failure: Exception) -> str:
    """Return what failed: our own words about a verdict, or the name of a provider's error."""
    own = isinstance(failure, UnreadableVerdict)
    return str(failure).split("\n")[0].rstrip(".") if own else type(failure).__name__


def _cause(failures: Sequence[Exception], judge: str) -> Exception:
    for failure in failures:
        if not isinstance(failure, OutputParserException | ValidationError):
            return failure
    error = RewardOutputError(
        f"`{judge}` could read none of {len(failures)} replies ({_kind(failures[0])}): take "
        "a model that follows instructions better, one with structured output, or say how to "
        "`read` it."
    )
    error.__cause__ = failures[0]
    return error
